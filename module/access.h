/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PREFORK_ACCESS_H
#define PREFORK_ACCESS_H

struct netlink_ext_ack;
struct sk_buff;
struct task_struct;

/* May the sender of this message use the facility? 0 or -EPERM. */
int access_sender(const struct sk_buff *skb, struct netlink_ext_ack *extack);

/* May he interfere with other owners? 0 or -EPERM. */
int access_force(const struct sk_buff *skb, struct netlink_ext_ack *extack);

/* May current watch that process? 0 or -EPERM. Sleeps. */
int access_target(struct task_struct *task, struct netlink_ext_ack *extack);

#endif /* PREFORK_ACCESS_H */
