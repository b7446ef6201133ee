/* SPDX-License-Identifier: GPL-2.0 */
/* What a tracer hears of its tracees. */
#ifndef STOP_H
#define STOP_H

#include <signal.h>
#include <sys/types.h>

enum stop_kind {
	STOP_SIGNAL,	/* it is about to take .signal */
	STOP_GROUP,	/* it is stopped with its process, until SIGCONT */
	STOP_PASSING,	/* nothing that anybody waits for */
	STOP_END,	/* it has ended, and is to be waited for */
};

/* What a tracee that is followed wherever it goes has just done. */
enum stop_event {
	STOP_NOTHING,
	STOP_CREATED,		/* a task, whose TID is the message */
	STOP_VFORKED,		/* likewise, and waits until it executes or ends */
	STOP_VFORK_DONE,
	STOP_EXECUTED,		/* a program; the message is its former TID */
};

struct stop {
	pid_t tid;
	enum stop_kind kind;
	enum stop_event event;	/* STOP_NOTHING but for STOP_PASSING */
	int signal;	/* 0 but for STOP_SIGNAL */
};

/* From what waitid(2) tells of a tracee that was seized. */
struct stop stop_of(const siginfo_t *info);

/* Who sent the signal, 0 where that is not told. */
pid_t stop_sender(const siginfo_t *info);

#endif
