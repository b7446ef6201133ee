/* SPDX-License-Identifier: GPL-2.0 */
/* Events on their way from the thread that tells of them to the one that reads them. */
#ifndef QUEUE_H
#define QUEUE_H

#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <sys/queue.h>

struct prefork_event;

/* Private, but for .fd: for poll(2), readable while there are events, and at first. */
struct queue {
	int fd;			/* eventfd */
	sem_t room;
	pthread_mutex_t lock;
	STAILQ_HEAD(queue_items, queue_item) items;
	uint64_t seq;		/* of the last one that was put */
};

/* Returns -errno. */
int queue_open(struct queue *queue);
void queue_close(struct queue *queue);

/*
 * Numbers it. While there are very many waits for the reader, as watched tasks do with the
 * module; that wait is a point where the thread can be cancelled.
 */
void queue_put(struct queue *queue, struct prefork_event *event);

/* Returns how many events there were, at most @room. Does not wait. */
int queue_take(struct queue *queue, struct prefork_event *events, int room);

#endif
