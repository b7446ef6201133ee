// SPDX-License-Identifier: GPL-2.0
#include "tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <prefork.h>

#include "quote.h"
#include "signame.h"

/* A power of two; PIDs are dense, so buckets stay short without a resize. */
#define BUCKETS	4096

struct tree {
	bool remember;
	size_t count, running;
	struct process *first_root, *last_root;
	struct process *buckets[BUCKETS];	/* those that run, by PID */
};

static struct process **bucket_of(struct tree *tree, pid_t pid)
{
	return &tree->buckets[(unsigned int)pid % BUCKETS];
}

static struct process *find(const struct tree *tree, pid_t pid)
{
	struct process *process = tree->buckets[(unsigned int)pid % BUCKETS];

	while (process && process->pid != pid)
		process = process->next_in_bucket;
	return process;
}

const struct process *tree_find(const struct tree *tree, pid_t pid)
{
	return find(tree, pid);
}

struct origin tree_origin(const struct tree *tree, pid_t pid)
{
	const struct process *process = find(tree, pid);

	return process ? process->origin : (struct origin){ 0 };
}

static void process_free(struct process *process)
{
	spans_clear(&process->spans);
	free(process->command);
	free(process);
}

static void link_process(struct tree *tree, struct process *process, struct process *parent)
{
	struct process **first = parent ? &parent->first_child : &tree->first_root;
	struct process **last = parent ? &parent->last_child : &tree->last_root;

	process->parent = parent;
	if (*last)
		(*last)->next_sibling = process;
	else
		*first = process;
	*last = process;
}

/* Its PID means it no more. */
static void unhash(struct tree *tree, const struct process *process)
{
	struct process **link = bucket_of(tree, process->pid);

	while (*link != process)
		link = &(*link)->next_in_bucket;
	*link = process->next_in_bucket;
	tree->running--;
}

static void retire(struct tree *tree, struct process *process, enum process_state state,
		   uint64_t end)
{
	unhash(tree, process);
	spans_close_all(&process->spans, end);
	process->state = state;
	process->end = end;
	if (!tree->remember)
		process_free(process);
}

static struct process *begin(struct tree *tree, pid_t pid, const struct origin *origin)
{
	struct process *process = calloc(1, sizeof(*process));
	struct process **bucket = bucket_of(tree, pid);
	struct process *parent = find(tree, origin->ppid);

	if (!process)
		return NULL;
	process->pid = pid;
	process->origin = *origin;
	process->origin.chosen = parent && parent->origin.chosen;
	process->depth = parent ? parent->depth + 1 : 0;
	if (tree->remember)
		link_process(tree, process, parent);
	process->next_in_bucket = *bucket;
	*bucket = process;
	tree->count++;
	tree->running++;
	return process;
}

static void set_comm(struct process *process, const char *comm)
{
	snprintf(process->comm, sizeof(process->comm), "%s", comm);
}

static void set_command(struct process *process, char *command)
{
	free(process->command);
	process->command = command;
}

struct tree *tree_create(bool remember)
{
	struct tree *tree = calloc(1, sizeof(*tree));

	if (tree)
		tree->remember = remember;
	return tree;
}

static struct process *next(struct process *process)
{
	if (process->first_child)
		return process->first_child;
	while (process && !process->next_sibling)
		process = process->parent;
	return process ? process->next_sibling : NULL;
}

/* Children first, without recursion: a chain of forks may be long. */
static void free_all(struct process *process)
{
	while (process) {
		struct process *parent = process->parent;

		if (process->first_child) {
			struct process *child = process->first_child;

			process->first_child = child->next_sibling;
			process = child;
			continue;
		}
		process_free(process);
		process = parent;
	}
}

void tree_destroy(struct tree *tree)
{
	struct process *process, *next;

	if (!tree)
		return;
	for (process = tree->first_root; process; process = next) {
		next = process->next_sibling;
		free_all(process);
	}
	for (size_t i = 0; !tree->remember && i < BUCKETS; i++)
		for (process = tree->buckets[i]; process; process = next) {
			next = process->next_in_bucket;
			process_free(process);
		}
	free(tree);
}

bool tree_add(struct tree *tree, pid_t pid, const struct origin *origin,
	      const char *comm, char *command)
{
	struct process *process = find(tree, pid);

	if (process) {
		free(command);
		return true;
	}
	process = begin(tree, pid, origin);
	if (!process) {
		free(command);
		return false;
	}
	process->found = true;
	set_comm(process, comm);
	set_command(process, command);
	return true;
}

void tree_rename(struct tree *tree, pid_t pid, const char *comm, char *command)
{
	struct process *process = find(tree, pid);

	if (!process) {
		free(command);
		return;
	}
	set_comm(process, comm);
	if (command)
		set_command(process, command);
}

