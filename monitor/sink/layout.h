/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where the bars of a timeline are: that of a child below its creator's, and
 * those of one creator beside each other where their times, with all that they
 * created, do not overlap.
 */
#ifndef LAYOUT_H
#define LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct process;
struct tree;

struct bar {
	const struct process *process;
	size_t creator;		/* index of its bar, or itself */
	unsigned int row;	/* 0: the topmost */
	uint64_t end;		/* of the process; not before its start */
};

struct layout {
	size_t count;
	struct bar *bars;	/* creators before what they created */
	unsigned int rows;
};

/* What still runs has no end before @end. False without memory. */
bool layout_create(struct layout *layout, const struct tree *tree, uint64_t end);
void layout_destroy(struct layout *layout);

#endif
