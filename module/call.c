// SPDX-License-Identifier: GPL-2.0
#include "call.h"
#include "stats.h"

#include <linux/kernel.h>
#include <linux/sched.h>

static struct by_task_table calls;

void calls_init(void (*on_idle)(void))
{
	by_task_init(&calls, on_idle);
}

bool calls_any(void)
{
	return by_task_any(&calls);
}

void call_enter(struct call *call)
{
	stats_inc(PREFORK_STAT_CALLS);
	by_task_add(&calls, &call->entry, current);
}

void call_leave(struct call *call)
{
	stats_dec(PREFORK_STAT_CALLS);
	by_task_del(&calls, &call->entry);
}

struct call *notrace call_current(void)
{
	struct by_task *entry = by_task_current(&calls);

	return entry ? container_of(entry, struct call, entry) : NULL;
}
