// SPDX-License-Identifier: GPL-2.0
/* One aligned line an event, for people. */
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>

#include <prefork.h>

#include "core/clock.h"
#include "core/delivery.h"
#include "core/quote.h"
#include "core/signame.h"
#include "core/tree.h"
#include "sink.h"
#include "text_summary.h"

#define LEVELS_MAX	64	/* of the tree that are drawn */

/* A string and the room that its quoted form takes at most. */
#define QUOTED(name)	(4 * sizeof(name))

static const char *kind_of(const struct prefork_event *event)
{
	if (event->thread)
		return "thread";
	return event->clone_flags & CLONE_VFORK ? "vfork" : "fork";
}

/* What is in the brackets after the number of the other one. */
static void print_creation(FILE *out, const struct prefork_event *event)
{
	if (event->cookie)
		fputs(", held", out);
	if (event->nspid)
		fprintf(out, ", %d inside", event->nspid);
	putc(')', out);
}

static void print_prefork(FILE *out, const struct prefork_event *event)
{
	fprintf(out, "-> %d (%s", event->child, kind_of(event));
	print_creation(out, event);
}

static void print_born(FILE *out, const struct prefork_event *event)
{
	if (event->thread)
		fprintf(out, "thread %d (by %d", event->tid, event->ppid);
	else
		fprintf(out, "by %d (%s", event->ppid, kind_of(event));
	print_creation(out, event);
}

static void print_unwatched(FILE *out, const struct prefork_event *event)
{
	fputs("goes on unwatched", out);
	if (event->reason == PREFORK_REASON_ACCESS)
		fputs(" (access: it has got privileges)", out);
}

static void print_fork_failed(FILE *out, const struct prefork_event *event)
{
	const char *name = strerrorname_np(event->error);

	fprintf(out, "-> %d not created: %s", event->child,
		name ? name : "unknown error");
	if (name)
		fprintf(out, " (%s)", strerror(event->error));
}

static void print_exec(FILE *out, const struct prefork_event *event)
{
	char path[QUOTED(event->path)];

	quote_name(path, sizeof(path), event->path[0] ? event->path : "(path unknown)");
	fputs(path, out);
	if (event->old_tid != event->tid)
		fprintf(out, " (by thread %d)", event->old_tid);
	if (event->cookie)
		fputs(" (held)", out);
}

static void print_adopted(FILE *out, const struct prefork_event *event)
{
	if (event->thread)
		fprintf(out, "thread %d, ", event->tid);
	fprintf(out, "traced by %d", event->tracer);
}

static void print_timeout(FILE *out, const struct prefork_event *event)
{
	if (event->child)
		fprintf(out, "-> %d, ", event->child);
	else if (event->thread)
		fprintf(out, "thread %d, ", event->tid);
	fputs("deadline passed, goes on", out);
}

static void print_exit(FILE *out, const struct prefork_event *event)
{
	char name[32];

	if (event->thread)
		fprintf(out, "thread %d, ", event->tid);
	if (WIFSIGNALED(event->status))
		fprintf(out, "%s%s", signal_name(WTERMSIG(event->status), name, sizeof(name)),
			WCOREDUMP(event->status) ? " (core dumped)" : "");
	else
		fprintf(out, "status %d", WEXITSTATUS(event->status));
	fprintf(out, ", user %.3f s, system %.3f s", seconds(event->utime),
		seconds(event->stime));
	if (!event->thread)
		fprintf(out, ", %" PRIu64 " KiB", event->maxrss);
}

static void print_details(FILE *out, const struct prefork_event *event)
{
	switch (event->type) {
	case PREFORK_EVENT_PREFORK:
		print_prefork(out, event);
		break;
	case PREFORK_EVENT_BORN:
		print_born(out, event);
		break;
	case PREFORK_EVENT_FORK_FAILED:
		print_fork_failed(out, event);
		break;
	case PREFORK_EVENT_EXEC:
		print_exec(out, event);
		break;
	case PREFORK_EVENT_EXIT:
		print_exit(out, event);
		break;
	case PREFORK_EVENT_VFORK_DONE:
		fprintf(out, "-> %d, suspended for %.6f s", event->child,
			seconds(event->suspended));
		break;
	case PREFORK_EVENT_UNWATCHED:
		print_unwatched(out, event);
		break;
	case PREFORK_EVENT_TIMEOUT:
		print_timeout(out, event);
		break;
	case PREFORK_EVENT_ADOPTED:
		print_adopted(out, event);
		break;
	default:
		break;
	}
}

static double since(const struct sink *sink, uint64_t time)
{
	return time < sink->epoch ? -seconds(sink->epoch - time) : seconds(time - sink->epoch);
}