void tree_lose(struct tree *tree, pid_t pid, enum process_state state, uint64_t end)
{
	struct process *process = find(tree, pid);

	if (process)
		retire(tree, process, state, end);
}

void tree_each_running(const struct tree *tree,
		       void (*fn)(const struct process *process, void *arg), void *arg)
{
	struct process *process, *next;

	for (size_t i = 0; i < BUCKETS; i++)
		for (process = tree->buckets[i]; process; process = next) {
			next = process->next_in_bucket;
			fn(process, arg);
		}
}

/* What an event speaks of, also where its birth was not seen. */
static struct process *subject(struct tree *tree, const struct prefork_event *event)
{
	const struct origin unknown = { .start = event->time };
	struct process *process = find(tree, event->pid);

	if (process)
		return process;
	process = begin(tree, event->pid, &unknown);
	if (process)
		set_comm(process, event->comm);
	return process;
}

static bool born(struct tree *tree, const struct prefork_event *event)
{
	const struct origin origin = { .ppid = event->ppid, .start = event->time };
	struct process *process = find(tree, event->pid);

	if (process && process->found) {
		/* Found running while this event was on its way. */
		process->found = false;
		process->born = true;
		process->origin.ppid = origin.ppid;
		process->origin.start = origin.start;
		return true;
	}
	if (process)
		retire(tree, process, PROCESS_UNSEEN, event->time);
	process = begin(tree, event->pid, &origin);
	if (!process)
		return false;
	process->born = true;
	set_comm(process, event->comm);
	return true;
}

/* Without a command line at least what ran is known. */
static char *command_of_path(const struct prefork_event *event)
{
	const char *program = event->path[0] ? event->path : event->comm;
	char *name = quote_command(program, strlen(program) + 1), *command;

	if (!name || asprintf(&command, "%s ...", name) < 0)
		command = NULL;
	free(name);
	return command;
}

static bool executed(struct tree *tree, const struct prefork_event *event, char *command)
{
	struct process *process = subject(tree, event);

	if (!command && tree->remember)
		command = command_of_path(event);
	if (!process) {
		free(command);
		return false;
	}
	set_comm(process, event->comm);
	set_command(process, command);
	return true;
}

static bool ended(struct tree *tree, const struct prefork_event *event)
{
	struct process *process = subject(tree, event);

	if (!process)
		return false;
	process->utime = event->utime;
	process->stime = event->stime;
	process->maxrss = event->maxrss;
	process->status = event->status;
	retire(tree, process, PROCESS_ENDED, event->time);
	return true;
}

static bool unwatched(struct tree *tree, const struct prefork_event *event)
{
	struct process *process = subject(tree, event);

	if (!process)
		return false;
	retire(tree, process, PROCESS_UNWATCHED, event->time);
	return true;
}

/*
 * When a hold ends is not told. Of a creation it has when the child is there;
 * at birth and after an exec it has, at the latest, with the next event.
 */
static void end_hold(struct tree *tree, pid_t pid, pid_t child, uint64_t time)
{
	struct process *process = find(tree, pid);

	if (process)
		spans_close(&process->spans, child, time);
}

static void begin_hold(struct tree *tree, const struct prefork_event *event)
{
	struct process *process = find(tree, event->pid);

	if (process && tree->remember && prefork_event_is_hold(event))
		spans_add(&process->spans, &(struct span){
			.kind = SPAN_HELD, .tid = event->tid, .child = event->child,
			.start = event->time,
		});
}

/* Before the event is taken. */
static void end_holds(struct tree *tree, const struct prefork_event *event)
{
	switch (event->type) {
	case PREFORK_EVENT_BORN:
		end_hold(tree, event->thread ? event->pid : event->ppid,
			 event->thread ? event->tid : event->pid, event->time);
		break;
	case PREFORK_EVENT_FORK_FAILED:
		end_hold(tree, event->pid, event->child, event->time);
		break;
	case PREFORK_EVENT_VFORK_DONE:
		break;
	default:
		end_hold(tree, event->pid, 0, event->time);
	}
}

static void count(struct tree *tree, const struct prefork_event *event)
{
	struct process *process = find(tree, event->pid);

	if (!process)
		return;
	process->execs += event->type == PREFORK_EVENT_EXEC;
	process->threads += event->type == PREFORK_EVENT_BORN && event->thread;
	process->failures += event->type == PREFORK_EVENT_FORK_FAILED;
	if (event->type == PREFORK_EVENT_VFORK_DONE && tree->remember)
		spans_add(&process->spans, &(struct span){
			.kind = SPAN_VFORK, .tid = event->tid, .child = event->child,
			.start = event->time - event->suspended, .end = event->time,
		});
}

