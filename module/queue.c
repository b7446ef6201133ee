// SPDX-License-Identifier: GPL-2.0
/*
 * LOCKING: queue->lock is raw and interrupt-safe because tracepoints post;
 * nothing is allocated, freed or woken under it.
 * LIFETIME: the queue is part of its owner, which destroys it.
 */
#include "queue.h"
#include "event.h"
#include "limits.h"
#include "sleep.h"
#include "stats.h"

#include <linux/jiffies.h>
#include <linux/moduleparam.h>

static unsigned int bound = QUEUE_BOUND;
module_param_named(max_socket_events, bound, uint, 0644);
MODULE_PARM_DESC(max_socket_events,
		 "events that wait for a socket before ends are lost to it");

struct workqueue_struct *prefork_wq;

/*
 * A reader that does not read keeps a worker, and their number is limited.
 * Ordinary users, who might use them up, have their own.
 */
static struct workqueue_struct *users_wq;

int queues_init(void)
{
	prefork_wq = alloc_workqueue("prefork", WQ_UNBOUND | WQ_HIGHPRI,
				     WQ_UNBOUND_MAX_ACTIVE);
	users_wq = alloc_workqueue("prefork_users", WQ_UNBOUND,
				   WQ_UNBOUND_MAX_ACTIVE);
	if (prefork_wq && users_wq)
		return 0;
	queues_exit();
	return -ENOMEM;
}

void queues_exit(void)
{
	if (users_wq)
		destroy_workqueue(users_wq);
	if (prefork_wq)
		destroy_workqueue(prefork_wq);
}

void queues_settle(void)
{
	flush_workqueue(users_wq);
	flush_workqueue(prefork_wq);
}

/* Moves a batch out; returns the losses behind it if it empties the queue. */
static u64 queue_take(struct queue *queue, struct list_head *batch,
		      unsigned int *count)
{
	unsigned long flags;
	u64 lost = 0;

	*count = 0;
	raw_spin_lock_irqsave(&queue->lock, flags);
	while (!list_empty(&queue->events) && *count < QUEUE_BATCH) {
		list_move_tail(queue->events.next, batch);
		(*count)++;
	}
	WRITE_ONCE(queue->length, queue->length - *count);
	WRITE_ONCE(queue->stalled, false);
	if (list_empty(&queue->events)) {
		lost = queue->lost;
		queue->lost = 0;
	}
	raw_spin_unlock_irqrestore(&queue->lock, flags);
	return lost;
}

static void events_free(struct list_head *events, unsigned int count)
{
	struct event *event, *next;

	list_for_each_entry_safe(event, next, events, node)
		event_free(event);
	stats_add(PREFORK_STAT_QUEUED, -(s64)count);
}

static void queue_flush(struct work_struct *work)
{
	struct queue *queue = container_of(to_delayed_work(work), struct queue,
					   flush);
	unsigned int count;

	for (;;) {
		LIST_HEAD(batch);
		u64 lost = queue_take(queue, &batch, &count);

		if (!count && !lost)
			return;
		queue->deliver(queue, &batch, lost);
		events_free(&batch, count);
		wake_up_all(&queue->room);
	}
}

void queue_init(struct queue *queue,
		void (*deliver)(struct queue *, struct list_head *, u64),
		bool privileged)
{
	raw_spin_lock_init(&queue->lock);
	INIT_LIST_HEAD(&queue->events);
	init_waitqueue_head(&queue->room);
	INIT_DELAYED_WORK(&queue->flush, queue_flush);
	queue->wq = privileged ? prefork_wq : users_wq;
	queue->deliver = deliver;
}

void queue_destroy(struct queue *queue)
{
	/* Not flush_work(): it may wait for a worker that others keep. The
	 * reader is gone, but there may be observers.
	 */
	if (cancel_delayed_work_sync(&queue->flush))
		queue_flush(&queue->flush.work);
	events_free(&queue->events, queue->length);
}

void queue_close(struct queue *queue)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&queue->lock, flags);
	WRITE_ONCE(queue->closed, true);
	raw_spin_unlock_irqrestore(&queue->lock, flags);
	queue_look_again(queue);
}

void queue_look_again(struct queue *queue)
{
	wake_up_all(&queue->room);
}

/* A datagram of many events takes hardly longer than one of one. */
static void queue_deliver_soon(struct queue *queue)
{
	queue_delayed_work(queue->wq, &queue->flush, QUEUE_LINGER);
}

static void queue_deliver_now(struct queue *queue)
{
	mod_delayed_work(queue->wq, &queue->flush, 0);
}

void queue_post(struct queue *queue, struct event *event)
{
	bool waited_for = event->cookie;
	unsigned int length;
	unsigned long flags;

	stats_inc(PREFORK_STAT_QUEUED);
	raw_spin_lock_irqsave(&queue->lock, flags);
	event->lost = queue->lost;
	queue->lost = 0;
	list_add_tail(&event->node, &queue->events);
	length = queue->length + 1;
	WRITE_ONCE(queue->length, length);
	raw_spin_unlock_irqrestore(&queue->lock, flags);
	if (waited_for || length == QUEUE_BATCH)
		queue_deliver_now(queue);
	else
		queue_deliver_soon(queue);
}

void queue_lose(struct queue *queue, unsigned int n)
{
	unsigned long flags;

	stats_add(PREFORK_STAT_LOST, n);
	raw_spin_lock_irqsave(&queue->lock, flags);
	queue->lost += n;
	raw_spin_unlock_irqrestore(&queue->lock, flags);
	queue_deliver_soon(queue);
}

bool queue_admits(struct queue *queue)
{
	if (READ_ONCE(queue->length) < READ_ONCE(bound))
		return true;
	queue_lose(queue, 1);
	return false;
}

/* Mostly without the lock: a few events more than the limit do no harm. */
static bool queue_has_room(const struct queue *queue)
{
	return READ_ONCE(queue->length) < QUEUE_MAX_EVENTS ||
	       READ_ONCE(queue->closed);
}

/* Unless the reader has made room since the last look. */
static void queue_stall(struct queue *queue)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&queue->lock, flags);
	WRITE_ONCE(queue->stalled, !queue_has_room(queue));
	raw_spin_unlock_irqrestore(&queue->lock, flags);
}

bool queue_wait_room(struct queue *queue, unsigned int timeout_ms,
		     const bool *gone)
{
	long timeout = timeout_ms ? msecs_to_jiffies(timeout_ms) :
				    MAX_SCHEDULE_TIMEOUT;

	if (queue_has_room(queue))
		return true;
	if (!sleep_until(queue->room,
			 queue_has_room(queue) ||
			 (timeout_ms && READ_ONCE(queue->stalled)) ||
			 READ_ONCE(*gone), timeout)) {
		queue_stall(queue);
		queue_look_again(queue);
	}
	return queue_has_room(queue);
}

void queue_offer(struct queue *queue, struct event *event,
		 unsigned int timeout_ms, const bool *gone)
{
	if (event && queue_wait_room(queue, timeout_ms, gone)) {
		queue_post(queue, event);
		return;
	}
	event_free(event);
	queue_lose(queue, 1);
}
