// SPDX-License-Identifier: GPL-2.0
#include "match.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proc.h"

static const char *const keys[] = {
	[MATCH_COMM] = "comm=",
	[MATCH_EXE] = "exe=",
	[MATCH_CGROUP] = "cgroup=",
	[MATCH_DEPTH] = "depth=",
	[MATCH_UID] = "uid=",
};

#define KEYS	(sizeof(keys) / sizeof(keys[0]))

/* Returns the value behind the key, or NULL. */
static const char *find_key(const char *text, enum match_key *key)
{
	for (size_t i = 0; i < KEYS; i++) {
		if (strncmp(text, keys[i], strlen(keys[i])))
			continue;
		*key = (enum match_key)i;
		return text + strlen(keys[i]);
	}
	return NULL;
}

static bool parse_number(const char *text, unsigned long *number)
{
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	*number = strtoul(text, &end, 10);
	return !errno && !*end && *number <= UINT32_MAX;
}

static bool takes_glob(enum match_key key)
{
	return key == MATCH_COMM || key == MATCH_EXE || key == MATCH_CGROUP;
}

static bool parse(struct match_rule *rule, const char *text)
{
	const char *value;

	*rule = (struct match_rule){ .negated = text[0] == '!' };
	value = find_key(text + rule->negated, &rule->key);
	if (!value)
		return false;
	rule->glob = value;
	return takes_glob(rule->key) || parse_number(value, &rule->number);
}

bool match_add(struct match *match, const char *text)
{
	if (match->count == MATCH_RULES_MAX || !parse(&match->rules[match->count], text))
		return false;
	match->count++;
	return true;
}

static bool is_so(const struct match_rule *rule, const struct match_subject *subject)
{
	switch (rule->key) {
	case MATCH_COMM:
		return !fnmatch(rule->glob, subject->comm, 0);
	case MATCH_EXE:
		return !fnmatch(rule->glob, subject->exe, 0);
	case MATCH_CGROUP:
		return !fnmatch(rule->glob, subject->cgroup, 0);
	case MATCH_DEPTH:
		return rule->number == subject->depth;
	case MATCH_UID:
		return rule->number == subject->uid;
	}
	return false;
}

bool match_holds(const struct match *match, const struct match_subject *subject)
{
	for (size_t i = 0; i < match->count; i++)
		if (is_so(&match->rules[i], subject) == match->rules[i].negated)
			return false;
	return true;
}

static bool asks(const struct match *match, enum match_key key)
{
	for (size_t i = 0; i < match->count; i++)
		if (match->rules[i].key == key)
			return true;
	return false;
}

bool match_process(const struct match *match, pid_t pid, const char *comm, unsigned int depth)
{
	char exe[PATH_MAX] = "", cgroup[PATH_MAX] = "";
	struct match_subject subject = {
		.comm = comm, .exe = exe, .cgroup = cgroup, .depth = depth,
	};

	if (asks(match, MATCH_EXE))
		proc_exe(pid, exe, sizeof(exe));
	if (asks(match, MATCH_CGROUP))
		proc_cgroup(pid, cgroup, sizeof(cgroup));
	if (asks(match, MATCH_UID))
		subject.uid = proc_uid(pid);
	return match_holds(match, &subject);
}
