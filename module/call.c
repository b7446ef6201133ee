// SPDX-License-Identifier: GPL-2.0
/*
 * LOCKING: the probe handlers look calls up, so the buckets' locks are raw.
 * Nothing that a probe sits on is called under them.
 */
#include "call.h"
#include "limits.h"
#include "stats.h"

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/hash.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

static struct bucket {
	raw_spinlock_t lock;
	struct hlist_head calls;
} ____cacheline_aligned_in_smp buckets[1 << CALL_HASH_BITS];

static atomic_t call_count = ATOMIC_INIT(0);
static void (*call_on_idle)(void);

void calls_init(void (*on_idle)(void))
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(buckets); i++)
		raw_spin_lock_init(&buckets[i].lock);
	call_on_idle = on_idle;
}

bool calls_any(void)
{
	return atomic_read(&call_count);
}

static struct bucket *notrace bucket_of(const struct task_struct *task)
{
	return &buckets[hash_ptr(task, CALL_HASH_BITS)];
}

void call_enter(struct call *call)
{
	struct bucket *bucket = bucket_of(current);
	unsigned long flags;

	atomic_inc(&call_count);
	stats_inc(PREFORK_STAT_CALLS);
	call->task = current;
	raw_spin_lock_irqsave(&bucket->lock, flags);
	hlist_add_head(&call->node, &bucket->calls);
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
}

void call_leave(struct call *call)
{
	struct bucket *bucket = bucket_of(current);
	unsigned long flags;

	raw_spin_lock_irqsave(&bucket->lock, flags);
	hlist_del(&call->node);
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
	stats_dec(PREFORK_STAT_CALLS);
	if (atomic_dec_and_test(&call_count))
		call_on_idle();
}

struct call *notrace call_current(void)
{
	struct bucket *bucket = bucket_of(current);
	struct call *call, *found = NULL;
	unsigned long flags;

	raw_spin_lock_irqsave(&bucket->lock, flags);
	hlist_for_each_entry(call, &bucket->calls, node)
		if (call->task == current)
			found = call;
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
	return found;
}
