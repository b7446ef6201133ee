// SPDX-License-Identifier: GPL-2.0
#include "options.h"

#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adopt/template.h"
#include "core/name.h"
#include "core/number.h"
#include "diagnose.h"
#include "nearest.h"
#include "sink/format.h"
#include "sink/sink.h"

#define OPTIONS_MAX	64

/* One that the preprocessor knows, as text. */
#define NUMBER(number)	NUMBER_(number)
#define NUMBER_(number)	#number

enum {
	OPTION_FORMAT = 256,
	OPTION_HOLD,
	OPTION_TIMEOUT,
	OPTION_DURATION,
	OPTION_MAX_EVENTS,
	OPTION_MAX_PROCS,
	OPTION_MAX_DEPTH,
	OPTION_TIMELINE,
	OPTION_BACKEND,
	OPTION_TREE,
	OPTION_THREADS,
	OPTION_ADOPT,
	OPTION_ADOPT_ON,
	OPTION_ADOPT_READY,
	OPTION_MATCH,
	OPTION_ALL,
	OPTION_TRACE,
	OPTION_DAP,
	OPTION_HELP,
};

static const struct option long_options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "events", required_argument, NULL, 'e' },
	{ "format", required_argument, NULL, OPTION_FORMAT },
	{ "hold", required_argument, NULL, OPTION_HOLD },
	{ "timeout", required_argument, NULL, OPTION_TIMEOUT },
	{ "adopt", required_argument, NULL, OPTION_ADOPT },
	{ "adopt-on", required_argument, NULL, OPTION_ADOPT_ON },
	{ "adopt-ready", required_argument, NULL, OPTION_ADOPT_READY },
	{ "match", required_argument, NULL, OPTION_MATCH },
	{ "duration", required_argument, NULL, OPTION_DURATION },
	{ "max-events", required_argument, NULL, OPTION_MAX_EVENTS },
	{ "max-procs", required_argument, NULL, OPTION_MAX_PROCS },
	{ "max-depth", required_argument, NULL, OPTION_MAX_DEPTH },
	{ "all", no_argument, NULL, OPTION_ALL },
	{ "dap", no_argument, NULL, OPTION_DAP },
	{ "trace", no_argument, NULL, OPTION_TRACE },
	{ "summary-only", no_argument, NULL, 'c' },
	{ "summary", no_argument, NULL, 'C' },
	{ "backend", required_argument, NULL, OPTION_BACKEND },
	{ "timeline", required_argument, NULL, OPTION_TIMELINE },
	{ "tree", no_argument, NULL, OPTION_TREE },
	{ "threads", no_argument, NULL, OPTION_THREADS },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ 0 },
};

/* With what comes before it, one screen. */
static const char options_help[] =
"  -o, --output FILE      write to FILE instead of standard output\n"
"      --format FORMAT    text (default), json, csv, or pipe: values between bars\n"
"  -e, --events LIST      only these: prefork,born,exec,exit,...; !LIST: others\n"
"      --match RULE       [!]comm=, exe=, cgroup= or unit=GLOB, depth= or uid=N\n"
"      --threads          threads, too\n"
"      --max-events N     the first N; --duration S: for S seconds\n"
"  -q, --quiet            no events; -c, --summary-only: but sums at the end\n"
"  -C, --summary          sums at the end; --tree: the tree\n"
"      --timeline FILE    a picture at the end: .svg, or .json for Perfetto\n"
"      --hold KINDS       none (default), vfork, fork or all (threads): hold\n"
"                         who is to create one until vforkmon has seen it\n"
"      --timeout MS       let held tasks go on after MS (10000; 0: never)\n"
"      --adopt COMMAND    run for each newborn, held until it is ready; in it\n"
"                         {pid} {ppid} {tid} {comm} {exe} {depth} are replaced\n"
"      --adopt-on WHAT    birth (default) or exec\n"
"      --adopt-ready HOW  ptrace (default), exit or notify (sd_notify)\n"
"      --trace            a tracer thread for each process; shows signals\n"
"      --dap              a request for a debug adapter for each newborn, held\n"
"      --max-procs N      no more processes once there would be more than N\n"
"      --max-depth N      none that is more than N levels below\n"
"      --backend NAME     auto (default), module or ptrace\n";

/* Each kind includes those before it. */
static const struct {
	const char *name;
	uint32_t hold, flags;
} holds[] = {
	{ "none", 0, 0 },
	{ "vfork", PREFORK_HOLD_VFORK, 0 },
	{ "fork", PREFORK_HOLD_VFORK | PREFORK_HOLD_FORK, 0 },
	{ "all", PREFORK_HOLD_VFORK | PREFORK_HOLD_FORK | PREFORK_HOLD_THREAD,
	  PREFORK_WATCH_THREADS },
};

static bool set_hold(struct options *options, const char *name)
{
	for (size_t i = 0; i < sizeof(holds) / sizeof(holds[0]); i++) {
		if (strcmp(holds[i].name, name))
			continue;
		options->watch.hold = holds[i].hold;
		options->watch.flags |= holds[i].flags;
		return true;
	}
	return false;
}

