// SPDX-License-Identifier: GPL-2.0
#include "record.h"

#include <prefork.h>

#include "core/delivery.h"
#include "core/origin.h"
#include "core/signame.h"
#include "core/summary.h"
#include "core/tree.h"
#include "sink.h"

static const char *const names[FIELDS] = {
	[FIELD_EVENT] = "event",
	[FIELD_SEQ] = "seq",
	[FIELD_TIME] = "time",
	[FIELD_PID] = "pid",
	[FIELD_TID] = "tid",
	[FIELD_PPID] = "ppid",
	[FIELD_START] = "start",
	[FIELD_UID] = "uid",
	[FIELD_COMM] = "comm",
	[FIELD_CHILD] = "child",
	[FIELD_NSPID] = "nspid",
	[FIELD_CLONE_FLAGS] = "clone_flags",
	[FIELD_PATH] = "path",
	[FIELD_OLD_TID] = "old_tid",
	[FIELD_DEPTH] = "depth",
	[FIELD_COMMAND] = "command",
	[FIELD_FOUND] = "found",
	[FIELD_GONE] = "gone",
	[FIELD_END] = "end",
	[FIELD_STATUS] = "status",
	[FIELD_UTIME] = "utime",
	[FIELD_STIME] = "stime",
	[FIELD_MAXRSS] = "maxrss",
	[FIELD_SUSPENDED] = "suspended",
	[FIELD_HELD] = "held",
	[FIELD_LONGEST] = "longest",
	[FIELD_ERRNO] = "errno",
	[FIELD_REASON] = "reason",
	[FIELD_SIGNAL] = "signal",
	[FIELD_NAME] = "name",
	[FIELD_SENDER] = "sender",
	[FIELD_TRACER] = "tracer",
	[FIELD_THREAD] = "thread",
	[FIELD_COOKIE] = "cookie",
	[FIELD_DEADLINE] = "deadline",
	[FIELD_COUNT] = "count",
	[FIELD_PROCESSES] = "processes",
	[FIELD_RUNNING] = "running",
	[FIELD_LOST] = "lost",
	[FIELD_FAILED] = "failed",
	[FIELD_FORKS] = "forks",
	[FIELD_EXECS] = "execs",
	[FIELD_THREADS] = "threads",
	[FIELD_FAILURES] = "failures",
	[FIELD_DURATION] = "duration",
};

/* What one is made of, as the function that gives its fields needs it. */
struct record {
	void (*add)(struct fields *to, const struct record *record);
	const struct prefork_event *event;
	const struct origin *origin;
	const struct delivery *delivery;
	const struct process *process;
	const struct tree *tree;
	const struct summary *summary;
	const struct tally *tally;
	uint64_t time, count;
	size_t found, gone, running;
};

const char *field_name(enum field field)
{
	return names[field];
}

/* Where there is one: these are never 0. */
static void add_known(struct fields *to, enum field field, uint64_t value)
{
	if (value)
		to->number(to, field, value);
}

static void add_origin(struct fields *to, const struct origin *origin)
{
	add_known(to, FIELD_PPID, (uint64_t)origin->ppid);
	add_known(to, FIELD_START, origin->start);
	if (origin->has_uid)
		to->number(to, FIELD_UID, origin->uid);
}

static void add_accounts(struct fields *to, uint64_t utime, uint64_t stime, uint64_t maxrss)
{
	to->number(to, FIELD_UTIME, utime);
	to->number(to, FIELD_STIME, stime);
	to->number(to, FIELD_MAXRSS, maxrss);
}

