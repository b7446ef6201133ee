// SPDX-License-Identifier: GPL-2.0
#include "monitors.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <prefork.h>

#include "core/adopter.h"
#include "core/proc.h"
#include "core/tree.h"
#include "monitor.h"
#include "outbox.h"

/* Threads that wait for a new process: as many as end within one turn. */
#define IDLE_MAX	16

struct monitors {
	struct adopter adopter;
	struct prefork *pf;
	struct monitors_listener listener;
	struct monitor_list expecting;	/* whose processes are announced */
	struct monitor_list busy;	/* until they have ended */
	struct monitor_list idle;	/* of those that have */
	int idle_count;
	struct outbox outbox;
	struct notes notes;		/* collected, to be told in the next turn */
	uint64_t missed;		/* likewise */
};

static struct monitors *monitors_of(const struct adopter *adopter)
{
	return (struct monitors *)((char *)(uintptr_t)adopter - offsetof(struct monitors, adopter));
}

static void refuse(const struct monitors *monitors, pid_t pid, int err)
{
	/* Who is gone needs no tracer. */
	if (err && err != -ESRCH)
		monitors->listener.refused(monitors->listener.arg, pid, err);
}

static void dismiss(struct monitor *monitor)
{
	monitor_cancel(monitor);
	monitor_join(monitor);
	monitor_destroy(monitor);
}

static void retire(struct monitors *monitors, struct monitor *monitor)
{
	refuse(monitors, monitor->pid, monitor->error);
	LIST_REMOVE(monitor, entry);
	if (monitors->idle_count == IDLE_MAX || !monitor_is_reusable(monitor)) {
		dismiss(monitor);
		return;
	}
	LIST_INSERT_HEAD(&monitors->idle, monitor, entry);
	monitors->idle_count++;
}

static void take_endings(struct monitors *monitors)
{
	struct endings endings = STAILQ_HEAD_INITIALIZER(endings);
	struct ending *ending;

	outbox_take_endings(&monitors->outbox, &endings);
	while ((ending = STAILQ_FIRST(&endings))) {
		STAILQ_REMOVE_HEAD(&endings, next);
		retire(monitors, ending->monitor);
	}
}

/* NULL: errno says why. */
static struct monitor *find_monitor(struct monitors *monitors, pid_t pid)
{
	struct monitor *monitor;

	if (LIST_EMPTY(&monitors->idle))
		take_endings(monitors);
	monitor = LIST_FIRST(&monitors->idle);
	if (!monitor)
		return monitor_create(pid, monitors->pf, &monitors->outbox);
	LIST_REMOVE(monitor, entry);
	monitors->idle_count--;
	monitor_reuse(monitor, pid);
	return monitor;
}

static struct monitor *expect(struct monitors *monitors, pid_t pid)
{
	struct monitor *monitor = find_monitor(monitors, pid);

	if (monitor)
		LIST_INSERT_HEAD(&monitors->expecting, monitor, entry);
	else
		refuse(monitors, pid, -errno);
	return monitor;
}

static struct monitor *expected(const struct monitors *monitors, pid_t pid)
{
	struct monitor *monitor;

	for (monitor = LIST_FIRST(&monitors->expecting); monitor; monitor = LIST_NEXT(monitor, entry))
		if (monitor->pid == pid)
			return monitor;
	return NULL;
}

static bool send_out(struct monitors *monitors, struct monitor *monitor, enum errand errand,
		     uint64_t cookie)
{
	if (!monitor)
		return false;
	LIST_REMOVE(monitor, entry);
	LIST_INSERT_HEAD(&monitors->busy, monitor, entry);
	monitor_tell(monitor, errand, cookie);
	return true;
}

/*
 * One that is not held (already traced by its creator's monitor, or the module
 * had no memory for a hold) is tried for, too.
 */
static bool born(struct monitors *monitors, const struct prefork_event *event)
{
	struct monitor *monitor = expected(monitors, event->pid);

	if (!monitor)
		monitor = expect(monitors, event->pid);
	return send_out(monitors, monitor, ERRAND_NEWBORN, event->cookie) && event->cookie;
}

static bool on_event(struct adopter *adopter, const struct prefork_event *event,
		     const struct tree *tree)
{
	struct monitors *monitors = monitors_of(adopter);

	(void)tree;
	if (event->thread)
		return false;
	switch (event->type) {
	case PREFORK_EVENT_PREFORK:
		/* The caller releases the parent, now that there is somebody for the child. */
		if (!expected(monitors, event->child))
			expect(monitors, event->child);
		return false;
	case PREFORK_EVENT_BORN:
		return born(monitors, event);
	case PREFORK_EVENT_FORK_FAILED:
		send_out(monitors, expected(monitors, event->child), ERRAND_NONE, 0);
		return false;
	default:
		return false;
	}
}

