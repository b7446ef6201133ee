/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PREFORK_SYMBOLS_H
#define PREFORK_SYMBOLS_H

#include <linux/types.h>

struct file;
struct kernel_clone_args;
struct ksignal;
struct pid;
struct pid_namespace;
struct sock;
struct task_struct;

/*
 * Functions that the kernel does not export, under the names they have there.
 *
 * They are called directly, through static calls: an indirect call would trap
 * where the kernel has sealed their entries against those (x86 IBT).
 */

/* Finds all of them or fails, naming in the log the one that is missing. */
int symbols_init(void);

pid_t real_kernel_clone(struct kernel_clone_args *args);
struct pid *real_alloc_pid(struct pid_namespace *ns, pid_t *set_tid,
			   size_t set_tid_size);
void real_free_pid(struct pid *pid);
struct pid *real_pidfd_pid(const struct file *file);
bool real_get_signal(struct ksignal *signal);
bool real_ptrace_may_access(struct task_struct *task, unsigned int mode);
void real_thread_group_cputime_adjusted(struct task_struct *task,
					u64 *utime, u64 *stime);
void real_netlink_table_grab(void);
void real_netlink_table_ungrab(void);
/* That with __ before it, in the grip of those. */
void real_netlink_clear_multicast_users(struct sock *sk, unsigned int group);

#endif /* PREFORK_SYMBOLS_H */
