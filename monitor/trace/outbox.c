// SPDX-License-Identifier: GPL-2.0
#include "outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "core/clock.h"

#define DELIVERIES_MAX	65536

/* To wake the thread that writes for each takes more than to write all of it. */
#define DELAY_NS	4000000

int outbox_init(struct outbox *outbox)
{
	*outbox = (struct outbox){ .lock = PTHREAD_MUTEX_INITIALIZER };
	STAILQ_INIT(&outbox->notes);
	STAILQ_INIT(&outbox->endings);
	outbox->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	return outbox->timer < 0 ? -errno : 0;
}

void notes_free(struct notes *notes)
{
	struct note *note;

	while ((note = STAILQ_FIRST(notes))) {
		STAILQ_REMOVE_HEAD(notes, next);
		free(note);
	}
}

void outbox_clear(struct outbox *outbox)
{
	struct notes notes = STAILQ_HEAD_INITIALIZER(notes);

	outbox_take(outbox, &notes);
	notes_free(&notes);
	pthread_mutex_lock(&outbox->lock);
	STAILQ_INIT(&outbox->endings);
	pthread_mutex_unlock(&outbox->lock);
}

void outbox_exit(struct outbox *outbox)
{
	outbox_clear(outbox);
	close(outbox->timer);
}

/* Once for all that comes until then. */
static void wake(struct outbox *outbox)
{
	const struct itimerspec delay = { .it_value.tv_nsec = DELAY_NS };

	if (outbox->due)
		return;
	outbox->due = boottime() + DELAY_NS;
	timerfd_settime(outbox->timer, 0, &delay, NULL);
}

/* Where it is due, it has told. */
static void settle(struct outbox *outbox)
{
	uint64_t expirations;

	if (outbox->due && boottime() >= outbox->due &&
	    read(outbox->timer, &expirations, sizeof(expirations)) == sizeof(expirations))
		outbox->due = 0;
}

void outbox_deliver(struct outbox *outbox, const struct delivery *delivery)
{
	struct note *note = calloc(1, sizeof(*note));

	pthread_mutex_lock(&outbox->lock);
	if (note && outbox->deliveries < DELIVERIES_MAX) {
		note->delivery = *delivery;
		STAILQ_INSERT_TAIL(&outbox->notes, note, next);
		note = NULL;
		outbox->deliveries++;
	} else {
		outbox->missed++;
	}
	wake(outbox);
	pthread_mutex_unlock(&outbox->lock);
	free(note);
}

void outbox_end(struct outbox *outbox, struct ending *ending)
{
	pthread_mutex_lock(&outbox->lock);
	STAILQ_INSERT_TAIL(&outbox->endings, ending, next);
	wake(outbox);
	pthread_mutex_unlock(&outbox->lock);
}

uint64_t outbox_take(struct outbox *outbox, struct notes *notes)
{
	uint64_t missed;

	pthread_mutex_lock(&outbox->lock);
	settle(outbox);
	STAILQ_CONCAT(notes, &outbox->notes);
	missed = outbox->missed;
	outbox->missed = 0;
	outbox->deliveries = 0;
	pthread_mutex_unlock(&outbox->lock);
	return missed;
}

void outbox_take_endings(struct outbox *outbox, struct endings *endings)
{
	pthread_mutex_lock(&outbox->lock);
	STAILQ_CONCAT(endings, &outbox->endings);
	pthread_mutex_unlock(&outbox->lock);
}
