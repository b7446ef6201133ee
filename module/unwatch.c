// SPDX-License-Identifier: GPL-2.0
#include "unwatch.h"
#include "announcement.h"
#include "event.h"
#include "hold.h"
#include "owner.h"
#include "park.h"
#include "watch.h"

#include <linux/pid.h>
#include <linux/sched/task.h>

/* The event that was kept for the exit serves here: only one can come. */
static void unwatch_report(struct watch *watch, enum prefork_reason reason)
{
	struct task_struct *task;
	struct event *event = watch->exit;

	if (!queue_admits(&watch->owner->queue))
		return;
	task = get_pid_task(watch->pid, PIDTYPE_TGID);
	if (!task)	/* reaped meanwhile; nobody misses a farewell */
		return;
	event_label_process(event, PREFORK_EVENT_UNWATCHED, task, watch->pid);
	put_task_struct(task);
	watch->exit = NULL;
	event->reason = reason;
	/* What it executes now is not for this reader any more. */
	if (reason == PREFORK_REASON_ACCESS) {
		event->comm[0] = 0;
		event->uid = INVALID_UID;
	}
	queue_post(&watch->owner->queue, event);
}

bool unwatch_silently(struct watch *watch)
{
	struct announcement *announcement;

	/* This marks it gone, and nothing begins to wait for it any more. */
	if (!watch_remove(watch))
		return false;
	hold_release_all(watch->owner, watch);
	queue_look_again(&watch->owner->queue);
	while ((announcement = unpark_any(watch)))
		announcement_abandon(announcement);
	watch_put(watch);
	return true;
}

bool unwatch(struct watch *watch, enum prefork_reason reason)
{
	if (!unwatch_silently(watch))
		return false;
	unwatch_report(watch, reason);
	return true;
}

void unwatch_lost(struct watch *watch)
{
	struct announcement *announcement;

	if (!watch_remove(watch))
		return;
	while ((announcement = unpark_any(watch)))
		announcement_abandon_atomic(announcement);
	unwatch_report(watch, PREFORK_REASON_ACCESS);
	watch_put(watch);
}

unsigned int unwatch_all(struct owner *owner, enum prefork_reason reason)
{
	unsigned int count = 0;
	struct watch *watch;

	while ((watch = watch_first_of(owner))) {
		count += unwatch(watch, reason);
		watch_put(watch);
	}
	/* A newborn may be held for a parent that has ended, and its watch. */
	hold_release_all(owner, NULL);
	return count;
}
