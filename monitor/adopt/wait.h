/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An adopter that tells of each process that it is given, as somebody else will
 * trace it, and keeps it held until somebody does.
 */
#ifndef WAIT_H
#define WAIT_H

#include <sys/types.h>

struct adopter;
struct adopt_options;
struct prefork_event;

/* @program: its path, "?" where it is not known. */
typedef void wait_newborn_fn(void *arg, const struct prefork_event *event, const char *program);

/* As adopt_create(), without a command; NULL without memory. */
struct adopter *wait_create(const struct adopt_options *options, pid_t first,
			    wait_newborn_fn *newborn, void *arg);

#endif
