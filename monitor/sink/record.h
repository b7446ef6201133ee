/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sinks of formats that programs read: what there is to say, as fields, which
 * are values with keys. Keys and units are those of the attributes of the UAPI.
 * A field is there exactly when the attribute is; ppid and start, which are
 * the process's, whenever they are known.
 */
#ifndef RECORD_H
#define RECORD_H

#include <stddef.h>
#include <stdint.h>

struct delivery;
struct origin;
struct prefork_event;
struct process;
struct record;
struct sink;
struct summary;
struct tree;

/* They are always given in this order. */
enum field {
	FIELD_EVENT,		/* always there, a name */
	FIELD_SEQ,
	FIELD_TIME,
	FIELD_PID,
	FIELD_TID,
	FIELD_PPID,
	FIELD_START,
	FIELD_UID,
	FIELD_COMM,
	FIELD_CHILD,
	FIELD_NSPID,
	FIELD_CLONE_FLAGS,
	FIELD_PATH,
	FIELD_OLD_TID,
	FIELD_DEPTH,
	FIELD_COMMAND,
	FIELD_FOUND,
	FIELD_GONE,
	FIELD_END,
	FIELD_STATUS,
	FIELD_UTIME,
	FIELD_STIME,
	FIELD_MAXRSS,
	FIELD_SUSPENDED,
	FIELD_HELD,
	FIELD_LONGEST,
	FIELD_ERRNO,
	FIELD_REASON,
	FIELD_SIGNAL,
	FIELD_NAME,		/* of the reason or the signal */
	FIELD_SENDER,
	FIELD_TRACER,
	FIELD_THREAD,
	FIELD_COOKIE,
	FIELD_DEADLINE,
	FIELD_COUNT,
	FIELD_PROCESSES,
	FIELD_RUNNING,
	FIELD_LOST,
	FIELD_FAILED,
	FIELD_FORKS,
	FIELD_EXECS,
	FIELD_THREADS,
	FIELD_FAILURES,
	FIELD_DURATION,
};
#define FIELDS	(FIELD_DURATION + 1)

/* "event", "seq", ... */
const char *field_name(enum field field);

/* Who takes them, one by one. */
struct fields {
	void (*number)(struct fields *fields, enum field field, uint64_t value);
	void (*integer)(struct fields *fields, enum field field, int64_t value);
	/* Of any bytes. */
	void (*text)(struct fields *fields, enum field field, const char *value);
	void (*truth)(struct fields *fields, enum field field);
};

void record_fields(const struct record *record, struct fields *fields);

/* They call .write, the one thing in which these sinks differ. */
void record_event(struct sink *sink, const struct prefork_event *event,
		  const struct origin *origin);
void record_found(struct sink *sink, uint64_t time, const struct process *process);
void record_lost(struct sink *sink, const struct prefork_event *event, uint64_t count);
void record_resync(struct sink *sink, uint64_t time, size_t found, size_t gone);
void record_signal(struct sink *sink, const struct delivery *delivery);
void record_truncated(struct sink *sink, uint64_t time, uint64_t count, size_t running);
void record_footer(struct sink *sink, const struct tree *tree, uint64_t lost);
void record_summary(struct sink *sink, const struct summary *summary);

/* All of struct sink_ops but .header and .write. */
#define RECORD_OPS \
	.event = record_event, \
	.found = record_found, \
	.lost = record_lost, \
	.resync = record_resync, \
	.signal = record_signal, \
	.truncated = record_truncated, \
	.footer = record_footer, \
	.summary = record_summary

#endif
