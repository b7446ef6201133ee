// SPDX-License-Identifier: GPL-2.0
#include "match.h"

#include <fnmatch.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "number.h"
#include "proc.h"

static const char *const keys[] = {
	[MATCH_COMM] = "comm=",
	[MATCH_EXE] = "exe=",
	[MATCH_CGROUP] = "cgroup=",
	[MATCH_UNIT] = "unit=",
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
	uint64_t value;

	if (!number_parse(text, UINT32_MAX, &value))
		return false;
	*number = value;
	return true;
}

static bool takes_glob(enum match_key key)
{
	return key != MATCH_DEPTH && key != MATCH_UID;
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

static bool has_part(const char *path, const char *glob)
{
	char part[NAME_MAX + 1];

	for (size_t length; *path; path += length) {
		path += *path == '/';
		length = strcspn(path, "/");
		snprintf(part, sizeof(part), "%.*s", (int)length, path);
		if (length && !fnmatch(glob, part, 0))
			return true;
	}
	return false;
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
	case MATCH_UNIT:
		return has_part(subject->cgroup, rule->glob);
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

void match_candidate_init(struct match_candidate *candidate, pid_t pid,
			  const struct match_subject *known)
{
	candidate->pid = pid;
	candidate->has_exe = candidate->has_cgroup = false;
	candidate->has_uid = known->uid != (uid_t)-1;
	candidate->exe[0] = candidate->cgroup[0] = '\0';
	candidate->subject = *known;
	candidate->subject.exe = candidate->exe;
	candidate->subject.cgroup = candidate->cgroup;
}

static void look_up(struct match_candidate *candidate, const struct match *match)
{
	pid_t pid = candidate->pid;

	if (!candidate->has_exe && asks(match, MATCH_EXE)) {
		proc_exe(pid, candidate->exe, sizeof(candidate->exe));
		candidate->has_exe = true;
	}
	if (!candidate->has_cgroup && (asks(match, MATCH_CGROUP) || asks(match, MATCH_UNIT))) {
		proc_cgroup(pid, candidate->cgroup, sizeof(candidate->cgroup));
		candidate->has_cgroup = true;
	}
	if (!candidate->has_uid && asks(match, MATCH_UID)) {
		candidate->subject.uid = proc_uid(pid);
		candidate->has_uid = true;
	}
}

bool match_candidate_holds(const struct match *match, struct match_candidate *candidate)
{
	look_up(candidate, match);
	return match_holds(match, &candidate->subject);
}

bool match_process(const struct match *match, pid_t pid, const struct match_subject *known)
{
	struct match_candidate candidate;

	match_candidate_init(&candidate, pid, known);
	return match_candidate_holds(match, &candidate);
}
