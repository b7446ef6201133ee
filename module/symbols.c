// SPDX-License-Identifier: GPL-2.0
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "symbols.h"

#include <linux/kprobes.h>
#include <linux/netlink.h>
#include <linux/pid.h>
#include <linux/printk.h>
#include <linux/ptrace.h>
#include <linux/sched/cputime.h>
#include <linux/sched/task.h>
#include <linux/signal.h>
#include <linux/static_call.h>

/*
 * The kernel refuses to tell addresses, but a kprobe knows where it sits.
 * That may be behind the landing pad of an indirect branch, which a direct
 * call does not need.
 */
static int symbol_find(const char *name, void **address)
{
	struct kprobe probe = {
		.symbol_name = name, .flags = KPROBE_FLAG_DISABLED,
	};
	int err = register_kprobe(&probe);

	if (err) {
		pr_err("this kernel has no usable %s() (error %d); it needs CONFIG_KPROBES and CONFIG_KALLSYMS\n",
		       name, err);
		return err;
	}
	*address = probe.addr;
	unregister_kprobe(&probe);
	return 0;
}

#define SYMBOL(name) DEFINE_STATIC_CALL_NULL(prefork_##name, name)

SYMBOL(kernel_clone);
SYMBOL(alloc_pid);
SYMBOL(free_pid);
SYMBOL(pidfd_pid);
SYMBOL(get_signal);
SYMBOL(ptrace_may_access);
SYMBOL(thread_group_cputime_adjusted);
SYMBOL(netlink_table_grab);
SYMBOL(netlink_table_ungrab);
SYMBOL(__netlink_clear_multicast_users);

#define SYMBOL_FIND(name)						\
({									\
	void *__address;						\
	int __err = symbol_find(#name, &__address);			\
									\
	if (!__err)							\
		static_call_update(prefork_##name,			\
				   (typeof(&name))__address);		\
	__err;								\
})

int symbols_init(void)
{
	return SYMBOL_FIND(kernel_clone) ?:
	       SYMBOL_FIND(alloc_pid) ?:
	       SYMBOL_FIND(free_pid) ?:
	       SYMBOL_FIND(pidfd_pid) ?:
	       SYMBOL_FIND(get_signal) ?:
	       SYMBOL_FIND(ptrace_may_access) ?:
	       SYMBOL_FIND(thread_group_cputime_adjusted) ?:
	       SYMBOL_FIND(netlink_table_grab) ?:
	       SYMBOL_FIND(netlink_table_ungrab) ?:
	       SYMBOL_FIND(__netlink_clear_multicast_users);
}

pid_t real_kernel_clone(struct kernel_clone_args *args)
{
	return static_call(prefork_kernel_clone)(args);
}

struct pid *real_alloc_pid(struct pid_namespace *ns, pid_t *set_tid,
			   size_t set_tid_size)
{
	return static_call(prefork_alloc_pid)(ns, set_tid, set_tid_size);
}

void real_free_pid(struct pid *pid)
{
	static_call(prefork_free_pid)(pid);
}

struct pid *real_pidfd_pid(const struct file *file)
{
	return static_call(prefork_pidfd_pid)(file);
}

bool real_get_signal(struct ksignal *signal)
{
	return static_call(prefork_get_signal)(signal);
}

bool real_ptrace_may_access(struct task_struct *task, unsigned int mode)
{
	return static_call(prefork_ptrace_may_access)(task, mode);
}

void real_thread_group_cputime_adjusted(struct task_struct *task,
					u64 *utime, u64 *stime)
{
	static_call(prefork_thread_group_cputime_adjusted)(task, utime, stime);
}

void real_netlink_table_grab(void)
{
	static_call(prefork_netlink_table_grab)();
}

void real_netlink_table_ungrab(void)
{
	static_call(prefork_netlink_table_ungrab)();
}

void real_netlink_clear_multicast_users(struct sock *sk, unsigned int group)
{
	static_call(prefork___netlink_clear_multicast_users)(sk, group);
}
