/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PREFORK_BIRTH_H
#define PREFORK_BIRTH_H

#include <linux/types.h>

struct task_struct;

/*
 * What the tracepoints of process life report, each called in the task that
 * does it. They do not sleep, and they take what locks and RCU they need, for
 * it depends on the kernel whether its tracepoints can be preempted.
 */
void birth_fork(struct task_struct *child);	/* in the parent, before
						 * the child first runs */
void birth_exec(pid_t old_tid);
void birth_exit(bool last);	/* of the threads of its process */

#endif /* PREFORK_BIRTH_H */
