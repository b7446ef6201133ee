// SPDX-License-Identifier: GPL-2.0
#include "announcement.h"
#include "event.h"
#include "owner.h"
#include "reserve.h"
#include "stats.h"
#include "watch.h"

#include <linux/sched/signal.h>
#include <linux/errno.h>
#include <linux/pid.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

static void announcement_free_work(struct work_struct *work)
{
	announcement_free(container_of(work, struct announcement, free));
}

u32 clone_kind(u64 clone_flags)
{
	if (clone_flags & CLONE_THREAD)
		return PREFORK_HOLD_THREAD;
	if (clone_flags & CLONE_VFORK)
		return PREFORK_HOLD_VFORK;
	return PREFORK_HOLD_FORK;
}

u32 clone_birth_kind(u64 clone_flags)
{
	return clone_flags & CLONE_THREAD ? PREFORK_HOLD_BIRTH_THREAD :
					    PREFORK_HOLD_BIRTH;
}

static void clone_key_fill(struct clone_key *key,
			   const struct kernel_clone_args *args)
{
	key->flags = args->flags;
	key->pidfd = args->pidfd;
	key->child_tid = args->child_tid;
	key->parent_tid = args->parent_tid;
	key->exit_signal = args->exit_signal;
	key->stack = args->stack;
	key->stack_size = args->stack_size;
	key->tls = args->tls;
	key->set_tid_size = args->set_tid_size;
	memcpy(key->set_tid, args->set_tid,
	       args->set_tid_size * sizeof(*args->set_tid));
	key->depth = reserve_depth(args);
}

static bool is_to_be_held(const struct announcement *announcement)
{
	return announcement->watch->options.hold & announcement->kind;
}

static bool announcement_tells(const struct announcement *announcement,
			       enum prefork_cmd event, u32 holds)
{
	return watch_tells(announcement->watch, event,
			   announcement->kind | holds);
}

static struct event *outcome_alloc(const struct announcement *announcement)
{
	struct event *event = event_alloc(GFP_KERNEL);

	if (event)
		event->thread = announcement->kind == PREFORK_HOLD_THREAD;
	return event;
}

static bool alloc_events(struct announcement *announcement)
{
	announcement->outcome = outcome_alloc(announcement);
	if (!announcement->outcome)
		return false;
	if (!announcement_tells(announcement, PREFORK_EVENT_PREFORK, 0))
		return true;
	announcement->prefork = outcome_alloc(announcement);
	if (!announcement->prefork)
		return false;
	if (!is_to_be_held(announcement))
		return true;
	announcement->timeout = outcome_alloc(announcement);
	return announcement->timeout;
}

struct announcement *announcement_create(struct watch *watch,
					 const struct kernel_clone_args *args)
{
	struct announcement *announcement;

	announcement = kzalloc(sizeof(*announcement), GFP_KERNEL);
	if (!announcement)
		return NULL;
	clone_key_fill(&announcement->key, args);
	announcement->kind = clone_kind(args->flags);
	announcement->tid = get_pid(task_pid(current));
	announcement->watch = watch_get(watch);
	INIT_WORK(&announcement->free, announcement_free_work);
	if (!alloc_events(announcement)) {
		announcement_free(announcement);
		return NULL;
	}
	return announcement;
}

bool announcement_matches(const struct announcement *announcement,
			  const struct kernel_clone_args *args)
{
	struct clone_key key;

	/* Padding and the unused rest of set_tid must compare equal. */
	memset(&key, 0, sizeof(key));
	clone_key_fill(&key, args);
	return !memcmp(&key, &announcement->key, sizeof(key));
}

static void announcement_begin_hold(struct announcement *announcement)
{
	struct hold *hold = &announcement->hold;

	if (!is_to_be_held(announcement))
		return;
	hold->watch = announcement->watch;
	hold->child = announcement->child;
	hold->kind = announcement->kind;
	if (hold_register(hold))
		return;
	announcement->held = true;
	hold_start(hold, announcement->tid);
}