static bool set_timeout(struct options *options, const char *text)
{
	uint64_t number;

	if (!number_parse(text, PREFORK_TIMEOUT_MAX, &number))
		return false;
	options->watch.timeout_ms = (uint32_t)number;
	options->watch.has_timeout = true;
	return true;
}

static bool set_max_events(struct options *options, const char *text)
{
	return number_parse(text, UINT64_MAX, &options->max_events) && options->max_events;
}

static bool set_limit(uint32_t *limit, const char *text)
{
	uint64_t number;

	if (!number_parse(text, UINT32_MAX, &number) || !number)
		return false;
	*limit = (uint32_t)number;
	return true;
}

/* Also parts of a second. */
static bool set_duration(struct options *options, const char *text)
{
	char *end;
	double seconds = strtod(text, &end);

	if (*end || !isdigit((unsigned char)text[0]) || !(seconds * 1e9 >= 1) || seconds > 1e9)
		return false;
	options->duration = (uint64_t)(seconds * 1e9);
	return true;
}

/* Only looked at: it is split when it is needed. Returns what is wrong, or NULL. */
static const char *set_adopt(struct options *options, const char *command)
{
	static char text[128];
	const char *problem;

	template_destroy(template_create(command, &problem));
	options->adopt.command = command;
	if (!problem)
		return NULL;
	snprintf(text, sizeof(text), "--adopt %s", problem);
	return text;
}

static bool set_backend(struct options *options, const char *name)
{
	static const char *const names[] = {
		[BACKEND_AUTO] = "auto",
		[BACKEND_MODULE] = "module",
		[BACKEND_PTRACE] = "ptrace",
	};
	size_t found = NAME_FIND(names, name);

	if (found > BACKEND_PTRACE)
		return false;
	options->backend = (enum backend)found;
	return true;
}

static bool set_format(struct options *options, const char *name)
{
	options->format = format_find(name);
	return options->format;
}

/* "--format" for "--formt=json", or NULL. */
static const char *meant(const char *argument, const struct option *options)
{
	const char *names[OPTIONS_MAX];
	size_t count = 0;
	char word[64];

	if (strncmp(argument, "--", 2))
		return NULL;
	snprintf(word, sizeof(word), "%.*s", (int)strcspn(argument, "=") - 2, argument + 2);
	for (; count < OPTIONS_MAX && options[count].name; count++)
		names[count] = options[count].name;
	return nearest(word, names, count);
}

/* A long option is the argument just read; a short one may be inside of the next. */
static bool is_long(const char *argument, const struct option *options)
{
	size_t length = strcspn(argument, "=");

	if (strncmp(argument, "--", 2))
		return false;
	while (options->name && (options->val != optopt ||
				 strncmp(options->name, argument + 2, length - 2)))
		options++;
	return options->name;
}

int options_wrong(const char *verb, int found, char *const *argv, const struct option *options)
{
	const char *argument = argv[optind - 1], *name;

	if (optopt && !is_long(argument, options))
		return fail_usage(verb, "%s -%c", found == ':' ? "missing value after" :
				  "unknown option", optopt);
	if (found == ':')
		return fail_usage(verb, "missing value after %s", argument);
	if (optopt)
		return fail_usage(verb, "no value belongs to %s", argument);
	name = meant(argument, options);
	if (name)
		return fail_usage(verb, "unknown option %s (--%s?)", argument, name);
	return fail_usage(verb, "unknown option %s", argument);
}