/* Anything but an exec. */
static bool lived(struct tree *tree, const struct prefork_event *event)
{
	if (event->thread)
		return true;
	switch (event->type) {
	case PREFORK_EVENT_BORN:
		return born(tree, event);
	case PREFORK_EVENT_EXIT:
		return ended(tree, event);
	case PREFORK_EVENT_UNWATCHED:
		return unwatched(tree, event);
	default:
		return true;
	}
}

/* Whoever may not be watched any more is somebody else by now. */
static bool hides_user(const struct prefork_event *event)
{
	return event->type == PREFORK_EVENT_UNWATCHED && event->reason == PREFORK_REASON_ACCESS;
}

static void set_user(struct origin *origin, const struct prefork_event *event)
{
	if (event->uid == (uid_t)-1 && !hides_user(event))
		return;
	origin->uid = event->uid;
	origin->has_uid = !hides_user(event);
}

/* As its first thread acts: others may act as somebody else. */
static void note_user(struct tree *tree, const struct prefork_event *event)
{
	struct process *process = find(tree, event->pid);

	if (process && event->tid == event->pid)
		set_user(&process->origin, event);
}

static bool is_birth(const struct prefork_event *event)
{
	return event->type == PREFORK_EVENT_BORN && !event->thread;
}

bool tree_event(struct tree *tree, const struct prefork_event *event, char *command,
		struct origin *origin)
{
	bool done;

	/* Before an end, after a beginning. */
	if (origin && !is_birth(event))
		*origin = tree_origin(tree, event->pid);
	end_holds(tree, event);
	if (event->type == PREFORK_EVENT_EXEC) {
		done = executed(tree, event, command);
	} else {
		free(command);
		done = lived(tree, event);
	}
	count(tree, event);
	begin_hold(tree, event);
	note_user(tree, event);
	if (origin && is_birth(event))
		*origin = tree_origin(tree, event->pid);
	if (origin)
		set_user(origin, event);
	return done;
}

size_t tree_count(const struct tree *tree)
{
	return tree->count;
}

size_t tree_running(const struct tree *tree)
{
	return tree->running;
}

const struct process *tree_first(const struct tree *tree)
{
	return tree->first_root;
}

const struct process *tree_next(const struct process *process)
{
	return next((struct process *)process);
}

uint64_t process_end(const struct process *process, uint64_t end)
{
	if (process->state != PROCESS_RUNNING)
		end = process->end;
	return end > process->origin.start ? end : process->origin.start;
}

void process_title(const struct process *process, char *to, size_t size)
{
	char comm[4 * sizeof(process->comm)];

	if (process->command) {
		snprintf(to, size, "%s", process->command);
		return;
	}
	quote_name(comm, sizeof(comm), process->comm);
	snprintf(to, size, "[%s]", comm);
}

const char *process_outcome(const struct process *process, char *to, size_t size)
{
	switch (process->state) {
	case PROCESS_RUNNING:
		return "running";
	case PROCESS_UNWATCHED:
		return "let go";
	case PROCESS_UNSEEN:
		return "?";
	case PROCESS_ENDED:
		break;
	}
	if (WIFSIGNALED(process->status))
		return signal_name(WTERMSIG(process->status), to, size);
	snprintf(to, size, "%d", WEXITSTATUS(process->status));
	return to;
}

void tree_choose(struct tree *tree, pid_t pid, bool chosen)
{
	struct process *process = find(tree, pid);

	if (process)
		process->origin.chosen = chosen;
}

/* Who those that are chosen descend from. */
static void mark_kept(struct tree *tree)
{
	for (const struct process *process = tree_first(tree); process;
	     process = tree_next(process)) {
		struct process *up = process->parent;

		for (; process->origin.chosen && up && !up->kept; up = up->parent)
			up->kept = true;
	}
}

/* With all below it. */
static void forget(struct tree *tree, struct process *process)
{
	const struct process *end;

	process->parent = NULL;
	process->next_sibling = NULL;
	for (end = process; end; end = tree_next(end)) {
		tree->count--;
		if (end->state == PROCESS_RUNNING)
			unhash(tree, end);
	}
	free_all(process);
}

static void prune_siblings(struct tree *tree, struct process **first, struct process **last)
{
	struct process **link = first, *process;

	*last = NULL;
	while ((process = *link)) {
		if (process->kept || process->origin.chosen) {
			*last = process;
			link = &process->next_sibling;
			continue;
		}
		*link = process->next_sibling;
		forget(tree, process);
	}
}

void tree_prune(struct tree *tree)
{
	struct process *process;

	mark_kept(tree);
	prune_siblings(tree, &tree->first_root, &tree->last_root);
	for (process = tree->first_root; process; process = next(process))
		prune_siblings(tree, &process->first_child, &process->last_child);
}
