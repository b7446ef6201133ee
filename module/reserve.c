// SPDX-License-Identifier: GPL-2.0
#include "reserve.h"
#include "stats.h"
#include "symbols.h"

#include <linux/atomic.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/idr.h>
#include <linux/minmax.h>
#include <linux/nsproxy.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched/task.h>

/* The kernel's own, as which any number may be asked for. */
static const struct cred *kernels;

int reserve_init(void)
{
	kernels = prepare_kernel_cred(&init_task);
	return kernels ? 0 : -ENOMEM;
}

void reserve_exit(void)
{
	put_cred(kernels);
}

unsigned int reserve_depth(const struct kernel_clone_args *args)
{
	if (args->flags & CLONE_NEWPID)
		return 1;
	return current->nsproxy->pid_ns_for_children->level -
	       task_active_pid_ns(current)->level;
}

struct pid *reserve_pid(const struct kernel_clone_args *args)
{
	size_t below = min_t(size_t, args->set_tid_size, reserve_depth(args));
	struct pid *pid;

	/* The probe lets this pass: nothing of current's is announced yet. */
	pid = real_alloc_pid(task_active_pid_ns(current),
			     args->set_tid + below, args->set_tid_size - below);
	if (!IS_ERR(pid))
		stats_inc(PREFORK_STAT_RESERVED);
	return pid;
}

void reserve_return(struct pid *pid)
{
	real_free_pid(pid);
	stats_dec(PREFORK_STAT_RESERVED);
}

/* In the namespaces where the reserved PID was, nothing has happened. */
static void restore_cursors(const struct pid *trial, unsigned int depth)
{
	int i;

	for (i = trial->level - depth; i >= 0; i--) {
		const struct upid *upid = &trial->numbers[i];

		/* As ns_last_pid does, without the lock. */
		cmpxchg(&upid->ns->idr.idr_next, upid->nr + 1, upid->nr);
	}
}

/* Such numbers as the kernel gives, or lets current choose. */
static int choose_by_trial(struct pid_namespace *ns, unsigned int depth,
			   pid_t *set_tid, size_t set_tid_size, pid_t *numbers)
{
	struct pid *trial = real_alloc_pid(ns, set_tid, set_tid_size);
	unsigned int i;

	if (IS_ERR(trial))
		return PTR_ERR(trial);
	for (i = 0; i < depth; i++)
		numbers[i] = trial->numbers[trial->level - i].nr;
	restore_cursors(trial, depth);
	real_free_pid(trial);
	return 0;
}

/*
 * The numbers that the child is to have in @ns and the @depth - 1 namespaces
 * above it. The first process of a namespace has number 1 there: that must not
 * be tried, for who gives it back may close the namespace for ever.
 */
static int choose_numbers(struct pid_namespace *ns, unsigned int depth,
			  pid_t *set_tid, size_t set_tid_size, pid_t *numbers)
{
	for (; depth; depth--, ns = ns->parent, numbers++) {
		if (READ_ONCE(ns->child_reaper) ||
		    (set_tid_size && *set_tid != 1))
			return choose_by_trial(ns, depth, set_tid, set_tid_size,
					       numbers);
		if (set_tid_size) {
			if (!checkpoint_restore_ns_capable(ns->user_ns))
				return -EPERM;
			set_tid++;
			set_tid_size--;
		}
		*numbers = 1;
	}
	return 0;
}

/* All numbers are given; and who may choose them has been asked before. */
static struct pid *alloc_as_kernel(struct pid_namespace *ns, pid_t *numbers)
{
	const struct cred *own = override_creds(kernels);
	struct pid *pid = real_alloc_pid(ns, numbers, ns->level + 1);

	revert_creds(own);
	return pid;
}

static struct pid *alloc_with(struct pid_namespace *ns, pid_t *numbers,
			      bool asked)
{
	bool first = !READ_ONCE(ns->child_reaper);
	struct pid *pid = alloc_as_kernel(ns, numbers);

	if (IS_ERR(pid))
		return PTR_ERR(pid) == -ENOMEM ? pid : ERR_PTR(-EAGAIN);
	/* The kernel's own choice would move what ns_last_pid shows. */
	if (first && !asked)
		idr_set_cursor(&ns->idr, 2);
	return pid;
}

struct pid *reserve_redeem(struct pid *reserved, struct pid_namespace *ns,
			   pid_t *set_tid, size_t set_tid_size)
{
	pid_t numbers[MAX_PID_NS_LEVEL + 1];
	unsigned int depth = ns->level - reserved->level, i;
	int err;

	if (!depth) {
		stats_dec(PREFORK_STAT_RESERVED);
		return reserved;
	}
	err = choose_numbers(ns, depth, set_tid,
			     min_t(size_t, set_tid_size, depth), numbers);
	for (i = 0; i <= reserved->level; i++)
		numbers[depth + i] = reserved->numbers[reserved->level - i].nr;
	reserve_return(reserved);
	return err ? ERR_PTR(err) : alloc_with(ns, numbers, set_tid_size);
}
