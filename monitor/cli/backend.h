/* SPDX-License-Identifier: GPL-2.0 */
/* The source of events that --backend asks for. */
#ifndef BACKEND_H
#define BACKEND_H

#include <stdbool.h>
#include <sys/types.h>

struct options;
struct prefork_watch_options;
struct source;

/* Tells what fails and returns NULL, or tells what is missing. */
struct source *backend_open(const struct options *options);

/*
 * Who may not use the module may trace what is his own: while nothing is watched yet, another
 * source may watch the process. Sets it and returns as its watch(), or else -EPERM.
 */
int backend_fall_back(struct source **source, const struct options *options, pid_t pid, bool tree,
		      const struct prefork_watch_options *watch);

#endif
