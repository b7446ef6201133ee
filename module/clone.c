// SPDX-License-Identifier: GPL-2.0
/*
 * The parent's path: announce the child, wait for the owner, clone.
 *
 * Everything here runs in the parent, in process context, in place of
 * kernel_clone() and, inside that, of alloc_pid().
 */
#include "clone.h"
#include "access.h"
#include "announcement.h"
#include "call.h"
#include "compat.h"
#include "event.h"
#include "gate.h"
#include "owner.h"
#include "park.h"
#include "reserve.h"
#include "stats.h"
#include "symbols.h"
#include "unwatch.h"
#include "watch.h"

#include <linux/err.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/timekeeping.h>

static bool notrace reports_kind(const struct watch_options *options,
				 u64 clone_flags)
{
	return !(clone_flags & CLONE_THREAD) ||
	       (options->flags & PREFORK_WATCH_THREADS);
}

bool notrace clone_is_reported(const struct kernel_clone_args *args)
{
	struct watch_options options;

	if (current->flags & COMPAT_PF_WORKER)
		return false;
	if (park_peek())	/* this call resumes or abandons it */
		return true;
	if (!watch_peek(task_tgid(current), &options) ||
	    !reports_kind(&options, args->flags))
		return false;
	return !call_current();
}

/* What the owner does not hear of, though it wanted to. */
static void clone_lose(const struct call *call, u64 clone_flags, pid_t ret)
{
	struct watch *watch = call->watch;
	u32 kind = clone_kind(clone_flags);
	u32 birth = clone_birth_kind(clone_flags);
	unsigned int lost;

	/* A call that is restarted may be announced then. */
	if (!call->unreported || ret == -ERESTARTNOINTR ||
	    READ_ONCE(watch->gone))
		return;
	lost = watch_tells(watch, PREFORK_EVENT_PREFORK, kind);
	if (ret < 0)
		lost += watch_tells(watch, PREFORK_EVENT_FORK_FAILED, kind);
	else
		lost += watch_tells(watch, PREFORK_EVENT_BORN, kind | birth);
	if (lost)
		queue_lose(&watch->owner->queue, lost);
	if (watch->options.hold & (kind | birth))
		stats_inc(PREFORK_STAT_UNHELD);
}

/* Is there anything to tell of such a creation, or anybody to be held? */
static bool announces(const struct watch *watch, u64 clone_flags)
{
	u32 kind = clone_kind(clone_flags);
	u32 told = PREFORK_TELL_PREFORK | PREFORK_TELL_BORN |
		   PREFORK_TELL_FORK_FAILED;

	if (kind == PREFORK_HOLD_VFORK)
		told |= PREFORK_TELL_VFORK_DONE;
	return reports_kind(&watch->options, clone_flags) &&
	       (watch->options.events & told ||
		watch->options.hold & (kind | clone_birth_kind(clone_flags)));
}

/* Returns NULL if there are no means to. */
static struct announcement *clone_announce(struct watch *watch,
					   const struct kernel_clone_args *args)
{
	struct announcement *announcement;
	struct pid *pid;

	/* An owner that does not read cannot answer either: fail open. */
	if (!watch_wait_room(watch))
		return NULL;
	announcement = announcement_create(watch, args);
	if (!announcement)
		return NULL;
	/* If this fails then copy_process() will, unless it has a reason to
	 * fail before; its own error is the one to return.
	 */
	pid = reserve_pid(args);
	if (!IS_ERR(pid))
		announcement_publish(announcement, pid);
	return announcement;
}

/*
 * The call that a signal has interrupted, if this is it again. If its watch has
 * ended meanwhile, whoever watches now has not been told of it.
 */
static struct announcement *
clone_resume(const struct watch *watch, const struct kernel_clone_args *args)
{
	struct announcement *announcement = unpark();

	if (announcement && (announcement->watch != watch ||
			     !announcement_matches(announcement, args))) {
		announcement_abandon(announcement);
		return NULL;
	}
	return announcement;
}

/*
 * Returns 0, the errno that the owner wants, or -ERESTARTNOINTR: a signal has
 * come, and the system call is to be restarted after its delivery, as
 * copy_process() itself demands when one is pending.
 */
static int clone_hold(struct call *call)
{
	struct announcement *announcement = call->announcement;
	int error;

	if (!announcement || !announcement->held)
		return 0;
	if (hold_wait(&announcement->hold) == HOLD_INTERRUPTED) {
		call->announcement = NULL;
		park(announcement);
		return -ERESTARTNOINTR;
	}
	error = announcement_end_hold(announcement);
	if (error)
		announcement_fail(announcement, error);
	return -error;
}

static void clone_prepare_child(struct call *call, u64 clone_flags)
{
	struct watch *watch = call->watch, *child;

	if (clone_flags & CLONE_THREAD) {
		if (watch_tells_thread_ends(watch))
			call->exit = event_alloc(GFP_KERNEL);
		return;
	}
	if (!(watch->options.flags & PREFORK_WATCH_TREE))
		return;
	child = watch_alloc_child(watch);
	call->uninherited = IS_ERR(child);
	if (!IS_ERR(child))
		call->child_watch = child;
}

