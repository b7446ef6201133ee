/* SPDX-License-Identifier: GPL-2.0 */
/* The events that -e names. */
#ifndef SELECTION_H
#define SELECTION_H

#include <stdbool.h>
#include <stdint.h>

/* All zero is every event there is. */
struct selection {
	uint32_t left_out;	/* bits */
};

/*
 * A list as of strace: names with commas between them, all others are left out;
 * or after '!' those are. False when one is no name of an event, or there is none.
 */
bool selection_parse(struct selection *selection, const char *list);

#define SELECTION_NONE	((struct selection){ .left_out = UINT32_MAX })

bool selection_any(const struct selection *selection);

/* A PREFORK_EVENT_..., what a tracer sees, or what is no event but found. */
bool selection_has(const struct selection *selection, uint32_t type);
#define SELECTION_SIGNAL	0
#define SELECTION_FOUND		1

#endif
