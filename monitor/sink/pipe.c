// SPDX-License-Identifier: GPL-2.0
/*
 * One line an event, its values between bars, for awk, cut and the like:
 *
 *	KIND|ms|pid|comm|...|tid|ppid|start|uid
 *
 * Names have no bar and no line feed of their own: these, backslashes and what
 * is not printable are \ooo, or \\.
 */
#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/wait.h>

#include <prefork.h>

#include "core/clock.h"
#include "core/delivery.h"
#include "core/origin.h"
#include "core/quote.h"
#include "core/signame.h"
#include "core/summary.h"
#include "core/tree.h"
#include "sink.h"

static int64_t ms_since(const struct sink *sink, uint64_t time)
{
	return (int64_t)(time - sink->epoch) / NS_PER_MS;
}

/* With the bar that ends it. */
static void put_quoted(FILE *out, const char *text)
{
	for (; *text; text++)
		if (*text == '|')
			fputs_unlocked("\\174", out);
		else
			putc_unlocked(*text, out);
	putc_unlocked('|', out);
}

static void put_name(FILE *out, const char *name)
{
	char text[4 * PATH_MAX];

	quote_name(text, sizeof(text), name);
	put_quoted(out, text);
}

/* Of threads' events it has THREAD_ before it. */
static const char *kind_of(const struct prefork_event *event, char *kind, size_t size)
{
	const char *name = event->type == PREFORK_EVENT_BORN ? "fork" :
			   prefork_event_name(event->type);

	snprintf(kind, size, "%s%s", event->thread ? "thread_" : "", name);
	for (char *at = kind; *at; at++)
		*at = (char)toupper((unsigned char)*at);
	return kind;
}

static void begin(const struct sink *sink, const char *kind, uint64_t time, pid_t pid,
		  const char *comm)
{
	fprintf(sink->out, "%s|%" PRId64 "|%d|", kind, ms_since(sink, time), pid);
	put_name(sink->out, comm);
}

static void end(const struct sink *sink, pid_t tid, const struct origin *origin)
{
	fprintf(sink->out, "%d|%d|%" PRIu64 "|%" PRId64 "\n", tid, origin->ppid, origin->start,
		origin->has_uid ? (int64_t)origin->uid : -1);
}

static void put_status(FILE *out, int status)
{
	char name[32];

	if (WIFSIGNALED(status))
		fprintf(out, "%s|", signal_name(WTERMSIG(status), name, sizeof(name)));
	else
		fprintf(out, "%d|", WEXITSTATUS(status));
}

static void put_child(FILE *out, pid_t child, const char *comm)
{
	fprintf(out, "%d|", child);
	put_name(out, comm);
}

/* Which is quoted already. */
static void put_command(FILE *out, const struct process *process)
{
	put_quoted(out, process->command ? process->command : "");
}

static void put_error(FILE *out, int error)
{
	const char *name = strerrorname_np(error);

	if (name)
		fprintf(out, "%s|", name);
	else
		fprintf(out, "%d|", error);
}

static void put_details(FILE *out, const struct prefork_event *event)
{
	switch (event->type) {
	case PREFORK_EVENT_PREFORK:
		put_child(out, event->child, event->comm);
		break;
	case PREFORK_EVENT_BORN:
		put_child(out, event->thread ? event->tid : event->pid, event->comm);
		break;
	case PREFORK_EVENT_FORK_FAILED:
		fprintf(out, "%d|", event->child);
		put_error(out, event->error);
		break;
	case PREFORK_EVENT_EXEC:
		put_name(out, event->path);
		break;
	case PREFORK_EVENT_EXIT:
		put_status(out, event->status);
		break;
	case PREFORK_EVENT_VFORK_DONE:
		fprintf(out, "%d|%" PRId64 "|", event->child,
			(int64_t)event->suspended / NS_PER_MS);
		break;
	case PREFORK_EVENT_UNWATCHED:
		fprintf(out, "%s|", prefork_reason_name(event->reason));
		break;
	case PREFORK_EVENT_TIMEOUT:
		fprintf(out, "%d|", event->child);
		break;
	case PREFORK_EVENT_ADOPTED:
		fprintf(out, "%d|", event->tracer);
		break;
	default:
		break;
	}
}

/* The line of a birth begins with the parent, whose name the newborn has. */
static pid_t first_of(const struct prefork_event *event)
{
	return event->type == PREFORK_EVENT_BORN && !event->thread ? event->ppid : event->pid;
}