/* What is wrong with the value of an option, or NULL. */
static const char *set(struct options *options, int option)
{
	switch (option) {
	case 'o':
		options->path = optarg;
		return NULL;
	case 'q':
		options->shown = SELECTION_NONE;
		return NULL;
	case 'c':
		options->shown = SELECTION_NONE;
		options->summary = true;
		return NULL;
	case 'C':
		options->summary = true;
		return NULL;
	case 'e':
		return selection_parse(&options->shown, optarg) ? NULL :
			"--events is a list, with commas, of prefork, born, fork_failed, exec, "
			"exit, vfork_done, unwatched, timeout, adopted, signal and found, with "
			"or without a '!' before it";
	case OPTION_FORMAT:
		return set_format(options, optarg) ? NULL : "--format is text, json, csv or pipe";
	case OPTION_HOLD:
		return set_hold(options, optarg) ? NULL : "--hold is none, vfork, fork or all";
	case OPTION_TIMEOUT:
		return set_timeout(options, optarg) ? NULL :
			"--timeout is a number of milliseconds, at most a day";
	case OPTION_DURATION:
		return set_duration(options, optarg) ? NULL : "--duration is a number of seconds";
	case OPTION_MAX_EVENTS:
		return set_max_events(options, optarg) ? NULL : "--max-events is a number";
	case OPTION_MAX_PROCS:
		return set_limit(&options->max_procs, optarg) ? NULL : "--max-procs is a number";
	case OPTION_MAX_DEPTH:
		return set_limit(&options->max_depth, optarg) ? NULL : "--max-depth is a number";
	case OPTION_ADOPT:
		return set_adopt(options, optarg);
	case OPTION_ADOPT_ON:
		return adopt_on_parse(&options->adopt.on, optarg) ? NULL : "--adopt-on is birth or exec";
	case OPTION_ADOPT_READY:
		return adopt_ready_parse(&options->adopt.ready, optarg) ? NULL :
			"--adopt-ready is ptrace, exit or notify";
	case OPTION_MATCH:
		if (options->match.count == MATCH_RULES_MAX)
			return "--match can be given " NUMBER(MATCH_RULES_MAX) " times";
		return match_add(&options->match, optarg) ? NULL :
			"--match is comm=GLOB, exe=GLOB, cgroup=GLOB, unit=GLOB, depth=N or uid=N, "
			"with or without a '!' before it";
	case OPTION_ALL:
		options->all = true;
		return NULL;
	case OPTION_DAP:
		options->dap = true;
		return NULL;
	case OPTION_TRACE:
		options->trace = true;
		return NULL;
	case OPTION_BACKEND:
		return set_backend(options, optarg) ? NULL :
			"--backend is auto, module or ptrace";
	case OPTION_TIMELINE:
		if (options->pictures.count == PICTURES_MAX)
			return "--timeline can be given " NUMBER(PICTURES_MAX) " times";
		return pictures_add(&options->pictures, optarg) ? NULL :
			"--timeline is the name of a file that ends in .svg or .json";
	case OPTION_TREE:
		options->tree = true;
		return NULL;
	case OPTION_THREADS:
		options->watch.flags |= PREFORK_WATCH_THREADS;
		return NULL;
	}
	return "not implemented";
}

/* What is wrong with the options together, or NULL. */
static const char *check(const struct options *options)
{
	const struct adopt_options *adopt = &options->adopt;

	if (!adopt->command && ((adopt->on && !options->dap) || adopt->ready))
		return "--adopt-on and --adopt-ready need --adopt";
	if (options->backend == BACKEND_PTRACE && options_need_module(options))
		return "--all, --hold, --adopt, --trace, --dap, --max-procs and --max-depth need "
			"the kernel module; leave out --backend ptrace";
	if (options->all && (options->trace || options_limit(options)))
		return "--trace, --max-procs and --max-depth are for a tree, not for --all";
	if (options->all && !options->match.count && options_hold(options))
		return "--all would hold whatever runs; choose some with --match";
	if (!!adopt->command + options->trace + options->dap > 1)
		return "--adopt, --trace and --dap all take the newborn; choose one";
	if (options->dap && (options->format != &sink_text || options->tree || options->summary))
		return "--dap writes requests and nothing else; leave out --format, --tree and -c";
	return NULL;
}

bool options_remember(const struct options *options)
{
	return options->tree || options->summary || options->pictures.count;
}

uint32_t options_events(const struct options *options)
{
	uint32_t events = PREFORK_TELL_BORN | PREFORK_TELL_FORK_FAILED | PREFORK_TELL_EXEC |
			  PREFORK_TELL_EXIT;

	if (options_remember(options))
		return PREFORK_TELL_ALL;
	if (selection_has(&options->shown, PREFORK_EVENT_PREFORK))
		events |= PREFORK_TELL_PREFORK;
	if (selection_has(&options->shown, PREFORK_EVENT_VFORK_DONE))
		events |= PREFORK_TELL_VFORK_DONE;
	return events;
}

bool options_hold(const struct options *options)
{
	return options->watch.hold || options->adopt.command || options->trace || options->dap;
}

bool options_need_module(const struct options *options)
{
	return options_hold(options) || options->all;
}

bool options_limit(const struct options *options)
{
	return options->max_procs || options->max_depth;
}

int options_parse(struct options *options, int argc, char **argv, const char *help, int *status)
{
	const char *problem;
	int found;

	*options = (struct options){ .format = &sink_text };
	opterr = 0;
	optind = 0;	/* the GNU way to start anew */
	while ((found = getopt_long(argc, argv, "+:cCe:o:q", long_options, NULL)) != -1) {
		if (found == OPTION_HELP) {
			printf("%s%s", help, options_help);
			*status = 0;
			return 0;
		}
		if (found == '?' || found == ':') {
			*status = options_wrong(argv[0], found, argv, long_options);
			return 0;
		}
		problem = set(options, found);
		if (problem) {
			*status = fail_usage(argv[0], "%s, not '%s'", problem, optarg);
			return 0;
		}
	}
	/* Only who is held can be refused. */
	if (options_limit(options))
		options->watch.hold |= PREFORK_HOLD_VFORK | PREFORK_HOLD_FORK;
	if (options->dap)
		options->shown = SELECTION_NONE;
	options->adopt.match = options->match;
	problem = check(options);
	if (problem) {
		*status = fail_usage(argv[0], "%s", problem);
		return 0;
	}
	return optind;
}