static void announcement_post(struct announcement *announcement,
			      struct event **event)
{
	queue_post(&announcement->watch->owner->queue, *event);
	*event = NULL;
}

void announcement_set_child(struct announcement *announcement,
			    struct pid *child)
{
	get_pid(child);
	put_pid(announcement->child);
	announcement->child = child;
	/* At the birth, where nothing may be freed, it would be for the last time. */
	event_concern(announcement->outcome, child);
}

void announcement_publish(struct announcement *announcement,
			  struct pid *reserved)
{
	struct event *prefork = announcement->prefork;

	announcement->reserved = reserved;
	announcement_set_child(announcement, reserved);
	/* Labelled now: the task may be gone when the failure is known. */
	event_label(announcement->outcome, PREFORK_EVENT_FORK_FAILED, current,
		    reserved);
	announcement_begin_hold(announcement);
	stats_inc(PREFORK_STAT_PREFORKS);
	if (!prefork)
		return;
	event_label(prefork, PREFORK_EVENT_PREFORK, current, reserved);
	prefork->clone_flags = announcement->key.flags;
	if (announcement->held) {
		prefork->cookie = announcement->hold.cookie;
		prefork->deadline = announcement->hold.deadline;
	}
	announcement_post(announcement, &announcement->prefork);
}

int announcement_end_hold(struct announcement *announcement)
{
	struct hold *hold = &announcement->hold;

	announcement->held = false;
	if (hold_end(hold)) {
		announcement->hold_child =
			hold->answer.verdict == PREFORK_VERDICT_HOLD_CHILD;
		if (hold->answer.error)
			stats_inc(PREFORK_STAT_DENIED);
		return hold->answer.error;
	}
	event_label(announcement->timeout, PREFORK_EVENT_TIMEOUT, current,
		    announcement->child);
	announcement->timeout->cookie = hold->cookie;
	stats_inc(PREFORK_STAT_TIMEOUTS);
	announcement_post(announcement, &announcement->timeout);
	return 0;
}

void announcement_born(struct announcement *announcement,
		       struct task_struct *child, const struct hold *hold)
{
	struct event *born = announcement->outcome;

	if (announcement->concluded)
		return;
	announcement->concluded = true;
	stats_inc(PREFORK_STAT_BORN);
	if (!hold &&
	    !announcement_tells(announcement, PREFORK_EVENT_BORN,
				clone_birth_kind(announcement->key.flags)))
		return;
	event_label(born, PREFORK_EVENT_BORN, child, task_tgid(current));
	born->clone_flags = announcement->key.flags;
	if (hold) {
		born->cookie = hold->cookie;
		born->deadline = hold->deadline;
	}
	announcement_post(announcement, &announcement->outcome);
}

void announcement_fail(struct announcement *announcement, int error)
{
	struct event *failed = announcement->outcome;

	if (announcement->concluded)
		return;
	announcement->concluded = true;
	stats_inc(PREFORK_STAT_FAILED);
	if (!announcement_tells(announcement, PREFORK_EVENT_FORK_FAILED, 0))
		return;
	failed->time = ktime_get_boottime_ns();
	failed->error = error;
	announcement_post(announcement, &announcement->outcome);
}

void announcement_free(struct announcement *announcement)
{
	if (announcement->held)
		hold_end(&announcement->hold);
	if (announcement->reserved)
		reserve_return(announcement->reserved);
	put_pid(announcement->child);
	put_pid(announcement->tid);
	event_free(announcement->prefork);
	event_free(announcement->outcome);
	event_free(announcement->timeout);
	watch_put(announcement->watch);
	kfree(announcement);
}

void announcement_abandon(struct announcement *announcement)
{
	announcement_fail(announcement, ECANCELED);
	announcement_free(announcement);
}

void announcement_abandon_atomic(struct announcement *announcement)
{
	announcement_fail(announcement, ECANCELED);
	queue_work(prefork_wq, &announcement->free);
}
