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
	struct monitor *ended;	/* its last word, or NULL: */
	struct delivery delivery;
};

STAILQ_HEAD(notes, note);

struct outbox {
	int eventfd;		/* readable while there is something */
	pthread_mutex_t lock;	/* for what follows */
	struct notes notes;
	unsigned int deliveries;
	uint64_t missed;	/* deliveries that had no room */
};

/* Returns -errno. */
int outbox_init(struct outbox *outbox);

/* Forgets what is in it. */
void outbox_clear(struct outbox *outbox);

/* Nobody uses it any more. */
void outbox_exit(struct outbox *outbox);

/* From any thread. The last word of a monitor is its own until it is put. */
void outbox_deliver(struct outbox *outbox, const struct delivery *delivery);
void outbox_put(struct outbox *outbox, struct note *last_word);

/*
 * Appends all there is to @notes, each for free(3). Returns how many deliveries
 * were missed.
 */
uint64_t outbox_take(struct outbox *outbox, struct notes *notes);

#endif
