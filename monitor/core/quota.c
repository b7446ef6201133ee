// SPDX-License-Identifier: GPL-2.0
#include "quota.h"

#include <stdlib.h>

#include <prefork.h>

#include "tree.h"

void quota_exit(struct quota *quota)
{
	free(quota->denied);
}

/* False without memory: it may be then. */
static bool deny(struct quota *quota, pid_t child)
{
	if (quota->denied_now == quota->room) {
		size_t room = quota->room ? 2 * quota->room : 16;
		pid_t *denied = reallocarray(quota->denied, room, sizeof(*denied));

		if (!denied)
			return false;
		quota->denied = denied;
		quota->room = room;
	}
	quota->denied[quota->denied_now++] = child;
	quota->denied_count++;
	return true;
}

/* Its number is not given to another one before its failure has been told. */
static bool was_denied(struct quota *quota, pid_t child)
{
	for (size_t i = 0; i < quota->denied_now; i++) {
		if (quota->denied[i] != child)
			continue;
		quota->denied[i] = quota->denied[--quota->denied_now];
		return true;
	}
	return false;
}

static bool is_too_many(const struct quota *quota, const struct tree *tree)
{
	return quota->max_procs && tree_running(tree) + quota->coming >= quota->max_procs;
}

static bool is_too_deep(const struct quota *quota, const struct tree *tree, pid_t parent)
{
	const struct process *process = tree_find(tree, parent);

	return quota->max_depth && process && process->depth >= quota->max_depth;
}

static bool announced(struct quota *quota, const struct prefork_event *event,
		      const struct tree *tree)
{
	if ((is_too_many(quota, tree) || is_too_deep(quota, tree, event->pid)) &&
	    prefork_event_is_hold(event) && deny(quota, event->child))
		return false;
	quota->coming++;
	return true;
}

/* One that was announced before the first event that we were given is none of ours. */
static void arrived(struct quota *quota)
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
		arrived(quota);
		return true;
	case PREFORK_EVENT_FORK_FAILED:
		if (!was_denied(quota, event->child))
			arrived(quota);
		return true;
	default:
		return true;
	}
}
