// SPDX-License-Identifier: GPL-2.0
/*
 * The generic netlink family: policies, commands, and the end of a socket. What
 * the messages mean is told in uapi/linux/prefork.h.
 */
#include "netlink.h"
#include "access.h"
#include "commands.h"
#include "compat.h"
#include "hooks.h"
#include "limits.h"
#include "message.h"
#include "owner.h"
#include "symbols.h"
#include "unwatch.h"
#include "watch.h"

#include <linux/module.h>
#include <linux/rcupdate.h>
#include <net/genetlink.h>

#define WATCH_FLAGS	(PREFORK_WATCH_TREE | PREFORK_WATCH_THREADS)
#define WATCH_HOLDS	(PREFORK_HOLD_VFORK | PREFORK_HOLD_FORK | \
			 PREFORK_HOLD_THREAD | PREFORK_HOLD_BIRTH | \
			 PREFORK_HOLD_BIRTH_THREAD | PREFORK_HOLD_EXEC)

static struct netlink_range_validation timeout_range = {
	.max = PREFORK_TIMEOUT_MAX,
};

static_assert(PREFORK_TELL_VFORK_DONE ==
	      PREFORK_TELL(PREFORK_EVENT_VFORK_DONE));

static const struct nla_policy watch_policy[PREFORK_A_MAX + 1] = {
	[PREFORK_A_PIDFD]	= { .type = NLA_U32 },
	[PREFORK_A_PID]		= { .type = NLA_U32 },
	[PREFORK_A_FLAGS]	= NLA_POLICY_MASK(NLA_U32, WATCH_FLAGS),
	[PREFORK_A_HOLD]	= NLA_POLICY_MASK(NLA_U32, WATCH_HOLDS),
	[PREFORK_A_TIMEOUT]	= NLA_POLICY_FULL_RANGE(NLA_U32, &timeout_range),
	[PREFORK_A_EVENTS]	= NLA_POLICY_MASK(NLA_U32, PREFORK_TELL_ALL),
};

static const struct nla_policy target_policy[PREFORK_A_MAX + 1] = {
	[PREFORK_A_PIDFD]	= { .type = NLA_U32 },
	[PREFORK_A_PID]		= { .type = NLA_U32 },
};

static const struct nla_policy release_policy[PREFORK_A_MAX + 1] = {
	[PREFORK_A_COOKIE]	= { .type = NLA_U64 },
	[PREFORK_A_VERDICT]	= NLA_POLICY_MAX(NLA_U32,
						 PREFORK_VERDICT_HOLD_CHILD),
	[PREFORK_A_ERRNO]	= NLA_POLICY_RANGE(NLA_U32, 1, DENY_ERRNO_MAX),
	[PREFORK_A_FORCE]	= { .type = NLA_FLAG },
};

static const struct nla_policy empty_policy[PREFORK_A_MAX + 1] = {};

static int cmd_stats(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *reply;
	void *header;
	int err = access_all(skb, info->extack);

	if (err)
		return err;
	reply = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	header = genlmsg_put_reply(reply, info, &prefork_family, 0,
				   PREFORK_CMD_STATS);
	if (!header || message_fill_stats(reply, hooks_armed(),
					  hooks_missed())) {
		nlmsg_free(reply);
		return -EMSGSIZE;
	}
	genlmsg_end(reply, header);
	return genlmsg_reply(reply, info);
}

static const struct genl_ops prefork_ops[] = {
	{
		.cmd = PREFORK_CMD_WATCH,
		.doit = command_watch,
		.policy = watch_policy,
	}, {
		.cmd = PREFORK_CMD_UNWATCH,
		.doit = command_unwatch,
		.policy = target_policy,
	}, {
		.cmd = PREFORK_CMD_RELEASE,
		.doit = command_release,
		.policy = release_policy,
	}, {
		.cmd = PREFORK_CMD_GET,
		.doit = command_get,
		.start = command_get_start,
		.dumpit = command_get_dump,
		.done = command_get_done,
		.policy = target_policy,
	}, {
		.cmd = PREFORK_CMD_STATS,
		.doit = cmd_stats,
		.policy = empty_policy,
	},
};

static const struct genl_multicast_group prefork_groups[] = {
	{ .name = PREFORK_MCGRP_EVENTS, COMPAT_MCGRP_SYS_ADMIN },
};

struct genl_family prefork_family __ro_after_init = {
	.name		= PREFORK_GENL_NAME,
	.version	= PREFORK_GENL_VERSION,
	.maxattr	= PREFORK_A_MAX,
	.module		= THIS_MODULE,
	.netnsok	= true,
	.ops		= prefork_ops,
	.n_ops		= ARRAY_SIZE(prefork_ops),
	.mcgrps		= prefork_groups,
	.n_mcgrps	= ARRAY_SIZE(prefork_groups),
	/* An answer must not wait behind other families' commands. */
	.parallel_ops	= true,
	COMPAT_GENL_STRICT_HEADERS
};

static void owner_died(struct owner *owner)
{
	watch_bar_owner(owner);
	queue_close(&owner->queue);
	unwatch_all(owner, PREFORK_REASON_REQUEST);
	owner_retire(owner);
}

/* Called in the task that closes the socket, or dies with it. */
static int socket_event(struct notifier_block *notifier, unsigned long event,
			void *data)
{
	struct netlink_notify *notify = data;
	struct owner *owner;

	if (event != NETLINK_URELEASE || notify->protocol != NETLINK_GENERIC)
		return NOTIFY_DONE;
	while ((owner = owner_take_closed(notify->net, notify->portid)))
		owner_died(owner);
	return NOTIFY_DONE;
}

static struct notifier_block socket_notifier = {
	.notifier_call = socket_event,
};

static void dismiss_members(void)
{
	if (!genl_has_listeners(&prefork_family, &init_net, 0))
		return;
	real_netlink_table_grab();
	real_netlink_clear_multicast_users(init_net.genl_sock,
					   prefork_family.mcgrp_offset);
	real_netlink_table_ungrab();
}

/*
 * Everybody may join a group that is nobody's yet, and stays in it when a family
 * gets its number. From now on capabilities are asked for; who was let in before
 * but is not entered yet is so after the grace period, unless he has slept, or
 * the kernel is one without preemption.
 */
static void dismiss_early_members(void)
{
	dismiss_members();
	synchronize_rcu_tasks();
	dismiss_members();
}

int netlink_init(void)
{
	int err = netlink_register_notifier(&socket_notifier);

	if (err)
		return err;
	err = genl_register_family(&prefork_family);
	if (err)
		netlink_unregister_notifier(&socket_notifier);
	else
		dismiss_early_members();
	return err;
}

/* There is no owner: it would pin the module. */
void netlink_exit(void)
{
	genl_unregister_family(&prefork_family);
	netlink_unregister_notifier(&socket_notifier);
}
