/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is followed, for the three parts of it: follow.c sets it up, turn.c takes what comes,
 * until.c tells when it is enough, and ends it.
 */
#ifndef FOLLOWING_H
#define FOLLOWING_H

#include <stdbool.h>
#include <stdint.h>

#include "core/origin.h"
#include "core/quota.h"
#include "display.h"
#include "follow.h"
#include "interrupt.h"
#include "pictures.h"
#include "prefork.h"

struct adopter;
struct resync;
struct source;
struct tree;

/* Events in a row before they are shown, and signals and the child get a look. */
#define FOLLOW_BURST	256

struct follow {
	const struct options *options;
	uint64_t begin;			/* CLOCK_BOOTTIME, ns */
	struct source *source;
	bool watches;			/* any process */
	struct display display;
	struct tree *tree;
	struct adopter *adopter;	/* or NULL */
	follow_choose_fn *choose;	/* or NULL: all are shown */
	void *choose_arg;
	int attended;			/* readable when that is to be called; or -1 */
	void (*attend)(void *arg);
	void *attend_arg;
	struct resync *resync;
	struct pictures pictures;
	struct quota quota;
	struct interrupt interrupt;	/* once a signal was taken few waits go on, and not for long */

	/* As of the last turn: */
	bool drained;			/* all events that there were have been taken */
	bool signal_came;		/* and is still to be taken */
	bool fd_ready;			/* what the caller waits for */
	bool attended_ready;

	uint64_t seq;			/* of the last event that was shown */
	uint64_t read;			/* time of the last event, LOST left out */
	uint64_t heard;			/* when the last one was taken, after a loss */
	uint64_t lost;			/* events, so far */
	struct prefork_event events[FOLLOW_BURST];
	struct origin origins[FOLLOW_BURST];	/* of their processes */
};

/* Is what that one does shown? */
bool follow_wants(const struct follow *follow, const struct origin *origin);

/* Asks of one of those that run. */
void follow_choose_pid(struct follow *follow, pid_t pid);

/* All watches end. */
void follow_close_source(struct follow *follow);

/*
 * Waits where nothing was left, and takes what there is. What has been told is
 * written once all there was has been taken. Returns the number of events or
 * -errno. @fd (-1: none) is waited for as well.
 */
int turn(struct follow *follow, int fd, int timeout_ms);

/*
 * Returns the signal that came, or 0. What has been told so far is written
 * while it has not been taken, so that nobody keeps us for ever who does not read.
 */
int turn_signal(struct follow *follow);

/* What the adopter has to do; a descriptor, or -1, to be waited for until the next time. */
void turn_adopter(struct follow *follow);
int turn_adopter_fd(const struct follow *follow);

/* Only what it has to tell. */
void turn_collect(struct follow *follow);

#endif