/* Is the child to be held at birth? */
static bool holds_child(const struct call *call, u64 clone_flags)
{
	u32 kind = clone_birth_kind(clone_flags);

	return (call->watch->options.hold & kind) ||
	       call->announcement->hold_child;
}

/*
 * Not before the owner has answered, who may want it for this child only. The
 * hold belongs to what the child is watched by or else, like the thing that
 * it is born from, to the watch of its parent.
 */
static void clone_prepare_gate(struct call *call, u64 clone_flags)
{
	if (call->announcement && holds_child(call, clone_flags))
		call->gate = gate_prepare(call->child_watch ?: call->watch,
					  clone_birth_kind(clone_flags));
}

/* The announced child, or NULL if none was. */
static struct pid *call_child(const struct call *call)
{
	return call->announcement ? call->announcement->child : NULL;
}

static void clone_report_vfork(const struct call *call, u64 clone_flags,
			       pid_t ret)
{
	struct event *event = NULL;

	/* A parent that is being killed does not wait for the child. */
	if (ret < 0 || clone_kind(clone_flags) != PREFORK_HOLD_VFORK ||
	    !watch_tells(call->watch, PREFORK_EVENT_VFORK_DONE, 0) ||
	    fatal_signal_pending(current))
		return;
	/* One that was not announced counts as lost, as this does. */
	if (call_child(call))
		event = event_alloc(GFP_KERNEL);
	if (event) {
		event_label(event, PREFORK_EVENT_VFORK_DONE, current,
			    call_child(call));
		event->suspended = event->time - call->born;
	}
	watch_report(call->watch, event);
}

/* Is the announced child still to come, in the restart of this call? */
static bool clone_to_be_restarted(const struct announcement *announcement,
				  pid_t ret)
{
	return ret == -ERESTARTNOINTR && announcement->reserved;
}

static void clone_conclude(struct call *call, pid_t ret)
{
	struct announcement *announcement = call->announcement;

	call->announcement = NULL;
	if (!announcement)
		return;
	if (clone_to_be_restarted(announcement, ret)) {
		park(announcement);
		return;
	}
	if (!announcement->child) {
		/* Not announced, for there was no PID, and then there was. */
		call->unreported = ret > 0;
	} else {
		/* No effect if it was born. If not, and yet there is a child,
		 * then somebody has switched a probe off meanwhile and it got
		 * another PID.
		 */
		announcement_fail(announcement, ret < 0 ? -ret : ECANCELED);
	}
	announcement_free(announcement);
}

/* The watch of current, if its watcher may still have one; strong, or NULL. */
static struct watch *clone_watch(void)
{
	struct watch *watch = watch_find(task_tgid(current));

	if (!watch || access_lasts(watch->cred))
		return watch;
	unwatch(watch, PREFORK_REASON_ACCESS);
	watch_put(watch);
	return NULL;
}

static pid_t clone_watched(struct call *call, struct kernel_clone_args *args)
{
	pid_t ret;

	call->watch = clone_watch();
	call->announcement = clone_resume(call->watch, args);
	if (!call->watch)
		return real_kernel_clone(args);
	if (!call->announcement && announces(call->watch, args->flags)) {
		call->announcement = clone_announce(call->watch, args);
		call->unreported = !call->announcement;
	}
	ret = clone_hold(call);
	if (!ret) {
		clone_prepare_child(call, args->flags);
		clone_prepare_gate(call, args->flags);
		ret = real_kernel_clone(args);
	}
	clone_report_vfork(call, args->flags, ret);
	clone_conclude(call, ret);
	clone_lose(call, args->flags, ret);
	gate_cancel(call->gate);
	event_free(call->exit);
	watch_put(call->child_watch);
	watch_put(call->watch);
	return ret;
}

pid_t prefork_clone(struct kernel_clone_args *args)
{
	struct call call = {};
	pid_t ret;

	call_enter(&call);
	ret = clone_watched(&call, args);
	call_leave(&call);
	/* The way from here to the caller is covered by the module's exit. */
	module_put(THIS_MODULE);
	return ret;
}

bool notrace clone_takes_alloc(void)
{
	struct call *call = call_current();

	return call && call->announcement && call->announcement->reserved;
}

struct pid *prefork_alloc_pid(struct pid_namespace *ns, pid_t *set_tid,
			      size_t set_tid_size)
{
	struct announcement *announcement = call_current()->announcement;
	struct pid *pid = announcement->reserved;

	/* The probe lets pass what is allocated for us from here on. */
	announcement->reserved = NULL;
	pid = reserve_redeem(pid, ns, set_tid, set_tid_size);
	if (!IS_ERR(pid))
		announcement_set_child(announcement, pid);
	return pid;
}
