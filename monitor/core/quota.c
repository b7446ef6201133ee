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

/* What is not held cannot be refused. One that is for its depth makes nothing too many. */
static bool announced(struct quota *quota, const struct prefork_event *event,
		      const struct tree *tree)
{
	bool held = prefork_event_is_hold(event);
	bool deep = held && is_too_deep(quota, tree, event->pid);

	quota->coming++;
	quota->blown |= !deep && is_too_many(quota, tree);
	if (!held || !(deep || quota->blown))
		return true;
	quota->denied++;
	return false;
}

/* One that was announced before the first event that we were given has not been counted. */
static void decided(struct quota *quota)
{
	if (quota->coming)
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
	case PREFORK_EVENT_FORK_FAILED:
		decided(quota);
		return true;
	default:
		return true;
	}
}
