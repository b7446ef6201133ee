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

static void by_task_leave(struct by_task_table *table)
{
	if (atomic_dec_and_test(&table->count) && table->on_idle)
		table->on_idle();
}

bool by_task_add_unless(struct by_task_table *table, struct by_task *entry,
			struct task_struct *task, const bool *gone)
{
	struct by_task_bucket *bucket = bucket_of(table, task);
	unsigned long flags;
	bool added;

	atomic_inc(&table->count);
	/* Counted before it does anything else: pairs with in_use(). */
	smp_mb__after_atomic();
	entry->task = task;
	raw_spin_lock_irqsave(&bucket->lock, flags);
	added = !READ_ONCE(*gone);
	if (added)
		hlist_add_head(&entry->node, &bucket->entries);
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
	if (!added)
		by_task_leave(table);
	return added;
}

void by_task_add(struct by_task_table *table, struct by_task *entry,
		 struct task_struct *task)
{
	static const bool never;

	by_task_add_unless(table, entry, task, &never);
}

void by_task_del(struct by_task_table *table, struct by_task *entry)
{
	struct by_task_bucket *bucket = bucket_of(table, entry->task);
	unsigned long flags;

	raw_spin_lock_irqsave(&bucket->lock, flags);
	hlist_del(&entry->node);
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
	by_task_leave(table);
}

static struct by_task *notrace
bucket_find(struct by_task_bucket *bucket,
	    bool (*chosen)(const struct by_task *entry, const void *by),
	    const void *by)
{
	struct by_task *entry;

	hlist_for_each_entry(entry, &bucket->entries, node)
		if (chosen(entry, by))
			return entry;
	return NULL;
}

static struct by_task *
bucket_take(struct by_task_bucket *bucket,
	    bool (*chosen)(const struct by_task *entry, const void *by),
	    const void *by)
{
	struct by_task *entry;
	unsigned long flags;

	raw_spin_lock_irqsave(&bucket->lock, flags);
	entry = bucket_find(bucket, chosen, by);
	if (entry)
		hlist_del(&entry->node);
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
	return entry;
}

static bool notrace is_of(const struct by_task *entry, const void *task)
{
	return entry->task == task;
}

struct by_task *by_task_take(struct by_task_table *table)
{
	struct by_task *entry;

	if (!by_task_any(table))
		return NULL;
	entry = bucket_take(bucket_of(table, current), is_of, current);
	if (entry)
		by_task_leave(table);
	return entry;
}

struct by_task *
by_task_take_any(struct by_task_table *table,
		 bool (*chosen)(const struct by_task *entry, const void *by),
		 const void *by)
{
	struct by_task *entry = NULL;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table->buckets) && !entry; i++)
		entry = bucket_take(&table->buckets[i], chosen, by);
	if (entry)
		by_task_leave(table);
	return entry;
}

struct by_task *notrace by_task_current(struct by_task_table *table)
{
	struct by_task_bucket *bucket = bucket_of(table, current);
	struct by_task *found;
	unsigned long flags;

	if (!by_task_any(table))
		return NULL;
	raw_spin_lock_irqsave(&bucket->lock, flags);
	found = bucket_find(bucket, is_of, current);
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
	return found;
}
