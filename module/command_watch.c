// SPDX-License-Identifier: GPL-2.0
/* WATCH and UNWATCH. */
#include "access.h"
#include "commands.h"
#include "hooks.h"
#include "owner.h"
#include "stream.h"
#include "target.h"
#include "unwatch.h"
#include "watch.h"

#include <linux/cred.h>
#include <linux/err.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <net/genetlink.h>

#define THREAD_HOLDS	(PREFORK_HOLD_THREAD | PREFORK_HOLD_BIRTH_THREAD)

/* Some holds keep a task from being frozen: not for long, by just anybody. */
static int check_timeout(struct sk_buff *skb, struct genl_info *info,
			 u32 timeout)
{
	if ((timeout && timeout <= PREFORK_TIMEOUT_DEFAULT) ||
	    access_is_privileged(skb))
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[PREFORK_A_TIMEOUT],
			    "holds without a deadline, or for more than 10 seconds, need CAP_SYS_PTRACE");
	return -EPERM;
}

static int parse_options(struct sk_buff *skb, struct genl_info *info,
			 struct watch_options *options)
{
	options->flags = command_u32(info, PREFORK_A_FLAGS, 0);
	options->hold = command_u32(info, PREFORK_A_HOLD, 0);
	options->timeout = command_u32(info, PREFORK_A_TIMEOUT,
				       PREFORK_TIMEOUT_DEFAULT);
	options->events = command_u32(info, PREFORK_A_EVENTS, PREFORK_TELL_ALL);
	if (options->hold & THREAD_HOLDS &&
	    !(options->flags & PREFORK_WATCH_THREADS)) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[PREFORK_A_HOLD],
				    "threads are held only where they are reported: FLAGS lack THREADS");
		return -EINVAL;
	}
	return check_timeout(skb, info, options->timeout);
}

static int check_target(struct task_struct *task, struct genl_info *info)
{
	if (same_thread_group(task, current)) {
		NL_SET_ERR_MSG(info->extack,
			       "a process cannot watch itself: nobody would answer its holds");
		return -EDEADLK;
	}
	return access_target(task, info->extack);
}

static int add_error(int err, struct netlink_ext_ack *extack)
{
	if (err == -EEXIST)
		NL_SET_ERR_MSG(extack, "this socket watches the process already");
	else if (err == -EBUSY)
		NL_SET_ERR_MSG(extack, "another owner watches the process");
	return err;
}

static int owner_error(int err, struct netlink_ext_ack *extack)
{
	if (err == -EMFILE)
		NL_SET_ERR_MSG(extack,
			       "this user watches through as many sockets as he may: see the module's parameter max_user_sockets");
	return err;
}

static int alloc_error(int err, struct netlink_ext_ack *extack)
{
	if (err == -ENOSPC)
		NL_SET_ERR_MSG(extack,
			       "this user watches as many processes as he may: see the module's parameter max_user_watches");
	return err;
}

/*
 * A process that ends now either finds the watch and reports the exit, or is
 * seen to have ended here: its count of threads falls before it looks. One that
 * gets privileges by executing a program finds it and ends it, or is seen to
 * have them here; an exec in another thread has replaced the task as well.
 */
static int look_again(const struct watch *watch, struct netlink_ext_ack *extack)
{
	struct task_struct *task;
	int err;

	smp_mb();	/* pairs with the atomic_dec_and_test() in do_exit() */
	task = target_process(watch->pid, extack);
	if (IS_ERR(task))
		return PTR_ERR(task);
	err = access_target(task, extack);
	put_task_struct(task);
	return err;
}

static void fill_spares(struct watch *watch)
{
	struct task_struct *task = get_pid_task(watch->pid, PIDTYPE_TGID);

	if (!task)
		return;
	watch_fill_spares(watch, task);
	put_task_struct(task);
}

