// SPDX-License-Identifier: GPL-2.0
#include "queue.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <glib.h>

#include <prefork.h>

/* Events that wait to be read. */
#define QUEUE_MAX	4096

/* An event as far as it is used, with its path. */
struct queue_item {
	STAILQ_ENTRY(queue_item) next;
	size_t size;
	char bytes[];
};

int queue_open(struct queue *queue)
{
	queue->fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	if (queue->fd < 0)
		return -errno;
	queue->seq = 0;
	STAILQ_INIT(&queue->items);
	pthread_mutex_init(&queue->lock, NULL);
	sem_init(&queue->room, 0, QUEUE_MAX);
	return 0;
}

static void wait_for_room(struct queue *queue)
{
	int state;

	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	while (sem_wait(&queue->room))
		;
	pthread_setcancelstate(state, NULL);
}

void queue_put(struct queue *queue, struct prefork_event *event)
{
	size_t size = offsetof(struct prefork_event, path) + strlen(event->path) + 1;
	struct queue_item *item;

	wait_for_room(queue);
	item = g_malloc(sizeof(*item) + size);
	event->seq = ++queue->seq;
	item->size = size;
	memcpy(item->bytes, event, size);
	pthread_mutex_lock(&queue->lock);
	STAILQ_INSERT_TAIL(&queue->items, item, next);
	pthread_mutex_unlock(&queue->lock);
	eventfd_write(queue->fd, 1);
}

static struct queue_item *next(struct queue *queue)
{
	struct queue_item *item;

	pthread_mutex_lock(&queue->lock);
	item = STAILQ_FIRST(&queue->items);
	if (item)
		STAILQ_REMOVE_HEAD(&queue->items, next);
	pthread_mutex_unlock(&queue->lock);
	return item;
}

int queue_take(struct queue *queue, struct prefork_event *events, int room)
{
	struct queue_item *item;
	eventfd_t unused;
	int count = 0;

	eventfd_read(queue->fd, &unused);
	while (count < room && (item = next(queue))) {
		memcpy(&events[count++], item->bytes, item->size);
		g_free(item);
		sem_post(&queue->room);
	}
	if (count == room)
		eventfd_write(queue->fd, 1);
	return count;
}

void queue_close(struct queue *queue)
{
	struct queue_item *item;

	while ((item = next(queue)))
		g_free(item);
	pthread_mutex_destroy(&queue->lock);
	sem_destroy(&queue->room);
	close(queue->fd);
}
