// SPDX-License-Identifier: GPL-2.0
#include "event.h"

#include <linux/cred.h>
#include <linux/sched/signal.h>
#include <linux/pid.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/workqueue.h>

static struct kmem_cache *event_cache;

static void trash_empty(struct work_struct *work);
static LLIST_HEAD(trash);
static DECLARE_WORK(trash_work, trash_empty);

int event_init(void)
{
	/* Who is told of pays: allocated, they are, by the task itself. */
	event_cache = KMEM_CACHE(event, SLAB_ACCOUNT);
	return event_cache ? 0 : -ENOMEM;
}

void event_exit(void)
{
	flush_work(&trash_work);
	kmem_cache_destroy(event_cache);
}

struct event *event_alloc(gfp_t gfp)
{
	return kmem_cache_zalloc(event_cache, gfp);
}

void event_free(struct event *event)
{
	if (!event)
		return;
	if (event->type == PREFORK_EVENT_EXEC)
		kfree(event->path);
	put_pid(event->pid);
	put_pid(event->tid);
	put_pid(event->other);
	kmem_cache_free(event_cache, event);
}

static void trash_empty(struct work_struct *work)
{
	struct event *event, *next;

	llist_for_each_entry_safe(event, next, llist_del_all(&trash), trash) {
		event_free(event);
		cond_resched();
	}
}

void event_free_atomic(struct event *event)
{
	if (event && llist_add(&event->trash, &trash))
		schedule_work(&trash_work);
}

/* The new reference is taken first: it may be the same object. */
static void pid_replace(struct pid **slot, struct pid *pid)
{
	struct pid *old = *slot;

	*slot = get_pid(pid);
	put_pid(old);
}

static void label(struct event *event, enum prefork_cmd type,
		  struct task_struct *task, struct pid *pid, struct pid *tid)
{
	event->type = type;
	event->time = ktime_get_boottime_ns();
	pid_replace(&event->pid, pid);
	pid_replace(&event->tid, tid);
	event->uid = task_euid(task);
	/* Not get_task_comm(): its lock may sleep on PREEMPT_RT. A torn name
	 * is the worst that a concurrent PR_SET_NAME can do.
	 */
	strscpy(event->comm, task->comm, sizeof(event->comm));
}

void event_label(struct event *event, enum prefork_cmd type,
		 struct task_struct *task, struct pid *other)
{
	label(event, type, task, task_tgid(task), task_pid(task));
	event_concern(event, other);
}

void event_label_process(struct event *event, enum prefork_cmd type,
			 struct task_struct *leader, struct pid *pid)
{
	label(event, type, leader, pid, pid);
}

void event_concern(struct event *event, struct pid *other)
{
	pid_replace(&event->other, other);
}
