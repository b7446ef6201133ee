// SPDX-License-Identifier: GPL-2.0
#include "summary.h"

#include <stdlib.h>
#include <string.h>

#include "tree.h"

static struct tally tally_of(const struct process *process, uint64_t end)
{
	return (struct tally){
		.process = process,
		.count = 1,
		.forks = process->born,
		.execs = process->execs,
		.threads = process->threads,
		.failures = process->failures,
		.failed = process->state == PROCESS_ENDED && process->status,
		.utime = process->utime,
		.stime = process->stime,
		.longest = process_end(process, end) - process->origin.start,
		.suspended = spans_sum(&process->spans, SPAN_VFORK, end),
		.held = spans_sum(&process->spans, SPAN_HELD, end),
	};
}

static void add(struct tally *to, const struct tally *tally)
{
	to->count += tally->count;
	to->forks += tally->forks;
	to->execs += tally->execs;
	to->threads += tally->threads;
	to->failures += tally->failures;
	to->failed += tally->failed;
	to->utime += tally->utime;
	to->stime += tally->stime;
	to->longest = tally->longest > to->longest ? tally->longest : to->longest;
	to->suspended += tally->suspended;
	to->held += tally->held;
}

static int descending(uint64_t left, uint64_t right)
{
	return left > right ? -1 : left < right;
}

static int compare_name(const void *left, const void *right)
{
	const struct tally *a = left, *b = right;

	return strcmp(a->process->comm, b->process->comm);
}

static int compare_cpu(const void *left, const void *right)
{
	const struct tally *a = left, *b = right;
	int order = descending(a->utime + a->stime, b->utime + b->stime);

	return order ? order : descending(a->longest, b->longest);
}

static int compare_longest(const void *left, const void *right)
{
	const struct tally *a = left, *b = right;
	int order = descending(a->longest, b->longest);

	return order ? order : compare_name(left, right);
}

static int compare_count(const void *left, const void *right)
{
	const struct tally *a = left, *b = right;
	int order = descending(a->count, b->count);

	return order ? order : compare_name(left, right);
}

static void sort(struct tallies *tallies, int (*compare)(const void *left, const void *right))
{
	if (tallies->count)
		qsort(tallies->items, tallies->count, sizeof(*tallies->items), compare);
}

/* One of each name. */
static void merge(struct tallies *tallies)
{
	size_t merged = 0;

	sort(tallies, compare_name);
	for (size_t i = 0; i < tallies->count; i++) {
		struct tally *last = &tallies->items[merged];

		if (merged && !compare_name(last - 1, &tallies->items[i]))
			add(last - 1, &tallies->items[i]);
		else
			tallies->items[merged++] = tallies->items[i];
	}
	tallies->count = merged;
}

static void append(struct tallies *tallies, const struct process *process,
		   const struct tally *tally)
{
	struct tally *item = &tallies->items[tallies->count++];

	*item = *tally;
	item->process = process;
}

/* Parents come before their children, so the last subtree is that of what comes. */
static void count(struct summary *summary, const struct process *process, uint64_t end)
{
	const struct tally tally = tally_of(process, end);

	add(&summary->all, &tally);
	append(&summary->commands, process, &tally);
	if (!process->parent)
		return;
	append(&summary->creators, process->parent, &tally);
	if (process->depth == 1)
		append(&summary->subtrees, process, &tally);
	else
		add(&summary->subtrees.items[summary->subtrees.count - 1], &tally);
}

static void copy(struct tallies *to, const struct tallies *tallies)
{
	to->count = tallies->count;
	memcpy(to->items, tallies->items, tallies->count * sizeof(*to->items));
}

static bool make_room(struct tallies *tallies, size_t room)
{
	*tallies = (struct tallies){ .items = calloc(room, sizeof(struct tally)) };
	return tallies->items;
}

bool summary_create(struct summary *summary, const struct tree *tree, uint64_t begin,
		    uint64_t end)
{
	size_t room = tree_count(tree) + 1;
	const struct process *process;

	*summary = (struct summary){ .duration = end - begin };
	if (!make_room(&summary->commands, room) || !make_room(&summary->longest, room) ||
	    !make_room(&summary->creators, room) || !make_room(&summary->subtrees, room)) {
		summary_destroy(summary);
		return false;
	}
	for (process = tree_first(tree); process; process = tree_next(process))
		count(summary, process, end);
	merge(&summary->commands);
	merge(&summary->creators);
	copy(&summary->longest, &summary->commands);
	sort(&summary->commands, compare_cpu);
	sort(&summary->longest, compare_longest);
	sort(&summary->creators, compare_count);
	sort(&summary->subtrees, compare_cpu);
	return true;
}

void summary_destroy(struct summary *summary)
{
	free(summary->commands.items);
	free(summary->longest.items);
	free(summary->creators.items);
	free(summary->subtrees.items);
	*summary = (struct summary){ 0 };
}
