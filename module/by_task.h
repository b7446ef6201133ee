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
 * at most one entry in a table, and it alone takes it out. So what it finds it
 * may use without a lock or a reference.
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

/* @on_idle is called, in any context, when the last entry has gone. */
void by_task_init(struct by_task_table *table, void (*on_idle)(void));
bool by_task_any(const struct by_task_table *table);

/* Any context. */
void by_task_add(struct by_task_table *table, struct by_task *entry,
		 struct task_struct *task);
void by_task_del(struct by_task_table *table, struct by_task *entry);

/* The one of current, or NULL. Any context, probes included. */
struct by_task *by_task_current(struct by_task_table *table);

#endif /* PREFORK_BY_TASK_H */
