// SPDX-License-Identifier: GPL-2.0
/*
 * A picture for browsers, which needs nothing beside it: what a bar is shows
 * where the pointer rests on it.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/wait.h>

#include "core/clock.h"
#include "core/tree.h"
#include "core/utf8.h"
#include "layout.h"
#include "timeline.h"

/* Of the user's coordinates, which are pixels where the page is not scaled. */
#define MARGIN		10
#define WIDTH		1200	/* of the time that is shown */
#define TOP		50	/* of the bars: below title, legend and times */
#define ROW		17
#define BAR		15
#define CHARACTER	6.1	/* of the labels' font */
#define NARROWEST	0.6	/* bar that can be seen */
#define TIME		60	/* that the text of a time takes */

/* Longest character of UTF-8. */
#define CHARACTER_MAX	4

static const char style[] =
"text{font:10px ui-monospace,monospace;fill:#222;pointer-events:none}\n"
".title{font:bold 12px sans-serif}.key{font:11px sans-serif}\n"
".line{stroke:#ddd}.time{fill:#666}\n"
".bar{stroke:#fff;stroke-width:.5}\n"
".good{fill:#9ecae1}.bad{fill:#fdae6b}.killed{fill:#fb6a4a}.running{fill:#a1d99b}\n"
".vfork{fill:#08306b;fill-opacity:.35}.held{fill:#ffd92f;fill-opacity:.85}\n"
"g:hover>.bar{stroke:#000;stroke-width:1}\n";

struct canvas {
	FILE *out;
	uint64_t begin, end;
};

static double x_of(const struct canvas *canvas, uint64_t time)
{
	double whole = (double)(canvas->end - canvas->begin);

	if (time <= canvas->begin)
		return MARGIN;
	return MARGIN + WIDTH * (double)(time - canvas->begin) / whole;
}

/* What is no UTF-8, and U+FFFE and U+FFFF, are not for documents. */
static bool is_unfit(const char *text, size_t length)
{
	return !length || !strncmp(text, "\xef\xbf\xbe", 3) || !strncmp(text, "\xef\xbf\xbf", 3);
}

static void put_character(FILE *out, const char *text, size_t length)
{
	switch (*text) {
	case '&':
		fputs("&amp;", out);
		break;
	case '<':
		fputs("&lt;", out);
		break;
	case '>':
		fputs("&gt;", out);
		break;
	default:
		if (is_unfit(text, length))
			fputs("\xef\xbf\xbd", out);
		else
			fwrite(text, 1, length, out);
	}
}

/* The first @max characters of a text without control characters. */
static void put_text(FILE *out, const char *text, size_t max)
{
	for (size_t i = 0; *text && i < max; i++) {
		size_t length = utf8_length(text, strnlen(text, CHARACTER_MAX));

		put_character(out, text, length);
		text += length ? length : 1;
	}
}

static size_t count_characters(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += (*text & 0xc0) != 0x80;
	return count;
}

static const char *class_of(const struct process *process)
{
	if (process->state != PROCESS_ENDED)
		return "running";
	if (WIFSIGNALED(process->status))
		return "killed";
	return WEXITSTATUS(process->status) ? "bad" : "good";
}

static double y_of(const struct bar *bar)
{
	return TOP + ROW * (double)bar->row;
}

/* What a person reads who points at it. */
static void put_details(const struct canvas *canvas, const struct bar *bar, const char *title)
{
	const struct process *process = bar->process;
	uint64_t vfork = spans_sum(&process->spans, SPAN_VFORK, canvas->end);
	uint64_t held = spans_sum(&process->spans, SPAN_HELD, canvas->end);
	uint64_t start = process->origin.start;
	FILE *out = canvas->out;
	char name[32];

	fputs("<title>", out);
	put_text(out, title, SIZE_MAX);
	fprintf(out, "\n%d", process->pid);
	if (process->origin.ppid)
		fprintf(out, ", created by %d", process->origin.ppid);
	fprintf(out, "\nfrom %.6f s, for %.6f s\nstatus %s",
		start < canvas->begin ? -seconds(canvas->begin - start) :
		seconds(start - canvas->begin), seconds(bar->end - start),
		process_outcome(process, name, sizeof(name)));
	if (process->state == PROCESS_ENDED)
		fprintf(out, ", user %.3f s, system %.3f s, %" PRIu64 " KiB",
			seconds(process->utime), seconds(process->stime), process->maxrss);
	if (vfork)
		fprintf(out, "\nsuspended in vfork %.6f s", seconds(vfork));
	if (held)
		fprintf(out, "\nheld %.6f s", seconds(held));
	fputs("</title>", out);
}

static void put_rectangle(const struct canvas *canvas, const char *class, uint64_t start,
			  uint64_t end, double y, double height)
{
	double x = x_of(canvas, start), width = x_of(canvas, end) - x;

	fprintf(canvas->out, "<rect class=\"%s\" x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"%.1f\"/>",
		class, x, y, width > NARROWEST ? width : NARROWEST, height);
}