static void add_details(struct fields *to, const struct prefork_event *event)
{
	switch (event->type) {
	case PREFORK_EVENT_PREFORK:
		to->integer(to, FIELD_CHILD, event->child);
		add_known(to, FIELD_NSPID, (uint64_t)event->nspid);
		to->number(to, FIELD_CLONE_FLAGS, event->clone_flags);
		break;
	case PREFORK_EVENT_BORN:
		add_known(to, FIELD_NSPID, (uint64_t)event->nspid);
		to->number(to, FIELD_CLONE_FLAGS, event->clone_flags);
		break;
	case PREFORK_EVENT_FORK_FAILED:
		to->integer(to, FIELD_CHILD, event->child);
		to->integer(to, FIELD_ERRNO, event->error);
		break;
	case PREFORK_EVENT_EXEC:
		if (event->path[0])
			to->text(to, FIELD_PATH, event->path);
		to->integer(to, FIELD_OLD_TID, event->old_tid);
		break;
	case PREFORK_EVENT_EXIT:
		to->integer(to, FIELD_STATUS, event->status);
		add_accounts(to, event->utime, event->stime, event->maxrss);
		break;
	case PREFORK_EVENT_VFORK_DONE:
		to->integer(to, FIELD_CHILD, event->child);
		to->number(to, FIELD_SUSPENDED, event->suspended);
		break;
	case PREFORK_EVENT_UNWATCHED:
		to->number(to, FIELD_REASON, event->reason);
		to->text(to, FIELD_NAME, prefork_reason_name(event->reason));
		break;
	case PREFORK_EVENT_TIMEOUT:
		add_known(to, FIELD_CHILD, (uint64_t)event->child);
		break;
	case PREFORK_EVENT_ADOPTED:
		to->integer(to, FIELD_TRACER, event->tracer);
		break;
	default:
		break;
	}
}

static void add_event(struct fields *to, const struct record *record)
{
	const struct prefork_event *event = record->event;

	to->text(to, FIELD_EVENT, prefork_event_name(event->type));
	to->number(to, FIELD_SEQ, event->seq);
	to->number(to, FIELD_TIME, event->time);
	to->integer(to, FIELD_PID, event->pid);
	to->integer(to, FIELD_TID, event->tid);
	add_origin(to, record->origin);
	to->text(to, FIELD_COMM, event->comm);
	add_details(to, event);
	if (event->thread)
		to->truth(to, FIELD_THREAD);
	add_known(to, FIELD_COOKIE, event->cookie);
	add_known(to, FIELD_DEADLINE, event->deadline);
}

/* The event itself has a number only where it is the kernel's own LOST. */
static void add_loss(struct fields *to, const struct record *record)
{
	const struct prefork_event *event = record->event;

	to->text(to, FIELD_EVENT, "lost");
	if (event->type == PREFORK_EVENT_LOST)
		to->number(to, FIELD_SEQ, event->seq);
	to->number(to, FIELD_TIME, event->time);
	to->number(to, FIELD_COUNT, record->count);
}

static void add_resync(struct fields *to, const struct record *record)
{
	to->text(to, FIELD_EVENT, "resync");
	to->number(to, FIELD_TIME, record->time);
	to->number(to, FIELD_FOUND, record->found);
	to->number(to, FIELD_GONE, record->gone);
}

static void add_signal(struct fields *to, const struct record *record)
{
	const struct delivery *delivery = record->delivery;
	char name[32];

	to->text(to, FIELD_EVENT, "signal");
	to->number(to, FIELD_TIME, delivery->time);
	to->integer(to, FIELD_PID, delivery->pid);
	to->integer(to, FIELD_TID, delivery->tid);
	add_origin(to, &delivery->origin);
	to->text(to, FIELD_COMM, delivery->comm);
	to->integer(to, FIELD_SIGNAL, delivery->signal);
	to->text(to, FIELD_NAME, signal_name(delivery->signal, name, sizeof(name)));
	add_known(to, FIELD_SENDER, (uint64_t)delivery->sender);
}

static void add_truncated(struct fields *to, const struct record *record)
{
	to->text(to, FIELD_EVENT, "truncated");
	to->number(to, FIELD_TIME, record->time);
	to->number(to, FIELD_COUNT, record->count);
	to->number(to, FIELD_RUNNING, record->running);
}

static void add_outcome(struct fields *to, const struct process *process)
{
	if (process->state == PROCESS_RUNNING)
		return;
	to->number(to, FIELD_END, process->end);
	if (process->state != PROCESS_ENDED)
		return;
	to->integer(to, FIELD_STATUS, process->status);
	add_accounts(to, process->utime, process->stime, process->maxrss);
}

static void add_identity(struct fields *to, const struct process *process)
{
	to->integer(to, FIELD_PID, process->pid);
	to->integer(to, FIELD_TID, process->pid);
	add_origin(to, &process->origin);
	to->text(to, FIELD_COMM, process->comm);
	to->number(to, FIELD_DEPTH, process->depth);
	if (process->command)
		to->text(to, FIELD_COMMAND, process->command);
}

static void add_found(struct fields *to, const struct record *record)
{
	to->text(to, FIELD_EVENT, "found");
	to->number(to, FIELD_TIME, record->time);
	add_identity(to, record->process);
}

