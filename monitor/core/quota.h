/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How many processes there may be at a time, and how deep: which of the
 * creations that are announced may go on. What it needs to know it hears from
 * events; tasks that are about to create a process must be held for it.
 */
#ifndef QUOTA_H
#define QUOTA_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct prefork_event;
struct tree;

/* All zero but the limits at first. */
struct quota {
	uint32_t max_procs;	/* that run, 0: any number */
	uint32_t max_depth;	/* as in the tree, 0: any */
	uint64_t denied_count;	/* so far */

	/* Private. */
	size_t coming;		/* may be created, and are not yet */
	pid_t *denied;		/* whose failure is still to be told */
	size_t denied_now, room;
};

void quota_exit(struct quota *quota);

/*
 * Every event in its order; the tree has it already. False: it announces a
 * process that may not be.
 */
bool quota_event(struct quota *quota, const struct prefork_event *event,
		 const struct tree *tree);

#endif
