// SPDX-License-Identifier: GPL-2.0
#include "outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define DELIVERIES_MAX	65536

int outbox_init(struct outbox *outbox)
{
	*outbox = (struct outbox){ .lock = PTHREAD_MUTEX_INITIALIZER };
	STAILQ_INIT(&outbox->notes);
	outbox->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return outbox->eventfd < 0 ? -errno : 0;
}

void outbox_clear(struct outbox *outbox)
{
	struct notes notes = STAILQ_HEAD_INITIALIZER(notes);
	struct note *note;

	outbox_take(outbox, &notes);
	while ((note = STAILQ_FIRST(&notes))) {
		STAILQ_REMOVE_HEAD(&notes, next);
		free(note);
	}
}

void outbox_exit(struct outbox *outbox)
{
	outbox_clear(outbox);
	close(outbox->eventfd);
}

/* Once for all that is put until it is taken. */
static void put(struct outbox *outbox, struct note *note)
{
	if (STAILQ_EMPTY(&outbox->notes))
		eventfd_write(outbox->eventfd, 1);
	STAILQ_INSERT_TAIL(&outbox->notes, note, next);
}

void outbox_deliver(struct outbox *outbox, const struct delivery *delivery)
{
	struct note *note = calloc(1, sizeof(*note));

	pthread_mutex_lock(&outbox->lock);
	if (note && outbox->deliveries < DELIVERIES_MAX) {
		note->delivery = *delivery;
		put(outbox, note);
		note = NULL;
		outbox->deliveries++;
	} else {
		outbox->missed++;
	}
	pthread_mutex_unlock(&outbox->lock);
	free(note);
}

void outbox_put(struct outbox *outbox, struct note *last_word)
{
	pthread_mutex_lock(&outbox->lock);
	put(outbox, last_word);
	pthread_mutex_unlock(&outbox->lock);
}

uint64_t outbox_take(struct outbox *outbox, struct notes *notes)
{
	eventfd_t count;
	uint64_t missed;

	pthread_mutex_lock(&outbox->lock);
	if (!STAILQ_EMPTY(&outbox->notes))
		eventfd_read(outbox->eventfd, &count);
	STAILQ_CONCAT(notes, &outbox->notes);
	missed = outbox->missed;
	outbox->missed = 0;
	outbox->deliveries = 0;
	pthread_mutex_unlock(&outbox->lock);
	return missed;
}
