/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who takes care of newborns and of new programs while they are held.
 *
 * Called by the thread that reads the events, and never waits there for a
 * process: what takes time goes on in turn(), or in threads of its own.
 */
#ifndef ADOPTER_H
#define ADOPTER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct adopter;
struct prefork_event;
struct tree;

struct adopter_ops {
	/*
	 * Every event, in their order; the tree has it already. True: the
	 * adopter will answer the hold of the event, or has done so. False:
	 * that is left to the caller.
	 */
	bool (*event)(struct adopter *adopter, const struct prefork_event *event,
		      const struct tree *tree);

	/* Will it answer that hold? Asked when events were lost. */
	bool (*answers)(const struct adopter *adopter, uint64_t cookie);

	/*
	 * A process that ran already when it was watched, before any event, or
	 * that has been missed because events were lost. May be NULL.
	 */
	void (*found)(struct adopter *adopter, pid_t pid);

	/*
	 * Before each turn, and when events have been received that the tree does not
	 * have yet: what is still to be told of processes that they may end is to be
	 * looked up. May be NULL.
	 */
	void (*collect)(struct adopter *adopter, const struct tree *tree);

	/* A descriptor for poll(2): readable soon after turn() has got something to do. */
	int (*fd)(const struct adopter *adopter);
	void (*turn)(struct adopter *adopter);

	/* The session is about to be closed: no more use of it. May be NULL. */
	void (*leave)(struct adopter *adopter);

	/*
	 * Watching is over, nothing is held any more. What is still to be done
	 * is done in turns until this returns true.
	 */
	bool (*finish)(struct adopter *adopter);

	/* Lets go at once of everything. Every process runs on. */
	void (*destroy)(struct adopter *adopter);
};

struct adopter {
	const struct adopter_ops *ops;
};

#endif
