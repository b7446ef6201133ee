// SPDX-License-Identifier: GPL-2.0
/*
 * Trace events in JSON ("Trace Event Format"), as Perfetto and chrome://tracing
 * read them: a track for each process, with what it waited for below its life,
 * one for each of its threads that waited, and an arrow from who created it. Times
 * there are microseconds since the watching began.
 */
#include <inttypes.h>

#include "core/quote.h"
#include "core/tree.h"
#include "jsonline.h"
#include "layout.h"
#include "timeline.h"

#define NS_PER_US	INT64_C(1000)

struct trace {
	struct json line;
	uint64_t begin, end;
	size_t tracks;		/* of processes */
};

static int64_t us_of(const struct trace *trace, uint64_t time)
{
	return (int64_t)(time - trace->begin) / NS_PER_US;
}

static void begin_event_of(struct trace *trace, const char *phase, const char *name,
			   size_t track, size_t thread)
{
	json_begin_element(&trace->line);
	json_text(&trace->line, "ph", phase);
	json_text(&trace->line, "name", name);
	json_number(&trace->line, "pid", track + 1);
	json_number(&trace->line, "tid", thread);
}

/*
 * A track has the number of its bar: PIDs are used again. It is both the
 * process's and its main thread's in the viewer.
 */
static void begin_event(struct trace *trace, const char *phase, const char *name, size_t track)
{
	begin_event_of(trace, phase, name, track, track + 1);
}

static void put_times(struct trace *trace, uint64_t start, uint64_t end)
{
	json_text(&trace->line, "cat", "process");
	json_integer(&trace->line, "ts", us_of(trace, start));
	json_integer(&trace->line, "dur", us_of(trace, end) - us_of(trace, start));
}

static const char *name_of(const struct process *process, char *name, size_t size)
{
	char comm[4 * sizeof(process->comm)];

	quote_name(comm, sizeof(comm), process->comm);
	snprintf(name, size, "%s (%d)", comm, process->pid);
	return name;
}

static void put_track(struct trace *trace, const struct process *process, size_t track)
{
	char name[128];

	begin_event(trace, "M", "process_name", track);
	json_begin_object(&trace->line, "args");
	json_text(&trace->line, "name", name_of(process, name, sizeof(name)));
	json_end_object(&trace->line);
	json_end_object(&trace->line);
	/* So that those who were created stand below who did. */
	begin_event(trace, "M", "process_sort_index", track);
	json_begin_object(&trace->line, "args");
	json_number(&trace->line, "sort_index", track);
	json_end_object(&trace->line);
	json_end_object(&trace->line);
}

static void put_facts(struct trace *trace, const struct process *process)
{
	char name[32];

	json_begin_object(&trace->line, "args");
	json_integer(&trace->line, "pid", process->pid);
	json_integer(&trace->line, "ppid", process->origin.ppid);
	json_text(&trace->line, "status", process_outcome(process, name, sizeof(name)));
	if (process->state == PROCESS_ENDED) {
		json_number(&trace->line, "utime", process->utime);
		json_number(&trace->line, "stime", process->stime);
		json_number(&trace->line, "maxrss", process->maxrss);
	}
	json_end_object(&trace->line);
}

static void put_life(struct trace *trace, const struct bar *bar, size_t track)
{
	char title[8192];

	process_title(bar->process, title, sizeof(title));
	begin_event(trace, "X", title, track);
	put_times(trace, bar->process->origin.start, bar->end);
	put_facts(trace, bar->process);
	json_end_object(&trace->line);
}

/* Two slices of a thread are either apart or one within the other, two of a process need not be. */
static void put_span(struct trace *trace, const struct bar *bar, size_t track,
		     const struct span *span)
{
	bool main_thread = span->tid == bar->process->pid;

	begin_event_of(trace, "X", span->kind == SPAN_HELD ? "held" : "suspended in vfork", track,
		       main_thread ? track + 1 : trace->tracks + (size_t)span->tid);
	put_times(trace, span->start, span->end ? span->end : bar->end);
	json_begin_object(&trace->line, "args");
	json_integer(&trace->line, "tid", span->tid);
	json_end_object(&trace->line);
	json_end_object(&trace->line);
}

static void put_spans(struct trace *trace, const struct bar *bar, size_t track)
{
	const struct span *span;

	for (span = bar->process->spans.last; span; span = span->next)
		put_span(trace, bar, track, span);
}

static void put_end_of_arrow(struct trace *trace, const char *phase, size_t track, size_t arrow,
			     uint64_t time)
{
	begin_event(trace, phase, "creates", track);
	json_text(&trace->line, "cat", "creation");
	json_text(&trace->line, "bp", "e");
	json_number(&trace->line, "id", arrow + 1);
	json_integer(&trace->line, "ts", us_of(trace, time));
	json_end_object(&trace->line);
}

static void put_arrow(struct trace *trace, const struct bar *bar, size_t track)
{
	uint64_t time = bar->process->origin.start;

	if (bar->creator == track)
		return;
	put_end_of_arrow(trace, "s", bar->creator, track, time);
	put_end_of_arrow(trace, "f", track, track, time);
}

bool timeline_trace(FILE *out, const struct timeline *timeline)
{
	struct trace trace = { .begin = timeline->begin, .end = timeline->end };
	struct layout layout;

	if (!layout_create(&layout, timeline->tree, timeline->end))
		return false;
	trace.tracks = layout.count;
	json_begin(&trace.line, out);
	json_text(&trace.line, "displayTimeUnit", "ms");
	json_begin_array(&trace.line, "traceEvents");
	for (size_t i = 0; i < layout.count; i++) {
		put_track(&trace, layout.bars[i].process, i);
		put_life(&trace, &layout.bars[i], i);
		put_spans(&trace, &layout.bars[i], i);
		put_arrow(&trace, &layout.bars[i], i);
	}
	json_end_array(&trace.line);
	json_end(&trace.line);
	layout_destroy(&layout);
	return true;
}
