/* SPDX-License-Identifier: GPL-2.0 */
/* What ends the watching though something that is watched runs on: a signal, or its time. */
#ifndef INTERRUPT_H
#define INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

struct interrupt {
	int signals;		/* signalfd, readable when one has come; or -1 */
	int signalled;		/* by which one, the last that was taken; or 0 */
	uint64_t deadline;	/* CLOCK_BOOTTIME, ns; 0: none */
	bool expired;		/* the deadline was found to have passed */
};

/* @duration, ns, from now; 0: for ever. */
void interrupt_init(struct interrupt *interrupt, uint64_t duration);
void interrupt_close(struct interrupt *interrupt);

/*
 * The signals of @caught (0 ends the list) no longer end the program; those that are ignored
 * stay so. Once more with others, it is for those. Tells what fails and returns false.
 */
bool interrupt_catch(struct interrupt *interrupt, const int *caught);

/* Returns the signal that has come, or 0. */
int interrupt_take(struct interrupt *interrupt);

/* Has the deadline passed? */
bool interrupt_expire(struct interrupt *interrupt);

/* How long may be waited (-1: for ever), if there is a reason to wait for @timeout_ms. */
int interrupt_timeout(const struct interrupt *interrupt, int timeout_ms);

#endif
