/* SPDX-License-Identifier: GPL-2.0 */
/* What --trace asks for. */
#ifndef TRACING_H
#define TRACING_H

#include <stdbool.h>

struct follow;
struct options;
struct prefork_watch_options;

/*
 * Nothing without --trace; else monitor threads, before anything is watched, and
 * what the watches are to hold for them. Tells what fails and returns false.
 */
bool tracing_begin(struct follow *follow, const struct options *options,
		   struct prefork_watch_options *watch);

#endif
