/* SPDX-License-Identifier: GPL-2.0 */
/* The options that run and attach share. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>

#include <prefork.h>

struct sink_ops;

struct options {
	const char *path;		/* of the output, NULL: standard output */
	const struct sink_ops *format;
	struct prefork_watch_options watch;
	bool tree;
	bool quiet;
};

enum options_result {
	OPTIONS_OK,
	OPTIONS_HELP,			/* was printed, and all is done */
	OPTIONS_WRONG,			/* was told */
};

/*
 * Reads options up to the first argument that is none, or "--"; *@used counts
 * what was read, the verb included. @help is what --help prints before the
 * options.
 */
enum options_result options_parse(struct options *options, int argc, char **argv,
				  const char *help, int *used);

/*
 * What getopt_long() found wrong when it returned @found (':' or '?'). Says so
 * and returns STATUS_FAILURE.
 */
int options_wrong(const char *verb, int found, char *const *argv);

#endif
