// SPDX-License-Identifier: GPL-2.0
#include "display.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio_ext.h>
#include <string.h>

#include "core/clock.h"
#include "core/selection.h"
#include "core/summary.h"
#include "diagnose.h"
#include "options.h"
#include "sink/output.h"

/* Where tasks are held events come one by one: a file takes them together. */
#define FILE_MS		4

static bool open_output(struct output **output, const struct options *options)
{
	int err = options->append ? output_append(output, options->path) :
				    output_open(output, options->path);

	if (err)
		fail("cannot write to %s: %s",
		     options->path ? options->path : "standard output", strerror(-err));
	return !err;
}

bool display_open(struct display *display, const struct options *options, uint64_t begin)
{
	*display = (struct display){ .options = options, .hurry = -1 };
	if (!open_output(&display->output, options))
		return false;
	display->sink = (struct sink){
		.ops = options->format,
		.out = output_stream(display->output),
		.epoch = begin,
	};
	return true;
}

void display_begin(struct display *display)
{
	if (display->sink.ops->header)
		display->sink.ops->header(&display->sink);
}

void display_close(struct display *display)
{
	output_close(display->output);
	display->output = NULL;
}

void display_hurry_by(struct display *display, int fd)
{
	display->hurry = fd;
	output_hurry_by(display->output, fd);
}

FILE *display_stream(const struct display *display)
{
	return display->sink.out;
}

bool display_has_reader(const struct display *display)
{
	return output_has_reader(display->output);
}

/* What is appended to may be opened again. */
bool display_is_over(const struct display *display)
{
	return output_error(display->output) && !display->options->append;
}

static void replace(struct display *display, struct output *output)
{
	output_flush(display->output);
	output_continue(output, display->output);
	output_close(display->output);
	display->output = output;
	display->sink.out = output_stream(output);
	output_hurry_by(output, display->hurry);
}

bool display_reopen(struct display *display)
{
	struct output *output;

	if (!open_output(&output, display->options))
		return false;
	replace(display, output);
	return true;
}

/* Events have room in the output as long as it is to have. */
static bool has_room(struct display *display)
{
	uint64_t max = display->options->max_events;
	bool room = !max || display->shown < max;

	*(room ? &display->shown : &display->unshown) += 1;
	return room;
}

static bool is_selected(const struct display *display, uint32_t what)
{
	return selection_has(&display->options->shown, what);
}

void display_event(struct display *display, const struct prefork_event *event,
		   const struct origin *origin)
{
	if (is_selected(display, event->type) && has_room(display))
		display->sink.ops->event(&display->sink, event, origin);
}

void display_signal(struct display *display, const struct delivery *delivery)
{
	if (is_selected(display, SELECTION_SIGNAL) && has_room(display))
		display->sink.ops->signal(&display->sink, delivery);
}

void display_found(struct display *display, const struct process *process)
{
	if (is_selected(display, SELECTION_FOUND))
		display->sink.ops->found(&display->sink, boottime(), process);
}

/* Where requests are written, their reader knows nothing else. */
static bool is_for_requests(const struct display *display)
{
	return display->options->dap;
}

void display_lost(struct display *display, const struct prefork_event *event, uint64_t count)
{
	if (is_for_requests(display))
		warn("%" PRIu64 " events were lost", count);
	else
		display->sink.ops->lost(&display->sink, event, count);
}

void display_resync(struct display *display, uint64_t time, size_t found, size_t gone)
{
	if (!is_for_requests(display))
		display->sink.ops->resync(&display->sink, time, found, gone);
}

/* What is appended to may have room again later. That it has none is told once. */
void display_flush(struct display *display)
{
	int err = output_flush(display->output);
	struct output *output;

	display->flushed = boottime();
	/* Who did not read in time will not when it is opened again. */
	if (!err || err == -EINTR || !display->options->append)
		return;
	if (!display->failed)
		warn("what cannot be written to %s is lost: %s", display->options->path,
		     strerror(-err));
	display->failed = true;
	if (!output_append(&output, display->options->path))
		replace(display, output);
}

static bool may_be_late(const struct display *display)
{
	return output_is_file(display->output);
}

void display_turn(struct display *display, bool idle)
{
	if (idle || !may_be_late(display) || boottime() - display->flushed > FILE_MS * NS_PER_MS)
		display_flush(display);
}

int display_timeout(const struct display *display, int timeout_ms)
{
	if (!may_be_late(display) || !__fpending(display->sink.out))
		return timeout_ms;
	return timeout_ms < 0 || timeout_ms > FILE_MS ? FILE_MS : timeout_ms;
}

void display_hurry(struct display *display)
{
	output_hurry(display->output);
}

static void tell_truncation(struct display *display, size_t running)
{
	if (!is_for_requests(display) && (display->unshown || running))
		display->sink.ops->truncated(&display->sink, boottime(), display->unshown, running);
}

static void sum_up(struct display *display, const struct tree *tree)
{
	struct summary summary;

	if (!summary_create(&summary, tree, display->sink.epoch, boottime())) {
		warn("no memory for the summary");
		return;
	}
	display->sink.ops->summary(&display->sink, &summary);
	summary_destroy(&summary);
}

bool display_finish(struct display *display, const struct tree *tree, uint64_t lost,
		    size_t running)
{
	int err;

	tell_truncation(display, running);
	if (display->options->tree)
		display->sink.ops->footer(&display->sink, tree, lost);
	if (display->options->summary)
		sum_up(display, tree);
	err = output_close(display->output);
	display->output = NULL;
	if (!err || err == -EPIPE || err == -EINTR)
		return true;
	fail("cannot write the output: %s", strerror(-err));
	return false;
}
