// SPDX-License-Identifier: GPL-2.0
#include "daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <prefork.h>

#include "core/adopter.h"
#include "core/proc.h"
#include "monitor.h"
#include "outbox.h"

/* Threads that wait for a new process: as many as end within one turn. */
#define IDLE_MAX	16

struct daemon {
	struct adopter adopter;
	struct prefork *pf;
	struct daemon_listener listener;
	struct monitors expecting;	/* whose processes are announced */
	struct monitors busy;		/* until they have ended */
	struct monitors idle;		/* of those that have */
	int idle_count;
	struct outbox outbox;
};

static struct daemon *daemon_of(const struct adopter *adopter)
{
	return (struct daemon *)((char *)(uintptr_t)adopter - offsetof(struct daemon, adopter));
}

static void refuse(const struct daemon *daemon, pid_t pid, int err)
{
	/* Who is gone needs no tracer. */
	if (err && err != -ESRCH)
		daemon->listener.refused(daemon->listener.arg, pid, err);
}

static void dismiss(struct monitor *monitor)
{
	monitor_cancel(monitor);
	monitor_destroy(monitor);
}

/* NULL: errno says why. */
static struct monitor *find_monitor(struct daemon *daemon, pid_t pid)
{
	struct monitor *monitor = LIST_FIRST(&daemon->idle);

	if (!monitor)
		return monitor_create(pid, daemon->pf, &daemon->outbox);
	LIST_REMOVE(monitor, entry);
	daemon->idle_count--;
	if (monitor_reuse(monitor, pid))
		return monitor;
	dismiss(monitor);
	errno = ENOMEM;
	return NULL;
}

static struct monitor *expect(struct daemon *daemon, pid_t pid)
{
	struct monitor *monitor = find_monitor(daemon, pid);

	if (monitor)
		LIST_INSERT_HEAD(&daemon->expecting, monitor, entry);
	else
		refuse(daemon, pid, -errno);
	return monitor;
}

static struct monitor *expected(const struct daemon *daemon, pid_t pid)
{
	struct monitor *monitor;

	for (monitor = LIST_FIRST(&daemon->expecting); monitor; monitor = LIST_NEXT(monitor, entry))
		if (monitor->pid == pid)
			return monitor;
	return NULL;
}

static bool send_out(struct daemon *daemon, struct monitor *monitor, enum errand errand,
		     uint64_t cookie)
{
	if (!monitor)
		return false;
	LIST_REMOVE(monitor, entry);
	LIST_INSERT_HEAD(&daemon->busy, monitor, entry);
	monitor_tell(monitor, errand, cookie);
	return true;
}

/*
 * One that is not held (already traced by its creator's monitor, or the module
 * had no memory for a hold) is tried for, too.
 */
static bool born(struct daemon *daemon, const struct prefork_event *event)
{
	struct monitor *monitor = expected(daemon, event->pid);

	if (!monitor)
		monitor = expect(daemon, event->pid);
	return send_out(daemon, monitor, ERRAND_NEWBORN, event->cookie) && event->cookie;
}

static bool on_event(struct adopter *adopter, const struct prefork_event *event,
		     const struct tree *tree)
{
	struct daemon *daemon = daemon_of(adopter);

	(void)tree;
	if (event->thread)
		return false;
	switch (event->type) {
	case PREFORK_EVENT_PREFORK:
		/* The caller releases the parent, now that there is somebody for the child. */
		if (!expected(daemon, event->child))
			expect(daemon, event->child);
		return false;
	case PREFORK_EVENT_BORN:
		return born(daemon, event);
	case PREFORK_EVENT_FORK_FAILED:
		send_out(daemon, expected(daemon, event->child), ERRAND_NONE, 0);
		return false;
	default:
		return false;
	}
}

