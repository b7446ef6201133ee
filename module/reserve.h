/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PREFORK_RESERVE_H
#define PREFORK_RESERVE_H

#include <linux/types.h>

struct kernel_clone_args;
struct pid;

/*
 * Can the PID of the child be allocated before the call? Not where the child
 * is the first of its namespace or lives in another one than its parent:
 *  - with CLONE_NEWPID the namespace does not exist yet;
 *  - giving back the first PID of a namespace closes it for ever;
 *  - the end of a namespace waits for its PIDs to be given back, and kills to
 *    that end its own processes only: one that is parked outside, and never
 *    restarts its call, would block it.
 */
bool reserve_possible(const struct kernel_clone_args *args);

/*
 * The PID that this call of current is going to give its child, with all the
 * rules of set_tid. No task has it, so nobody can see it. It is to be handed
 * to copy_process() or to reserve_return(). ERR_PTR() when the call itself
 * would fail so. Sleeps.
 */
struct pid *reserve_pid(const struct kernel_clone_args *args);
void reserve_return(struct pid *pid);

#endif /* PREFORK_RESERVE_H */
