// SPDX-License-Identifier: GPL-2.0
#include "event.h"
#include "hooks.h"
#include "netlink.h"
#include "queue.h"
#include "reserve.h"
#include "symbols.h"

#include <linux/module.h>
#include <linux/prefork.h>
#include <linux/rcupdate.h>
#include <linux/workqueue.h>
#include <net/genetlink.h>

static int __init prefork_init(void)
{
	int err;

	err = symbols_init();
	if (err)
		return err;
	err = event_init();
	if (err)
		return err;
	err = queues_init();
	if (err)
		goto err_exit_events;
	err = reserve_init();
	if (err)
		goto err_exit_queues;
	err = hooks_init();
	if (err)
		goto err_exit_reserve;
	err = netlink_init();
	if (err)
		goto err_exit_hooks;
	return 0;

err_exit_hooks:
	hooks_exit();
err_exit_reserve:
	reserve_exit();
err_exit_queues:
	queues_exit();
err_exit_events:
	event_exit();
	return err;
}

/* Works drop watches, whose grace periods drop owners, by works. */
static void settle(void)
{
	queues_settle();
	rcu_barrier();
	queues_settle();
}

static void __exit prefork_exit(void)
{
	/* What is still to be told goes to the group while it is ours. */
	settle();
	netlink_exit();
	hooks_exit();
	settle();
	reserve_exit();
	queues_exit();
	event_exit();
}

module_init(prefork_init);
module_exit(prefork_exit);

MODULE_DESCRIPTION("Follow and hold processes before they are created");
MODULE_AUTHOR("The prefork authors");
MODULE_LICENSE("GPL");
MODULE_ALIAS_GENL_FAMILY(PREFORK_GENL_NAME);
MODULE_VERSION(PREFORK_VERSION);
