// SPDX-License-Identifier: GPL-2.0
#include "resync.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <prefork.h>

#include "core/clock.h"
#include "core/proc.h"
#include "core/tree.h"
#include "diagnose.h"
#include "source/found.h"

/* Events on different processors may be queued in another order than stamped. */
#define MARGIN_NS	UINT64_C(100000000)

/* The answer may find no room, as long as those who are watched fill the socket. */
#define ATTEMPTS_MAX	100

struct resync {
	struct prefork *pf;
	struct tree *tree;
	struct resync_listener listener;
	bool wanted;		/* the state is to be read */
	bool has_state;		/* it has been, and waits for the events */
	int attempts;		/* to read it */

	/* The state, */
	uint64_t time;		/* as it was no earlier than then */
	struct found_list watched;
	uint64_t *cookies;	/* of what is held */
	size_t cookie_count;

	size_t found, gone;	/* so far */
};

struct resync *resync_create(struct prefork *pf, struct tree *tree,
			     const struct resync_listener *listener)
{
	struct resync *resync = calloc(1, sizeof(*resync));

	if (!resync)
		return NULL;
	resync->pf = pf;
	resync->tree = tree;
	resync->listener = *listener;
	return resync;
}

static void drop_state(struct resync *resync)
{
	found_clear(&resync->watched);
	free(resync->cookies);
	resync->cookies = NULL;
	resync->cookie_count = 0;
	resync->has_state = false;
}

void resync_destroy(struct resync *resync)
{
	if (!resync)
		return;
	drop_state(resync);
	free(resync);
}

void resync_want(struct resync *resync, uint64_t time)
{
	if (resync->has_state && time < resync->time)
		return;		/* it has been read since */
	resync->wanted = true;
	resync->attempts = 0;
}

bool resync_pending(const struct resync *resync)
{
	return resync->wanted || resync->has_state;
}

static int add_cookies(struct resync *resync, const struct prefork_watched *watched)
{
	size_t count = resync->cookie_count + watched->held_count;
	uint64_t *cookies;

	if (!watched->held_count)
		return 0;
	cookies = reallocarray(resync->cookies, count, sizeof(*cookies));
	if (!cookies)
		return -ENOMEM;
	resync->cookies = cookies;
	for (size_t i = 0; i < watched->held_count; i++)
		cookies[resync->cookie_count++] = watched->held[i].cookie;
	return 0;
}

static int add(const struct prefork_watched *watched, void *arg)
{
	struct resync *resync = arg;

	if (!found_is_ours(resync->pf, watched))
		return 0;
	return found_add(&resync->watched, watched) ? add_cookies(resync, watched) : -ENOMEM;
}

static int by_pid(const void *left, const void *right)
{
	const struct found *a = left, *b = right;

	return a->pid < b->pid ? -1 : a->pid > b->pid;
}

static void sort(const struct found_list *list, int (*compare)(const void *, const void *))
{
	if (list->count)
		qsort(list->items, list->count, sizeof(*list->items), compare);
}

static void read_state(struct resync *resync)
{
	int err;

	drop_state(resync);
	resync->time = boottime();
	err = prefork_dump(resync->pf, add, resync);
	if (!err) {
		sort(&resync->watched, by_pid);
		resync->has_state = true;
		resync->wanted = false;
		return;
	}
	if (err != -ENOBUFS || ++resync->attempts == ATTEMPTS_MAX) {
		fail_query(err);
		resync->wanted = false;
	}
}

static bool was_watched(const struct resync *resync, pid_t pid)
{
	const struct found_list *list = &resync->watched;
	const struct found key = { .pid = pid };

	return list->count && bsearch(&key, list->items, list->count, sizeof(key), by_pid);
}

/* Nothing is to be concluded where it cannot be asked. */
static bool is_watched(const struct resync *resync, pid_t pid, bool unknown)
{
	struct prefork_watched *watched;
	int err = prefork_get(resync->pf, pid, &watched);
	bool ours;

	if (err)
		return err == -ESRCH ? false : unknown;
	ours = found_is_ours(resync->pf, watched);
	free(watched);
	return ours;
}

/* Those that have been born since are not in the state. */
static void compare(const struct process *process, void *arg)
{
	struct resync *resync = arg;
	pid_t pid = process->pid;
	bool lives;

	if (process->origin.start >= resync->time || was_watched(resync, pid) ||
	    is_watched(resync, pid, true))
		return;
	lives = proc_lives(pid);
	tree_lose(resync->tree, pid, lives ? PROCESS_UNWATCHED : PROCESS_UNSEEN, resync->time);
	resync->gone++;
}

static void rename_known(const struct resync *resync, const struct process *process)
{
	char comm[sizeof(process->comm)];

	proc_comm(process->pid, comm, sizeof(comm));
	if (strcmp(comm, "?") && strcmp(comm, process->comm))
		tree_rename(resync->tree, process->pid, comm, proc_command(process->pid, ""));
}

/* One that has ended meanwhile is told of by its EXIT, which is never lost. */
static void reconcile(struct resync *resync, struct found *found)
{
	const struct process *process = tree_find(resync->tree, found->pid);

	if (process) {
		rename_known(resync, process);
		return;
	}
	if (!is_watched(resync, found->pid, false))
		return;
	proc_comm(found->pid, found->comm, sizeof(found->comm));
	resync->listener.found(resync->listener.arg, found->pid, found->comm);
	resync->found++;
}

/* Each has had its event, which is never lost: normally somebody has answered. */
static void release(const struct resync *resync)
{
	for (size_t i = 0; i < resync->cookie_count; i++)
		if (!resync->listener.answers(resync->listener.arg, resync->cookies[i]))
			prefork_release(resync->pf, resync->cookies[i]);
}

static void settle(struct resync *resync)
{
	const struct found_list *list = &resync->watched;

	resync->found = resync->gone = 0;
	tree_each_running(resync->tree, compare, resync);
	for (size_t i = 0; i < list->count; i++)
		proc_origin(list->items[i].pid, &list->items[i].origin);
	sort(list, found_compare);
	/* Before anything is written: who reads it may be held. */
	release(resync);
	for (size_t i = 0; i < list->count; i++)
		reconcile(resync, &list->items[i]);
	drop_state(resync);
	resync->listener.done(resync->listener.arg, resync->time, resync->found, resync->gone);
}

void resync_turn(struct resync *resync, uint64_t read, bool quiet)
{
	if (resync->has_state && (quiet || read > resync->time + MARGIN_NS))
		settle(resync);
	if (resync->wanted && !resync->has_state)
		read_state(resync);
}
