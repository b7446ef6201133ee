/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A fuse for processes that create more and more: which of the creations that
 * are announced may go on. Where there would be more processes than may be, none
 * is created any more from then on, so that whoever cannot do without ends; a
 * mere limit would let the next one in for each that has ended. What it needs to
 * know it hears from events; tasks that are about to create a process must be held
 * for it.
 */
#ifndef QUOTA_H
#define QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct prefork_event;
struct tree;

/* All zero but the limits at first. */
struct quota {
	uint32_t max_procs;	/* at a time, 0: any number */
	uint32_t max_depth;	/* as in the tree, 0: any */
	uint64_t denied;	/* so far */

	/* Private. */
	size_t coming;		/* announced, and not there yet */
	bool blown;		/* there would have been too many */
};

/*
 * Every event in its order; the tree has it already. False: it announces a
 * process that may not be.
 */
bool quota_event(struct quota *quota, const struct prefork_event *event,
		 const struct tree *tree);

#endif
