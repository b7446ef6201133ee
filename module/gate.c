// SPDX-License-Identifier: GPL-2.0
#include "gate.h"
#include "access.h"
#include "compat.h"
#include "event.h"
#include "handlers.h"
#include "owner.h"
#include "stats.h"
#include "symbols.h"
#include "watch.h"

#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/ptrace.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

static struct by_task_table gates;

void gates_init(void (*on_idle)(void))
{
	by_task_init(&gates, on_idle);
}

bool gates_any(void)
{
	return by_task_any(&gates);
}

static struct gate *notrace gate_current(void)
{
	struct by_task *entry = by_task_current(&gates);

	return entry ? container_of(entry, struct gate, entry) : NULL;
}

static void gate_drop(struct gate *gate)
{
	struct watch *watch = gate->watch;

	put_pid(gate->tid);
	event_free(gate->end);
	if (!gate->embedded)
		kfree(gate);
	watch_put(watch);
	/* The way from here to the caller is covered by the module's exit. */
	module_put(THIS_MODULE);
}

/* Whose hold it is to be is set; the task may not be known yet. */
static bool gate_register(struct gate *gate, u32 kind)
{
	struct hold *hold = &gate->hold;

	gate->end = event_alloc(GFP_KERNEL);
	if (!gate->end) {
		stats_inc(PREFORK_STAT_UNHELD);
		return false;
	}
	hold->watch = gate->watch;
	hold->kind = kind;
	gate->held = !hold_register(hold);
	return gate->held;
}

struct gate *gate_prepare(struct watch *watch, u32 kind)
{
	struct gate *gate = kzalloc(sizeof(*gate), GFP_KERNEL);

	if (!gate) {
		stats_inc(PREFORK_STAT_UNHELD);
		return NULL;
	}
	/* Pinned by the call that we are in; and from now on by the gate. */
	__module_get(THIS_MODULE);
	gate->watch = watch_get(watch);
	if (!gate_register(gate, kind)) {
		gate_drop(gate);
		return NULL;
	}
	return gate;
}

void gate_cancel(struct gate *gate)
{
	if (!gate)
		return;
	if (gate->held)
		hold_end(&gate->hold);
	gate_drop(gate);
}

/* It has to pass (again). */
static bool gate_queue(struct gate *gate, struct task_struct *task)
{
	gate->queued = !task_work_add(task, &gate->work, TWA_RESUME);
	return gate->queued;
}

static void gate_leave(struct gate *gate)
{
	by_task_del(&gates, &gate->entry);
	gate_drop(gate);
}

static void gate_post_end(struct gate *gate, enum prefork_cmd type,
			  struct pid *other)
{
	struct event *end = gate->end;

	gate->end = NULL;
	event_label(end, type, current, other);
	end->thread = gate->hold.kind == PREFORK_HOLD_BIRTH_THREAD;
	end->cookie = gate->hold.cookie;
	queue_post(&gate->watch->owner->queue, end);
}

static void gate_report_adopted(struct gate *gate)
{
	struct task_struct *tracer;
	struct pid *pid = NULL;

	rcu_read_lock();
	tracer = ptrace_parent(current);
	if (tracer)
		pid = get_task_pid(tracer, PIDTYPE_PID);
	rcu_read_unlock();
	stats_inc(PREFORK_STAT_ADOPTED);
	gate_post_end(gate, PREFORK_EVENT_ADOPTED, pid);
	put_pid(pid);
}

static void gate_report_timeout(struct gate *gate)
{
	stats_inc(PREFORK_STAT_TIMEOUTS);
	gate_post_end(gate, PREFORK_EVENT_TIMEOUT, NULL);
}

/* Is something there that only current can take, and will stop with? */
static bool stop_pends(void)
{
	sigset_t pending;
	bool any;

	spin_lock_irq(&sighand_of_current()->siglock);
	sigandnsets(&pending, &current->pending.signal, &current->blocked);
	any = !sigisemptyset(&pending) ||
	      current->jobctl & JOBCTL_PENDING_MASK;
	spin_unlock_irq(&sighand_of_current()->siglock);
	return any;
}

/*
 * Somebody traces the task and has had it stop while it was parked, or will at
 * once: that is what one waits for at a gate. A tracer that only seizes leaves
 * the hold to its owner, and so does one of a task that was woken to be frozen.
 */
static bool gate_is_adopted(const struct gate *gate)
{
	return current->ptrace && (gate->stopped || stop_pends());
}

static enum hold_wait gate_wait(struct gate *gate)
{
	if (gate->stopped && current->ptrace)
		return HOLD_INTERRUPTED;
	gate->stopped = false;
	handlers_defer();
	return hold_wait(&gate->hold);
}

