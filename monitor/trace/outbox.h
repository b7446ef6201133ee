/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What monitor threads have to tell the thread that writes. Nobody waits here:
 * of signals, so many are kept; what comes beyond that is counted.
 */
#ifndef OUTBOX_H
#define OUTBOX_H

#include <pthread.h>
#include <stdint.h>
#include <sys/queue.h>

#include "core/delivery.h"

struct monitor;

struct note {
	STAILQ_ENTRY(note) next;
	struct delivery delivery;
};

/* The last word of a monitor, part of which it is. */
struct ending {
	STAILQ_ENTRY(ending) next;
	struct monitor *monitor;
};

STAILQ_HEAD(notes, note);
STAILQ_HEAD(endings, ending);

struct outbox {
	int timer;		/* readable some milliseconds after there is something */
	pthread_mutex_t lock;	/* for what follows */
	uint64_t due;		/* when that is, CLOCK_BOOTTIME; 0: it is not set */
	struct notes notes;
	struct endings endings;
	unsigned int deliveries;
	uint64_t missed;	/* deliveries that had no room */
};

void notes_free(struct notes *notes);

/* Returns -errno. */
int outbox_init(struct outbox *outbox);

/* Forgets what is in it. */
void outbox_clear(struct outbox *outbox);

/* Nobody uses it any more. */
void outbox_exit(struct outbox *outbox);

/* From any thread. */
void outbox_deliver(struct outbox *outbox, const struct delivery *delivery);
void outbox_end(struct outbox *outbox, struct ending *ending);

/* Appends all deliveries that there are to @notes. Returns how many were missed. */
uint64_t outbox_take(struct outbox *outbox, struct notes *notes);

/* Appends all endings that there are. */
void outbox_take_endings(struct outbox *outbox, struct endings *endings);

#endif
