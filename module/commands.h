/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PREFORK_COMMANDS_H
#define PREFORK_COMMANDS_H

#include <linux/types.h>
#include <net/genetlink.h>

struct netlink_callback;
struct sk_buff;

extern struct genl_family prefork_family;	/* netlink.c */

/* What the family's operations call, several at a time, in whoever asks. */
int command_watch(struct sk_buff *skb, struct genl_info *info);
int command_unwatch(struct sk_buff *skb, struct genl_info *info);
int command_release(struct sk_buff *skb, struct genl_info *info);

/* The later parts of a dump are made in whoever reads. */
int command_get(struct sk_buff *skb, struct genl_info *info);
int command_get_start(struct netlink_callback *cb);
int command_get_dump(struct sk_buff *skb, struct netlink_callback *cb);
int command_get_done(struct netlink_callback *cb);

static inline u32 command_u32(struct genl_info *info, int attr, u32 otherwise)
{
	return info->attrs[attr] ? nla_get_u32(info->attrs[attr]) : otherwise;
}

#endif /* PREFORK_COMMANDS_H */