static void add_process(struct fields *to, const struct record *record)
{
	const struct process *process = record->process;

	to->text(to, FIELD_EVENT, "process");
	add_identity(to, process);
	if (process->found)
		to->truth(to, FIELD_FOUND);
	add_outcome(to, process);
}

static void add_summary(struct fields *to, const struct record *record)
{
	to->text(to, FIELD_EVENT, "summary");
	to->number(to, FIELD_PROCESSES, tree_count(record->tree));
	to->number(to, FIELD_RUNNING, tree_running(record->tree));
	to->number(to, FIELD_LOST, record->count);
}

static void add_tally(struct fields *to, const struct tally *tally)
{
	to->number(to, FIELD_UTIME, tally->utime);
	to->number(to, FIELD_STIME, tally->stime);
	to->number(to, FIELD_SUSPENDED, tally->suspended);
	to->number(to, FIELD_HELD, tally->held);
	to->number(to, FIELD_LONGEST, tally->longest);
	to->number(to, FIELD_PROCESSES, tally->count);
	to->number(to, FIELD_FAILED, tally->failed);
	to->number(to, FIELD_FORKS, tally->forks);
	to->number(to, FIELD_EXECS, tally->execs);
	to->number(to, FIELD_THREADS, tally->threads);
	to->number(to, FIELD_FAILURES, tally->failures);
}

static void add_total(struct fields *to, const struct record *record)
{
	to->text(to, FIELD_EVENT, "total");
	add_tally(to, &record->summary->all);
	to->number(to, FIELD_DURATION, record->summary->duration);
}

static void add_named(struct fields *to, const char *event, const struct tally *tally)
{
	to->text(to, FIELD_EVENT, event);
	to->text(to, FIELD_COMM, tally->process->comm);
	add_tally(to, tally);
}

static void add_command(struct fields *to, const struct record *record)
{
	add_named(to, "command", record->tally);
}

static void add_creator(struct fields *to, const struct record *record)
{
	add_named(to, "creator", record->tally);
}

static void add_subtree(struct fields *to, const struct record *record)
{
	to->text(to, FIELD_EVENT, "subtree");
	add_identity(to, record->tally->process);
	add_tally(to, record->tally);
}

void record_fields(const struct record *record, struct fields *fields)
{
	record->add(fields, record);
}

static void write(const struct sink *sink, const struct record *record)
{
	sink->ops->write(sink->out, record);
}

void record_event(struct sink *sink, const struct prefork_event *event,
		  const struct origin *origin)
{
	write(sink, &(struct record){ .add = add_event, .event = event, .origin = origin });
}

void record_found(struct sink *sink, uint64_t time, const struct process *process)
{
	write(sink, &(struct record){ .add = add_found, .time = time, .process = process });
}

void record_lost(struct sink *sink, const struct prefork_event *event, uint64_t count)
{
	write(sink, &(struct record){ .add = add_loss, .event = event, .count = count });
}

void record_resync(struct sink *sink, uint64_t time, size_t found, size_t gone)
{
	write(sink, &(struct record){
		.add = add_resync, .time = time, .found = found, .gone = gone });
}

void record_signal(struct sink *sink, const struct delivery *delivery)
{
	write(sink, &(struct record){ .add = add_signal, .delivery = delivery });
}

void record_truncated(struct sink *sink, uint64_t time, uint64_t count, size_t running)
{
	write(sink, &(struct record){
		.add = add_truncated, .time = time, .count = count, .running = running });
}

void record_footer(struct sink *sink, const struct tree *tree, uint64_t lost)
{
	const struct process *process;

	for (process = tree_first(tree); process; process = tree_next(process))
		write(sink, &(struct record){ .add = add_process, .process = process });
	write(sink, &(struct record){ .add = add_summary, .tree = tree, .count = lost });
}

static void write_tallies(const struct sink *sink, const struct tallies *tallies,
			  void (*add)(struct fields *to, const struct record *record))
{
	for (size_t i = 0; i < tallies->count; i++)
		write(sink, &(struct record){ .add = add, .tally = &tallies->items[i] });
}

void record_summary(struct sink *sink, const struct summary *summary)
{
	write(sink, &(struct record){ .add = add_total, .summary = summary });
	write_tallies(sink, &summary->commands, add_command);
	write_tallies(sink, &summary->creators, add_creator);
	write_tallies(sink, &summary->subtrees, add_subtree);
}
