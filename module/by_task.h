/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PREFORK_BY_TASK_H
#define PREFORK_BY_TASK_H

#include "limits.h"

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct task_struct;

/*
 * What belongs to a task while it is there, found by that task: each task has
 * at most one entry in a table. Where it alone takes that out it may use what it
 * finds without a lock or a reference. Else who takes one out owns it.
 */
struct by_task {
	struct hlist_node node;			/* the bucket's lock */
	struct task_struct *task;
};

/*
 * LOCKING: probe handlers look entries up, so the locks are raw. Nothing that
 * a probe sits on is called under them.
 */
struct by_task_table {
	struct by_task_bucket {
		raw_spinlock_t lock;
		struct hlist_head entries;
	} ____cacheline_aligned_in_smp buckets[1 << BY_TASK_HASH_BITS];
	atomic_t count;
	void (*on_idle)(void);
};

/*
 * @on_idle, if there is one, is called, in any context, when the last entry has
 * gone.
 */
void by_task_init(struct by_task_table *table, void (*on_idle)(void));
bool by_task_any(const struct by_task_table *table);

/* Any context. */
void by_task_add(struct by_task_table *table, struct by_task *entry,
		 struct task_struct *task);
void by_task_del(struct by_task_table *table, struct by_task *entry);

/* False: not, for *@gone, which is looked at under the lock. */
bool by_task_add_unless(struct by_task_table *table, struct by_task *entry,
			struct task_struct *task, const bool *gone);

/*
 * Takes out the one of current, or any one that is chosen (under the lock), or
 * NULL. Each is given to one only. Any context.
 */
struct by_task *by_task_take(struct by_task_table *table);
struct by_task *
by_task_take_any(struct by_task_table *table,
		 bool (*chosen)(const struct by_task *entry, const void *by),
		 const void *by);

/* The one of current, or NULL. Any context, probes included. */
struct by_task *by_task_current(struct by_task_table *table);

#endif /* PREFORK_BY_TASK_H */
