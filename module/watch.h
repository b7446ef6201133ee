/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PREFORK_WATCH_H
#define PREFORK_WATCH_H

#include "gate.h"

#include <linux/prefork.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/types.h>

struct cred;
struct event;
struct owner;
struct pid;
struct task_struct;

/* What WATCH asked for; inherited as it is. */
struct watch_options {
	u32 flags;		/* PREFORK_WATCH_... */
	u32 hold;		/* PREFORK_HOLD_... */
	u32 timeout;		/* ms, 0: none */
	u32 events;		/* PREFORK_TELL_... */
};

/*
 * That an owner watches a process.
 *
 * LIFETIME: the table holds a reference until the process ends, UNWATCH or
 * the end of the owner; each clone call that is being reported and each
 * gate holds one. Freed after a grace period: probes look watches up under RCU.
 */
struct watch {
	struct hlist_node node;		/* the table: lock, RCU */
	struct list_head by_owner;	/* lock */
	struct pid *pid;		/* strong; the process, unset until known */
	struct owner *owner;		/* strong */
	const struct cred *cred;	/* strong; of who asked for it */
	struct watch_options options;	/* constant */
	bool gone;			/* lock; out of the table for good */
	bool twin;			/* lock; never in the table: its owner
					 * had one of the process before it */
	atomic_t parked;		/* announcements, park.c */
	atomic_t held;			/* tasks held for it */
	struct event *exit;		/* EXIT, allocated ahead; goes to the
					 * one who removes the watch */
	struct list_head spares;	/* lock; for the EXITs of threads */
	unsigned int spare_count;	/* lock; lockless readers */
	struct gate exec;		/* the task that executes a program;
					 * holds a reference while attached */
	pid_t exec_old_tid;		/* that task only */
	refcount_t refs;
	struct rcu_head rcu;
};

/* @on_idle is called, in any context, when the last watch has gone. */
void watches_init(void (*on_idle)(void));
bool watches_any(void);

/*
 * Returns a watch with one reference that is in no table yet, or an ERR_PTR():
 * -ENOMEM, or -ENOSPC if the user watches as much as he may. The second form is
 * for a child, whose PID is not known yet, of what @parent watches.
 */
struct watch *watch_alloc(struct owner *owner, struct pid *pid,
			  const struct cred *cred,
			  const struct watch_options *options);
struct watch *watch_alloc_child(const struct watch *parent);

/*
 * Enters it, handing the caller's reference to the table. @parent, if not
 * NULL, is the watch that it is inherited from. Any context.
 *   -EEXIST  this owner watches the process already
 *   -EBUSY   another one does
 *   -ESRCH   the owner or the parent's watch has gone: nothing to inherit
 */
int watch_add(struct watch *watch, const struct watch *parent);

/*
 * Takes it out of the table. Only one caller gets true: it owns the table's
 * reference then. Any context.
 */
bool watch_remove(struct watch *watch);

/* Bars the owner from new watches for good. */
void watch_bar_owner(struct owner *owner);

/* Each returns a strong reference or NULL. Any context. */
struct watch *watch_find(struct pid *pid);
struct watch *watch_first_of(struct owner *owner);

/* For a probe: is the process watched, and how? No reference is taken. */
bool watch_peek(struct pid *pid, struct watch_options *options);

/*
 * Calls @visit for every watch from the @start-th bucket on, under RCU, until
 * it returns nonzero. Returns the bucket to go on with, or -1 at the end.
 */
int watch_for_each(int start, int *skip,
		   int (*visit)(struct watch *watch, void *context),
		   void *context);

/*
 * Is that event told of? It is where the owner wants it, and where one of these
 * @holds (PREFORK_HOLD_...), which it is about, was asked for: who should have
 * been held, and was not, is to be seen.
 */
static inline bool watch_tells(const struct watch *watch,
			       enum prefork_cmd event, u32 holds)
{
	return watch->options.events & PREFORK_TELL(event) ||
	       watch->options.hold & holds;
}

static inline bool watch_tells_thread_ends(const struct watch *watch)
{
	return watch->options.flags & PREFORK_WATCH_THREADS &&
	       watch_tells(watch, PREFORK_EVENT_EXIT, 0);
}

/*
 * What the process has to tell, where it may wait for a slow owner: as
 * queue_wait_room() and queue_offer(), at most for the deadline of a hold.
 */
bool watch_wait_room(struct watch *watch);
void watch_report(struct watch *watch, struct event *event);

/*
 * Nothing can be allocated when a thread ends: the event for that is kept here
 * while the thread lives. To give takes it over; to take returns one, or NULL.
 * Any context.
 */
void watch_give_spare(struct watch *watch, struct event *spare);
struct event *watch_take_spare(struct watch *watch);

/*
 * For the threads that the watched process, which @task is of, has, and for
 * those that they may be creating. What cannot be allocated is lost then.
 */
void watch_fill_spares(struct watch *watch, struct task_struct *task);

struct watch *watch_get(struct watch *watch);
void watch_put(struct watch *watch);	/* any context; NULL is fine */

#endif /* PREFORK_WATCH_H */
