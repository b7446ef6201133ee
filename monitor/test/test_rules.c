// SPDX-License-Identifier: GPL-2.0
/* rules/rules and rules/enforce. Holds are made up; commands are real. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <prefork.h>

#include "core/adopter.h"
#include "core/tree.h"
#include "rules/enforce.h"
#include "rules/rules.h"
#include "tap.h"

/* Milliseconds, for what comes in any case. */
#define PATIENCE	20000

static struct {
	int problems;
	unsigned int line, column;	/* of the first one */
	char problem[512];
	int released, denied, error;
	uint64_t cookie;		/* of the last one */
	struct tree *tree;
	struct adopter *adopter;
} scene;

int prefork_release(struct prefork *pf, uint64_t cookie)
{
	(void)pf;
	scene.released++;
	scene.cookie = cookie;
	return 0;
}

int prefork_deny(struct prefork *pf, uint64_t cookie, int error)
{
	(void)pf;
	scene.denied++;
	scene.cookie = cookie;
	scene.error = error;
	return 0;
}

static void note(void *arg, unsigned int line, unsigned int column, const char *problem)
{
	(void)arg;
	if (scene.problems++)
		return;
	scene.line = line;
	scene.column = column;
	snprintf(scene.problem, sizeof(scene.problem), "%s", problem);
}

static struct rules *parse_bytes(const char *text, size_t size)
{
	FILE *file = size ? fmemopen((void *)text, size, "r") : fopen("/dev/null", "re");
	struct rules *rules;
	int error;

	scene.problems = 0;
	rules = rules_read(file, note, NULL);
	error = errno;
	fclose(file);
	errno = error;
	return rules;
}

static struct rules *parse(const char *text)
{
	return parse_bytes(text, strlen(text));
}

/* ---- the file ---- */

static void file_says_what_is_to_be_done(void)
{
	struct rules *rules = parse(
		"# a comment\n"
		"\n"
		"log /var/log/vforkmon.json\n"
		"timeout 5000\r\n"
		"events exec\n"
		"  exe=*/worker !uid=0\tadopt ready=exit on=birth  strace -p {pid} 'a b' \n"
		"comm=make deny EAGAIN\n"
		"unit=a.service deny 12\n"
		"comm=sleep ignore\n"
		"* log");

	if (!CHECK(rules))
		return;
	STRING("/var/log/vforkmon.json", rules->log);
	CHECK(rules->has_timeout && rules->timeout_ms == 5000);
	CHECK(selection_has(&rules->events, PREFORK_EVENT_EXEC) &&
	      !selection_has(&rules->events, PREFORK_EVENT_EXIT));
	if (EQUAL(5, rules->count)) {
		const struct rule *first = &rules->items[0];

		EQUAL(6, first->line);
		EQUAL(RULE_ADOPT, first->action);
		EQUAL(2, first->match.count);
		EQUAL(ADOPT_ON_BIRTH, first->adopt.on);
		EQUAL(ADOPT_READY_EXIT, first->adopt.ready);
		CHECK(!strncmp(first->adopt.command, "strace -p {pid} 'a b'", 21));
		CHECK(!strncmp(first->text, "exe=*/worker !uid=0\tadopt ready", 31));
		EQUAL(EAGAIN, rules->items[1].error);
		EQUAL(12, rules->items[2].error);
		EQUAL(RULE_IGNORE, rules->items[3].action);
		EQUAL(RULE_LOG, rules->items[4].action);
		STRING("* log", rules->items[4].text);
	}
	rules_destroy(rules);
	rules = parse("timeout 0\ncomm=a adopt strace -p {pid}\n");
	CHECK(rules && rules->has_timeout && !rules->timeout_ms);
	rules_destroy(rules);
	rules = parse("log journal\ncomm=a adopt strace -p {pid}\n");
	CHECK(rules && !rules->log && !rules->has_timeout && rules->count == 1 &&
	      rules->items[0].adopt.on == ADOPT_ON_EXEC);
	rules_destroy(rules);
	rules = parse("");
	CHECK(rules && !rules->count && selection_has(&rules->events, PREFORK_EVENT_EXIT) &&
	      !selection_has(&rules->events, PREFORK_EVENT_PREFORK));
	rules_destroy(rules);
}

#define EIGHT	"uid=1 uid=1 uid=1 uid=1 uid=1 uid=1 uid=1 uid=1 "