/* Whoever got it is busy until the process has ended. */
static bool on_answers(const struct adopter *adopter, uint64_t cookie)
{
	const struct monitor *monitor;

	for (monitor = LIST_FIRST(&daemon_of(adopter)->busy); monitor;
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
	struct daemon *daemon = daemon_of(adopter);
	bool command = is_our_child(pid);
	struct monitor *monitor = expect(daemon, pid);

	if (!send_out(daemon, monitor, command ? ERRAND_COMMAND : ERRAND_RUNNING, 0))
		return;
	if (command)
		monitor_settle(monitor);
}

static int on_fd(const struct adopter *adopter)
{
	return daemon_of(adopter)->outbox.eventfd;
}

static void retire(struct daemon *daemon, struct monitor *monitor)
{
	refuse(daemon, monitor->pid, monitor->error);
	LIST_REMOVE(monitor, entry);
	if (daemon->idle_count == IDLE_MAX || !monitor_is_reusable(monitor)) {
		dismiss(monitor);
		return;
	}
	LIST_INSERT_HEAD(&daemon->idle, monitor, entry);
	daemon->idle_count++;
}

static void take(struct daemon *daemon, struct note *note)
{
	if (note->ended)
		retire(daemon, note->ended);
	else
		daemon->listener.delivery(daemon->listener.arg, &note->delivery);
	free(note);
}

static void on_turn(struct adopter *adopter)
{
	struct daemon *daemon = daemon_of(adopter);
	struct notes notes = STAILQ_HEAD_INITIALIZER(notes);
	uint64_t missed = outbox_take(&daemon->outbox, &notes);
	struct note *note;

	while ((note = STAILQ_FIRST(&notes))) {
		STAILQ_REMOVE_HEAD(&notes, next);
		take(daemon, note);
	}
	if (missed)
		daemon->listener.missed(daemon->listener.arg, missed);
}

/* All are told before any is waited for. */
static void cancel_all(const struct monitors *list)
{
	struct monitor *monitor;

	for (monitor = LIST_FIRST(list); monitor; monitor = LIST_NEXT(monitor, entry))
		monitor_cancel(monitor);
}

static void destroy_all(struct monitors *list)
{
	struct monitor *monitor;

	while ((monitor = LIST_FIRST(list))) {
		LIST_REMOVE(monitor, entry);
		monitor_destroy(monitor);
	}
}

/* The last words of those that had ended are of monitors that are no more. */
static void let_go(struct daemon *daemon)
{
	cancel_all(&daemon->expecting);
	cancel_all(&daemon->busy);
	cancel_all(&daemon->idle);
	destroy_all(&daemon->expecting);
	destroy_all(&daemon->busy);
	destroy_all(&daemon->idle);
	daemon->idle_count = 0;
	outbox_clear(&daemon->outbox);
}

static void on_leave(struct adopter *adopter)
{
	on_turn(adopter);
	let_go(daemon_of(adopter));
}

static bool on_finish(struct adopter *adopter)
{
	(void)adopter;
	return true;
}

static void on_destroy(struct adopter *adopter)
{
	struct daemon *daemon = daemon_of(adopter);

	let_go(daemon);
	outbox_exit(&daemon->outbox);
	free(daemon);
}

struct adopter *daemon_create(struct prefork *pf, const struct daemon_listener *listener)
{
	static const struct adopter_ops ops = {
		.event = on_event,
		.answers = on_answers,
		.found = on_found,
		.fd = on_fd,
		.turn = on_turn,
		.leave = on_leave,
		.finish = on_finish,
		.destroy = on_destroy,
	};
	struct daemon *daemon = calloc(1, sizeof(*daemon));
	int err;

	if (!daemon)
		return NULL;
	err = outbox_init(&daemon->outbox);
	if (err) {
		free(daemon);
		errno = -err;
		return NULL;
	}
	daemon->adopter.ops = &ops;
	daemon->pf = pf;
	daemon->listener = *listener;
	LIST_INIT(&daemon->expecting);
	LIST_INIT(&daemon->busy);
	LIST_INIT(&daemon->idle);
	return &daemon->adopter;
}
