/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PREFORK_ACCESS_H
#define PREFORK_ACCESS_H

#include <linux/types.h>

struct cred;
struct netlink_ext_ack;
struct sk_buff;
struct task_struct;

/*
 * Who may do what; docs/security.md has the table. Functions that take an
 * extack return 0 or -EPERM, and then say why.
 */

/* Has the sender CAP_SYS_PTRACE, on a socket that was opened with it? */
bool access_is_privileged(const struct sk_buff *skb);

/* May the sender use the facility? */
int access_sender(const struct sk_buff *skb, struct netlink_ext_ack *extack);

/* May he know of everybody's watches? */
int access_all(const struct sk_buff *skb, struct netlink_ext_ack *extack);

/* May he interfere with other owners? */
int access_force(const struct sk_buff *skb, struct netlink_ext_ack *extack);

/*
 * May current watch that process? To be asked again when the watch is there: it
 * may have got privileges in between, by a program that it began before.
 */
int access_target(struct task_struct *task, struct netlink_ext_ack *extack);

/* As above, without a word to anybody. Does not sleep. */
bool access_may_see(struct task_struct *task);

/*
 * May one with these credentials, who was allowed to watch current, still do
 * so? Any context.
 */
bool access_lasts(const struct cred *watcher);

#endif /* PREFORK_ACCESS_H */
