// SPDX-License-Identifier: GPL-2.0
#include "found.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <prefork.h>

#include "core/proc.h"

#define ATTEMPTS_MAX	100

/* A dump of this session's. */
struct dump {
	struct prefork *pf;
	struct found_list list;
};

static bool grow(struct found_list *list)
{
	size_t room = list->room ? 2 * list->room : 64;
	struct found *items = reallocarray(list->items, room, sizeof(*items));

	if (!items)
		return false;
	list->items = items;
	list->room = room;
	return true;
}

struct found *found_add(struct found_list *list, const struct prefork_watched *watched)
{
	struct found *found;

	if (list->count == list->room && !grow(list))
		return NULL;
	found = &list->items[list->count++];
	*found = (struct found){ .pid = watched->pid };
	memcpy(found->comm, watched->comm, sizeof(found->comm));
	return found;
}

void found_clear(struct found_list *list)
{
	free(list->items);
	*list = (struct found_list){ 0 };
}

/* Ports are numbered in each network namespace, hence both. */
bool found_is_ours(struct prefork *pf, const struct prefork_watched *watched)
{
	return watched->owner_pid == getpid() && watched->owner == prefork_owner(pf);
}

static int add(const struct prefork_watched *watched, void *arg)
{
	struct dump *dump = arg;
	struct found *found;

	if (!found_is_ours(dump->pf, watched))
		return 0;
	found = found_add(&dump->list, watched);
	if (!found)
		return -ENOMEM;
	/* One that is gone already will be told of by an event. */
	if (!proc_origin(found->pid, &found->origin))
		dump->list.count--;
	return 0;
}

/* The clock ticks only 100 times a second; PIDs mostly grow. */
int found_compare(const void *left, const void *right)
{
	const struct found *a = left, *b = right;

	if (a->origin.start != b->origin.start)
		return a->origin.start < b->origin.start ? -1 : 1;
	return a->pid < b->pid ? -1 : a->pid > b->pid;
}

/* Events of what is watched already may leave no room for the answer. */
static int find_all(struct dump *dump)
{
	int err, attempts = 0;

	do {
		dump->list.count = 0;
		err = prefork_dump(dump->pf, add, dump);
	} while (err == -ENOBUFS && ++attempts < ATTEMPTS_MAX);
	return err;
}

int found_each(struct prefork *pf, int (*fn)(const struct found *found, void *arg), void *arg)
{
	struct dump dump = { .pf = pf };
	const struct found_list *list = &dump.list;
	int err = find_all(&dump);

	if (list->count)
		qsort(list->items, list->count, sizeof(*list->items), found_compare);
	for (size_t i = 0; !err && i < list->count; i++)
		err = fn(&list->items[i], arg);
	found_clear(&dump.list);
	return err;
}
