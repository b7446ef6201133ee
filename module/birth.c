// SPDX-License-Identifier: GPL-2.0
/*
 * The child's path: it is born, executes programs, and ends.
 */
#include "birth.h"
#include "access.h"
#include "announcement.h"
#include "call.h"
#include "compat.h"
#include "event.h"
#include "gate.h"
#include "owner.h"
#include "park.h"
#include "stats.h"
#include "symbols.h"
#include "unwatch.h"
#include "watch.h"

#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/mm_types.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

/*
 * From here on the child's own calls are reported. Returns false if it should
 * have been watched by now, and is not. Its owner may have watched it by its
 * number: what it is held for is the watch that it would have inherited.
 */
static bool birth_inherit(struct call *call, struct task_struct *child)
{
	struct watch *watch = call->child_watch;
	int err;

	if (call->uninherited)
		queue_lose(&call->watch->owner->queue, 1);
	if (!watch)
		return true;
	watch->pid = get_pid(task_tgid(child));
	err = watch_add(watch, call->watch);
	if (!err)
		call->child_watch = NULL;
	else if (err == -EBUSY)	/* another owner was quicker */
		queue_lose(&watch->owner->queue, 1);
	return !err || err == -EEXIST;
}

/* Returns the hold of the child, or NULL. */
static struct hold *birth_hold(struct call *call, struct task_struct *child,
			       bool inherited)
{
	struct gate *gate = call->gate;

	/* Its parent's tracer has it already, and will have it stop. */
	if (!gate || child->ptrace)
		return NULL;
	if (!inherited || !gate_attach(gate, child)) {
		stats_inc(PREFORK_STAT_UNHELD);
		return NULL;
	}
	call->gate = NULL;
	return &gate->hold;
}

void birth_fork(struct task_struct *child)
{
	struct call *call = call_current();
	struct announcement *announcement;
	bool inherited;

	if (!call)
		return;
	inherited = birth_inherit(call, child);
	if (call->exit)
		watch_give_spare(call->watch, call->exit);
	call->exit = NULL;
	call->born = ktime_get_boottime_ns();
	announcement = call->announcement;
	/* They differ if the probe on alloc_pid() was switched off. */
	if (announcement && announcement->child == task_pid(child))
		announcement_born(announcement, child,
				  birth_hold(call, child, inherited));
}

/* Most paths are short, and a page is long: it is only taken for the others. */
#define SHORT_PATH	256

static char *copy_path(const struct file *file, char *buffer, int size)
{
	char *path = d_path(&file->f_path, buffer, size);

	return IS_ERR(path) ? path : kstrdup(path, GFP_KERNEL_ACCOUNT);
}

static char *copy_long_path(const struct file *file)
{
	char *buffer = kmalloc(PATH_MAX, GFP_KERNEL), *path;

	if (!buffer)
		return NULL;
	path = copy_path(file, buffer, PATH_MAX);
	kfree(buffer);
	return IS_ERR(path) ? NULL : path;
}

/* The path of the program that current has just begun, or NULL. */
static char *image_path(void)
{
	/* Only current could change it, and it has not run yet. */
	const struct file *image =
		rcu_dereference_protected(current->mm->exe_file, true);
	char buffer[SHORT_PATH], *path;

	if (!image)
		return NULL;
	path = copy_path(image, buffer, sizeof(buffer));
	return IS_ERR(path) ? copy_long_path(image) : path;
}

static struct event *exec_event(const struct watch *watch)
{
	struct event *event = event_alloc(GFP_KERNEL);

	if (!event)
		return NULL;
	event_label(event, PREFORK_EVENT_EXEC, current, NULL);
	event->old_tid = watch->exec_old_tid;
	event->path = image_path();
	return event;
}

static bool birth_tells_exec(const struct watch *watch)
{
	return watch_tells(watch, PREFORK_EVENT_EXEC, PREFORK_HOLD_EXEC);
}

/* An owner that does not read cannot answer either: fail open. */
static void birth_hold_exec(struct gate *gate, const struct event *event)
{
	struct watch *watch = gate->watch;

	if (!(watch->options.hold & PREFORK_HOLD_EXEC) || current->ptrace)
		return;
	if (event && watch_wait_room(watch))
		gate_hold(gate, PREFORK_HOLD_EXEC);
	else
		stats_inc(PREFORK_STAT_UNHELD);
}

/* In the task that executes, before the first instruction of the image. */
static void birth_reach_exec(struct gate *gate)
{
	struct watch *watch = gate->watch;
	struct event *event;

	if (READ_ONCE(watch->gone) || !birth_tells_exec(watch))
		return;
	event = exec_event(watch);
	birth_hold_exec(gate, event);
	if (!gate->held) {
		watch_report(watch, event);
		return;
	}
	event->cookie = gate->hold.cookie;
	event->deadline = gate->hold.deadline;
	queue_post(&watch->owner->queue, event);
}

