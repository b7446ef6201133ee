/* SPDX-License-Identifier: GPL-2.0 */
/* What ran already when this process began to watch it. */
#ifndef FOUND_H
#define FOUND_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/origin.h"

struct prefork;
struct prefork_watched;

struct found {
	pid_t pid;
	struct origin origin;
	char comm[16];
};

/* All zero is an empty one. */
struct found_list {
	struct found *items;
	size_t count, room;
};

/* Without its origin. Returns NULL without memory. */
struct found *found_add(struct found_list *list, const struct prefork_watched *watched);

void found_clear(struct found_list *list);

/* Is it this session that watches it? */
bool found_is_ours(struct prefork *pf, const struct prefork_watched *watched);

/* For qsort(): the oldest first. */
int found_compare(const void *left, const void *right);

/*
 * Calls @fn for each process that this session watches, the oldest first: parents
 * come before their children. Returns 0, -errno, or what @fn returned other
 * than 0.
 */
int found_each(struct prefork *pf, int (*fn)(const struct found *found, void *arg), void *arg);

#endif
