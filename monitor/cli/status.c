// SPDX-License-Identifier: GPL-2.0
/* vforkmon status: what is watched and held, by whom. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <prefork.h>

#include "control.h"
#include "core/clock.h"
#include "core/proc.h"
#include "core/quote.h"
#include "diagnose.h"
#include "options.h"
#include "sink/jsonline.h"
#include "sink/output.h"
#include "verbs.h"

static const char help[] =
"Usage: vforkmon status [OPTIONS]\n"
"\n"
"Shows the watched processes, who watches them, and which tasks are held for\n"
"how long.\n"
"\n"
"Options:\n"
"      --format FORMAT   text (default), or json: one object a line\n"
"  -v, --verbose         the counters of the kernel module, too\n"
"      --help            show this help\n"
"\n"
"Exit status: 0, or 125 when vforkmon failed.\n";

enum {
	OPTION_FORMAT = 256,
	OPTION_HELP,
};

static const struct option long_options[] = {
	{ "format", required_argument, NULL, OPTION_FORMAT },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ 0 },
};

/* How to show what was asked for. */
struct view {
	void (*watched)(FILE *out, const struct prefork_watched *watched);
	void (*rule)(FILE *out, const struct control_rule *rule, bool first);
	void (*stats)(FILE *out, const struct prefork_stats *stats);
};

/* Names of bits, as "vfork,fork". */
struct bit {
	uint32_t bit;
	const char *name;
};

static const struct bit flag_bits[] = {
	{ PREFORK_WATCH_TREE, "tree" },
	{ PREFORK_WATCH_THREADS, "threads" },
	{ 0 },
};

static const struct bit hold_bits[] = {
	{ PREFORK_HOLD_VFORK, "vfork" },
	{ PREFORK_HOLD_FORK, "fork" },
	{ PREFORK_HOLD_THREAD, "thread" },
	{ PREFORK_HOLD_BIRTH, "birth" },
	{ PREFORK_HOLD_BIRTH_THREAD, "birth-thread" },
	{ PREFORK_HOLD_EXEC, "exec" },
	{ 0 },
};

static const char *list_bits(char *to, size_t size, const struct bit *bits, uint32_t set)
{
	size_t length = 0;

	for (; bits->bit; bits++)
		if (set & bits->bit)
			length += (size_t)snprintf(to + length, size - length, "%s%s",
						   length ? "," : "", bits->name);
	if (!length)
		snprintf(to, size, "-");
	return to;
}

static void print_held(FILE *out, const struct prefork_held *held)
{
	double since = (double)(int64_t)(boottime() - held->since) / 1e9;
	char kind[64];

	fprintf(out, "%7s held for %.3f s: task %d", "", since, held->tid);
	if (held->child)
		fprintf(out, ", about to create %d", held->child);
	fprintf(out, " (%s)", list_bits(kind, sizeof(kind), hold_bits, held->hold));
	if (held->deadline)
		fprintf(out, ", goes on in %.3f s",
			(double)(int64_t)(held->deadline - boottime()) / 1e9);
	putc('\n', out);
}

static void text_watched(FILE *out, const struct prefork_watched *watched)
{
	char name[16], comm[64], owner[64], flags[32], hold[64];

	quote_name(comm, sizeof(comm), watched->comm);
	proc_comm(watched->owner_pid, name, sizeof(name));
	quote_name(owner, sizeof(owner), name);
	fprintf(out, "%7d %-15s %-12s %-17s %7u %7d %s\n", watched->pid, comm,
		list_bits(flags, sizeof(flags), flag_bits, watched->flags),
		list_bits(hold, sizeof(hold), hold_bits, watched->hold), watched->timeout_ms,
		watched->owner_pid, owner);
	for (size_t i = 0; i < watched->held_count; i++)
		print_held(out, &watched->held[i]);
}

static void text_stats(FILE *out, const struct prefork_stats *stats)
{
	fputs("\ncounters of the module\n", out);
	for (unsigned int i = 0; i < PREFORK_STATS_ROOM; i++)
		if (prefork_stat_name(i))
			fprintf(out, "%12" PRIu64 " %s\n", stats->value[i], prefork_stat_name(i));
}

static void add_held(struct json *line, const struct prefork_held *held)
{
	json_begin_element(line);
	json_integer(line, "tid", held->tid);
	json_integer(line, "child", held->child);
	json_number(line, "hold", held->hold);
	json_number(line, "cookie", held->cookie);
	json_number(line, "since", held->since);
	if (held->deadline)
		json_number(line, "deadline", held->deadline);
	json_end_object(line);
}

