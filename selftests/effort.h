/* SPDX-License-Identifier: GPL-2.0 */
/*
 * effort.h - how often to try what takes long
 */
#ifndef SELFTESTS_EFFORT_H
#define SELFTESTS_EFFORT_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* One that looks for faults: all takes several times as long there, and as much memory. */
static inline bool kernel_is_debug(void)
{
	const char *name = getenv("PREFORK_KERNEL");

	return name && !strncmp(name, "debug", strlen("debug"));
}

/* `make check-long` sets it. */
static inline bool effort_is_full(void)
{
	const char *set = getenv("PREFORK_LONG");

	return set && *set;
}

/* @brief times by `make check`, @full by `make check-long`. */
static inline long effort(long brief, long full)
{
	return effort_is_full() ? full : brief;
}

/* The same, but half of @brief where each time takes so much longer. */
static inline long effort_for_kernel(long brief, long full)
{
	return effort(kernel_is_debug() ? (brief + 1) / 2 : brief, full);
}

#endif /* SELFTESTS_EFFORT_H */
