/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PREFORK_ANNOUNCEMENT_H
#define PREFORK_ANNOUNCEMENT_H

#include "by_task.h"
#include "hold.h"

#include <linux/pid_namespace.h>
#include <linux/workqueue.h>

struct event;
struct kernel_clone_args;
struct task_struct;

/* The arguments of a clone, to tell a restarted call from another one. */
struct clone_key {
	u64 flags;
	int __user *pidfd;
	int __user *child_tid;
	int __user *parent_tid;
	int exit_signal;
	unsigned long stack;
	unsigned long stack_size;
	unsigned long tls;
	size_t set_tid_size;
	pid_t set_tid[MAX_PID_NS_LEVEL];
	unsigned int depth;	/* of the namespace that set_tid begins with */
};

/*
 * A child that was, or is about to be, announced, until its outcome is known.
 *
 *   created -> published -> held <-> parked -> born | failed -> freed
 *
 * That each PREFORK has exactly one outcome is in its construction: there is
 * one event for it, allocated ahead, and whoever knows it first has it.
 *
 * LIFETIME: owned by the call that the task is in and, while the task is
 * taking a signal, by the table of parked ones.
 */
struct announcement {
	struct by_task parked;		/* park.c; the task may be gone */
	struct watch *watch;		/* strong */
	struct clone_key key;		/* what the task asked for */
	u32 kind;			/* PREFORK_HOLD_... of it */
	struct pid *tid;		/* strong; the task's */
	struct pid *child;		/* strong; NULL: not published */
	struct pid *reserved;		/* child, or NULL: not ours to give
					 * back any more */
	bool held;			/* hold is registered */
	bool hold_child;		/* its answer: hold the child at birth */
	struct hold hold;
	bool concluded;			/* there is an outcome */
	struct event *prefork;		/* NULL: posted, or not to be told */
	struct event *outcome;		/* NULL: posted */
	struct event *timeout;		/* NULL: posted or no hold */
	struct work_struct free;
};

/* Which kind of creation is this, and which of birth? PREFORK_HOLD_... */
u32 clone_kind(u64 clone_flags);
u32 clone_birth_kind(u64 clone_flags);

/* What current is about to do, for that watch. NULL without memory. Sleeps. */
struct announcement *announcement_create(struct watch *watch,
					 const struct kernel_clone_args *args);

/* Is this the same call again? */
bool announcement_matches(const struct announcement *announcement,
			  const struct kernel_clone_args *args);

/*
 * Tells the owner, if it wants to know, that a child is coming, and begins the
 * hold if there is to be one. From here on the PID is the announcement's to give
 * back.
 */
void announcement_publish(struct announcement *announcement,
			  struct pid *reserved);

/* It has the same numbers as was told, and perhaps more. */
void announcement_set_child(struct announcement *announcement,
			    struct pid *child);

/* The hold was answered or has expired. Returns 0 or the errno of a DENY. */
int announcement_end_hold(struct announcement *announcement);

/*
 * The outcome. Any context. No effect if there has been one. @hold: the one of
 * the child, or NULL.
 */
void announcement_born(struct announcement *announcement,
		       struct task_struct *child, const struct hold *hold);
void announcement_fail(struct announcement *announcement, int error);

/* Ends the hold, gives back the PID. Sleeps. */
void announcement_free(struct announcement *announcement);

/* The call will never be completed. The second form is for any context. */
void announcement_abandon(struct announcement *announcement);
void announcement_abandon_atomic(struct announcement *announcement);

#endif /* PREFORK_ANNOUNCEMENT_H */
