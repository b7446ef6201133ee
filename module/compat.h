/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between kernels, and the only file that may name a version.
 */
#ifndef PREFORK_COMPAT_H
#define PREFORK_COMPAT_H

#include <linux/freezer.h>
#include <linux/mm_types.h>
#include <linux/sched.h>
#include <linux/sched/coredump.h>
#include <linux/task_work.h>
#include <linux/version.h>
#include <net/genetlink.h>

/* 54e6842d0775 ("fork/vm: Move common PF_IO_WORKER behavior to new flag") */
#ifdef PF_USER_WORKER
#define COMPAT_PF_WORKER	(PF_KTHREAD | PF_IO_WORKER | PF_USER_WORKER)
#else
#define COMPAT_PF_WORKER	(PF_KTHREAD | PF_IO_WORKER)
#endif

/* 9c5d03d36251 ("genetlink: start to validate reserved header bytes") */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 1, 0)
#define COMPAT_GENL_STRICT_HEADERS	.resv_start_op = 1,
#else
#define COMPAT_GENL_STRICT_HEADERS
#endif

/*
 * 44ec98ea5ea9 ("genetlink: add CAP_NET_ADMIN test for multicast bind") and
 * e03781879a0d ("drop_monitor: Require 'CAP_SYS_ADMIN' when joining "events"
 * group") are in all stable trees, where some have a bit for it. Without them
 * everybody could listen.
 */
#ifdef GENL_MCAST_CAP_SYS_ADMIN
#define COMPAT_MCGRP_SYS_ADMIN	.flags = GENL_MCAST_CAP_SYS_ADMIN
#else
#define COMPAT_MCGRP_SYS_ADMIN	.cap_sys_admin = 1
#endif

/*
 * Has current stopped for a tracer since it was marked? Every ptrace_stop()
 * overwrites the message and leaves 0; only during a stop can it be read. Before
 * 336d4b814bf0 ("ptrace: Move setting/clearing ptrace_message into
 * ptrace_stop") it did not, but it did overwrite the exit code, which means
 * nothing while a task lives. There /proc/PID/stat shows the mark.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 18, 0)
#define compat_stop_mark	(current->ptrace_message)
#else
#define compat_stop_mark	(current->exit_code)
#endif

#define COMPAT_NO_STOP	(1 << 16)	/* neither a status nor a signal */

static inline void compat_mark_stop(void)
{
	compat_stop_mark = COMPAT_NO_STOP;
}

static inline bool compat_has_stopped(void)
{
	bool stopped = compat_stop_mark != COMPAT_NO_STOP;

	compat_stop_mark = 0;
	return stopped;
}

/* 7f62d40d9cb5 ("task_work: Introduce task_work_pending") */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 18, 0)
#define compat_task_work_pending()	task_work_pending(current)
#else
#define compat_task_work_pending()	(READ_ONCE(current->task_works) != NULL)
#endif

/*
 * Makes current come to get_signal() before it returns to its program. Before
 * 8ba62d37949e ("task_work: Call tracehook_notify_signal from get_signal on all
 * architectures") TIF_NOTIFY_SIGNAL did not on each; a signal that there is not
 * does, and get_signal() takes the flag away.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 18, 0)
#define compat_visit_get_signal()	set_thread_flag(TIF_NOTIFY_SIGNAL)
#else
#define compat_visit_get_signal()	set_thread_flag(TIF_SIGPENDING)
#endif

/*
 * f5d39b020809 ("freezer,sched: Rewrite core freezer logic"). Before it, a
 * task that need not be frozen said so.
 */
#ifdef TASK_FREEZABLE
#define COMPAT_TASK_FREEZABLE		(TASK_KILLABLE | TASK_FREEZABLE)
#define compat_freezer_do_not_count()	do { } while (0)
#define compat_freezer_count()		do { } while (0)
#else
#define COMPAT_TASK_FREEZABLE		TASK_KILLABLE
#define compat_freezer_do_not_count()	freezer_do_not_count()
#define compat_freezer_count()		freezer_count()
#endif

/*
 * May current be dumped, and so traced, by its user? Whose namespace could read
 * the file that it runs? Both stood in the memory's description before
 * 6b1c66c9cca9 ("exec_state: relocate dumpable information"). Only current
 * replaces its own, so that it may read without a lock.
 */
#ifdef SUID_DUMP_USER
static inline bool compat_is_dumpable(void)
{
	return get_dumpable(current->mm) == SUID_DUMP_USER;
}

static inline struct user_namespace *compat_image_ns(void)
{
	return current->mm->user_ns;
}
#else
#include <linux/sched/exec_state.h>

static inline const struct task_exec_state *compat_exec_state(void)
{
	return rcu_dereference_protected(current->exec_state, true);
}

static inline bool compat_is_dumpable(void)
{
	return READ_ONCE(compat_exec_state()->dumpable) == TASK_DUMPABLE_OWNER;
}

static inline struct user_namespace *compat_image_ns(void)
{
	return compat_exec_state()->user_ns;
}
#endif

/*
 * What the tracepoint of exits says, and whether that is of a process's last
 * thread. 3e816361e94a ("sched/tracepoints: Move and extend the
 * sched_process_exit() tracepoint"). Before it, of two that end at the same
 * time the first one to come may be told by the number of the living that it is
 * the last one, before the other one has noted the peak of their memory; and
 * before d80f7d7b2c75 ("signal: Guarantee that SIGNAL_GROUP_EXIT is set on
 * process exit"), the process's status, if it is the first thread.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
#define COMPAT_EXIT_ARGS	struct task_struct *task, bool group_dead
#define COMPAT_EXIT_LAST	group_dead
#else
#define COMPAT_EXIT_ARGS	struct task_struct *task
#define COMPAT_EXIT_LAST	(!atomic_read(&task->signal->live))
#endif

#endif /* PREFORK_COMPAT_H */
