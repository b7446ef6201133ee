/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PREFORK_CLONE_H
#define PREFORK_CLONE_H

#include <linux/types.h>

struct kernel_clone_args;
struct pid;
struct pid_namespace;

/* For the probe on kernel_clone(): is this call to be taken? */
bool clone_is_reported(const struct kernel_clone_args *args);

/* Stands in for kernel_clone(). Whoever sends a task here pins the module. */
pid_t prefork_clone(struct kernel_clone_args *args);

/* For the probe on alloc_pid(): is this call to be taken? */
bool clone_takes_alloc(void);

/* Stands in for alloc_pid() inside prefork_clone(). */
struct pid *prefork_alloc_pid(struct pid_namespace *ns, pid_t *set_tid,
			      size_t set_tid_size);

#endif /* PREFORK_CLONE_H */
