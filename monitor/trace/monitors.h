/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An adopter that gives each process a monitor thread of its own, created
 * before the process is. Watch with holds of parents and newborns, then
 * every process is traced from its first instruction on.
 */
#ifndef MONITORS_H
#define MONITORS_H

#include <stdint.h>
#include <sys/types.h>

struct adopter;
struct delivery;
struct prefork;

/* Who hears of it, in the thread that owns the adopter. */
struct monitors_listener {
	void (*delivery)(void *arg, const struct delivery *delivery);

	/* That many deliveries were not told. */
	void (*missed)(void *arg, uint64_t count);

	/* The process runs on untraced, because of @err, -errno. */
	void (*refused)(void *arg, pid_t pid, int err);
	void *arg;
};

/* NULL: errno says why. */
struct adopter *monitors_create(struct prefork *pf, const struct monitors_listener *listener);

#endif
