// SPDX-License-Identifier: GPL-2.0
#include "quota.h"

#include <prefork.h>

#include "tree.h"

static bool is_too_many(const struct quota *quota, const struct tree *tree)
{
	return quota->max_procs && tree_running(tree) + quota->coming > quota->max_procs;
}

static bool is_too_deep(const struct quota *quota, const struct tree *tree, pid_t parent)
{
	const struct process *process = tree_find(tree, parent);

	return quota->max_depth && process && process->depth >= quota->max_depth;
}

/* What is not held cannot be refused. */
static bool announced(struct quota *quota, const struct prefork_event *event,
		      const struct tree *tree)
{
	bool deep = is_too_deep(quota, tree, event->pid);

	if (!deep) {
		quota->coming++;
		quota->blown |= is_too_many(quota, tree);
	}
	if (!prefork_event_is_hold(event) || !(deep || quota->blown))
		return true;
	quota->denied++;
	return false;
}

/*
 * What is too deep is not counted as coming, for it is refused; nor has been what was announced
 * before the first event that we were given.
 */
static void decided(struct quota *quota, const struct tree *tree, pid_t parent)
{
	if (quota->coming && !is_too_deep(quota, tree, parent))
		quota->coming--;
}

bool quota_event(struct quota *quota, const struct prefork_event *event,
		 const struct tree *tree)
{
	if (event->thread)
		return true;
	switch (event->type) {
	case PREFORK_EVENT_PREFORK:
		return announced(quota, event, tree);
	case PREFORK_EVENT_BORN:
		decided(quota, tree, event->ppid);
		return true;
	case PREFORK_EVENT_FORK_FAILED:
		decided(quota, tree, event->pid);
		return true;
	default:
		return true;
	}
}