static void birth_abandon(struct announcement *announcement)
{
	if (announcement)
		announcement_abandon_atomic(announcement);
}

static void birth_lose_exec(const struct watch *watch)
{
	if (!birth_tells_exec(watch))
		return;
	queue_lose(&watch->owner->queue, 1);
	if (watch->options.hold & PREFORK_HOLD_EXEC)
		stats_inc(PREFORK_STAT_UNHELD);
}

void birth_exec(pid_t old_tid)
{
	struct watch *watch;

	birth_abandon(unpark());
	watch = watch_find(task_tgid(current));
	if (!watch)
		return;
	watch->exec_old_tid = old_tid;
	/* It may just have got privileges, and must not be seen using them. */
	if (!access_lasts(watch->cred))
		unwatch_lost(watch);
	/* One is enough: it is passed before the process can execute again. And
	 * where nothing is told, whoever got by a gate is held here.
	 */
	else if (!gate_attach_embedded(&watch->exec, watch, birth_reach_exec))
		birth_lose_exec(watch);
	watch_put(watch);
}

/* As wait(2) will tell it. */
static u32 exit_status(const struct task_struct *task)
{
	if (task->signal->flags & SIGNAL_GROUP_EXIT)
		return task->signal->group_exit_code;
	return task->group_leader->exit_code;
}

/*
 * May the kernel be asked for what all threads have used? It waits for one that
 * is just being released, which is to sleep where the kernel is real-time: so
 * nobody else may be in the list, nor be leaving it.
 */
static bool may_sum_threads(void)
{
	const struct signal_struct *signal = current->signal;

	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		return true;
	if (!thread_group_empty(current))
		return false;
	smp_rmb();	/* pairs with write_seqlock() in __exit_signal() */
	return !(READ_ONCE(signal->stats_lock.seqcount.seqcount.sequence) & 1);
}

/* In ticks. Who is being released may be in it twice, or not at all. */
static void sum_ticks(u64 *utime, u64 *stime)
{
	struct task_struct *thread;

	rcu_read_lock();
	*utime = current->signal->utime;
	*stime = current->signal->stime;
	for_each_thread(current, thread) {
		*utime += thread->utime;
		*stime += thread->stime;
	}
	rcu_read_unlock();
}

/* We have taken the watch out of the table, so its event is ours. */
static void birth_report_exit(struct watch *watch)
{
	struct event *exit = watch->exit;

	if (!watch_tells(watch, PREFORK_EVENT_EXIT, 0) ||
	    !queue_admits(&watch->owner->queue))
		return;
	watch->exit = NULL;
	event_label(exit, PREFORK_EVENT_EXIT, current->group_leader, NULL);
	exit->status = exit_status(current);
	if (may_sum_threads())
		real_thread_group_cputime_adjusted(current, &exit->utime,
						   &exit->stime);
	else
		sum_ticks(&exit->utime, &exit->stime);
	exit->maxrss = current->signal->maxrss << (PAGE_SHIFT - 10);
	queue_post(&watch->owner->queue, exit);
}

static void birth_report_thread_exit(struct watch *watch)
{
	struct queue *queue = &watch->owner->queue;
	struct event *exit = watch_take_spare(watch);

	if (!queue_admits(queue)) {
		event_free_atomic(exit);
		return;
	}
	if (!exit || !access_lasts(watch->cred)) {	/* not this thread */
		event_free_atomic(exit);
		queue_lose(queue, 1);
		return;
	}
	event_label(exit, PREFORK_EVENT_EXIT, current, NULL);
	exit->thread = true;
	exit->status = current->exit_code;
	exit->utime = current->utime;
	exit->stime = current->stime;
	queue_post(queue, exit);
}

static void birth_end_watch(struct watch *watch)
{
	struct announcement *announcement;

	if (!watch_remove(watch))
		return;
	/* A thread that is on its way out may still have one. */
	while ((announcement = unpark_any(watch)))
		birth_abandon(announcement);
	birth_report_exit(watch);
	watch_put(watch);
}

static void birth_end(struct watch *watch)
{
	if (access_lasts(watch->cred))
		birth_end_watch(watch);
	else
		unwatch_lost(watch);
}

void birth_exit(bool last)
{
	struct watch *watch;

	gate_exit();
	birth_abandon(unpark());
	watch = watch_find(task_tgid(current));
	if (!watch)
		return;
	if (last)
		birth_end(watch);
	else if (watch_tells_thread_ends(watch) &&
		 !(current->signal->flags & SIGNAL_GROUP_EXIT) &&
		 !(current->flags & COMPAT_PF_WORKER))	/* nor was it born */
		birth_report_thread_exit(watch);
	watch_put(watch);
}
