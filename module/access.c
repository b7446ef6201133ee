// SPDX-License-Identifier: GPL-2.0
#include "access.h"
#include "symbols.h"

#include <linux/capability.h>
#include <linux/netlink.h>
#include <linux/ptrace.h>
#include <linux/sched.h>

/*
 * Both who opened the socket and who sends must be entitled, or a set-user-ID
 * program could be made to write a command to a socket that it was given.
 */
int access_sender(const struct sk_buff *skb, struct netlink_ext_ack *extack)
{
	if (netlink_capable(skb, CAP_SYS_PTRACE))
		return 0;
	NL_SET_ERR_MSG(extack,
		       "CAP_SYS_PTRACE in the initial user namespace is needed");
	return -EPERM;
}

int access_force(const struct sk_buff *skb, struct netlink_ext_ack *extack)
{
	if (netlink_capable(skb, CAP_SYS_ADMIN))
		return 0;
	NL_SET_ERR_MSG(extack,
		       "FORCE needs CAP_SYS_ADMIN in the initial user namespace");
	return -EPERM;
}

int access_target(struct task_struct *task, struct netlink_ext_ack *extack)
{
	if (task->flags & PF_KTHREAD) {
		NL_SET_ERR_MSG(extack, "kernel threads cannot be watched");
		return -EPERM;
	}
	if (!real_ptrace_may_access(task, PTRACE_MODE_ATTACH_REALCREDS)) {
		NL_SET_ERR_MSG(extack,
			       "no permission to attach to the process with ptrace");
		return -EPERM;
	}
	return 0;
}