static int add_watch(struct watch *watch, struct netlink_ext_ack *extack)
{
	int err;

	fill_spares(watch);
	err = watch_add(watch_get(watch), NULL);
	if (err) {
		watch_put(watch);
		return add_error(err, extack);
	}
	fill_spares(watch);	/* there may be more by now */
	err = look_again(watch, extack);
	/* Else it has told of its end itself. */
	return err && unwatch_silently(watch) ? err : 0;
}

static int check_owner(const struct owner *owner, struct pid *pid,
		       struct netlink_ext_ack *extack)
{
	if (owner->pid == pid) {
		NL_SET_ERR_MSG(extack,
			       "the process that owns this socket cannot be watched through it");
		return -EDEADLK;
	}
	if (!pid_nr_ns(pid, owner->pid_ns)) {
		NL_SET_ERR_MSG(extack,
			       "the process has no number in the PID namespace of this socket");
		return -ESRCH;
	}
	return 0;
}

static int watch_as(struct owner *owner, struct pid *pid,
		    const struct watch_options *options,
		    struct netlink_ext_ack *extack)
{
	struct watch *watch;
	int err = check_owner(owner, pid, extack);

	if (err)
		return err;
	watch = watch_alloc(owner, pid, current_cred(), options);
	if (IS_ERR(watch))
		return alloc_error(PTR_ERR(watch), extack);
	err = add_watch(watch, extack);
	watch_put(watch);
	return err;
}

static int watch_armed(struct sk_buff *skb, struct genl_info *info,
		       struct pid *pid, const struct watch_options *options)
{
	struct owner *owner;
	int err;

	owner = owner_of_socket(NETLINK_CB(skb).sk, genl_info_net(info),
				info->snd_portid, access_is_privileged(skb),
				stream_deliver);
	if (IS_ERR(owner))
		return owner_error(PTR_ERR(owner), info->extack);
	err = watch_as(owner, pid, options, info->extack);
	owner_put(owner);
	return err;
}

static int watch_process(struct sk_buff *skb, struct genl_info *info,
			 struct pid *pid, struct task_struct *task)
{
	struct watch_options options;
	int err = parse_options(skb, info, &options) ?:
		  check_target(task, info) ?: hooks_get(info->extack);

	if (err)
		return err;
	err = watch_armed(skb, info, pid, &options);
	hooks_put();
	return err;
}

int command_watch(struct sk_buff *skb, struct genl_info *info)
{
	struct task_struct *task;
	struct pid *pid;
	int err = access_sender(skb, info->extack);

	if (err)
		return err;
	pid = target_pid(info);
	if (IS_ERR(pid))
		return PTR_ERR(pid);
	task = target_process(pid, info->extack);
	if (IS_ERR(task)) {
		err = PTR_ERR(task);
	} else {
		err = watch_process(skb, info, pid, task);
		put_task_struct(task);
	}
	put_pid(pid);
	return err;
}

static int unwatch_one(struct owner *owner, struct pid *pid)
{
	struct watch *watch = watch_find(pid);
	int err = -ESRCH;

	if (watch && watch->owner == owner &&
	    unwatch(watch, PREFORK_REASON_REQUEST))
		err = 0;
	watch_put(watch);
	return err;
}

static int unwatch_target(struct owner *owner, struct genl_info *info)
{
	struct pid *pid;
	int err;

	if (!info->attrs[PREFORK_A_PIDFD] && !info->attrs[PREFORK_A_PID]) {
		unwatch_all(owner, PREFORK_REASON_REQUEST);
		return 0;
	}
	pid = target_pid(info);
	if (IS_ERR(pid))
		return PTR_ERR(pid);
	err = unwatch_one(owner, pid);
	if (err)
		NL_SET_ERR_MSG(info->extack,
			       "this socket does not watch that process");
	put_pid(pid);
	return err;
}

int command_unwatch(struct sk_buff *skb, struct genl_info *info)
{
	struct owner *owner = owner_find(NETLINK_CB(skb).sk);
	int err;

	if (!owner) {
		NL_SET_ERR_MSG(info->extack, "this socket watches nothing");
		return -ESRCH;
	}
	err = unwatch_target(owner, info);
	owner_put(owner);
	return err;
}
