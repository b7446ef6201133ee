// SPDX-License-Identifier: GPL-2.0
#include "wait.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/queue.h>

#include <prefork.h>

#include "adopt.h"
#include "core/adopter.h"
#include "core/proc.h"
#include "core/tree.h"

/* What is held for a tracer. */
struct hold {
	LIST_ENTRY(hold) entry;
	pid_t pid;
	uint64_t cookie;
};

struct wait {
	struct adopter adopter;
	const struct adopt_options *options;
	pid_t first;		/* 0: none, or it has been seen */
	wait_newborn_fn *newborn;
	void *arg;
	LIST_HEAD(holds, hold) holds;
};

static struct wait *of(struct adopter *adopter)
{
	return (struct wait *)adopter;
}

static struct hold *find(const struct wait *wait, uint64_t cookie)
{
	struct hold *hold;

	LIST_FOREACH(hold, &wait->holds, entry)
		if (hold->cookie == cookie)
			return hold;
	return NULL;
}

static void forget(struct hold *hold)
{
	LIST_REMOVE(hold, entry);
	free(hold);
}

static bool matches(const struct wait *wait, const struct prefork_event *event,
		    const struct tree *tree)
{
	const struct process *process = tree_find(tree, event->pid);

	return match_process(&wait->options->match, event->pid, &(struct match_subject){
		.comm = event->comm, .depth = process ? process->depth : 0, .uid = event->uid,
	});
}

/* Without memory it runs on, and nobody is told to trace it. */
static bool keep(struct wait *wait, const struct prefork_event *event)
{
	struct hold *hold = malloc(sizeof(*hold));
	char program[PATH_MAX];

	if (!hold)
		return false;
	hold->pid = event->pid;
	hold->cookie = event->cookie;
	LIST_INSERT_HEAD(&wait->holds, hold, entry);
	proc_exe(event->pid, program, sizeof(program));
	wait->newborn(wait->arg, event, program);
	return true;
}

static void hold_ended(const struct wait *wait, uint64_t cookie)
{
	struct hold *hold = find(wait, cookie);

	if (hold)
		forget(hold);
}

/* It may have been killed while it was held. */
static void process_ended(const struct wait *wait, pid_t pid)
{
	struct hold *hold, *next;

	for (hold = LIST_FIRST(&wait->holds); hold; hold = next) {
		next = LIST_NEXT(hold, entry);
		if (hold->pid == pid)
			forget(hold);
	}
}

static void take_note(struct wait *wait, const struct prefork_event *event)
{
	bool is_exit = event->type == PREFORK_EVENT_EXIT && !event->thread;

	if (event->type == PREFORK_EVENT_ADOPTED || event->type == PREFORK_EVENT_TIMEOUT)
		hold_ended(wait, event->cookie);
	if (is_exit)
		process_ended(wait, event->pid);
	if (event->pid == wait->first && (is_exit || event->type == PREFORK_EVENT_EXEC))
		wait->first = 0;
}

static bool take_event(struct adopter *adopter, const struct prefork_event *event,
		       const struct tree *tree)
{
	struct wait *wait = of(adopter);
	bool kept = adopt_wants(wait->options, wait->first, event) &&
		    matches(wait, event, tree) && keep(wait, event);

	take_note(wait, event);
	return kept;
}

static bool answers(const struct adopter *adopter, uint64_t cookie)
{
	return find((const struct wait *)adopter, cookie);
}

/* Nothing ever happens to it but events. */
static int fd(const struct adopter *adopter)
{
	(void)adopter;
	return -1;
}

static void turn(struct adopter *adopter)
{
	(void)adopter;
}

static bool finish(struct adopter *adopter)
{
	(void)adopter;
	return true;
}

static void destroy(struct adopter *adopter)
{
	struct wait *wait = of(adopter);

	while (!LIST_EMPTY(&wait->holds))
		forget(LIST_FIRST(&wait->holds));
	free(wait);
}

struct adopter *wait_create(const struct adopt_options *options, pid_t first,
			    wait_newborn_fn *newborn, void *arg)
{
	static const struct adopter_ops ops = {
		.event = take_event,
		.answers = answers,
		.fd = fd,
		.turn = turn,
		.finish = finish,
		.destroy = destroy,
	};
	struct wait *wait = calloc(1, sizeof(*wait));

	if (!wait)
		return NULL;
	wait->adopter.ops = &ops;
	wait->options = options;
	wait->first = first;
	wait->newborn = newborn;
	wait->arg = arg;
	LIST_INIT(&wait->holds);
	return &wait->adopter;
}
