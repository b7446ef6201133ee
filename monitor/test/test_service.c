// SPDX-License-Identifier: GPL-2.0
/*
 * cli/daemon: the library's session is made of functions of this file. Its events come
 * from a pipe, and its answers go to another. The daemon runs in a child.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <json-c/json.h>

#include <prefork.h>

#include "adopt/notify.h"
#include "cli/control.h"
#include "cli/diagnose.h"
#include "cli/verbs.h"
#include "core/clock.h"
#include "core/proc.h"
#include "ending.h"
#include "tap.h"

/* Seconds. */
#define PATIENCE	20

struct answer {
	uint64_t cookie;
	int error;		/* 0: it goes on */
};

static struct {
	char folder[32];
	int events[2], answers[2];	/* pipes */
	int notify;
	pid_t daemon;
	uint64_t seq;
} scene;

/* ---- the session, in the daemon ---- */

int prefork_open(struct prefork **pf)
{
	*pf = (struct prefork *)&scene;
	return 0;
}

int prefork_fd(const struct prefork *pf)
{
	(void)pf;
	return scene.events[0];
}

/* All there is, is who started the daemon. */
int prefork_watch_all(struct prefork *pf, const struct prefork_watch_options *opts)
{
	const uint32_t hold = PREFORK_HOLD_EXEC | PREFORK_HOLD_VFORK | PREFORK_HOLD_FORK;
	const uint32_t events = PREFORK_TELL_BORN | PREFORK_TELL_FORK_FAILED | PREFORK_TELL_EXEC |
				PREFORK_TELL_EXIT;

	(void)pf;
	return opts && opts->hold == hold && opts->events == events ? 0 : -EINVAL;
}

uint32_t prefork_owner(const struct prefork *pf)
{
	(void)pf;
	return 4711;
}

int prefork_dump(struct prefork *pf, prefork_dump_fn fn, void *arg)
{
	const struct prefork_watched watched = {
		.pid = getppid(), .comm = "tester", .owner = 4711, .owner_pid = getpid(),
	};

	(void)pf;
	return fn(&watched, arg);
}

static bool is_readable(int fd, int timeout_ms)
{
	struct pollfd in = { .fd = fd, .events = POLLIN };

	return poll(&in, 1, timeout_ms) == 1;
}

int prefork_next_many(struct prefork *pf, struct prefork_event *events, int room,
		      int timeout_ms)
{
	int count = 0;

	(void)pf;
	(void)timeout_ms;
	while (count < room && is_readable(scene.events[0], 0) &&
	       read(scene.events[0], &events[count], sizeof(events[0])) == sizeof(events[0]))
		count++;
	return count;
}

static int take_answer(uint64_t cookie, int error)
{
	const struct answer answer = { cookie, error };

	return write(scene.answers[1], &answer, sizeof(answer)) == sizeof(answer) ? 0 : -errno;
}

int prefork_release(struct prefork *pf, uint64_t cookie)
{
	(void)pf;
	return take_answer(cookie, 0);
}

int prefork_deny(struct prefork *pf, uint64_t cookie, int error)
{
	(void)pf;
	return take_answer(cookie, error);
}

/* ---- who tests it ---- */

static const char *path_of(const char *name)
{
	static char paths[4][64];
	static int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", scene.folder, name);
	return path;
}

static void write_rules(const char *rules)
{
	FILE *file = fopen(path_of("conf"), "we");

	fprintf(file, "log %s\n%s", path_of("log"), rules);
	fclose(file);
}

static void await_ready(void)
{
	bool ready = false;

	while (!ready && is_readable(scene.notify, PATIENCE * 1000))
		ready = notify_take_ready(scene.notify);
	CHECK(ready);
}

