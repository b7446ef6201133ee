/* SPDX-License-Identifier: GPL-2.0 */
/* Times in which a process could not go on: it was held, or waited for its vfork child. */
#ifndef SPAN_H
#define SPAN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum span_kind {
	SPAN_HELD,
	SPAN_VFORK,
};

struct span {
	enum span_kind kind;
	pid_t tid;		/* the thread that could not; its spans do not overlap */
	pid_t child;		/* that it was about to create or had created; 0:
				 * held at birth, or before a program began */
	uint64_t start, end;	/* CLOCK_BOOTTIME, ns; end 0: not over */
	struct span *next;	/* an earlier one */
};

/* All zero is none. */
struct spans {
	struct span *last;
	unsigned int open;
};

void spans_clear(struct spans *spans);

/* A copy. False without memory. */
bool spans_add(struct spans *spans, const struct span *span);

/* The hold for that child is over, if there was one. */
void spans_close(struct spans *spans, pid_t child, uint64_t end);

/* All are over. */
void spans_close_all(struct spans *spans, uint64_t end);

/* How long all of that kind took, until @now where one is not over. */
uint64_t spans_sum(const struct spans *spans, enum span_kind kind, uint64_t now);

#endif
