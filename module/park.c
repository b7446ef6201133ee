// SPDX-License-Identifier: GPL-2.0
#include "park.h"
#include "announcement.h"
#include "stats.h"
#include "watch.h"

#include <asm/barrier.h>
#include <linux/atomic.h>
#include <linux/kernel.h>
#include <linux/sched.h>

static struct by_task_table parked;

void park_init(void)
{
	by_task_init(&parked, NULL);
}

/*
 * Who ends a watch first marks it gone and then empties the table of what
 * belongs to it; this looks at the mark where it enters. Both take the lock, so
 * that one of them sees the other. So they do where there is nothing to be
 * looked for: this counts before it looks.
 */
void park(struct announcement *announcement)
{
	struct watch *watch = announcement->watch;

	stats_inc(PREFORK_STAT_PARKED);
	atomic_inc(&watch->parked);
	/* Pairs with that in unpark_any(). */
	smp_mb__after_atomic();
	if (by_task_add_unless(&parked, &announcement->parked, current,
			       &watch->gone))
		return;
	atomic_dec(&watch->parked);
	announcement_abandon(announcement);
}

static struct announcement *taken(struct by_task *entry)
{
	struct announcement *announcement;

	if (!entry)
		return NULL;
	announcement = container_of(entry, struct announcement, parked);
	atomic_dec(&announcement->watch->parked);
	return announcement;
}

struct announcement *unpark(void)
{
	return taken(by_task_take(&parked));
}

static bool is_for(const struct by_task *entry, const void *watch)
{
	return container_of(entry, struct announcement, parked)->watch == watch;
}

struct announcement *unpark_any(const struct watch *watch)
{
	smp_mb();	/* who is not counted yet sees that the watch has gone */
	if (!atomic_read(&watch->parked))
		return NULL;
	return taken(by_task_take_any(&parked, is_for, watch));
}

bool notrace park_peek(void)
{
	return by_task_current(&parked);
}