static void what_is_wrong_is_told_with_its_place(void)
{
	static const struct {
		const char *text;
		unsigned int line, column;
		const char *problem;
	} rows[] = {
		{ "adopt strace", 1, 1, "a match" }, { "ignore", 1, 1, "a match" },
		{ "lgo journal", 1, 1, "a match" },
		{ "\n  log", 2, 6, "journal" }, { "log a/b", 1, 5, "journal" },
		{ "log journal now", 1, 13, "nothing to follow" },
		{ "timeout\n", 1, 8, "milliseconds" }, { "timeout 1s", 1, 9, "milliseconds" },
		{ "timeout 86400001", 1, 9, "at most a day" },
		{ "events exec,lost", 1, 8, "a list" }, { "events", 1, 7, "a list" },
		{ EIGHT EIGHT EIGHT EIGHT "uid=1 log", 1, 193, "at most 32" },
		{ "comm=a", 1, 7, "missing" }, { "comm=a  \n", 1, 9, "missing" },
		{ "# x\n\tcom=a log", 2, 2, "'com=a' is no match" },
		{ "comm=a depth=x log", 1, 8, "'depth=x'" },
		{ "comm=a lgo", 1, 8, "action" }, { "comm=a log here", 1, 12, "nothing to follow" },
		{ "timeout 0\n* log\n* deny EPERM\n", 3, 1, "other than 0" },
		{ "comm=a deny", 1, 12, "EAGAIN" }, { "comm=a deny EAGIAN", 1, 13, "EAGAIN" },
		{ "comm=a deny 0", 1, 13, "EAGAIN" }, { "comm=a deny 512", 1, 13, "EAGAIN" },
		{ "comm=a adopt", 1, 13, "the command" },
		{ "comm=a adopt on=fork a", 1, 14, "birth or exec" },
		{ "comm=a adopt ready=soon a", 1, 14, "notify" },
		{ "comm=a adopt on=exec strace {pod}", 1, 22, "the command" },
		{ "comm=a adopt strace 'x", 1, 14, "the command" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		errno = 0;
		if (!CHECK(!parse(rows[i].text)) || !EQUAL(EINVAL, errno) ||
		    !EQUAL(rows[i].line, scene.line) || !EQUAL(rows[i].column, scene.column) ||
		    !CHECK(strstr(scene.problem, rows[i].problem)) || !EQUAL(1, scene.problems))
			printf("# file: %s\n# %u:%u: %s\n", rows[i].text, scene.line, scene.column,
			       scene.problem);
	}
}

static void all_that_is_wrong_is_told(void)
{
	CHECK(!parse("log\ncomm=a log\ncom=a lgo\n* deny\n"));
	EQUAL(4, scene.problems);
	EQUAL(1, scene.line);
	CHECK(!parse_bytes("* log\n* l\0g\n", 12));
	EQUAL(1, scene.problems);
	EQUAL(2, scene.line);
	EQUAL(4, scene.column);
}

static void no_more_is_held_than_rules_need(void)
{
	static const struct {
		const char *text;
		uint32_t holds;
	} rows[] = {
		{ "* log\ncomm=a ignore\n", 0 }, { "comm=a adopt strace", PREFORK_HOLD_EXEC },
		{ "comm=a adopt on=birth strace", PREFORK_HOLD_BIRTH },
		{ "* deny EPERM", PREFORK_HOLD_VFORK | PREFORK_HOLD_FORK },
		{ "* deny EPERM\n* adopt a", PREFORK_HOLD_VFORK | PREFORK_HOLD_FORK | PREFORK_HOLD_EXEC },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rules *rules = parse(rows[i].text);

		if (CHECK(rules))
			EQUAL(rows[i].holds, rules_holds(rules));
		rules_destroy(rules);
	}
}

/* ---- in force ---- */

__attribute__((format(printf, 1, 2)))
static void warn_nobody(const char *format, ...)
{
	(void)format;
	CHECK(!"nobody is warned");
}

static void begin(const char *text)
{
	memset(&scene, 0, sizeof(scene));
	scene.tree = tree_create(false);
	scene.adopter = enforce_create((struct prefork *)&scene, parse(text), warn_nobody);
	CHECK(scene.adopter);
}

static void end(void)
{
	scene.adopter->ops->destroy(scene.adopter);
	tree_destroy(scene.tree);
}

/* Of this process: /proc has it. Returns whether its hold is left to the adopter. */
static bool tell(uint32_t type, const char *comm, uint64_t cookie)
{
	struct prefork_event event = {
		.type = type, .pid = getpid(), .tid = getpid(), .ppid = 1, .cookie = cookie,
		.child = 4711,
	};

	snprintf(event.comm, sizeof(event.comm), "%s", comm);
	tree_event(scene.tree, &event, NULL, NULL);
	return scene.adopter->ops->event(scene.adopter, &event, scene.tree);
}

/* Likewise by a thread with that name. */
static bool tell_by_thread(const char *comm, uint64_t cookie)
{
	struct prefork_event event = {
		.type = PREFORK_EVENT_PREFORK, .pid = getpid(), .tid = 4712, .cookie = cookie,
	};

	snprintf(event.comm, sizeof(event.comm), "%s", comm);
	return scene.adopter->ops->event(scene.adopter, &event, scene.tree);
}

static bool logs(const char *comm)
{
	struct process process = { .pid = getpid() };

	snprintf(process.comm, sizeof(process.comm), "%s", comm);
	return enforce_logs(scene.adopter, &process);
}

static uint64_t hits(size_t i)
{
	return enforce_rules(scene.adopter)->items[i].hits;
}

static void first_rule_that_matches_decides(void)
{
	begin("comm=b* ignore\ncomm=a* log\ncomm=ab log\ncomm=c adopt true\n");
	CHECK(logs("ab"));
	CHECK(!logs("ba"));
	CHECK(logs("c"));
	CHECK(!logs("d"));
	EQUAL(1, hits(0));
	EQUAL(1, hits(1));
	EQUAL(0, hits(2));
	EQUAL(0, hits(3));
	end();
}

static void creations_are_denied(void)
{
	begin("comm=good log\n!comm=other deny EPERM\n");
	CHECK(!tell(PREFORK_EVENT_PREFORK, "good", 1));
	CHECK(!tell(PREFORK_EVENT_PREFORK, "other", 2));
	CHECK(!tell(PREFORK_EVENT_PREFORK, "bad", 0));
	EQUAL(0, scene.denied);
	CHECK(tell(PREFORK_EVENT_PREFORK, "bad", 3));
	EQUAL(1, scene.denied);
	EQUAL(3, scene.cookie);
	EQUAL(EPERM, scene.error);
	EQUAL(1, hits(1));
	tell(PREFORK_EVENT_EXEC, "bad", 0);
	CHECK(tell_by_thread("good", 4));
	tell(PREFORK_EVENT_EXEC, "good", 0);
	CHECK(!tell_by_thread("bad", 5));
	end();
}

static bool turn_until(const int *count, int wanted)
{
	struct pollfd in = { .fd = scene.adopter->ops->fd(scene.adopter), .events = POLLIN };

	while (*count < wanted) {
		if (poll(&in, 1, PATIENCE) <= 0)
			return false;
		scene.adopter->ops->turn(scene.adopter);
	}
	return true;
}

static void program_is_adopted_by_its_own_rule(void)
{
	begin("comm=a adopt ready=exit true\ncomm=b adopt on=birth ready=exit true\n");
	logs("other");
	CHECK(!tell(PREFORK_EVENT_EXEC, "other", 1));
	logs("a");
	CHECK(!tell(PREFORK_EVENT_BORN, "a", 2));
	logs("b");
	CHECK(!tell(PREFORK_EVENT_EXEC, "b", 3));
	EQUAL(0, scene.released);
	logs("a");
	CHECK(tell(PREFORK_EVENT_EXEC, "a", 4));
	CHECK(scene.adopter->ops->answers(scene.adopter, 4));
	CHECK(!scene.adopter->ops->answers(scene.adopter, 5));
	CHECK(turn_until(&scene.released, 1));
	EQUAL(4, scene.cookie);
	logs("b");
	CHECK(tell(PREFORK_EVENT_BORN, "b", 6));
	CHECK(turn_until(&scene.released, 2));
	EQUAL(1, hits(0));
	EQUAL(1, hits(1));
	end();
}

static size_t count_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	size_t count = 0;

	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

static void new_rules_leave_who_is_held(void)
{
	char name[] = "/tmp/test_rules.XXXXXX", text[128];
	size_t before;
	int fifo;

	if (!CHECK(mkdtemp(name)))
		return;
	snprintf(text, sizeof(text), "%s/fifo", name);
	CHECK(!mkfifo(text, 0600));
	fifo = open(text, O_RDWR | O_CLOEXEC);
	snprintf(text, sizeof(text), "comm=a adopt ready=exit sh -c 'read x <%s/fifo'\n", name);
	begin(text);
	before = count_descriptors();
	logs("a");
	CHECK(tell(PREFORK_EVENT_EXEC, "a", 7));
	CHECK(enforce_replace(scene.adopter, parse("comm=a log\n")));
	scene.adopter->ops->turn(scene.adopter);
	EQUAL(0, scene.released);
	CHECK(scene.adopter->ops->answers(scene.adopter, 7));
	logs("a");
	CHECK(!tell(PREFORK_EVENT_EXEC, "a", 8));
	EQUAL(1, hits(0));
	EQUAL(1, write(fifo, "\n", 1));
	CHECK(turn_until(&scene.released, 1));
	EQUAL(7, scene.cookie);
	/* The adopter that is not needed any more had some. */
	CHECK(count_descriptors() < before);
	end();
	close(fifo);
	snprintf(text, sizeof(text), "%s/fifo", name);
	unlink(text);
	rmdir(name);
}

int main(void)
{
	static const struct tap_test tests[] = {
		{ "the file says what is to be done", file_says_what_is_to_be_done },
		{ "what is wrong is told with its place", what_is_wrong_is_told_with_its_place },
		{ "all that is wrong is told", all_that_is_wrong_is_told },
		{ "no more is held than rules need", no_more_is_held_than_rules_need },
		{ "the first rule that matches decides", first_rule_that_matches_decides },
		{ "creations are denied", creations_are_denied },
		{ "a program is adopted by its own rule", program_is_adopted_by_its_own_rule },
		{ "new rules leave who is held", new_rules_leave_who_is_held },
	};

	signal(SIGCHLD, SIG_DFL);
	return TAP_RUN(tests);
}
