/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PREFORK_CALL_H
#define PREFORK_CALL_H

#include "by_task.h"

#include <linux/types.h>

struct announcement;
struct event;
struct gate;
struct watch;

/*
 * A task inside our stand-in for kernel_clone().
 *
 * It is how the probes recognise, by the task and not by an address that a
 * tracer may have replaced, the calls that we make ourselves. On the stack of
 * that task; its members belong to that task alone.
 */
struct call {
	struct by_task entry;			/* current's */
	struct announcement *announcement;	/* owned, or NULL */
	struct watch *watch;			/* strong, or NULL: unwatched */
	struct watch *child_watch;		/* owned until the child is
						 * born, or NULL */
	struct gate *gate;			/* likewise: where the child is
						 * to be held at birth */
	struct event *exit;			/* likewise: for the end of a
						 * thread */
	bool unreported;			/* the owner will not hear of it */
	bool uninherited;			/* nor of what the child does */
	u64 born;				/* CLOCK_BOOTTIME, ns; 0: not yet */
};

/* @on_idle is called when the last call has left. */
void calls_init(void (*on_idle)(void));
bool calls_any(void);

void call_enter(struct call *call);
void call_leave(struct call *call);

/* The call that current is in, or NULL. Any context, probes included. */
struct call *call_current(void);

#endif /* PREFORK_CALL_H */
