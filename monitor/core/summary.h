/* SPDX-License-Identifier: GPL-2.0 */
/* Sums over all that a tree remembers. Times are ns. */
#ifndef SUMMARY_H
#define SUMMARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct process;
struct tree;

struct tally {
	/* What all of it is about: the first of the name, or of the subtree. */
	const struct process *process;
	size_t count;		/* processes */
	size_t forks;		/* of these: that did not run before */
	size_t execs, threads;	/* that they executed, created */
	size_t failures;	/* to create a process or a thread */
	size_t failed;		/* that ended by a signal, or with another status than 0 */
	uint64_t utime, stime;
	uint64_t longest;	/* lifetime of one */
	uint64_t suspended;	/* in vfork */
	uint64_t held;
};

struct tallies {
	size_t count;
	struct tally *items;
};

struct summary {
	uint64_t duration;
	struct tally all;	/* its .process is NULL */

	/* By the name that they had last; most time of CPU first, and longest first. */
	struct tallies commands, longest;

	/* By the name of who created them; most processes first. */
	struct tallies creators;

	/* What the processes at the top have created, each with all below it; as commands. */
	struct tallies subtrees;
};

/* Until @end for what still runs. False without memory. */
bool summary_create(struct summary *summary, const struct tree *tree, uint64_t begin,
		    uint64_t end);
void summary_destroy(struct summary *summary);

#endif
