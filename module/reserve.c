// SPDX-License-Identifier: GPL-2.0
#include "reserve.h"
#include "stats.h"
#include "symbols.h"

#include <linux/err.h>
#include <linux/nsproxy.h>
#include <linux/pid_namespace.h>
#include <linux/sched/task.h>

bool reserve_possible(const struct kernel_clone_args *args)
{
	return !(args->flags & CLONE_NEWPID) &&
	       current->nsproxy->pid_ns_for_children ==
	       task_active_pid_ns(current);
}

struct pid *reserve_pid(const struct kernel_clone_args *args)
{
	struct pid *pid;

	/* The probe lets this pass: nothing of current's is announced yet. */
	pid = real_alloc_pid(current->nsproxy->pid_ns_for_children,
			     args->set_tid, args->set_tid_size);
	if (!IS_ERR(pid))
		stats_inc(PREFORK_STAT_RESERVED);
	return pid;
}

void reserve_return(struct pid *pid)
{
	real_free_pid(pid);
	stats_dec(PREFORK_STAT_RESERVED);
}
