/* SPDX-License-Identifier: GPL-2.0 */
/* The options that run and attach share. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>

#include <prefork.h>

#include "adopt/adopt.h"
#include "pictures.h"
#include "core/selection.h"

struct option;
struct sink_ops;

enum backend {
	BACKEND_AUTO,		/* the module, or else ptrace(2) */
	BACKEND_MODULE,
	BACKEND_PTRACE,
};

struct options {
	enum backend backend;
	const char *path;		/* of the output, NULL: standard output */
	bool append;			/* to that file, as long as it has that name */
	const struct sink_ops *format;
	struct prefork_watch_options watch;
	struct adopt_options adopt;
	uint32_t max_procs, max_depth;	/* that there may be, 0: any number */
	bool all;			/* whatever runs, instead of what is named */
	bool trace;
	bool dap;
	struct pictures pictures;
	bool tree;
	bool summary;
	struct match match;		/* what is shown and adopted */
	struct selection shown;
	uint64_t max_events;		/* that are shown, 0: all */
	uint64_t duration;		/* ns, 0: as long as it takes */
};

/* Is more to be told at the end than what still runs then? */
bool options_remember(const struct options *options);

/* What the kernel is to tell of those who are not held: PREFORK_TELL_... */
uint32_t options_events(const struct options *options);

/* Is anything asked for that only the module can do? */
bool options_need_module(const struct options *options);

/* Are tasks to be held, by whatever option? */
bool options_hold(const struct options *options);

/* Are processes to be kept from creating others? */
bool options_limit(const struct options *options);

/*
 * Reads options up to the first argument that is none, or "--". Returns how
 * many arguments that were, the verb included, or 0 when all is done or was
 * wrong: vforkmon is to exit with *@status then. @help is what --help prints
 * before the options.
 */
int options_parse(struct options *options, int argc, char **argv, const char *help, int *status);

/*
 * What getopt_long() found wrong when it returned @found (':' or '?'), and which of its
 * options may have been meant. Says so and returns STATUS_FAILURE.
 */
int options_wrong(const char *verb, int found, char *const *argv, const struct option *options);

#endif