static void put_spans(const struct canvas *canvas, const struct bar *bar)
{
	const struct span *span;

	for (span = bar->process->spans.last; span; span = span->next) {
		uint64_t end = span->end ? span->end : bar->end;

		if (span->kind == SPAN_HELD)
			put_rectangle(canvas, "held", span->start, end, y_of(bar), 3);
		else
			put_rectangle(canvas, "vfork", span->start, end, y_of(bar) + BAR - 4, 4);
	}
}

/* Where the program is does not matter so much that there is room for it. */
static const char *without_folder(const char *title)
{
	const char *end = title + strcspn(title, " "), *name = end;

	while (name > title && name[-1] != '/')
		name--;
	return name < end ? name : title;
}

static void put_label(const struct canvas *canvas, const struct bar *bar, const char *title)
{
	double x = x_of(canvas, bar->process->origin.start);
	double room = (x_of(canvas, bar->end) - x - 4) / CHARACTER;
	bool fits = room >= (double)count_characters(title);

	if (room < 3)
		return;
	fprintf(canvas->out, "<text x=\"%.2f\" y=\"%.1f\">", x + 3, y_of(bar) + 11);
	put_text(canvas->out, title, fits ? SIZE_MAX : (size_t)room - 1);
	fputs(fits ? "</text>" : "\xe2\x80\xa6</text>", canvas->out);
}

static void put_bar(const struct canvas *canvas, const struct bar *bar)
{
	char title[8192], class[16];

	process_title(bar->process, title, sizeof(title));
	snprintf(class, sizeof(class), "bar %s", class_of(bar->process));
	fputs("<g>", canvas->out);
	put_details(canvas, bar, title);
	put_rectangle(canvas, class, bar->process->origin.start, bar->end, y_of(bar), BAR);
	put_spans(canvas, bar);
	put_label(canvas, bar, without_folder(title));
	fputs("</g>\n", canvas->out);
}

/* 1, 2 or 5 of some power of ten, so that there are about ten of it. */
static double step_of(double whole)
{
	double step = 1e-9;

	while (step * 10 < whole)
		step *= 10;
	if (whole / step > 5)
		return step;
	return whole / step > 2 ? step / 2 : step / 5;
}

static void put_times(const struct canvas *canvas, double bottom)
{
	double whole = seconds(canvas->end - canvas->begin), step = step_of(whole);

	for (int i = 0; i * step <= whole; i++) {
		double x = MARGIN + WIDTH * i * step / whole;

		fprintf(canvas->out, "<path class=\"line\" d=\"M%.2f %d V%.1f\"/>\n", x, TOP - 14,
			bottom);
		if (x < MARGIN + WIDTH - TIME)
			fprintf(canvas->out, "<text class=\"time\" x=\"%.2f\" y=\"%d\">%.6g s</text>\n",
				x + 2, TOP - 6, i * step);
	}
}

static void put_key(const struct canvas *canvas, double x, const char *class, const char *text)
{
	fprintf(canvas->out, "<rect class=\"%s\" x=\"%.0f\" y=\"8\" width=\"12\" height=\"12\"/>"
		"<text class=\"key\" x=\"%.0f\" y=\"18\">%s</text>\n", class, x, x + 16, text);
}

static void put_head(const struct canvas *canvas, const struct layout *layout)
{
	static const struct {
		const char *class, *text;
	} keys[] = {
		{ "good", "status 0" }, { "bad", "another status" }, { "killed", "killed" },
		{ "running", "not ended" }, { "vfork", "suspended in vfork" }, { "held", "held" },
	};

	fprintf(canvas->out, "<text class=\"title\" x=\"%d\" y=\"18\">%zu processes in %.3f s</text>\n",
		MARGIN, layout->count, seconds(canvas->end - canvas->begin));
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		put_key(canvas, 340 + 145 * (double)i, keys[i].class, keys[i].text);
}

static void put_page(const struct canvas *canvas, const struct layout *layout)
{
	double bottom = TOP + ROW * (double)layout->rows;

	fprintf(canvas->out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%.0f\">\n"
		"<style>%s</style>\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
		WIDTH + 2 * MARGIN, bottom + MARGIN, style);
	put_head(canvas, layout);
	put_times(canvas, bottom);
	for (size_t i = 0; i < layout->count; i++)
		put_bar(canvas, &layout->bars[i]);
	fputs("</svg>\n", canvas->out);
}

bool timeline_svg(FILE *out, const struct timeline *timeline)
{
	struct canvas canvas = { .out = out, .begin = timeline->begin, .end = timeline->end };
	struct layout layout;

	if (!layout_create(&layout, timeline->tree, timeline->end))
		return false;
	if (canvas.end <= canvas.begin)
		canvas.end = canvas.begin + 1;
	put_page(&canvas, &layout);
	layout_destroy(&layout);
	return true;
}
