/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The rules of vforkmon daemon, as they stand in its file, see vforkmon.conf(5):
 *
 *	exe=/usr/bin/worker  adopt gdbserver --once --attach localhost:0 {pid}
 */
#ifndef RULES_H
#define RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "adopt/adopt.h"
#include "core/match.h"
#include "core/selection.h"

enum rule_action {
	RULE_LOG,
	RULE_IGNORE,
	RULE_DENY,		/* that it creates processes */
	RULE_ADOPT,
};

struct rule {
	unsigned int line;
	const char *text;	/* as it was written */
	struct match match;
	enum rule_action action;
	int error;		/* of RULE_DENY: errno */
	struct adopt_options adopt;	/* of RULE_ADOPT */
	uint64_t hits;		/* how often that was done */
};

struct rules {
	struct rule *items;
	size_t count;
	const char *log;	/* path, NULL: the journal */
	struct selection events;	/* that are logged */
	uint32_t timeout_ms;	/* of holds, 0: none */
	bool has_timeout;

	char *text;		/* private: what all the above points into */
};

/* Lines and columns begin with 1; a column is a byte, as for compilers. */
typedef void rules_report_fn(void *arg, unsigned int line, unsigned int column,
			     const char *problem);

/*
 * All there is wrong is reported; NULL then, with errno EINVAL, or where it cannot be read,
 * with errno.
 */
struct rules *rules_read(FILE *file, rules_report_fn *report, void *arg);
void rules_destroy(struct rules *rules);

/* The first one that holds, or NULL. */
struct rule *rules_find(const struct rules *rules, struct match_candidate *candidate);

/* What has to be held for them: PREFORK_HOLD_... */
uint32_t rules_holds(const struct rules *rules);

#endif
