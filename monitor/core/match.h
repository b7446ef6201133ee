/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rules that choose processes, as people write them: comm=GLOB, exe=GLOB,
 * cgroup=GLOB, unit=GLOB, depth=N, uid=N, each with '!' before it for the opposite.
 * A process is chosen when all of them hold, and so when there are none.
 */
#ifndef MATCH_H
#define MATCH_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define MATCH_RULES_MAX	32

enum match_key {
	MATCH_COMM,
	MATCH_EXE,
	MATCH_CGROUP,
	MATCH_UNIT,		/* a unit of systemd: a part of the cgroup's path */
	MATCH_DEPTH,
	MATCH_UID,
};

struct match_rule {
	enum match_key key;
	bool negated;
	const char *glob;	/* as in fnmatch(3), '*' takes '/' too */
	unsigned long number;
};

/* All zero is the one without rules. */
struct match {
	size_t count;
	struct match_rule rules[MATCH_RULES_MAX];
};

/* What the rules look at. */
struct match_subject {
	const char *comm;
	const char *exe;	/* path of the program */
	const char *cgroup;	/* path below the root of its hierarchy */
	unsigned int depth;	/* below what is followed, 0: that itself */
	uid_t uid;		/* effective */
};

/*
 * One more rule. @text stays the caller's and is used as long as @match. False
 * when it is no rule, or there are MATCH_RULES_MAX.
 */
bool match_add(struct match *match, const char *text);

bool match_holds(const struct match *match, const struct match_subject *subject);

/*
 * A process about which several are asked: what they look at is looked up once, when
 * the first one does.
 */
struct match_candidate {
	pid_t pid;
	struct match_subject subject;
	bool has_exe, has_cgroup, has_uid;
	char exe[PATH_MAX], cgroup[PATH_MAX];
};

/*
 * Of what is @known its name, which is kept, its depth and its user are taken, the last
 * one unless it is (uid_t)-1.
 */
void match_candidate_init(struct match_candidate *candidate, pid_t pid,
			  const struct match_subject *known);
bool match_candidate_holds(const struct match *match, struct match_candidate *candidate);

/* For one that is asked about but once. */
bool match_process(const struct match *match, pid_t pid, const struct match_subject *known);

#endif