static void json_watched(FILE *out, const struct prefork_watched *watched)
{
	struct json line;

	json_begin(&line, out);
	json_integer(&line, "pid", watched->pid);
	json_text(&line, "comm", watched->comm);
	json_number(&line, "flags", watched->flags);
	json_number(&line, "hold", watched->hold);
	json_number(&line, "timeout", watched->timeout_ms);
	json_number(&line, "owner", watched->owner);
	json_integer(&line, "owner_pid", watched->owner_pid);
	json_begin_array(&line, "held");
	for (size_t i = 0; i < watched->held_count; i++)
		add_held(&line, &watched->held[i]);
	json_end_array(&line);
	json_end(&line);
}

static void json_stats(FILE *out, const struct prefork_stats *stats)
{
	struct json line;

	json_begin(&line, out);
	json_begin_object(&line, "stats");
	for (unsigned int i = 0; i < PREFORK_STATS_ROOM; i++)
		if (prefork_stat_name(i))
			json_number(&line, prefork_stat_name(i), stats->value[i]);
	json_end_object(&line);
	json_end(&line);
}

static void text_rule(FILE *out, const struct control_rule *rule, bool first)
{
	char text[4 * sizeof(rule->text)];

	quote_name(text, sizeof(text), rule->text);
	if (first)
		fprintf(out, "\n%9s %5s  %s\n", "hits", "line", "rule of vforkmon daemon");
	fprintf(out, "%9" PRIu64 " %5" PRIu32 "  %s\n", rule->hits, rule->line, text);
}

static void json_rule(FILE *out, const struct control_rule *rule, bool first)
{
	struct json line;

	(void)first;
	json_begin(&line, out);
	json_text(&line, "rule", rule->text);
	json_number(&line, "line", rule->line);
	json_number(&line, "hits", rule->hits);
	json_end(&line);
}

static const struct view text_view = { text_watched, text_rule, text_stats };
static const struct view json_view = { json_watched, json_rule, json_stats };

struct printer {
	const struct view *view;
	FILE *out;
	bool any, any_rule;
};

static void print_header(const struct printer *printer)
{
	if (printer->view == &text_view)
		fprintf(printer->out, "%7s %-15s %-12s %-17s %7s %7s %s\n", "pid", "name", "watch",
			"hold", "ms", "owner", "name");
}

static int print(const struct prefork_watched *watched, void *arg)
{
	struct printer *printer = arg;

	if (!printer->any)
		print_header(printer);
	printer->any = true;
	printer->view->watched(printer->out, watched);
	return 0;
}

static void print_rule(const struct control_rule *rule, void *arg)
{
	struct printer *printer = arg;

	printer->view->rule(printer->out, rule, !printer->any_rule);
	printer->any_rule = true;
}

static int show(struct prefork *pf, const struct view *view, bool verbose, FILE *out)
{
	struct printer printer = { .view = view, .out = out };
	struct prefork_stats stats;
	int err = prefork_dump(pf, print, &printer);

	if (err)
		return fail_query(err);
	if (!printer.any && view == &text_view)
		fputs("nothing is watched\n", out);
	fflush(out);
	err = control_ask(print_rule, &printer);
	/* Most of the time there is none, or it is not ours to ask. */
	if (err && err != -ENOENT && err != -ECONNREFUSED && err != -EACCES)
		warn("vforkmon daemon does not tell its rules: %s", strerror(-err));
	if (!verbose)
		return 0;
	err = prefork_stats(pf, &stats);
	if (err)
		return fail_query(err);
	view->stats(out, &stats);
	return 0;
}

static int open_and_show(const struct view *view, bool verbose)
{
	struct output *output;
	struct prefork *pf;
	int err, status;

	err = prefork_open(&pf);
	if (err)
		return fail_open(err);
	err = output_open(&output, NULL);
	if (err) {
		prefork_close(pf);
		return fail("cannot write: %s", strerror(-err));
	}
	status = show(pf, view, verbose, output_stream(output));
	prefork_close(pf);
	err = output_close(output);
	if (err && err != -EPIPE)
		return fail("cannot write the output: %s", strerror(-err));
	return status;
}

static const struct view *view_find(const char *name)
{
	if (!strcmp(name, "text"))
		return &text_view;
	return strcmp(name, "json") ? NULL : &json_view;
}

int verb_status(int argc, char **argv)
{
	const struct view *view = &text_view;
	bool verbose = false;
	int found;

	opterr = 0;
	optind = 0;
	while ((found = getopt_long(argc, argv, ":v", long_options, NULL)) != -1) {
		switch (found) {
		case 'v':
			verbose = true;
			break;
		case OPTION_FORMAT:
			view = view_find(optarg);
			if (!view)
				return fail_usage("status", "--format is text or json, not '%s'",
						  optarg);
			break;
		case OPTION_HELP:
			fputs(help, stdout);
			return 0;
		default:
			return options_wrong("status", found, argv, long_options);
		}
	}
	if (optind < argc)
		return fail_usage("status", "'%s' is too much", argv[optind]);
	return open_and_show(view, verbose);
}
