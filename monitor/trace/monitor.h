/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The thread that watches over one process: it is there before the process is,
 * traces it from its first instruction on, and waits for nobody else.
 *
 * Created, told and destroyed by one thread, its owner. When its process has
 * ended it says so in the outbox, and is there for another one: to create a
 * thread takes as long as to create a process does.
 */
#ifndef MONITOR_H
#define MONITOR_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "core/comm.h"
#include "outbox.h"

struct prefork;

/* What to do. */
enum errand {
	ERRAND_NEWBORN,		/* trace the process, then release .cookie */
	ERRAND_RUNNING,		/* trace all threads of the process */
	ERRAND_COMMAND,		/* likewise; it is our child, whose end is for its parent */
	ERRAND_NONE,		/* it will not come */
};

struct monitor {
	LIST_ENTRY(monitor) entry;	/* for the owner */
	pid_t pid;

	/* Written before it is told. */
	enum errand errand;
	uint64_t cookie;	/* 0: it is not held */

	/* Written before it is settled. */
	int error;		/* why the process is not traced, -errno */

	/* Its own. */
	sem_t told, settled;
	pthread_t thread;
	struct prefork *pf;
	struct outbox *outbox;
	struct comm comm;	/* of who has taken a signal last */
	struct ending last_word;
};

LIST_HEAD(monitor_list, monitor);

/* A thread that waits to be told. NULL: errno says why. */
struct monitor *monitor_create(pid_t pid, struct prefork *pf, struct outbox *outbox);

/* Whether one that has said so can be given another process. */
bool monitor_is_reusable(const struct monitor *monitor);

void monitor_reuse(struct monitor *monitor, pid_t pid);

/* Once for each process. */
void monitor_tell(struct monitor *monitor, enum errand errand, uint64_t cookie);

/* Wait until the process is traced or cannot be. */
void monitor_settle(struct monitor *monitor);

/* Ends it soon, wherever it is; all that it traces goes on. It says nothing any more. */
void monitor_cancel(struct monitor *monitor);

/* Waits for the end of one that was cancelled. */
void monitor_join(struct monitor *monitor);

/* Of one that was joined, whose last word is not in the outbox any more. */
void monitor_destroy(struct monitor *monitor);

#endif