static void text_event(struct sink *sink, const struct prefork_event *event,
		       const struct origin *origin)
{
	char comm[QUOTED(event->comm)];

	(void)origin;
	quote_name(comm, sizeof(comm), event->comm);
	fprintf(sink->out, "%11.6f %7d %-15s %-11s ", since(sink, event->time), event->pid,
		comm, prefork_event_name(event->type));
	print_details(sink->out, event);
	putc('\n', sink->out);
}

static void text_found(struct sink *sink, uint64_t time, const struct process *process)
{
	char comm[QUOTED(process->comm)], title[8192];

	quote_name(comm, sizeof(comm), process->comm);
	process_title(process, title, sizeof(title));
	fprintf(sink->out, "%11.6f %7d %-15s %-11s child of %d, %s\n", since(sink, time),
		process->pid, comm, "found", process->origin.ppid, title);
}

static void text_lost(struct sink *sink, const struct prefork_event *event, uint64_t count)
{
	fprintf(sink->out, "%11.6f %7s %-15s %-11s %" PRIu64 " events are missing here\n",
		since(sink, event->time), "-", "-", "lost", count);
}

static void text_resync(struct sink *sink, uint64_t time, size_t found, size_t gone)
{
	fprintf(sink->out, "%11.6f %7s %-15s %-11s state read again: %zu found, %zu gone\n",
		since(sink, time), "-", "-", "resync", found, gone);
}

static void text_signal(struct sink *sink, const struct delivery *delivery)
{
	char comm[QUOTED(delivery->comm)], name[32];

	quote_name(comm, sizeof(comm), delivery->comm);
	fprintf(sink->out, "%11.6f %7d %-15s %-11s ", since(sink, delivery->time), delivery->pid,
		comm, "signal");
	if (delivery->tid != delivery->pid)
		fprintf(sink->out, "thread %d, ", delivery->tid);
	fputs(signal_name(delivery->signal, name, sizeof(name)), sink->out);
	if (delivery->sender)
		fprintf(sink->out, " from %d", delivery->sender);
	putc('\n', sink->out);
}

static void text_truncated(struct sink *sink, uint64_t time, uint64_t count, size_t running)
{
	fprintf(sink->out, "%11.6f %7s %-15s %-11s", since(sink, time), "-", "-", "truncated");
	if (count)
		fprintf(sink->out, " %" PRIu64 " more events are not shown%s", count,
			running ? ";" : "");
	if (running)
		fprintf(sink->out, " the time is over, %zu processes go on", running);
	putc('\n', sink->out);
}

static const char *branch_of(const struct process *process, bool itself)
{
	if (itself)
		return process->next_sibling ? "|- " : "`- ";
	return process->next_sibling ? "|  " : "   ";
}

/* From the process up: each level is drawn for the ancestor that is on it. */
static void print_branches(FILE *out, const struct process *process)
{
	unsigned int levels = process->depth < LEVELS_MAX ? process->depth : LEVELS_MAX;
	const struct process *at = process;
	char branches[3 * LEVELS_MAX + 1];

	branches[3 * levels] = '\0';
	for (unsigned int i = levels; i-- > 0; at = at->parent)
		memcpy(&branches[3 * i], branch_of(at, at == process), 3);
	if (process->depth > levels)
		fprintf(out, "(%u levels) ", process->depth - levels);
	fputs(branches, out);
}

static void print_process(FILE *out, const struct process *process, uint64_t end)
{
	char name[32], title[8192];

	process_title(process, title, sizeof(title));
	fprintf(out, "%10.3f %9.3f %9.3f %9s %7d  ",
		seconds(process_end(process, end) - process->origin.start),
		seconds(process->utime), seconds(process->stime),
		process_outcome(process, name, sizeof(name)), process->pid);
	print_branches(out, process);
	fprintf(out, "%s\n", title);
}

static void text_footer(struct sink *sink, const struct tree *tree, uint64_t lost)
{
	const struct process *process;
	uint64_t end = boottime();

	fprintf(sink->out, "\n%zu processes", tree_count(tree));
	if (tree_running(tree))
		fprintf(sink->out, ", %zu still running", tree_running(tree));
	if (lost)
		fprintf(sink->out, ", %" PRIu64 " events lost", lost);
	fprintf(sink->out, "; times in seconds\n%10s %9s %9s %9s %7s  %s\n",
		"wall", "user", "system", "status", "pid", "command");
	for (process = tree_first(tree); process; process = tree_next(process))
		print_process(sink->out, process, end);
}

const struct sink_ops sink_text = {
	.event = text_event,
	.found = text_found,
	.lost = text_lost,
	.resync = text_resync,
	.signal = text_signal,
	.truncated = text_truncated,
	.footer = text_footer,
	.summary = text_summary,
};
