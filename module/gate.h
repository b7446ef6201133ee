/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PREFORK_GATE_H
#define PREFORK_GATE_H

#include "by_task.h"
#include "hold.h"

#include <linux/task_work.h>
#include <linux/types.h>

struct event;
struct ksignal;
struct task_struct;
struct watch;

/*
 * What a task has to pass on its way to user mode: a newborn before its first
 * instruction, a process that has executed a program before the first one of
 * that. There it reports what it has to, and is held if somebody wants so.
 *
 *   prepared -> attached -> reached -> held <-> parked -> passed -> freed
 *
 * A signal interrupts the wait but cannot be taken there: the task goes on
 * into get_signal(), which we have in our hand, and from there comes back to
 * the gate before it runs anything, a handler neither. Should the probe there
 * be switched off then (by debugfs or sysctl), it gets by; the gate stays
 * attached until it comes near again, and no other is attached meanwhile.
 *
 * LIFETIME: from gate_attach() on the task owns it, in whatever way it ends;
 * nobody else touches it. It pins the module.
 */
struct gate {
	struct by_task entry;		/* the task's that is to pass */
	struct callback_head work;	/* runs at the gate */
	struct watch *watch;		/* strong */
	struct pid *tid;		/* strong; the task's */
	struct event *end;		/* ADOPTED or TIMEOUT, or NULL */
	struct hold hold;
	bool embedded;			/* in its watch, which frees it */
	bool queued;			/* work is */
	bool behind;			/* it has let older works go first */
	bool held;			/* hold is registered */
	bool stopped;			/* for a tracer, inside */
	bool inside;			/* the task is in our get_signal() */
	bool passed;			/* inside: leave with the task */

	/* Called in the task when it reaches the gate, or NULL; may sleep. */
	void (*reach)(struct gate *gate);
};

/* @on_idle is called, in any context, when the last task has passed. */
void gates_init(void (*on_idle)(void));
bool gates_any(void);

/*
 * A gate at which a newborn is to be held, of that kind, for that watch. NULL
 * without memory, or if the watch has gone. To be attached or cancelled.
 */
struct gate *gate_prepare(struct watch *watch, u32 kind);
void gate_cancel(struct gate *gate);	/* NULL is fine */

/*
 * Before @task, which cannot have run yet, goes to user mode it has to pass.
 * From here on a prepared hold counts. False: it is exiting, and the gate is
 * still to be cancelled. Any context.
 */
bool gate_attach(struct gate *gate, struct task_struct *task);

/*
 * As gate_attach(), for current, at a gate that is part of the watch; on
 * false there is nothing to be cancelled. False also while current is near a
 * gate still, or the module is being unloaded.
 */
bool gate_attach_embedded(struct gate *gate, struct watch *watch,
			  void (*reach)(struct gate *gate));

/* In reach(): the task is held, if there is memory and the watch lasts. */
void gate_hold(struct gate *gate, u32 kind);

/* The task is exiting. Any context. */
void gate_exit(void);

/* In place of get_signal() for a task that is to pass. */
bool gate_is_near(void);
bool prefork_get_signal(struct ksignal *signal);

#endif /* PREFORK_GATE_H */
