// SPDX-License-Identifier: GPL-2.0
/*
 * LOCKING: park_lock guards the list. It is raw and interrupt-safe because
 * probes and tracepoints look into it. Few tasks are ever in it at a time, and
 * none most of the time, which park_count tells without the lock.
 */
#include "park.h"
#include "announcement.h"
#include "stats.h"
#include "watch.h"

#include <linux/list.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

static DEFINE_RAW_SPINLOCK(park_lock);
static HLIST_HEAD(parked);
static unsigned int park_count;	/* park_lock; lockless readers */

static void park_remove(struct announcement *announcement)
{
	lockdep_assert_held(&park_lock);
	hlist_del_init(&announcement->parked);
	WRITE_ONCE(park_count, park_count - 1);
}

/*
 * Who ends a watch first marks it gone and then empties the table of what
 * belongs to it; this enters and then looks at the mark. Both take the lock,
 * so that one of them sees the other.
 */
void park(struct announcement *announcement)
{
	struct announcement *orphan = NULL;
	unsigned long flags;

	stats_inc(PREFORK_STAT_PARKED);
	raw_spin_lock_irqsave(&park_lock, flags);
	if (READ_ONCE(announcement->watch->gone)) {
		orphan = announcement;
	} else {
		hlist_add_head(&announcement->parked, &parked);
		WRITE_ONCE(park_count, park_count + 1);
	}
	raw_spin_unlock_irqrestore(&park_lock, flags);
	if (orphan)
		announcement_abandon(orphan);
}

struct announcement *unpark(struct task_struct *task)
{
	struct announcement *announcement, *found = NULL;
	unsigned long flags;

	if (!READ_ONCE(park_count))
		return NULL;
	raw_spin_lock_irqsave(&park_lock, flags);
	hlist_for_each_entry(announcement, &parked, parked) {
		if (announcement->task == task) {
			found = announcement;
			park_remove(found);
			break;
		}
	}
	raw_spin_unlock_irqrestore(&park_lock, flags);
	return found;
}

struct announcement *unpark_any(const struct watch *watch)
{
	struct announcement *announcement, *found = NULL;
	unsigned long flags;

	raw_spin_lock_irqsave(&park_lock, flags);
	hlist_for_each_entry(announcement, &parked, parked) {
		if (announcement->watch == watch) {
			found = announcement;
			park_remove(found);
			break;
		}
	}
	raw_spin_unlock_irqrestore(&park_lock, flags);
	return found;
}

bool notrace park_peek(void)
{
	struct announcement *announcement;
	unsigned long flags;
	bool found = false;

	if (!READ_ONCE(park_count))
		return false;
	raw_spin_lock_irqsave(&park_lock, flags);
	hlist_for_each_entry(announcement, &parked, parked)
		found |= announcement->task == current;
	raw_spin_unlock_irqrestore(&park_lock, flags);
	return found;
}
