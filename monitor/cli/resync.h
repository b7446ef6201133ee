/* SPDX-License-Identifier: GPL-2.0 */
/*
 * After events were lost: asks the kernel what is watched, and brings the tree
 * in line with that.
 *
 * The answer is newer than the events that have been read so far, so it is
 * kept until these have got as far. What is missing in the tree then has been
 * missed, and what is too much has ended, or goes on unwatched, unseen.
 */
#ifndef RESYNC_H
#define RESYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct prefork;
struct resync;
struct tree;

/* Who is asked and told, in resync_turn(). */
struct resync_listener {
	/* A process to be added to the tree; parents come before children. */
	void (*found)(void *arg, pid_t pid, const char *comm);

	/* Will somebody answer that hold? */
	bool (*answers)(void *arg, uint64_t cookie);

	/* The state at @time is in the tree: so many came and went. */
	void (*done)(void *arg, uint64_t time, size_t found, size_t gone);
	void *arg;
};

/* Session and tree outlive it. NULL without memory. */
struct resync *resync_create(struct prefork *pf, struct tree *tree,
			     const struct resync_listener *listener);
void resync_destroy(struct resync *resync);

/* Events were lost that would have come before @time. */
void resync_want(struct resync *resync, uint64_t time);

bool resync_pending(const struct resync *resync);

/*
 * A step, when all holds known so far have been answered. @read is the time of
 * the last event that was read (not LOST, which is younger than what comes behind
 * it); @quiet: nothing has come for RESYNC_QUIET_MS. Tells what fails.
 */
void resync_turn(struct resync *resync, uint64_t read, bool quiet);

#define RESYNC_QUIET_MS	500

#endif