/* It comes back from get_signal(), or rather from ours. */
static void gate_park(struct gate *gate)
{
	stats_inc(PREFORK_STAT_PARKED);
	/* Also when what it was woken for has gone meanwhile. */
	if (!gate->inside)
		compat_visit_get_signal();
}

/* It got by, has got privileges, and is no business of its watcher's. */
static bool gate_give_up(struct gate *gate)
{
	gate->held = false;
	handlers_resume();
	hold_end(&gate->hold);
	return true;
}

/* Returns whether the task has passed; if not it is parked. */
static bool gate_pass(struct gate *gate)
{
	enum hold_wait wait;

	if (!gate->held)
		return true;
	if (!access_lasts(gate->watch->cred))
		return gate_give_up(gate);
	wait = gate_wait(gate);
	if (wait == HOLD_INTERRUPTED && !gate_is_adopted(gate) &&
	    !fatal_signal_pending(current)) {
		gate_park(gate);
		return false;
	}
	gate->held = false;
	handlers_resume();
	if (hold_end(&gate->hold) || fatal_signal_pending(current))
		return true;
	if (wait == HOLD_INTERRUPTED)
		gate_report_adopted(gate);
	else
		gate_report_timeout(gate);
	return true;
}

static void gate_reached(struct gate *gate)
{
	void (*reach)(struct gate *gate) = gate->reach;

	gate->reach = NULL;
	if (reach)
		reach(gate);
	if (!gate_pass(gate))
		return;
	gate->passed = true;
	if (!gate->inside)
		gate_leave(gate);
}

static void gate_close_for_good(struct gate *gate)
{
	if (gate->held)
		hold_end(&gate->hold);
	gate_leave(gate);
}

/*
 * Works are done the last one first, but one that is added meanwhile after all.
 * Among the older ones are the closes of an exec: whoever waits for an end of
 * file, or a lock, does not wait for a held task.
 */
static bool gate_yield(struct gate *gate)
{
	if (gate->behind && !compat_task_work_pending())
		return false;
	gate->behind = true;
	return gate_queue(gate, current);
}

static void gate_work(struct callback_head *work)
{
	struct gate *gate = container_of(work, struct gate, work);

	gate->queued = false;
	if (current->flags & PF_EXITING)
		gate_close_for_good(gate);
	else if (!gate_yield(gate))
		gate_reached(gate);
}

bool gate_attach(struct gate *gate, struct task_struct *task)
{
	init_task_work(&gate->work, gate_work);
	gate->tid = get_pid(task_pid(task));
	if (gate->held)
		hold_start(&gate->hold, gate->tid);
	by_task_add(&gates, &gate->entry, task);
	if (gate_queue(gate, task))
		return true;
	by_task_del(&gates, &gate->entry);
	return false;
}

bool gate_attach_embedded(struct gate *gate, struct watch *watch,
			  void (*reach)(struct gate *gate))
{
	struct gate *near = gate_current();

	if (near) {	/* it got by while a probe was off */
		near->behind = false;
		if (!near->queued)
			gate_queue(near, current);
		return false;
	}
	if (!try_module_get(THIS_MODULE))
		return false;
	*gate = (struct gate){ .embedded = true, .reach = reach };
	gate->watch = watch_get(watch);
	if (gate_attach(gate, current))
		return true;
	gate_drop(gate);
	return false;
}

void gate_hold(struct gate *gate, u32 kind)
{
	if (gate_register(gate, kind))
		hold_start(&gate->hold, gate->tid);
}

/*
 * The task has died in get_signal(), which therefore does not return to us. It
 * has yet to do its works; ours does the rest.
 */
void gate_exit(void)
{
	struct gate *gate = gate_current();

	if (!gate)
		return;
	gate->inside = false;
	if (!gate->queued)
		gate_queue(gate, current);
}

bool notrace gate_is_near(void)
{
	struct gate *gate = gate_current();

	return gate && !gate->inside;
}

/*
 * The work may be done inside, where it had been queued before, and what has
 * interrupted it is delivered then. It may also be the last that this task
 * does: then gate_exit() follows instead.
 */
bool prefork_get_signal(struct ksignal *signal)
{
	struct gate *gate = gate_current();
	bool any;

	gate->inside = true;
	compat_mark_stop();
	any = real_get_signal(signal);
	gate->stopped = compat_has_stopped();
	gate->inside = false;
	if (gate->passed)
		gate_leave(gate);
	else if (!gate->queued)
		gate_queue(gate, current);
	return any;
}
