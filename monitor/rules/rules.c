// SPDX-License-Identifier: GPL-2.0
#include "rules.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <prefork.h>

#include "adopt/template.h"
#include "core/name.h"
#include "core/number.h"

#define BLANKS	" \t\r\n"

/* As the kernel has it. */
#define ERRNO_MAX	511

/* The line that is being read. */
struct reader {
	struct rules *rules;
	rules_report_fn *report;
	void *arg;
	unsigned int line;
	const char *begin;	/* of the line as it was written */
	char *words;		/* a copy, which is cut into words, */
	char *word;		/* the one read last, */
	char *rest;		/* and what is behind it */
	bool failed;
};

/* About the word read last. */
__attribute__((format(printf, 2, 3)))
static void complain(struct reader *reader, const char *format, ...)
{
	char problem[512];
	va_list args;

	va_start(args, format);
	vsnprintf(problem, sizeof(problem), format, args);
	va_end(args);
	reader->report(reader->arg, reader->line,
		       (unsigned int)(reader->word - reader->words) + 1, problem);
	reader->failed = true;
}

static void skip_blanks(struct reader *reader)
{
	reader->word = reader->rest += strspn(reader->rest, BLANKS);
}

/* False at the end. */
static bool next_word(struct reader *reader)
{
	size_t length;

	skip_blanks(reader);
	length = strcspn(reader->rest, BLANKS);
	reader->rest += length;
	if (*reader->rest)
		*reader->rest++ = '\0';
	return length;
}

static void end_line(struct reader *reader)
{
	if (next_word(reader))
		complain(reader, "there is nothing to follow here");
}

static int find_errno(const char *name)
{
	uint64_t number;

	if (number_parse(name, ERRNO_MAX, &number))
		return (int)number;
	for (int error = 1; error <= ERRNO_MAX; error++)
		if (strerrorname_np(error) && !strcmp(strerrorname_np(error), name))
			return error;
	return 0;
}

static void read_deny(struct reader *reader, struct rule *rule)
{
	if (!next_word(reader) || !(rule->error = find_errno(reader->word)))
		complain(reader, "deny takes an error, such as EAGAIN");
	else
		end_line(reader);
}

/* Returns the value behind "on=", or NULL. */
static const char *value_of(const char *word, const char *name)
{
	size_t length = strlen(name);

	return strncmp(word, name, length) ? NULL : word + length;
}

/* False where the command begins. */
static bool read_adopt_option(struct reader *reader, struct adopt_options *adopt)
{
	const char *value;

	skip_blanks(reader);
	if (!value_of(reader->word, "on=") && !value_of(reader->word, "ready="))
		return false;
	next_word(reader);
	value = value_of(reader->word, "on=");
	if (value && !adopt_on_parse(&adopt->on, value))
		complain(reader, "on= is birth or exec");
	value = value_of(reader->word, "ready=");
	if (value && !adopt_ready_parse(&adopt->ready, value))
		complain(reader, "ready= is ptrace, exit or notify");
	return true;
}

/* The command is all that is left of the line. */
static void read_adopt(struct reader *reader, struct rule *rule)
{
	const char *problem;

	rule->adopt.on = ADOPT_ON_EXEC;
	while (read_adopt_option(reader, &rule->adopt))
		;
	template_destroy(template_create(reader->word, &problem));
	if (problem)
		complain(reader, "the command %s", problem);
	rule->adopt.command = reader->word;
}

static void read_action(struct reader *reader, struct rule *rule)
{
	static const char *const names[] = {
		[RULE_LOG] = "log",
		[RULE_IGNORE] = "ignore",
		[RULE_DENY] = "deny",
		[RULE_ADOPT] = "adopt",
	};

	rule->action = (enum rule_action)NAME_FIND(names, reader->word);
	switch (rule->action) {
	case RULE_LOG:
	case RULE_IGNORE:
		end_line(reader);
		return;
	case RULE_DENY:
		read_deny(reader, rule);
		return;
	case RULE_ADOPT:
		read_adopt(reader, rule);
		return;
	}
	complain(reader, "'%s' is neither a match nor an action: log, ignore, deny or adopt",
		 reader->word);
}

static bool is_match(const char *word)
{
	return strchr(word, '=') || !strcmp(word, "*");
}

/* The first word of it has been read. */
static void read_rule(struct reader *reader, struct rule *rule)
{
	rule->line = reader->line;
	rule->text = reader->begin + (reader->word - reader->words);
	if (!is_match(reader->word)) {
		complain(reader, "a rule begins with a match: comm=, exe=, cgroup=, unit=, depth=, "
			 "uid=, or * for all; a setting with log, events or timeout");
		return;
	}
	do {
		if (!is_match(reader->word)) {
			read_action(reader, rule);
			return;
		}
		if (rule->match.count == MATCH_RULES_MAX)
			complain(reader, "a rule has at most %d matches", MATCH_RULES_MAX);
		else if (strcmp(reader->word, "*") && !match_add(&rule->match, reader->word))
			complain(reader, "'%s' is no match: comm=GLOB, exe=GLOB, cgroup=GLOB, "
				 "unit=GLOB, depth=N or uid=N, with or without a '!' before it",
				 reader->word);
	} while (next_word(reader));
	complain(reader, "what is to be done is missing: log, ignore, deny or adopt");
}

/* There is room for a power of two. */
static bool make_room(struct rules *rules)
{
	size_t count = rules->count;
	struct rule *items;

	if (count & (count - 1))
		return true;
	items = reallocarray(rules->items, count ? 2 * count : 1, sizeof(*items));
	if (items)
		rules->items = items;
	return items;
}

