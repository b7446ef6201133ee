/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is told: which of all that happens, as which format has it, to where.
 */
#ifndef DISPLAY_H
#define DISPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sink/sink.h"

struct options;

struct display {
	const struct options *options;
	struct output *output;
	struct sink sink;
	int hurry;		/* descriptor, or -1 */
	uint64_t shown, unshown; /* events and signals */
	uint64_t flushed;	/* CLOCK_BOOTTIME, ns: the last time */
	bool failed;		/* what is appended to, and that has been told */
};

/* Of what happens from @begin on, CLOCK_BOOTTIME. Tells what fails and returns false. */
bool display_open(struct display *display, const struct options *options, uint64_t begin);

/* Before anything else is told. */
void display_begin(struct display *display);

/* After display_finish() there is nothing to do; nor where all is 0. */
void display_close(struct display *display);

/* While @fd is readable, a reader that takes nothing is not waited for. */
void display_hurry_by(struct display *display, int fd);

/* Nor from now on. */
void display_hurry(struct display *display);

/* For what is no event. */
FILE *display_stream(const struct display *display);

/* Is it a pipe or a socket, which some process has to read? */
bool display_has_reader(const struct display *display);

/* Whether what is told gets nowhere, for good. */
bool display_is_over(const struct display *display);

/*
 * The file that is appended to is opened again, since somebody has given it another name.
 * Tells what fails, and returns false; it goes on to where it went.
 */
bool display_reopen(struct display *display);

/* As the sink has them; where --events has, and --max-events has room for them. */
void display_event(struct display *display, const struct prefork_event *event,
		   const struct origin *origin);
void display_signal(struct display *display, const struct delivery *delivery);
void display_found(struct display *display, const struct process *process);

/* Whatever is asked for. */
void display_lost(struct display *display, const struct prefork_event *event, uint64_t count);
void display_resync(struct display *display, uint64_t time, size_t found, size_t gone);

/* What has been told is written now, */
void display_flush(struct display *display);

/*
 * or soon: at once but to a file, which has it some milliseconds later unless it is
 * @idle until then.
 */
void display_turn(struct display *display, bool idle);

/* How long may be waited (-1: for ever) before the next turn, instead of @timeout_ms. */
int display_timeout(const struct display *display, int timeout_ms);

/*
 * What belongs to the end, after @lost events, and where the time was over before @running
 * processes. Tells what could not be written, and returns false; a reader that closed its
 * end of the pipe, or a signal that came while it did not read, is no reason for that.
 */
bool display_finish(struct display *display, const struct tree *tree, uint64_t lost,
		    size_t running);

#endif