static void pipe_event(struct sink *sink, const struct prefork_event *event,
		       const struct origin *origin)
{
	char kind[32];

	begin(sink, kind_of(event, kind, sizeof(kind)), event->time, first_of(event),
	      event->comm);
	put_details(sink->out, event);
	end(sink, event->tid, origin);
}

static void pipe_found(struct sink *sink, uint64_t time, const struct process *process)
{
	begin(sink, "FOUND", time, process->pid, process->comm);
	put_command(sink->out, process);
	end(sink, process->pid, &process->origin);
}

static void pipe_lost(struct sink *sink, const struct prefork_event *event, uint64_t count)
{
	fprintf(sink->out, "LOST|%" PRId64 "|%" PRIu64 "\n", ms_since(sink, event->time), count);
}

static void pipe_resync(struct sink *sink, uint64_t time, size_t found, size_t gone)
{
	fprintf(sink->out, "RESYNC|%" PRId64 "|%zu|%zu\n", ms_since(sink, time), found, gone);
}

static void pipe_signal(struct sink *sink, const struct delivery *delivery)
{
	char name[32];

	begin(sink, "SIGNAL", delivery->time, delivery->pid, delivery->comm);
	fprintf(sink->out, "%s|%d|", signal_name(delivery->signal, name, sizeof(name)),
		delivery->sender);
	end(sink, delivery->tid, &delivery->origin);
}

static void pipe_truncated(struct sink *sink, uint64_t time, uint64_t count, size_t running)
{
	fprintf(sink->out, "TRUNCATED|%" PRId64 "|%" PRIu64 "|%zu\n", ms_since(sink, time),
		count, running);
}

/* How it ended, how long it lived and what it was; nothing where that is not known. */
static void put_process(const struct sink *sink, const struct process *process)
{
	begin(sink, "PROCESS", process->origin.start, process->pid, process->comm);
	if (process->state == PROCESS_ENDED)
		put_status(sink->out, process->status);
	else
		putc_unlocked('|', sink->out);
	if (process->state != PROCESS_RUNNING)
		fprintf(sink->out, "%" PRId64,
			(int64_t)(process_end(process, 0) - process->origin.start) / NS_PER_MS);
	putc_unlocked('|', sink->out);
	put_command(sink->out, process);
	end(sink, process->pid, &process->origin);
}

static void pipe_footer(struct sink *sink, const struct tree *tree, uint64_t lost)
{
	const struct process *process;

	(void)lost;	/* has been told where they were missing */
	for (process = tree_first(tree); process; process = tree_next(process))
		put_process(sink, process);
}

static void put_tally(FILE *out, const struct tally *tally)
{
	const uint64_t times[] = {
		tally->utime, tally->stime, tally->suspended, tally->held, tally->longest,
	};

	fprintf(out, "%zu|%zu|%zu|%zu|%zu|%zu", tally->count, tally->forks, tally->execs,
		tally->threads, tally->failures, tally->failed);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		fprintf(out, "|%" PRId64, (int64_t)times[i] / NS_PER_MS);
}

static void put_named(FILE *out, const char *kind, const struct tally *tally)
{
	fprintf(out, "%s|%d|", kind, tally->process->pid);
	put_name(out, tally->process->comm);
	put_tally(out, tally);
}

static void put_names(FILE *out, const char *kind, const struct tallies *tallies)
{
	for (size_t i = 0; i < tallies->count; i++) {
		put_named(out, kind, &tallies->items[i]);
		putc_unlocked('\n', out);
	}
}

static void put_subtrees(const struct sink *sink, const struct tallies *tallies)
{
	for (size_t i = 0; i < tallies->count; i++) {
		const struct process *top = tallies->items[i].process;

		put_named(sink->out, "SUBTREE", &tallies->items[i]);
		putc_unlocked('|', sink->out);
		end(sink, top->pid, &top->origin);
	}
}

static void pipe_summary(struct sink *sink, const struct summary *summary)
{
	fprintf(sink->out, "TOTAL|%" PRId64 "|", (int64_t)summary->duration / NS_PER_MS);
	put_tally(sink->out, &summary->all);
	putc_unlocked('\n', sink->out);
	put_names(sink->out, "COMMAND", &summary->commands);
	put_names(sink->out, "CREATOR", &summary->creators);
	put_subtrees(sink, &summary->subtrees);
}

const struct sink_ops sink_pipe = {
	.event = pipe_event,
	.found = pipe_found,
	.lost = pipe_lost,
	.resync = pipe_resync,
	.signal = pipe_signal,
	.truncated = pipe_truncated,
	.footer = pipe_footer,
	.summary = pipe_summary,
};
