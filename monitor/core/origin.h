/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What tells a process from others, and from those that have its PID before and
 * after it. Zero where it is not known.
 */
#ifndef ORIGIN_H
#define ORIGIN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct origin {
	pid_t ppid;		/* who created it, or as /proc has it its parent */
	uint64_t start;		/* CLOCK_BOOTTIME, ns */
	uid_t uid;		/* effective, where has_uid */
	bool has_uid;
	bool chosen;		/* by tree_choose() */
};

/* (uid_t)-1 where it is not known. */
static inline uid_t origin_uid(const struct origin *origin)
{
	return origin->has_uid ? origin->uid : (uid_t)-1;
}

#endif
