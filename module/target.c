// SPDX-License-Identifier: GPL-2.0
#include "target.h"
#include "symbols.h"

#include <linux/err.h>
#include <linux/file.h>
#include <linux/pid.h>
#include <linux/prefork.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

static struct pid *pidfd_target(struct genl_info *info)
{
	struct nlattr *attr = info->attrs[PREFORK_A_PIDFD];
	struct file *file = fget(nla_get_u32(attr));
	struct pid *pid = ERR_PTR(-EBADF);

	if (file) {
		pid = real_pidfd_pid(file);
		if (!IS_ERR(pid))
			get_pid(pid);
		fput(file);
	}
	if (IS_ERR(pid))
		NL_SET_ERR_MSG_ATTR(info->extack, attr, "not a pidfd");
	return pid;
}

static struct pid *number_target(struct genl_info *info)
{
	struct nlattr *attr = info->attrs[PREFORK_A_PID];
	struct pid *pid = find_get_pid(nla_get_u32(attr));

	if (pid)
		return pid;
	NL_SET_ERR_MSG_ATTR(info->extack, attr, "no such process");
	return ERR_PTR(-ESRCH);
}

struct pid *target_pid(struct genl_info *info)
{
	if (!info->attrs[PREFORK_A_PIDFD] == !info->attrs[PREFORK_A_PID]) {
		NL_SET_ERR_MSG(info->extack,
			       "exactly one of PIDFD and PID is needed");
		return ERR_PTR(-EINVAL);
	}
	return info->attrs[PREFORK_A_PIDFD] ? pidfd_target(info) :
					      number_target(info);
}

static bool process_has_ended(struct task_struct *task)
{
	return !atomic_read(&task->signal->live);
}

struct task_struct *target_process(struct pid *pid,
				   struct netlink_ext_ack *extack)
{
	struct task_struct *task = get_pid_task(pid, PIDTYPE_TGID);
	struct task_struct *thread;

	if (task && !process_has_ended(task) && pid_vnr(pid))
		return task;
	if (task)
		put_task_struct(task);
	else if ((thread = get_pid_task(pid, PIDTYPE_PID))) {
		put_task_struct(thread);
		NL_SET_ERR_MSG(extack, "this is a thread; name its process");
		return ERR_PTR(-EINVAL);
	}
	NL_SET_ERR_MSG(extack, "no such process, or it has ended");
	return ERR_PTR(-ESRCH);
}
