// SPDX-License-Identifier: GPL-2.0
#include "access.h"
#include "compat.h"
#include "symbols.h"

#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/moduleparam.h>
#include <linux/net.h>
#include <linux/netlink.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/user_namespace.h>
#include <net/sock.h>

static bool unprivileged;
module_param(unprivileged, bool, 0644);
MODULE_PARM_DESC(unprivileged,
		 "users may watch what they may trace, without CAP_SYS_PTRACE");

/*
 * Both who opened the socket and who sends must be entitled, or a set-user-ID
 * program could be made to write a command to a socket that it was given.
 */
static bool sender_has(const struct sk_buff *skb, int cap)
{
	const struct file *file = NETLINK_CB(skb).sk->sk_socket->file;

	/* netlink_capable() asks for the opener only where no address is
	 * given, which libraries do.
	 */
	return file && file_ns_capable(file, &init_user_ns, cap) &&
	       netlink_capable(skb, cap);
}

bool access_is_privileged(const struct sk_buff *skb)
{
	return sender_has(skb, CAP_SYS_PTRACE);
}

/* Nor may the sender have more than the opener, if not the capability. */
static bool opened_by_sender(const struct sk_buff *skb)
{
	const struct file *file = NETLINK_CB(skb).sk->sk_socket->file;
	const struct cred *sender = current_cred();

	return file && file->f_cred->user_ns == sender->user_ns &&
	       uid_eq(file->f_cred->uid, sender->uid) &&
	       uid_eq(file->f_cred->euid, sender->euid) &&
	       gid_eq(file->f_cred->gid, sender->gid) &&
	       gid_eq(file->f_cred->egid, sender->egid) &&
	       cap_issubset(sender->cap_permitted,
			    file->f_cred->cap_permitted);
}

int access_sender(const struct sk_buff *skb, struct netlink_ext_ack *extack)
{
	if (access_is_privileged(skb))
		return 0;
	if (!READ_ONCE(unprivileged)) {
		NL_SET_ERR_MSG(extack,
			       "CAP_SYS_PTRACE in the initial user namespace is needed, or the module's parameter unprivileged=1");
		return -EPERM;
	}
	if (!opened_by_sender(skb)) {
		NL_SET_ERR_MSG(extack,
			       "the socket was opened by another user, or with fewer capabilities, than sends");
		return -EPERM;
	}
	return 0;
}

int access_all(const struct sk_buff *skb, struct netlink_ext_ack *extack)
{
	if (access_is_privileged(skb))
		return 0;
	NL_SET_ERR_MSG(extack,
		       "CAP_SYS_PTRACE in the initial user namespace is needed");
	return -EPERM;
}

int access_force(const struct sk_buff *skb, struct netlink_ext_ack *extack)
{
	if (sender_has(skb, CAP_SYS_ADMIN))
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

bool access_may_see(struct task_struct *task)
{
	return real_ptrace_may_access(task, PTRACE_MODE_ATTACH_REALCREDS |
					    PTRACE_MODE_NOAUDIT);
}

/* CAP_SYS_PTRACE, as capabilities(7) says who has it in another namespace. */
static bool may_trace_in(const struct cred *watcher,
			 const struct user_namespace *ns)
{
	for (; ns; ns = ns->parent) {
		if (ns == watcher->user_ns)
			return cap_raised(watcher->cap_effective,
					  CAP_SYS_PTRACE);
		if (ns->parent == watcher->user_ns &&
		    uid_eq(ns->owner, watcher->euid))
			return true;
	}
	return false;
}

static bool has_ids_of(const struct cred *watcher, const struct cred *task)
{
	return uid_eq(watcher->uid, task->euid) &&
	       uid_eq(watcher->uid, task->suid) &&
	       uid_eq(watcher->uid, task->uid) &&
	       gid_eq(watcher->gid, task->egid) &&
	       gid_eq(watcher->gid, task->sgid) &&
	       gid_eq(watcher->gid, task->gid);
}

/*
 * ptrace_may_access() would not do: it lets a task, which this runs in, see
 * itself. These are its rules, but for those of security modules about
 * who traces whom: they were asked when the watch began.
 */
bool access_lasts(const struct cred *watcher)
{
	const struct cred *task = current_real_cred();

	if (!may_trace_in(watcher, task->user_ns) &&
	    !(has_ids_of(watcher, task) &&
	      watcher->user_ns == task->user_ns &&
	      cap_issubset(task->cap_permitted, watcher->cap_permitted)))
		return false;
	/* Who exits has no memory any more on some kernels: not asked on any. */
	return current->flags & PF_EXITING || compat_is_dumpable() ||
	       may_trace_in(watcher, compat_image_ns());
}
