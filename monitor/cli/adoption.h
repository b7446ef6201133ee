/* SPDX-License-Identifier: GPL-2.0 */
/* What --adopt and --dap ask for. */
#ifndef ADOPTION_H
#define ADOPTION_H

#include <stdbool.h>
#include <sys/types.h>

struct follow;
struct options;
struct prefork_watch_options;

/*
 * Nothing without these; else who adopts, before anything is watched, and
 * what the watches are to hold for that. @first as for adopt_create(). Tells
 * what fails and returns false.
 */
bool adoption_begin(struct follow *follow, const struct options *options, pid_t first,
		    struct prefork_watch_options *watch);

#endif
