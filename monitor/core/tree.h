/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The processes that have been seen and who created whom, built from events
 * alone. A PID names a process from its birth to its end; what comes later
 * under that number is another process.
 *
 * Not for several threads at once. Pointers to processes are valid until the
 * next event, in a tree that remembers until it is destroyed.
 */
#ifndef TREE_H
#define TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "origin.h"
#include "span.h"

struct prefork_event;
struct tree;

enum process_state {
	PROCESS_RUNNING,
	PROCESS_ENDED,		/* .status, .end and times of CPU are known */
	PROCESS_UNWATCHED,	/* it went on unwatched, .end says when */
	PROCESS_UNSEEN,		/* its end was missed */
};

struct process {
	pid_t pid;
	struct origin origin;
	enum process_state state;
	bool found;		/* it ran when it was seen first; .origin is from
				 * /proc */
	bool born;		/* its birth was told */
	char comm[16];
	char *command;		/* NULL: it never executed a program */
	uint64_t end;		/* CLOCK_BOOTTIME, ns */
	uint64_t utime, stime;	/* ns */
	uint64_t maxrss;	/* KiB */
	int status;		/* as from wait(2) */
	unsigned int depth;	/* 0: no parent in the tree */
	unsigned int execs;	/* programs that it executed */
	unsigned int threads;	/* that it created */
	unsigned int failures;	/* to create a process or a thread */
	struct spans spans;	/* only where the tree remembers */

	bool kept;		/* private: one below it is chosen */
	struct process *parent;
	struct process *first_child, *last_child, *next_sibling;
	struct process *next_in_bucket;	/* private, as what runs */
};

/*
 * With @remember every process is kept, in its place; else only those that
 * run are known, with their depth but not who created them. NULL without memory.
 */
struct tree *tree_create(bool remember);
void tree_destroy(struct tree *tree);

/*
 * A process that runs already. Takes over @command. False without memory. One
 * that is known is left as it is.
 */
bool tree_add(struct tree *tree, pid_t pid, const struct origin *origin,
	      const char *comm, char *command);

/*
 * Every event in its order. Takes over @command, which goes with EXEC: the
 * command line, or NULL where it could not be had. *@origin, unless NULL, is
 * that of the event's process. False without memory; the tree lacks that process
 * then.
 */
bool tree_event(struct tree *tree, const struct prefork_event *event,
		char *command, struct origin *origin);

/*
 * Events were lost: a running process has another name by now. Takes over
 * @command, NULL where it could not be had.
 */
void tree_rename(struct tree *tree, pid_t pid, const char *comm, char *command);

/* Likewise: it ended, or goes on unwatched, before @end. */
void tree_lose(struct tree *tree, pid_t pid, enum process_state state, uint64_t end);

/* From now on it is chosen, or not; what it creates is as it is, at first. */
void tree_choose(struct tree *tree, pid_t pid, bool chosen);

/*
 * At the end, in a tree that remembers: forgets all but those that are chosen
 * and those that they descend from.
 */
void tree_prune(struct tree *tree);

/* Calls @fn for each running process, which that one may lose. */
void tree_each_running(const struct tree *tree,
		       void (*fn)(const struct process *process, void *arg), void *arg);

/* A running process, or NULL. */
const struct process *tree_find(const struct tree *tree, pid_t pid);

/* Of a running process. */
struct origin tree_origin(const struct tree *tree, pid_t pid);

size_t tree_count(const struct tree *tree);
size_t tree_running(const struct tree *tree);

/* All that is remembered, parents before their children, oldest first. */
const struct process *tree_first(const struct tree *tree);
const struct process *tree_next(const struct process *process);

/* When it ended, or @end if it has not; never before its start. */
uint64_t process_end(const struct process *process, uint64_t end);

/* How to call it: its command, or in brackets the name it was born with. */
void process_title(const struct process *process, char *to, size_t size);

/* What became of it: "0", "SIGKILL", "running", ... Returns @to or a constant. */
const char *process_outcome(const struct process *process, char *to, size_t size);

#endif
