/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PREFORK_TARGET_H
#define PREFORK_TARGET_H

#include <net/genetlink.h>

struct netlink_ext_ack;
struct pid;
struct task_struct;

/*
 * The process that a command is about. Each returns a strong reference, or an
 * ERR_PTR() and says why.
 */

/* What PIDFD or PID names, whatever it is. */
struct pid *target_pid(struct genl_info *info);

/* The leader of the process, which lives and can be seen from current's namespace. */
struct task_struct *target_process(struct pid *pid,
				   struct netlink_ext_ack *extack);

#endif /* PREFORK_TARGET_H */