static void add_rule(struct reader *reader)
{
	struct rules *rules = reader->rules;

	if (!make_room(rules)) {
		complain(reader, "no memory");
		return;
	}
	rules->items[rules->count] = (struct rule){ 0 };
	read_rule(reader, &rules->items[rules->count++]);
}

static void read_log(struct reader *reader)
{
	if (!next_word(reader) || (strcmp(reader->word, "journal") && *reader->word != '/')) {
		complain(reader, "log takes journal, or the path of a file from the root");
		return;
	}
	reader->rules->log = strcmp(reader->word, "journal") ? reader->word : NULL;
	end_line(reader);
}

static void read_events(struct reader *reader)
{
	if (!next_word(reader) || !selection_parse(&reader->rules->events, reader->word)) {
		complain(reader, "events takes a list, with commas, of prefork, born, fork_failed, "
			 "exec, exit, vfork_done, unwatched, timeout, adopted and found, with or "
			 "without a '!' before it");
		return;
	}
	end_line(reader);
}

static void read_timeout(struct reader *reader)
{
	uint64_t number;

	if (!next_word(reader) || !number_parse(reader->word, PREFORK_TIMEOUT_MAX, &number)) {
		complain(reader, "timeout takes a number of milliseconds, at most a day, or 0 for none");
		return;
	}
	reader->rules->timeout_ms = (uint32_t)number;
	reader->rules->has_timeout = true;
	end_line(reader);
}

static void read_line(struct reader *reader)
{
	reader->rest = reader->words;
	if (!next_word(reader) || *reader->word == '#')
		return;
	if (!strcmp(reader->word, "log"))
		read_log(reader);
	else if (!strcmp(reader->word, "events"))
		read_events(reader);
	else if (!strcmp(reader->word, "timeout"))
		read_timeout(reader);
	else
		add_rule(reader);
}

/*
 * Twice, one behind the other: the second is cut into words. *@size is that of one, its
 * end included. NULL with errno.
 */
static char *read_text(FILE *file, size_t *size)
{
	char *text = NULL, *both;
	ssize_t length;
	FILE *copy;

	copy = open_memstream(&text, size);
	if (!copy)
		return NULL;
	for (int byte; (byte = getc(file)) != EOF;)
		putc(byte, copy);
	length = ferror(file) || ferror(copy) ? -1 : 0;
	if (fclose(copy) || length < 0) {
		free(text);
		return NULL;
	}
	++*size;
	both = reallocarray(text, 2, *size);
	if (both)
		memcpy(both + *size, both, *size);
	else
		free(text);
	return both;
}

/* Whoever is to start the daemon again, when it hangs, creates a process for that. */
static void check_timeout(struct reader *reader)
{
	const struct rules *rules = reader->rules;

	for (size_t i = 0; i < rules->count; i++) {
		const struct rule *rule = &rules->items[i];

		if (!rules->has_timeout || rules->timeout_ms || rule->action != RULE_DENY)
			continue;
		reader->report(reader->arg, rule->line, 1, "deny needs a timeout other than 0: all "
			       "who create a process wait for it, the first of the system too");
		reader->failed = true;
	}
}

static bool read_lines(struct rules *rules, size_t size, rules_report_fn *report, void *arg)
{
	struct reader reader = { .rules = rules, .report = report, .arg = arg };
	char *at = rules->text, *end;

	for (const char *last = at + size - 1; at < last; at = end + 1) {
		end = memchr(at, '\n', last - at);
		if (!end)
			end = rules->text + size - 1;
		*end = '\0';
		reader.line++;
		reader.begin = at;
		reader.words = at + size;
		reader.words[end - at] = '\0';
		if (strlen(at) == (size_t)(end - at)) {
			read_line(&reader);
		} else {
			reader.word = reader.words + strlen(at);
			complain(&reader, "a zero byte");
		}
	}
	check_timeout(&reader);
	return !reader.failed;
}

struct rules *rules_read(FILE *file, rules_report_fn *report, void *arg)
{
	struct rules *rules = calloc(1, sizeof(*rules));
	size_t size;

	if (!rules)
		return NULL;
	selection_parse(&rules->events, "!prefork,vfork_done");
	rules->text = read_text(file, &size);
	if (!rules->text) {
		rules_destroy(rules);
		return NULL;
	}
	if (!read_lines(rules, size, report, arg)) {
		rules_destroy(rules);
		errno = EINVAL;
		return NULL;
	}
	return rules;
}

void rules_destroy(struct rules *rules)
{
	if (!rules)
		return;
	free(rules->items);
	free(rules->text);
	free(rules);
}

struct rule *rules_find(const struct rules *rules, struct match_candidate *candidate)
{
	for (size_t i = 0; i < rules->count; i++)
		if (match_candidate_holds(&rules->items[i].match, candidate))
			return &rules->items[i];
	return NULL;
}

uint32_t rules_holds(const struct rules *rules)
{
	uint32_t holds = 0;

	for (size_t i = 0; i < rules->count; i++) {
		const struct rule *rule = &rules->items[i];

		if (rule->action == RULE_DENY)
			holds |= PREFORK_HOLD_VFORK | PREFORK_HOLD_FORK;
		else if (rule->action == RULE_ADOPT)
			holds |= adopt_holds(&rule->adopt, 0);
	}
	return holds;
}
