// SPDX-License-Identifier: GPL-2.0
#include "span.h"

#include <stdlib.h>

void spans_clear(struct spans *spans)
{
	struct span *span;

	while ((span = spans->last)) {
		spans->last = span->next;
		free(span);
	}
	spans->open = 0;
}

bool spans_add(struct spans *spans, const struct span *span)
{
	struct span *copy = malloc(sizeof(*copy));

	if (!copy)
		return false;
	*copy = *span;
	copy->next = spans->last;
	spans->last = copy;
	spans->open += !span->end;
	return true;
}

/* Open ones are among the last. */
void spans_close(struct spans *spans, pid_t child, uint64_t end)
{
	struct span *span = spans->last;
	unsigned int open = spans->open;

	for (; open; span = span->next) {
		if (span->end)
			continue;
		open--;
		if (span->child != child)
			continue;
		span->end = end;
		spans->open--;
		return;
	}
}

void spans_close_all(struct spans *spans, uint64_t end)
{
	for (struct span *span = spans->last; spans->open; span = span->next) {
		if (span->end)
			continue;
		span->end = end;
		spans->open--;
	}
}

uint64_t spans_sum(const struct spans *spans, enum span_kind kind, uint64_t now)
{
	const struct span *span;
	uint64_t sum = 0;

	for (span = spans->last; span; span = span->next)
		if (span->kind == kind)
			sum += (span->end ? span->end : now) - span->start;
	return sum;
}
