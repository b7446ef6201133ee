// SPDX-License-Identifier: GPL-2.0
#include "by_task.h"

#include <linux/hash.h>
#include <linux/kernel.h>
#include <linux/sched.h>

void by_task_init(struct by_task_table *table, void (*on_idle)(void))
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table->buckets); i++) {
		raw_spin_lock_init(&table->buckets[i].lock);
		INIT_HLIST_HEAD(&table->buckets[i].entries);
	}
	atomic_set(&table->count, 0);
	table->on_idle = on_idle;
}

bool notrace by_task_any(const struct by_task_table *table)
{
	return atomic_read(&table->count);
}

static struct by_task_bucket *notrace bucket_of(struct by_task_table *table,
						const struct task_struct *task)
{
	return &table->buckets[hash_ptr(task, BY_TASK_HASH_BITS)];
}

void by_task_add(struct by_task_table *table, struct by_task *entry,
		 struct task_struct *task)
{
	struct by_task_bucket *bucket = bucket_of(table, task);
	unsigned long flags;

	atomic_inc(&table->count);
	entry->task = task;
	raw_spin_lock_irqsave(&bucket->lock, flags);
	hlist_add_head(&entry->node, &bucket->entries);
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
}

void by_task_del(struct by_task_table *table, struct by_task *entry)
{
	struct by_task_bucket *bucket = bucket_of(table, entry->task);
	unsigned long flags;

	raw_spin_lock_irqsave(&bucket->lock, flags);
	hlist_del(&entry->node);
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
	if (atomic_dec_and_test(&table->count))
		table->on_idle();
}

struct by_task *notrace by_task_current(struct by_task_table *table)
{
	struct by_task_bucket *bucket = bucket_of(table, current);
	struct by_task *entry, *found = NULL;
	unsigned long flags;

	if (!by_task_any(table))
		return NULL;
	raw_spin_lock_irqsave(&bucket->lock, flags);
	hlist_for_each_entry(entry, &bucket->entries, node)
		if (entry->task == current)
			found = entry;
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
	return found;
}