static void start(const char *rules)
{
	char name[NOTIFY_NAME_MAX];

	strcpy(scene.folder, "/tmp/test_service.XXXXXX");
	CHECK(mkdtemp(scene.folder));
	CHECK(!pipe2(scene.events, O_CLOEXEC) && !pipe2(scene.answers, O_CLOEXEC));
	scene.seq = 0;
	scene.notify = notify_open(name);
	setenv("NOTIFY_SOCKET", name, 1);
	setenv("RUNTIME_DIRECTORY", scene.folder, 1);
	write_rules(rules);
	scene.daemon = fork();
	if (!scene.daemon) {
		alarm(PATIENCE);
		dup2(open(path_of("err"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600),
		     STDERR_FILENO);
		_exit(verb_daemon(3, (char *[]){ "daemon", "-c", strdup(path_of("conf")), NULL }));
	}
	await_ready();
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

static void stop(void)
{
	kill(scene.daemon, SIGTERM);
	EQUAL(0, end_of(scene.daemon));
	CHECK(access(path_of("control"), F_OK));
	for (int i = 0; i < 2; i++) {
		close(scene.events[i]);
		close(scene.answers[i]);
	}
	close(scene.notify);
	nftw(scene.folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("RUNTIME_DIRECTORY");
}

/* Of this process. Returns what became of its hold; .cookie 0: nothing in time. */
static struct answer tell(uint32_t type, const char *comm, uint64_t cookie)
{
	struct prefork_event event = {
		.type = type, .seq = ++scene.seq, .time = boottime(), .pid = getpid(), .tid = getpid(),
		.cookie = cookie, .child = 4711,
	};
	struct answer answer = { 0 };

	snprintf(event.comm, sizeof(event.comm), "%s", comm);
	EQUAL(sizeof(event), write(scene.events[1], &event, sizeof(event)));
	if (cookie && CHECK(is_readable(scene.answers[0], PATIENCE * 1000)))
		EQUAL(sizeof(answer), read(scene.answers[0], &answer, sizeof(answer)));
	return answer;
}

static void add_rule(const struct control_rule *rule, void *text)
{
	char line[600];

	snprintf(line, sizeof(line), "%u %s: %d\n", rule->line, rule->text, (int)rule->hits);
	strncat(text, line, 1000 - strlen(text));
}

/* What the daemon says of its rules. */
static const char *told(void)
{
	static char text[1001];

	text[0] = '\0';
	EQUAL(0, control_ask(add_rule, text));
	return text;
}

static int count(const char *name, const char *words)
{
	FILE *file = fopen(path_of(name), "re");
	char line[8192];
	int lines = 0;

	while (file && fgets(line, sizeof(line), file))
		lines += strstr(line, words) != NULL;
	if (file)
		fclose(file);
	return lines;
}

#define RULES	"comm=adopted adopt ready=exit true\ncomm=denied deny EPERM\n" \
		"comm=ignored ignore\ncomm=logged log\n"

static void rules_are_done(void)
{
	start(RULES);
	STRING("2 comm=adopted adopt ready=exit true: 0\n3 comm=denied deny EPERM: 0\n"
	       "4 comm=ignored ignore: 0\n5 comm=logged log: 0\n", told());
	EQUAL(1, tell(PREFORK_EVENT_EXEC, "ignored", 1).cookie);
	EQUAL(2, tell(PREFORK_EVENT_PREFORK, "ignored", 2).cookie);
	EQUAL(3, tell(PREFORK_EVENT_EXEC, "logged", 3).cookie);
	EQUAL(4, tell(PREFORK_EVENT_EXEC, "adopted", 4).cookie);
	EQUAL(EPERM, tell(PREFORK_EVENT_PREFORK, "denied", 5).error);
	STRING("2 comm=adopted adopt ready=exit true: 1\n3 comm=denied deny EPERM: 1\n"
	       "4 comm=ignored ignore: 1\n5 comm=logged log: 1\n", told());
	stop();
}

static void log_has_what_rules_say(void)
{
	start(RULES "comm=tester log\n");
	tell(PREFORK_EVENT_EXEC, "ignored", 1);
	tell(PREFORK_EVENT_EXEC, "logged", 2);
	tell(PREFORK_EVENT_EXIT, "logged", 0);
	tell(PREFORK_EVENT_EXEC, "other", 3);
	kill(scene.daemon, SIGHUP);
	await_ready();
	EQUAL(1, count("log", "\"found\""));
	EQUAL(1, count("log", "\"exec\""));
	EQUAL(1, count("log", "\"exit\""));
	EQUAL(3, count("log", ""));
	stop();
}

static void rules_are_read_again(void)
{
	start(RULES);
	tell(PREFORK_EVENT_EXEC, "logged", 1);
	rename(path_of("log"), path_of("log.1"));
	write_rules("comm=logged ignore\ncomm=other log\n");
	kill(scene.daemon, SIGHUP);
	await_ready();
	STRING("2 comm=logged ignore: 1\n3 comm=other log: 0\n", told());
	tell(PREFORK_EVENT_EXEC, "logged", 2);
	tell(PREFORK_EVENT_EXEC, "other", 3);
	kill(scene.daemon, SIGHUP);
	await_ready();
	EQUAL(1, count("log.1", "\"exec\""));
	EQUAL(1, count("log", "\"exec\""));
	EQUAL(1, count("log", "\"comm\":\"other\""));
	stop();
}

/* Lines that are an event, no more and no less. */
static int count_events(const char *name)
{
	FILE *file = fopen(path_of(name), "re");
	struct json_object *event;
	char line[8192];
	int events = 0;

	while (file && fgets(line, sizeof(line), file)) {
		event = json_tokener_parse(line);
		events += event != NULL;
		json_object_put(event);
	}
	if (file)
		fclose(file);
	return events;
}

/* Of the first one that finds no room there is a part. */
static void log_goes_on_after_a_full_disk(void)
{
	struct rlimit none, before;

	signal(SIGXFSZ, SIG_IGN);	/* which the daemon inherits */
	start(RULES);
	EQUAL(0, prlimit(scene.daemon, RLIMIT_FSIZE, NULL, &before));
	none = (struct rlimit){ .rlim_cur = 10, .rlim_max = before.rlim_max };
	EQUAL(0, prlimit(scene.daemon, RLIMIT_FSIZE, &none, NULL));
	for (uint64_t cookie = 1; cookie <= 5; cookie++)
		EQUAL(cookie, tell(PREFORK_EVENT_EXEC, "logged", cookie).cookie);
	kill(scene.daemon, SIGHUP);
	await_ready();
	EQUAL(0, prlimit(scene.daemon, RLIMIT_FSIZE, &before, NULL));
	tell(PREFORK_EVENT_EXEC, "logged", 6);
	kill(scene.daemon, SIGHUP);
	await_ready();
	CHECK(count("log", "\"exec\"") >= 1);
	EQUAL(count("log", "\"exec\""), count_events("log"));
	stop();
}

static void rules_that_cannot_be_in_force_change_nothing(void)
{
	start(RULES);
	write_rules("comm=logged lgo\n");
	kill(scene.daemon, SIGHUP);
	await_ready();
	EQUAL(1, count("err", "conf:2:13: 'lgo'"));
	EQUAL(1, count("err", "the rules stay as they were"));
	write_rules("comm=a adopt on=birth true\n");
	kill(scene.daemon, SIGHUP);
	await_ready();
	EQUAL(1, count("err", "takes a start of vforkmon daemon"));
	CHECK(!strncmp(told(), "2 comm=adopted ", 15));
	EQUAL(EPERM, tell(PREFORK_EVENT_PREFORK, "denied", 1).error);
	stop();
}

static void daemon_is_the_only_one(void)
{
	char *argv[] = { "daemon", "-c", NULL, NULL };
	pid_t other;
	int folder;

	start(RULES);
	argv[2] = strdup(path_of("conf"));
	/* Which everybody may open. */
	folder = open(scene.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	EQUAL(0, flock(folder, LOCK_EX));
	other = fork();
	if (!other) {
		alarm(PATIENCE);
		CHECK(freopen("/dev/null", "we", stderr));
		_exit(verb_daemon(3, argv));
	}
	EQUAL(STATUS_FAILURE, end_of(other));
	CHECK(*told());
	kill(scene.daemon, SIGKILL);
	end_of(scene.daemon);
	/* What a killed one leaves is no hindrance. */
	CHECK(!access(path_of("control"), F_OK));
	scene.daemon = fork();
	if (!scene.daemon)
		_exit(verb_daemon(3, argv));
	await_ready();
	close(folder);
	free(argv[2]);
	stop();
}

static void who_asks_in_vain_does_not_keep_it(void)
{
	struct rlimit before, few;
	uint64_t user, system;
	char text[1001] = "";

	start(RULES);
	EQUAL(0, prlimit(scene.daemon, RLIMIT_NOFILE, NULL, &before));
	few = before;
	few.rlim_cur = 8;	/* there are more; poll(2) may not have more either */
	EQUAL(0, prlimit(scene.daemon, RLIMIT_NOFILE, &few, NULL));
	EQUAL(-EAGAIN, control_ask(add_rule, text));
	CHECK(proc_times(scene.daemon, scene.daemon, &user, &system));
	CHECK(user + system < 1000000000);
	EQUAL(0, prlimit(scene.daemon, RLIMIT_NOFILE, &before, NULL));
	CHECK(*told());
	stop();
}

static int asker(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path_of("control"));
	EQUAL(0, connect(fd, (struct sockaddr *)&to, sizeof(to)));
	return fd;
}

static void who_asks_and_does_not_read_does_not_keep_it(void)
{
	const int many = 10000;
	struct control_rule rule;
	char *rules = NULL;
	size_t size;
	int fd, count = 0;
	FILE *text = open_memstream(&rules, &size);

	fputs(RULES, text);
	for (int i = 4; i < many; i++)
		fputs("comm=a log\n", text);
	fclose(text);
	start(rules);
	free(rules);
	fd = asker();
	/* Until it has been told, and left. */
	EQUAL(1, poll(&(struct pollfd){ .fd = fd, .events = POLLRDHUP }, 1, PATIENCE * 1000));
	while (recv(fd, &rule, sizeof(rule), 0) == sizeof(rule))
		count++;
	CHECK(count > 1000 && count < many);
	EQUAL(many, rule.count);
	close(fd);
	EQUAL(1, tell(PREFORK_EVENT_EXEC, "other", 1).cookie);
	stop();
}

static void ignore_rule(const struct control_rule *rule, void *count)
{
	(void)rule;
	++*(int *)count;
}

/* A daemon that tells one rule of two. */
static void missing_rules_are_missed(void)
{
	const struct control_rule rule = { .count = 2 };
	int fd, count = 0;
	pid_t pid;

	strcpy(scene.folder, "/tmp/test_service.XXXXXX");
	CHECK(mkdtemp(scene.folder));
	setenv("RUNTIME_DIRECTORY", scene.folder, 1);
	fd = control_open();
	CHECK(fd >= 0);
	pid = fork();
	if (!pid) {
		fd = is_readable(fd, PATIENCE * 1000) ? accept(fd, NULL, NULL) : -1;
		_exit(send(fd, &rule, sizeof(rule), MSG_NOSIGNAL) != sizeof(rule));
	}
	EQUAL(-EMSGSIZE, control_ask(ignore_rule, &count));
	EQUAL(1, count);
	EQUAL(0, end_of(pid));
	control_close(fd);
	nftw(scene.folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	unsetenv("RUNTIME_DIRECTORY");
}

static void watchdog_hears_of_it(void)
{
	char message[4096];
	bool heard = false;
	ssize_t length;

	setenv("WATCHDOG_USEC", "20000", 1);
	start(RULES);
	while (!heard && is_readable(scene.notify, PATIENCE * 1000)) {
		length = recv(scene.notify, message, sizeof(message) - 1, 0);
		message[length > 0 ? length : 0] = '\0';
		heard = strstr(message, "WATCHDOG=1");
	}
	CHECK(heard);
	unsetenv("WATCHDOG_USEC");
	stop();
}

static int check_of(const char *rules)
{
	pid_t pid;
	int status;

	strcpy(scene.folder, "/tmp/test_service.XXXXXX");
	CHECK(mkdtemp(scene.folder));
	write_rules(rules);
	pid = fork();
	if (!pid) {
		CHECK(freopen("/dev/null", "we", stderr));
		_exit(verb_daemon(4, (char *[]){ "daemon", "--check", "-c",
						 strdup(path_of("conf")), NULL }));
	}
	status = end_of(pid);
	nftw(scene.folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return status;
}

static void file_can_be_checked(void)
{
	EQUAL(0, check_of(RULES));
	EQUAL(STATUS_FAILURE, check_of("comm=a\n"));
}

int main(void)
{
	static const struct tap_test tests[] = {
		{ "what rules say is done, and counted", rules_are_done },
		{ "the log has what rules say", log_has_what_rules_say },
		{ "rules are read again, and the log is opened again", rules_are_read_again },
		{ "after a full disk the log goes on", log_goes_on_after_a_full_disk },
		{ "rules that cannot be in force change nothing",
		  rules_that_cannot_be_in_force_change_nothing },
		{ "there is one daemon at a time", daemon_is_the_only_one },
		{ "who asks in vain does not keep it", who_asks_in_vain_does_not_keep_it },
		{ "who asks and does not read does not keep it",
		  who_asks_and_does_not_read_does_not_keep_it },
		{ "rules that are missing are missed", missing_rules_are_missed },
		{ "a watchdog hears of it", watchdog_hears_of_it },
		{ "the file can be checked", file_can_be_checked },
	};

	return TAP_RUN(tests);
}
