// SPDX-License-Identifier: GPL-2.0
/*
 * LOCKING: watch_lock guards the table, each owner's list and the flags
 * watch->gone and owner->dead. It is raw and interrupt-safe because
 * tracepoints enter and remove watches; nothing is allocated, freed or woken
 * under it. Readers of the table use RCU.
 */
#include "watch.h"
#include "account.h"
#include "event.h"
#include "limits.h"
#include "owner.h"
#include "stats.h"

#include <linux/cred.h>
#include <linux/err.h>
#include <linux/hash.h>
#include <linux/hashtable.h>
#include <linux/pid.h>
#include <linux/rculist.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

static DEFINE_RAW_SPINLOCK(watch_lock);
static DEFINE_HASHTABLE(watches, WATCH_HASH_BITS);
static atomic_t watch_count = ATOMIC_INIT(0);
static void (*watch_on_idle)(void);

void watches_init(void (*on_idle)(void))
{
	watch_on_idle = on_idle;
}

bool watches_any(void)
{
	return atomic_read(&watch_count);
}

static struct watch *watch_alloc_memory(void)
{
	struct watch *watch = kzalloc(sizeof(*watch), GFP_KERNEL_ACCOUNT);

	if (!watch)
		return NULL;
	INIT_LIST_HEAD(&watch->spares);
	watch->exit = event_alloc(GFP_KERNEL);
	if (!watch->exit) {
		kfree(watch);
		return NULL;
	}
	return watch;
}

struct watch *watch_alloc(struct owner *owner, struct pid *pid,
			  const struct cred *cred,
			  const struct watch_options *options)
{
	struct watch *watch;

	if (!account_charge(owner->account, ACCOUNT_WATCHES))
		return ERR_PTR(-ENOSPC);
	watch = watch_alloc_memory();
	if (!watch) {
		account_uncharge(owner->account, ACCOUNT_WATCHES);
		return ERR_PTR(-ENOMEM);
	}
	refcount_set(&watch->refs, 1);
	watch->owner = owner_get(owner);
	watch->pid = get_pid(pid);
	watch->cred = get_cred(cred);
	watch->options = *options;
	return watch;
}

struct watch *watch_alloc_child(const struct watch *parent)
{
	return watch_alloc(parent->owner, NULL, parent->cred,
			   &parent->options);
}

static struct watch *watch_lookup(struct pid *pid)
{
	struct watch *watch;

	hash_for_each_possible_rcu(watches, watch, node, (unsigned long)pid,
				   lockdep_is_held(&watch_lock))
		if (watch->pid == pid)
			return watch;
	return NULL;
}

static int watch_add_locked(struct watch *watch, const struct watch *parent)
{
	struct watch *present;

	lockdep_assert_held(&watch_lock);
	if (watch->owner->dead || (parent && parent->gone))
		return -ESRCH;
	present = watch_lookup(watch->pid);
	if (present && present->owner != watch->owner)
		return -EBUSY;
	if (present) {
		WRITE_ONCE(watch->twin, true);
		return -EEXIST;
	}
	hash_add_rcu(watches, &watch->node, (unsigned long)watch->pid);
	list_add_tail(&watch->by_owner, &watch->owner->watches);
	atomic_inc(&watch_count);
	return 0;
}

int watch_add(struct watch *watch, const struct watch *parent)
{
	unsigned long flags;
	int err;

	raw_spin_lock_irqsave(&watch_lock, flags);
	err = watch_add_locked(watch, parent);
	raw_spin_unlock_irqrestore(&watch_lock, flags);
	if (!err)
		stats_inc(PREFORK_STAT_WATCHES);
	return err;
}

bool watch_remove(struct watch *watch)
{
	unsigned long flags;
	bool removed;

	raw_spin_lock_irqsave(&watch_lock, flags);
	removed = !watch->gone;
	if (removed) {
		WRITE_ONCE(watch->gone, true);
		hash_del_rcu(&watch->node);
		list_del(&watch->by_owner);
	}
	raw_spin_unlock_irqrestore(&watch_lock, flags);
	if (!removed)
		return false;
	stats_dec(PREFORK_STAT_WATCHES);
	if (atomic_dec_and_test(&watch_count))
		watch_on_idle();
	return true;
}

