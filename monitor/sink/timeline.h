/* SPDX-License-Identifier: GPL-2.0 */
/* Pictures of all that ran: who, from when until when, and created by whom. */
#ifndef TIMELINE_H
#define TIMELINE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct tree;

/* From @begin on, and until @end for what still runs; CLOCK_BOOTTIME, ns. */
struct timeline {
	const struct tree *tree;
	uint64_t begin, end;
};

/* False without memory. */
typedef bool timeline_writer(FILE *out, const struct timeline *timeline);

/* By the end of the name, .svg or .json. NULL where it has another. */
timeline_writer *timeline_find(const char *path);

/* A page with a bar for each process, for browsers. */
timeline_writer timeline_svg;

/* Trace events, for Perfetto and what else reads those. */
timeline_writer timeline_trace;

#endif
