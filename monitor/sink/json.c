// SPDX-License-Identifier: GPL-2.0
/*
 * JSON Lines: one object an event, keys and units as the attributes of the
 * UAPI. A key is there exactly when the attribute is; but "ppid" and "start",
 * which are the process's, are there whenever they are known.
 */
#include <prefork.h>

#include "core/delivery.h"
#include "core/origin.h"
#include "core/signame.h"
#include "core/tree.h"
#include "jsonline.h"
#include "sink.h"

static void begin(struct json *line, FILE *out, const char *event)
{
	json_begin(line, out);
	json_text(line, "event", event);
}

static void add_hold(struct json *line, const struct prefork_event *event)
{
	if (event->cookie)
		json_number(line, "cookie", event->cookie);
	if (event->deadline)
		json_number(line, "deadline", event->deadline);
}

static void add_nspid(struct json *line, const struct prefork_event *event)
{
	if (event->nspid)
		json_integer(line, "nspid", event->nspid);
}

static void add_exit(struct json *line, const struct prefork_event *event)
{
	json_integer(line, "status", event->status);
	json_number(line, "utime", event->utime);
	json_number(line, "stime", event->stime);
	json_number(line, "maxrss", event->maxrss);
}

static void add_details(struct json *line, const struct prefork_event *event)
{
	switch (event->type) {
	case PREFORK_EVENT_PREFORK:
		json_integer(line, "child", event->child);
		add_nspid(line, event);
		json_number(line, "clone_flags", event->clone_flags);
		break;
	case PREFORK_EVENT_BORN:
		add_nspid(line, event);
		json_number(line, "clone_flags", event->clone_flags);
		break;
	case PREFORK_EVENT_FORK_FAILED:
		json_integer(line, "child", event->child);
		json_integer(line, "errno", event->error);
		break;
	case PREFORK_EVENT_EXEC:
		if (event->path[0])
			json_text(line, "path", event->path);
		json_integer(line, "old_tid", event->old_tid);
		break;
	case PREFORK_EVENT_EXIT:
		add_exit(line, event);
		break;
	case PREFORK_EVENT_VFORK_DONE:
		json_integer(line, "child", event->child);
		json_number(line, "suspended", event->suspended);
		break;
	case PREFORK_EVENT_UNWATCHED:
		json_number(line, "reason", event->reason);
		json_text(line, "name", prefork_reason_name(event->reason));
		break;
	case PREFORK_EVENT_TIMEOUT:
		if (event->child)
			json_integer(line, "child", event->child);
		break;
	case PREFORK_EVENT_ADOPTED:
		json_integer(line, "tracer", event->tracer);
		break;
	default:
		break;
	}
}

static void add_origin(struct json *line, const struct origin *origin)
{
	if (origin->ppid)
		json_integer(line, "ppid", origin->ppid);
	if (origin->start)
		json_number(line, "start", origin->start);
}

static void json_event(struct sink *sink, const struct prefork_event *event,
		       const struct origin *origin)
{
	struct json line;

	begin(&line, sink->out, prefork_event_name(event->type));
	json_number(&line, "seq", event->seq);
	json_number(&line, "time", event->time);
	json_integer(&line, "pid", event->pid);
	json_integer(&line, "tid", event->tid);
	add_origin(&line, origin);
	json_text(&line, "comm", event->comm);
	add_details(&line, event);
	if (event->thread)
		json_true(&line, "thread");
	add_hold(&line, event);
	json_end(&line);
}

/* The event itself has a number only where it is the kernel's own LOST. */
static void json_lost(struct sink *sink, const struct prefork_event *event, uint64_t count)
{
	struct json line;

	begin(&line, sink->out, "lost");
	if (event->type == PREFORK_EVENT_LOST)
		json_number(&line, "seq", event->seq);
	json_number(&line, "time", event->time);
	json_number(&line, "count", count);
	json_end(&line);
}

static void json_resync(struct sink *sink, uint64_t time, size_t found, size_t gone)
{
	struct json line;

	begin(&line, sink->out, "resync");
	json_number(&line, "time", time);
	json_number(&line, "found", found);
	json_number(&line, "gone", gone);
	json_end(&line);
}

static void json_signal(struct sink *sink, const struct delivery *delivery)
{
	struct json line;
	char name[32];

	begin(&line, sink->out, "signal");
	json_number(&line, "time", delivery->time);
	json_integer(&line, "pid", delivery->pid);
	json_integer(&line, "tid", delivery->tid);
	json_text(&line, "comm", delivery->comm);
	json_integer(&line, "signal", delivery->signal);
	json_text(&line, "name", signal_name(delivery->signal, name, sizeof(name)));
	if (delivery->sender)
		json_integer(&line, "sender", delivery->sender);
	json_end(&line);
}

static void add_outcome(struct json *line, const struct process *process)
{
	if (process->state == PROCESS_RUNNING)
		return;
	json_number(line, "end", process->end);
	if (process->state != PROCESS_ENDED)
		return;
	json_integer(line, "status", process->status);
	json_number(line, "utime", process->utime);
	json_number(line, "stime", process->stime);
	json_number(line, "maxrss", process->maxrss);
}

static void print_process(FILE *out, const struct process *process)
{
	struct json line;

	begin(&line, out, "process");
	json_integer(&line, "pid", process->pid);
	if (process->parent)
		json_integer(&line, "ppid", process->parent->pid);
	json_number(&line, "depth", process->depth);
	json_text(&line, "comm", process->comm);
	if (process->command)
		json_text(&line, "command", process->command);
	json_number(&line, "start", process->origin.start);
	if (process->found)
		json_true(&line, "found");
	add_outcome(&line, process);
	json_end(&line);
}

static void print_summary(FILE *out, const struct tree *tree, uint64_t lost)
{
	struct json line;

	begin(&line, out, "summary");
	json_number(&line, "processes", tree_count(tree));
	json_number(&line, "running", tree_running(tree));
	json_number(&line, "lost", lost);
	json_end(&line);
}

static void json_footer(struct sink *sink, const struct tree *tree, uint64_t lost)
{
	const struct process *process;

	for (process = tree_first(tree); process; process = tree_next(process))
		print_process(sink->out, process);
	print_summary(sink->out, tree, lost);
}

const struct sink_ops sink_json = {
	.event = json_event,
	.lost = json_lost,
	.resync = json_resync,
	.signal = json_signal,
	.footer = json_footer,
};