void watch_bar_owner(struct owner *owner)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&watch_lock, flags);
	owner->dead = true;
	raw_spin_unlock_irqrestore(&watch_lock, flags);
}

struct watch *watch_find(struct pid *pid)
{
	struct watch *watch;

	rcu_read_lock();
	watch = watch_lookup(pid);
	if (watch && !refcount_inc_not_zero(&watch->refs))
		watch = NULL;
	rcu_read_unlock();
	return watch;
}

struct watch *watch_first_of(struct owner *owner)
{
	unsigned long flags;
	struct watch *watch;

	raw_spin_lock_irqsave(&watch_lock, flags);
	watch = list_first_entry_or_null(&owner->watches, struct watch,
					 by_owner);
	if (watch)
		watch_get(watch);
	raw_spin_unlock_irqrestore(&watch_lock, flags);
	return watch;
}

bool notrace watch_peek(struct pid *pid, struct watch_options *options)
{
	struct watch *watch;

	rcu_read_lock();
	watch = watch_lookup(pid);
	if (watch)
		*options = watch->options;
	rcu_read_unlock();
	return watch;
}

int watch_for_each(int start, int *skip,
		   int (*visit)(struct watch *watch, void *context),
		   void *context)
{
	struct watch *watch;
	int bucket, nth;

	rcu_read_lock();
	for (bucket = start; bucket < HASH_SIZE(watches); bucket++) {
		nth = 0;
		hlist_for_each_entry_rcu(watch, &watches[bucket], node) {
			if (nth++ < *skip)
				continue;
			if (visit(watch, context)) {
				*skip = nth - 1;
				goto out;
			}
		}
		*skip = 0;
	}
	bucket = -1;
out:
	rcu_read_unlock();
	return bucket;
}

bool watch_wait_room(struct watch *watch)
{
	return queue_wait_room(&watch->owner->queue, watch->options.timeout,
			       &watch->gone);
}

void watch_report(struct watch *watch, struct event *event)
{
	queue_offer(&watch->owner->queue, event, watch->options.timeout,
		    &watch->gone);
}

void watch_give_spare(struct watch *watch, struct event *spare)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&watch_lock, flags);
	list_add(&spare->node, &watch->spares);
	WRITE_ONCE(watch->spare_count, watch->spare_count + 1);
	raw_spin_unlock_irqrestore(&watch_lock, flags);
}

struct event *watch_take_spare(struct watch *watch)
{
	unsigned long flags;
	struct event *spare;

	raw_spin_lock_irqsave(&watch_lock, flags);
	spare = list_first_entry_or_null(&watch->spares, struct event, node);
	if (spare) {
		list_del(&spare->node);
		WRITE_ONCE(watch->spare_count, watch->spare_count - 1);
	}
	raw_spin_unlock_irqrestore(&watch_lock, flags);
	return spare;
}

void watch_fill_spares(struct watch *watch, struct task_struct *task)
{
	struct event *spare;

	if (!watch_tells_thread_ends(watch))
		return;
	/* A thread creates one at a time. */
	while (READ_ONCE(watch->spare_count) < 2 * get_nr_threads(task)) {
		spare = event_alloc(GFP_KERNEL);
		if (!spare)
			return;
		watch_give_spare(watch, spare);
	}
}

struct watch *watch_get(struct watch *watch)
{
	refcount_inc(&watch->refs);
	return watch;
}

static void watch_free(struct rcu_head *rcu)
{
	struct watch *watch = container_of(rcu, struct watch, rcu);
	struct event *spare, *next;

	/* There may be very many: not all in one callback. */
	list_for_each_entry_safe(spare, next, &watch->spares, node)
		event_free_atomic(spare);
	event_free(watch->exit);
	put_pid(watch->pid);
	put_cred(watch->cred);
	owner_put(watch->owner);
	kfree(watch);
}

void watch_put(struct watch *watch)
{
	if (!watch || !refcount_dec_and_test(&watch->refs))
		return;
	/* Not a grace period later: the user may need the place at once. */
	account_uncharge(watch->owner->account, ACCOUNT_WATCHES);
	call_rcu(&watch->rcu, watch_free);
}
