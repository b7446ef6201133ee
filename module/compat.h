/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between kernels, and the only file that may name a version.
 */
#ifndef PREFORK_COMPAT_H
#define PREFORK_COMPAT_H

#include <linux/freezer.h>
#include <linux/sched.h>
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
 * its successor, both in all stable trees. Without it everybody could listen.
 */
#ifndef GENL_MCAST_CAP_SYS_ADMIN
#error "this kernel cannot restrict multicast groups; update its headers"
#endif
#define COMPAT_MCGRP_SYS_ADMIN	.flags = GENL_MCAST_CAP_SYS_ADMIN

/*
 * Has current stopped for a tracer since it was marked? Every ptrace_stop()
 * overwrites the message and leaves 0; only during a stop can it be read. Before
 * 336d4b814bf0 ("ptrace: Move setting/clearing ptrace_message into
 * ptrace_stop") it did not: take any tracer for one that had it stop.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 18, 0)
static inline void compat_mark_stop(void)
{
	current->ptrace_message = 1;
}

static inline bool compat_has_stopped(void)
{
	bool stopped = !current->ptrace_message;

	current->ptrace_message = 0;
	return stopped;
}
#else
static inline void compat_mark_stop(void)
{
}

static inline bool compat_has_stopped(void)
{
	return current->ptrace;
}
#endif

/* 7f62d40d9cb5 ("task_work: Introduce task_work_pending") */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 18, 0)
#define compat_task_work_pending()	task_work_pending(current)
#else
#define compat_task_work_pending()	(READ_ONCE(current->task_works) != NULL)
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

#endif /* PREFORK_COMPAT_H */
