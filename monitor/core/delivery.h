/* SPDX-License-Identifier: GPL-2.0 */
/* A signal that a task takes. */
#ifndef DELIVERY_H
#define DELIVERY_H

#include <stdint.h>
#include <sys/types.h>

#include "origin.h"

struct delivery {
	uint64_t time;		/* CLOCK_BOOTTIME, ns */
	pid_t pid, tid;
	char comm[16];
	int signal;
	pid_t sender;		/* 0: none that is known, the kernel often */
	struct origin origin;	/* of the process */
};

#endif