/* Whoever got it is busy until the process has ended. */
static bool on_answers(const struct adopter *adopter, uint64_t cookie)
{
	const struct monitor *monitor;

	for (monitor = LIST_FIRST(&monitors_of(adopter)->busy); monitor;
	     monitor = LIST_NEXT(monitor, entry))
		if (monitor->cookie == cookie)
			return true;
	return false;
}

static bool is_our_child(pid_t pid)
{
	siginfo_t info;

	return !waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
}

/* A child of ours does not run before it is told to: it can be waited for. */
static void on_found(struct adopter *adopter, pid_t pid)
{
	struct monitors *monitors = monitors_of(adopter);
	bool command = is_our_child(pid);
	struct monitor *monitor = expect(monitors, pid);

	if (!send_out(monitors, monitor, command ? ERRAND_COMMAND : ERRAND_RUNNING, 0))
		return;
	if (command)
		monitor_settle(monitor);
}

static int on_fd(const struct adopter *adopter)
{
	return monitors_of(adopter)->outbox.timer;
}

/* A task has a signal told before it takes it: before its end, if that is one. */
static void on_collect(struct adopter *adopter, const struct tree *tree)
{
	struct monitors *monitors = monitors_of(adopter);
	struct notes notes = STAILQ_HEAD_INITIALIZER(notes);
	struct note *note;

	monitors->missed += outbox_take(&monitors->outbox, &notes);
	for (note = STAILQ_FIRST(&notes); note; note = STAILQ_NEXT(note, next))
		note->delivery.origin = tree_origin(tree, note->delivery.pid);
	STAILQ_CONCAT(&monitors->notes, &notes);
}

static void on_turn(struct adopter *adopter)
{
	struct monitors *monitors = monitors_of(adopter);
	uint64_t missed = monitors->missed;
	struct note *note;

	while ((note = STAILQ_FIRST(&monitors->notes))) {
		STAILQ_REMOVE_HEAD(&monitors->notes, next);
		monitors->listener.delivery(monitors->listener.arg, &note->delivery);
		free(note);
	}
	monitors->missed = 0;
	if (missed)
		monitors->listener.missed(monitors->listener.arg, missed);
	take_endings(monitors);
}

/* All are told before any is waited for. */
static void cancel_all(struct monitor_list *list)
{
	struct monitor *monitor;

	for (monitor = LIST_FIRST(list); monitor; monitor = LIST_NEXT(monitor, entry))
		monitor_cancel(monitor);
}

static void join_all(struct monitor_list *list)
{
	struct monitor *monitor;

	for (monitor = LIST_FIRST(list); monitor; monitor = LIST_NEXT(monitor, entry))
		monitor_join(monitor);
}

static void destroy_all(struct monitor_list *list)
{
	struct monitor *monitor;

	while ((monitor = LIST_FIRST(list))) {
		LIST_REMOVE(monitor, entry);
		monitor_destroy(monitor);
	}
}

static void each_list(struct monitors *monitors, void (*fn)(struct monitor_list *list))
{
	fn(&monitors->expecting);
	fn(&monitors->busy);
	fn(&monitors->idle);
}

/* The last words of those that have ended are part of them, and one queues behind the other. */
static void let_go(struct monitors *monitors)
{
	each_list(monitors, cancel_all);
	each_list(monitors, join_all);
	outbox_clear(&monitors->outbox);
	each_list(monitors, destroy_all);
	monitors->idle_count = 0;
}

static void on_leave(struct adopter *adopter)
{
	on_turn(adopter);
	let_go(monitors_of(adopter));
}

static bool on_finish(struct adopter *adopter)
{
	(void)adopter;
	return true;
}

static void on_destroy(struct adopter *adopter)
{
	struct monitors *monitors = monitors_of(adopter);

	let_go(monitors);
	outbox_exit(&monitors->outbox);
	notes_free(&monitors->notes);
	free(monitors);
}

struct adopter *monitors_create(struct prefork *pf, const struct monitors_listener *listener)
{
	static const struct adopter_ops ops = {
		.event = on_event,
		.answers = on_answers,
		.found = on_found,
		.collect = on_collect,
		.fd = on_fd,
		.turn = on_turn,
		.leave = on_leave,
		.finish = on_finish,
		.destroy = on_destroy,
	};
	struct monitors *monitors = calloc(1, sizeof(*monitors));
	int err;

	if (!monitors)
		return NULL;
	err = outbox_init(&monitors->outbox);
	if (err) {
		free(monitors);
		errno = -err;
		return NULL;
	}
	monitors->adopter.ops = &ops;
	monitors->pf = pf;
	monitors->listener = *listener;
	LIST_INIT(&monitors->expecting);
	LIST_INIT(&monitors->busy);
	LIST_INIT(&monitors->idle);
	STAILQ_INIT(&monitors->notes);
	return &monitors->adopter;
}
