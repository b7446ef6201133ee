/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An adopter that starts a command for each process that it is given, as
 * strace -p, and lets the process run on when the command is ready.
 */
#ifndef ADOPT_H
#define ADOPT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/match.h"

struct adopter;
struct prefork;
struct prefork_event;

enum adopt_on {
	ADOPT_ON_BIRTH,
	ADOPT_ON_EXEC,
};

/* When a process runs on. */
enum adopt_ready {
	ADOPT_READY_PTRACE,	/* somebody traces it */
	ADOPT_READY_EXIT,	/* the command has ended */
	ADOPT_READY_NOTIFY,	/* the command has said so, as by sd_notify(3) */
};

struct adopt_options {
	const char *command;	/* a template; NULL: there is to be no adopter */
	enum adopt_on on;
	enum adopt_ready ready;
	struct match match;	/* for which processes */
};

/* By their names in options and rules. */
bool adopt_on_parse(enum adopt_on *on, const char *name);
bool adopt_ready_parse(enum adopt_ready *ready, const char *name);

typedef void adopt_warn_fn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * @first is a process that exists already and has not executed its program
 * yet, or 0. It is adopted when it has, also where that is done at birth.
 * @options and @pf outlive the adopter; SIGCHLD must not be ignored.
 * NULL when the command is no template, or with errno.
 */
struct adopter *adopt_create(struct prefork *pf, const struct adopt_options *options,
			     pid_t first, adopt_warn_fn *warn);

/* Has nothing more to do, as far as events have told. */
bool adopt_is_idle(const struct adopter *adopter);

/* Does the event tell of a process that is held for an adopter with these? */
bool adopt_wants(const struct adopt_options *options, pid_t first,
		 const struct prefork_event *event);

/* What the watches have to hold for it: PREFORK_HOLD_... */
uint32_t adopt_holds(const struct adopt_options *options, pid_t first);

#endif
