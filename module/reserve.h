/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PREFORK_RESERVE_H
#define PREFORK_RESERVE_H

#include <linux/types.h>

struct kernel_clone_args;
struct pid;
struct pid_namespace;

int reserve_init(void);
void reserve_exit(void);

/* By how many levels the child's PID namespace is below current's own. */
unsigned int reserve_depth(const struct kernel_clone_args *args);

/*
 * The PID that this call of current is going to give its child, with all the
 * rules of set_tid, as far up from current's own PID namespace as anybody sees
 * it who knows current. No task has it, so nobody can see it. It is to be handed
 * to reserve_redeem() or reserve_return(). ERR_PTR() when the call itself would
 * fail so. Sleeps.
 *
 * Nothing is reserved in a namespace below: with CLONE_NEWPID it does not exist
 * yet; giving back the first PID of a namespace may close it for ever; and the
 * end of a namespace waits for its PIDs to be given back, and kills to that end
 * its own processes only.
 */
struct pid *reserve_pid(const struct kernel_clone_args *args);
void reserve_return(struct pid *pid);

/*
 * In place of alloc_pid(), which has the same arguments: a PID with the numbers
 * of the reserved one, which is given back if it is not that itself. Sleeps.
 *   -EAGAIN  one of its numbers has been taken in the moment when nobody had it
 */
struct pid *reserve_redeem(struct pid *reserved, struct pid_namespace *ns,
			   pid_t *set_tid, size_t set_tid_size);

#endif /* PREFORK_RESERVE_H */
