// SPDX-License-Identifier: GPL-2.0
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diagnose.h"
#include "sink/format.h"
#include "sink/sink.h"

enum {
	OPTION_FORMAT = 256,
	OPTION_HOLD,
	OPTION_TIMEOUT,
	OPTION_TREE,
	OPTION_THREADS,
	OPTION_HELP,
};

static const struct option long_options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "format", required_argument, NULL, OPTION_FORMAT },
	{ "hold", required_argument, NULL, OPTION_HOLD },
	{ "timeout", required_argument, NULL, OPTION_TIMEOUT },
	{ "tree", no_argument, NULL, OPTION_TREE },
	{ "threads", no_argument, NULL, OPTION_THREADS },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ 0 },
};

static const char options_help[] =
"  -o, --output FILE     write events to FILE instead of standard output\n"
"      --format FORMAT   text (default), or json: one object a line\n"
"      --hold KINDS      hold who is about to create a process until vforkmon\n"
"                        has seen it: none (default); vfork: for vfork(2) and\n"
"                        posix_spawn(3); fork: for every process; all: for\n"
"                        threads, too\n"
"      --timeout MS      let held tasks go on after so long (default 10000,\n"
"                        0: never)\n"
"      --threads         report threads, too (implied by --hold all)\n"
"      --tree            at the end, show the tree of processes\n"
"  -q, --quiet           show no events\n"
"      --help            show this help\n";

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

static bool set_timeout(struct options *options, const char *number)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(number, &end, 10);
	if (errno || *end || !isdigit((unsigned char)number[0]) || value > UINT32_MAX)
		return false;
	options->watch.timeout_ms = (uint32_t)value;
	options->watch.has_timeout = true;
	return true;
}

static bool set_format(struct options *options, const char *name)
{
	options->format = format_find(name);
	return options->format;
}

int options_wrong(const char *verb, int found, char *const *argv)
{
	const char *problem = found == ':' ? "missing value after" : "unknown option";

	/* A long option is the argument just read; a short one may be inside. */
	if (optopt && optopt < 256)
		return fail_usage(verb, "%s -%c", problem, optopt);
	return fail_usage(verb, "%s %s", optopt && found == '?' ? "no value belongs to" : problem,
			  argv[optind - 1]);
}

/* What is wrong with the value of an option, or NULL. */
static const char *set(struct options *options, int option)
{
	switch (option) {
	case 'o':
		options->path = optarg;
		return NULL;
	case 'q':
		options->quiet = true;
		return NULL;
	case OPTION_FORMAT:
		return set_format(options, optarg) ? NULL : "--format is text or json";
	case OPTION_HOLD:
		return set_hold(options, optarg) ? NULL : "--hold is none, vfork, fork or all";
	case OPTION_TIMEOUT:
		return set_timeout(options, optarg) ? NULL :
			"--timeout is a number of milliseconds";
	case OPTION_TREE:
		options->tree = true;
		return NULL;
	case OPTION_THREADS:
		options->watch.flags |= PREFORK_WATCH_THREADS;
		return NULL;
	}
	return "not implemented";
}

int options_parse(struct options *options, int argc, char **argv, const char *help, int *status)
{
	const char *problem;
	int found;

	*options = (struct options){ .format = &sink_text };
	opterr = 0;
	optind = 0;	/* the GNU way to start anew */
	while ((found = getopt_long(argc, argv, "+:o:q", long_options, NULL)) != -1) {
		if (found == OPTION_HELP) {
			printf("%s\nOptions:\n%s", help, options_help);
			*status = 0;
			return 0;
		}
		if (found == '?' || found == ':') {
			*status = options_wrong(argv[0], found, argv);
			return 0;
		}
		problem = set(options, found);
		if (problem) {
			*status = fail_usage(argv[0], "%s, not '%s'", problem, optarg);
			return 0;
		}
	}
	return optind;
}
