/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A consumer of events. It formats; who writes, when it is flushed, and what
 * happens to the tasks are no concern of it.
 */
#ifndef SINK_H
#define SINK_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct delivery;
struct origin;
struct prefork_event;
struct process;
struct record;
struct sink;
struct summary;
struct tree;

struct sink_ops {
	/* Before anything else. May be NULL. */
	void (*header)(struct sink *sink);

	/* Of a process with that origin. */
	void (*event)(struct sink *sink, const struct prefork_event *event,
		      const struct origin *origin);

	/*
	 * A process that runs already when the watching begins, or whose birth
	 * was lost. Has a command, where that could be had.
	 */
	void (*found)(struct sink *sink, uint64_t time, const struct process *process);

	/* @count events are missing here; @event is the next one there is. */
	void (*lost)(struct sink *sink, const struct prefork_event *event, uint64_t count);

	/*
	 * After events were lost: the state at @time has been read again. So
	 * many processes were found that had not been told of, and so many are
	 * no longer watched whose end had not.
	 */
	void (*resync)(struct sink *sink, uint64_t time, size_t found, size_t gone);

	/* What is traced takes a signal. Not in order with the events. */
	void (*signal)(struct sink *sink, const struct delivery *delivery);

	/*
	 * At the end: @count events were not shown, since as many had been as
	 * were asked for, and @running processes go on since the time is over.
	 */
	void (*truncated)(struct sink *sink, uint64_t time, uint64_t count, size_t running);

	/* When all is over, with @lost events. The tree remembers. */
	void (*footer)(struct sink *sink, const struct tree *tree, uint64_t lost);
	void (*summary)(struct sink *sink, const struct summary *summary);

	/* Of sinks made of the functions in record.h. */
	void (*write)(FILE *out, const struct record *record);
};

/* Sinks keep nothing else, so that who creates them needs no destructor. */
struct sink {
	const struct sink_ops *ops;
	FILE *out;
	uint64_t epoch;		/* CLOCK_BOOTTIME, ns: when watching began */
};

extern const struct sink_ops sink_text;
extern const struct sink_ops sink_json;
extern const struct sink_ops sink_csv;
extern const struct sink_ops sink_pipe;
extern const struct sink_ops sink_journal;	/* writes nothing to .out */

#endif
