/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PREFORK_QUEUE_H
#define PREFORK_QUEUE_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

struct event;

/* Runs all work of the module, but for what delivers to ordinary users. */
extern struct workqueue_struct *prefork_wq;

/*
 * Events on their way to one reader, in the order in which they were put in.
 *
 * Only the queue's work delivers, so that one thread of the kernel and no
 * watched task waits for a slow reader.
 */
struct queue {
	raw_spinlock_t lock;
	struct list_head events;	/* lock */
	unsigned int length;		/* lock; lockless readers */
	u64 lost;			/* lock; dropped since the last event */
	bool closed;			/* lock; nobody reads any more */
	bool stalled;			/* lock; lockless readers; somebody has
					 * waited for room in vain and nothing
					 * was taken out since */
	wait_queue_head_t room;		/* woken when length has fallen */
	struct delayed_work flush;
	struct workqueue_struct *wq;	/* runs flush */

	/*
	 * Sends the events (none, if only @lost is to be told) and then tells
	 * of @lost more that were dropped behind them. Called by the work,
	 * may sleep as long as the reader lets it. The caller frees them.
	 */
	void (*deliver)(struct queue *queue, struct list_head *events,
			u64 lost);
};

int queues_init(void);
void queues_exit(void);

/*
 * Waits for what is in the workqueues, the ends of owners among it: after these
 * no timer of a queue is left that could find them destroyed.
 */
void queues_settle(void);

/* @privileged: the reader is not one of many who might not read. */
void queue_init(struct queue *queue,
		void (*deliver)(struct queue *, struct list_head *, u64),
		bool privileged);

/* Nobody puts anything in any more: stops the work and frees what is left. */
void queue_destroy(struct queue *queue);

/* The reader is gone: nobody needs to wait, what comes is for the bin. */
void queue_close(struct queue *queue);

/*
 * Takes over the event and delivers it if there is a reader: at once if its
 * cookie says that a task is held, else in company. Any context.
 */
void queue_post(struct queue *queue, struct event *event);

/*
 * May something be posted that nobody was promised, by a task that cannot
 * wait? Not beyond a bound; then it is counted as lost. Any context.
 */
bool queue_admits(struct queue *queue);

/*
 * Takes over the event; while the queue is full it waits for at most
 * @timeout_ms (0: without end) or until *@gone is set, and if that does not
 * help drops and counts it. One such wait in vain is enough: until the reader
 * has gone on, only those wait for it who do so without end. NULL, for an event
 * that could not be allocated, is dropped and counted.
 */
void queue_offer(struct queue *queue, struct event *event,
		 unsigned int timeout_ms, const bool *gone);

/* Waits like queue_offer(). Is there room? */
bool queue_wait_room(struct queue *queue, unsigned int timeout_ms,
		     const bool *gone);

/* Whoever has set a mark that some wait for wakes them to look. */
void queue_look_again(struct queue *queue);

/* Counts @n events that could not be put in. Any context. */
void queue_lose(struct queue *queue, unsigned int n);

#endif /* PREFORK_QUEUE_H */
