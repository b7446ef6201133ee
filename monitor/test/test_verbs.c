// SPDX-License-Identifier: GPL-2.0
/*
 * cli/run and cli/attach with real commands: the library's session is made of
 * functions of this file, which tell of ends, and of as much else as is asked
 * for. Each verb runs in a child, which an alarm ends where nothing else does.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include <prefork.h>

#include "cli/diagnose.h"
#include "cli/verbs.h"
#include "core/clock.h"
#include "ending.h"
#include "tap.h"

/* Seconds. */
#define PATIENCE	20

/* A child of its own, with what a case needs to be different. */
struct setting {
	uint32_t asked;		/* PREFORK_TELL_... that are right, 0: any */
	int output;		/* 0: nowhere */
	bool ignores_children;
	bool closed_stderr;
	int events;		/* that the session has before it waits */
	bool held;		/* each of them is of a program that is held */
	bool announced;		/* likewise, of a process to be created */
	bool late;		/* they come when it was asked a while what is on its way */
	bool mute;		/* to that there is no answer */
	bool lost;		/* events are, before the end */
	bool busy;		/* asked what is watched there is no room to answer, once */
	bool endless_scan;	/* watching a tree; says so on the output */
	bool untold_end;	/* likewise */
};

static struct {
	int fd;			/* over the next two */
	int end;		/* readable when it has ended */
	int more;		/* while there are events before that */
	uint64_t seq;
	pid_t pid;		/* watched, until its end has been told */
	const struct setting *setting;
	int told;		/* of its events */
	int asked;		/* what is on its way */
	int dumps;
} session;

/* Counted for who started the verb. */
static atomic_int *released, *denied, *watching;

int prefork_open(struct prefork **pf)
{
	session.fd = -1;
	*pf = (struct prefork *)&session;
	return 0;
}

void prefork_close(struct prefork *pf)
{
	if (!pf || session.fd < 0)
		return;
	close(session.fd);
	close(session.end);
	close(session.more);
}

int prefork_fd(const struct prefork *pf)
{
	(void)pf;
	return session.fd;
}

int prefork_watch(struct prefork *pf, pid_t pid, const struct prefork_watch_options *opts)
{
	struct epoll_event in = { .events = EPOLLIN };

	(void)pf;
	if (session.setting->asked && (!opts || opts->events != session.setting->asked))
		return -EINVAL;
	session.pid = pid;
	session.fd = epoll_create1(EPOLL_CLOEXEC);
	session.end = pidfd_open(pid, 0);
	session.more = eventfd(session.setting->events > 0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (epoll_ctl(session.fd, EPOLL_CTL_ADD, session.end, &in) ||
	    epoll_ctl(session.fd, EPOLL_CTL_ADD, session.more, &in))
		return -errno;
	++*watching;
	return 0;
}

/* All there is, is who started the verb. */
int prefork_watch_all(struct prefork *pf, const struct prefork_watch_options *opts)
{
	return prefork_watch(pf, getppid(), opts);
}

static void say_so(void)
{
	CHECK(write(STDOUT_FILENO, "", 1) == 1);
}

int prefork_watch_tree(struct prefork *pf, pid_t pid, const struct prefork_watch_options *opts)
{
	if (session.setting->endless_scan) {
		say_so();
		for (;;)
			pause();
	}
	return prefork_watch(pf, pid, opts);
}

int prefork_release(struct prefork *pf, uint64_t cookie)
{
	(void)pf;
	(void)cookie;
	(*released)++;
	return 0;
}

int prefork_deny(struct prefork *pf, uint64_t cookie, int error)
{
	(void)pf;
	(void)cookie;
	EQUAL(EAGAIN, error);
	(*denied)++;
	return 0;
}

uint32_t prefork_owner(const struct prefork *pf)
{
	(void)pf;
	return 4711;
}

int prefork_dump(struct prefork *pf, prefork_dump_fn fn, void *arg)
{
	const struct prefork_watched watched = {
		.pid = session.pid, .comm = "watched", .owner = 4711, .owner_pid = getpid(),
	};

	(void)pf;
	if (session.pid)
		fn(&watched, arg);
	return session.setting->busy && !session.dumps++ ? -ENOBUFS : 0;
}

static void make_event(struct prefork_event *event)
{
	*event = (struct prefork_event){
		.type = PREFORK_EVENT_FORK_FAILED, .seq = ++session.seq, .time = boottime(),
		.pid = session.pid, .tid = session.pid, .comm = "watched", .error = EAGAIN,
	};
	if (session.setting->announced) {
		event->type = PREFORK_EVENT_PREFORK;
		event->cookie = session.seq;
		event->child = 1000 + (pid_t)session.seq;
	}
	if (!session.setting->held)
		return;
	event->type = PREFORK_EVENT_EXEC;
	event->cookie = session.seq;
	memset(event->path, 'x', sizeof(event->path) - 1);
}

int prefork_stats(struct prefork *pf, struct prefork_stats *stats)
{
	(void)pf;
	session.asked++;
	if (session.setting->mute)
		return -EPERM;
	*stats = (struct prefork_stats){
		.value[PREFORK_STAT_QUEUED] = session.told < session.setting->events,
	};
	return 0;
}

static bool next(struct prefork_event *event)
{
	bool ended = session.pid && kill(session.pid, 0) < 0;

	if (session.setting->late && session.asked < 4)
		return false;
	if (ended && session.setting->untold_end) {
		say_so();
		ended = false;
	}
	if (!ended && session.told == session.setting->events)
		return false;
	session.told += !ended;
	make_event(event);
	if (ended && session.setting->lost && session.seq == 1) {
		event->type = PREFORK_EVENT_LOST;
		event->count = 7;
	} else if (ended) {
		event->type = PREFORK_EVENT_EXIT;
		event->cookie = 0;
		session.pid = 0;
	}
	return true;
}

/* As the library does it stops where a task is held, though there may be more. */
int prefork_next_many(struct prefork *pf, struct prefork_event *events, int room,
		      int timeout_ms)
{
	eventfd_t unused;
	int count = 0;

	(void)pf;
	EQUAL(0, timeout_ms);
	while (count < room && next(&events[count]))
		if (prefork_event_is_hold(&events[count++]))
			break;
	if (session.told == session.setting->events)
		eventfd_read(session.more, &unused);
	return count;
}

static const struct setting plain;

static _Noreturn void run_verb(const struct setting *setting, char **argv)
{
	int argc = 0, output = setting->output;

	if (!output)
		output = open("/dev/null", O_WRONLY | O_CLOEXEC);
	dup2(output, STDOUT_FILENO);
	if (setting->closed_stderr)
		close(STDERR_FILENO);
	if (setting->ignores_children)
		signal(SIGCHLD, SIG_IGN);
	session.setting = setting;
	while (argv[argc])
		argc++;
	alarm(PATIENCE);
	_exit(!strcmp(argv[0], "run") ? verb_run(argc, argv) : verb_attach(argc, argv));
}

static pid_t start(const struct setting *setting, char **argv)
{
	pid_t pid = fork();

	if (!pid)
		run_verb(setting, argv);
	return pid;
}

#define START(setting, ...)	start(setting, (char *[]){ __VA_ARGS__, NULL })
#define RUN(setting, ...)	end_of(START(setting, "run", __VA_ARGS__))

static void run_ends_as_the_command_does(void)
{
	EQUAL(0, RUN(&plain, "true"));
	EQUAL(3, RUN(&plain, "sh", "-c", "exit 3"));
	EQUAL(128 + SIGKILL, RUN(&plain, "sh", "-c", "kill -KILL $$"));
}

/* Our own child is traced by another thread of ours. */
static void traced_command_ends_as_it_would(void)
{
	EQUAL(0, RUN(&plain, "--trace", "true"));
	EQUAL(128 + SIGUSR1, RUN(&plain, "--trace", "sh", "-c", "kill -USR1 $$"));
	EQUAL(3, RUN(&plain, "--trace", "sh", "-c", "trap : USR1; kill -USR1 $$; exit 3"));
	EQUAL(128 + SIGKILL, RUN(&plain, "--trace", "sh", "-c", "kill -KILL $$"));
	EQUAL(0, RUN(&plain, "--trace", "sh", "-c", "grep -q 'TracerPid:.[1-9]' /proc/$$/status"));
	EQUAL(STATUS_FAILURE, RUN(&plain, "--trace", "--adopt", "strace -p {pid}", "true"));
}

static void ignored_sigchld_makes_no_difference(void)
{
	const struct setting ignores = { .ignores_children = true };

	EQUAL(3, RUN(&ignores, "sh", "-c", "exit 3"));
	/* Bit 16 for signal 17: the command has what we were given. */
	EQUAL(0, RUN(&ignores, "grep", "-q", "SigIgn:.*[13579bdf]....$", "/proc/self/status"));
	EQUAL(1, RUN(&plain, "grep", "-q", "SigIgn:.*[13579bdf]....$", "/proc/self/status"));
}

static void wrong_adoption_is_refused_before_anything_runs(void)
{
	const struct setting closed = { .closed_stderr = true };
	static char *const wrong[][2] = {
		{ "--adopt", "strace {pod}" }, { "--adopt", "" }, { "--adopt", "{comm}" },
		{ "--adopt-on", "exec" }, { "--adopt-on", "fork" }, { "--adopt-ready", "exit" },
		{ "--adopt-ready", "soon" }, { "--dap", "--trace" }, { "--match", "depth=x" },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		EQUAL(STATUS_FAILURE, RUN(&closed, wrong[i][0], wrong[i][1], "sh", "-c", "exit 3"));
	EQUAL(3, RUN(&closed, "--adopt", "strace {pid}", "--adopt-on", "exec", "--adopt-ready",
		     "exit", "--match", "!depth=1", "sh", "-c", "exit 3"));
}

static void missing_command_is_told_also_without_stderr(void)
{
	const struct setting closed = { .closed_stderr = true };

	EQUAL(STATUS_NOT_FOUND, RUN(&closed, "/nowhere/command"));
	EQUAL(STATUS_NOT_EXECUTABLE, RUN(&closed, "/dev/null"));
}

/* Somebody who lives longer than the test of it, for attach. */
static char *own_pid(void)
{
	static char text[16];

	snprintf(text, sizeof(text), "%d", (int)getpid());
	return text;
}

#define ATTACH(setting)	START(setting, "attach", own_pid())

static void output_that_nobody_reads_ends_attach(void)
{
	struct setting setting = { .events = 1 };
	int ends[2];

	if (!EQUAL(0, pipe2(ends, O_CLOEXEC)))
		return;
	close(ends[0]);
	setting.output = ends[1];
	EQUAL(0, end_of(ATTACH(&setting)));
	EQUAL(3, RUN(&setting, "sh", "-c", "exit 3"));
	close(ends[1]);
}

static void full_disk_ends_attach(void)
{
	const struct setting setting = {
		.events = 1, .output = open("/dev/full", O_WRONLY | O_CLOEXEC),
	};

	EQUAL(STATUS_FAILURE, end_of(ATTACH(&setting)));
	EQUAL(STATUS_FAILURE, RUN(&setting, "true"));
	close(setting.output);
}

static void await(const atomic_int *counter, int value)
{
	const struct timespec moment = { .tv_nsec = 1000000 };

	for (int i = 0; i < 1000 * PATIENCE && *counter < value; i++)
		nanosleep(&moment, NULL);
	EQUAL(value, *counter);
}

static void wait_until_full(int pipe_end)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	int room = fcntl(pipe_end, F_GETPIPE_SZ), queued = 0;

	for (int i = 0; i < 1000 * PATIENCE && queued < room; i++) {
		nanosleep(&moment, NULL);
		ioctl(pipe_end, FIONREAD, &queued);
	}
	EQUAL(room, queued);
}

static int end_of_blocked(char **argv)
{
	struct setting setting = { .events = INT_MAX };
	int ends[2], status;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	setting.output = ends[1];
	pid = start(&setting, argv);
	wait_until_full(ends[0]);
	kill(pid, SIGTERM);
	status = end_of(pid);
	close(ends[0]);
	close(ends[1]);
	return status;
}

static void signals_are_heeded_while_nobody_reads(void)
{
	/* The command is not to keep our own standard error open. */
	EQUAL(0, end_of_blocked((char *[]){ "attach", own_pid(), NULL }));
	EQUAL(128 + SIGTERM, end_of_blocked((char *[]){ "run", "sh", "-c", "exec sleep 5 2>&1",
							NULL }));
}

/* Nothing was to be written until then, and the pipe takes nothing. */
static void signals_are_heeded_while_nobody_reads_the_end(void)
{
	struct setting setting = { 0 };
	int ends[2];
	pid_t pid;

	if (!EQUAL(0, pipe2(ends, O_CLOEXEC | O_NONBLOCK)))
		return;
	while (write(ends[1], "", 1) == 1)
		;
	fcntl(ends[1], F_SETFL, 0);
	setting.output = ends[1];
	*watching = 0;
	/* The command is not to keep our own standard error open. */
	pid = start(&setting, (char *[]){ "run", "-q", "--tree", "sh", "-c", "exec sleep 5 2>&1", NULL });
	await(watching, 1);
	kill(pid, SIGTERM);
	EQUAL(128 + SIGTERM, end_of(pid));
	close(ends[0]);
	close(ends[1]);
}

/* Returns how the verb ends by @sig once it has said so. */
static int end_by(int sig, struct setting *setting, char **argv)
{
	int ends[2];
	pid_t pid;
	char byte;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	setting->output = ends[1];
	pid = start(setting, argv);
	close(ends[1]);
	EQUAL(1, read(ends[0], &byte, 1));
	kill(pid, sig);
	close(ends[0]);
	return end_of(pid);
}

/* More than any buffer takes, and the pipe takes nothing. */
static void holds_are_answered_before_anything_is_written(void)
{
	struct setting setting = { .events = 256, .held = true };
	int ends[2], filled = 0;
	pid_t pid;

	if (!EQUAL(0, pipe2(ends, O_CLOEXEC | O_NONBLOCK)))
		return;
	while (write(ends[1], "", 1) == 1)
		filled++;
	fcntl(ends[1], F_SETFL, 0);
	setting.output = ends[1];
	*released = 0;
	pid = ATTACH(&setting);
	await(released, setting.events);
	kill(pid, SIGTERM);
	EQUAL(0, end_of(pid));
	CHECK(filled > 0);
	close(ends[0]);
	close(ends[1]);
}

static void read_all(int from, char *text, size_t size)
{
	size_t length = 0;
	ssize_t got;

	while ((got = read(from, text + length, size - 1 - length)) > 0)
		length += (size_t)got;
	text[length] = '\0';
}

/* What run prints; its exit status. */
static int output_of(struct setting *setting, char *text, size_t size, char **argv)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	setting->output = ends[1];
	pid = start(setting, argv);
	close(ends[1]);
	read_all(ends[0], text, size);
	close(ends[0]);
	return end_of(pid);
}
#define OUTPUT(setting, text, ...) \
	output_of(setting, text, sizeof(text), (char *[]){ "run", __VA_ARGS__, NULL })

static void losses_are_made_up_for_and_told(void)
{
	struct setting setting = { .lost = true };
	char text[4096];

	EQUAL(3, OUTPUT(&setting, text, "--tree", "sh", "-c", "exit 3"));
	CHECK(strstr(text, " lost        7 events are missing here\n"));
	CHECK(strstr(text, " resync      state read again: 0 found, 0 gone\n"));
	CHECK(strstr(text, "\n1 processes, 7 events lost; "));
}

static size_t count_lines(const char *text)
{
	size_t lines = 0;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

static void no_more_events_are_shown_than_asked_for(void)
{
	struct setting setting = { .events = 10 };
	char text[4096];

	EQUAL(0, OUTPUT(&setting, text, "--max-events", "3", "true"));
	EQUAL(4, count_lines(text));
	CHECK(strstr(text, " truncated   8 more events are not shown\n"));
	EQUAL(0, OUTPUT(&setting, text, "--max-events", "3", "-e", "exit", "true"));
	EQUAL(1, count_lines(text));
	CHECK(strstr(text, " exit "));
	EQUAL(0, OUTPUT(&setting, text, "--max-events", "11", "--format", "csv", "true"));
	EQUAL(12, count_lines(text));
}

/* Of the kernel, with what is needed to know who is who. */
static void only_what_is_needed_is_asked_for(void)
{
	const uint32_t least = PREFORK_TELL_BORN | PREFORK_TELL_FORK_FAILED | PREFORK_TELL_EXEC |
			       PREFORK_TELL_EXIT;
	struct setting setting = { .asked = PREFORK_TELL_ALL };

	EQUAL(0, RUN(&setting, "true"));
	EQUAL(0, RUN(&setting, "-e", "exec", "--tree", "true"));
	EQUAL(0, RUN(&setting, "-c", "true"));
	setting.asked = least;
	EQUAL(0, RUN(&setting, "-e", "exec", "true"));
	EQUAL(0, RUN(&setting, "-q", "true"));
	setting.asked = least | PREFORK_TELL_PREFORK;
	EQUAL(0, RUN(&setting, "-e", "prefork", "true"));
	setting.asked = least | PREFORK_TELL_VFORK_DONE;
	EQUAL(0, RUN(&setting, "-e", "!prefork", "true"));
	setting.asked = PREFORK_TELL_EXIT;
	EQUAL(STATUS_FAILURE, RUN(&setting, "true"));
}

/* The command goes on, and so does not share our output. */
static void watching_ends_in_time(void)
{
	static const char sleeper[] = "exec sleep 60 >/dev/null 2>&1";
	struct setting setting = { .events = 1 };
	char text[4096];

	EQUAL(STATUS_EXPIRED, OUTPUT(&setting, text, "--duration", "0.3", "sh", "-c",
				     (char *)sleeper));
	CHECK(strstr(text, " truncated   the time is over, 1 processes go on\n"));
	EQUAL(3, OUTPUT(&setting, text, "--duration", "60", "sh", "-c", "exit 3"));
	CHECK(!strstr(text, "truncated"));
	EQUAL(0, RUN(&plain, "--duration", "60", "--max-events", "1", "true"));
}

/* And whoever is held meanwhile goes on. */
static void what_is_late_is_told_after_the_end(void)
{
	static const char signals[] = "kill -TERM $PPID; exec sleep 5 >/dev/null 2>&1";
	static const char sleeps[] = "exec sleep 5 >/dev/null 2>&1";
	struct setting setting = { .events = 1, .announced = true, .late = true };
	char text[4096];

	*released = 0;
	for (int mute = 0; mute < 2; mute++) {
		setting.mute = mute;
		EQUAL(128 + SIGTERM, OUTPUT(&setting, text, "sh", "-c", (char *)signals));
		CHECK(strstr(text, " prefork "));
		EQUAL(STATUS_EXPIRED, OUTPUT(&setting, text, "--duration", "0.3", "sh", "-c",
					     (char *)sleeps));
		CHECK(strstr(text, " prefork "));
	}
	EQUAL(4, *released);
}

static void processes_beyond_the_limit_are_denied(void)
{
	const struct setting setting = { .events = 5, .announced = true };

	*released = *denied = 0;
	EQUAL(0, RUN(&setting, "--max-procs", "4", "true"));
	EQUAL(3, *released);
	EQUAL(2, *denied);
	EQUAL(0, RUN(&setting, "true"));
	EQUAL(8, *released);
	EQUAL(2, *denied);
}

static void pictures_are_drawn_or_refused(void)
{
	char folder[] = "/tmp/test_verbs.XXXXXX", svg[64], trace[64];
	const struct setting closed = { .closed_stderr = true };

	if (!CHECK(mkdtemp(folder)))
		return;
	snprintf(svg, sizeof(svg), "%s/a.svg", folder);
	snprintf(trace, sizeof(trace), "--timeline=%s/a.json", folder);
	EQUAL(3, RUN(&plain, "--timeline", svg, trace, "sh", "-c", "exit 3"));
	EQUAL(0, RUN(&plain, "grep", "-q", "1 processes in", svg));
	EQUAL(0, RUN(&plain, "grep", "-q", "\"status\":\"0\"", trace + strlen("--timeline=")));
	EQUAL(STATUS_FAILURE, RUN(&closed, "--timeline", "/dev/null/a.svg", "sh", "-c", "exit 3"));
	EQUAL(STATUS_FAILURE, RUN(&closed, "--timeline", "a.png", "sh", "-c", "exit 3"));
	unlink(svg);
	symlink("/dev/full", svg);
	EQUAL(STATUS_FAILURE, RUN(&closed, "--timeline", svg, "sh", "-c", "exit 3"));
	unlink(svg);
	unlink(trace + strlen("--timeline="));
	rmdir(folder);
}

/* There is a reader that takes nothing. */
static void signals_are_heeded_while_nobody_reads_a_picture(void)
{
	char folder[] = "/tmp/test_verbs.XXXXXX", path[64];
	const struct setting closed = { .closed_stderr = true };
	int fifo;
	pid_t pid;

	if (!CHECK(mkdtemp(folder)))
		return;
	snprintf(path, sizeof(path), "%s/a.svg", folder);
	CHECK(!mkfifo(path, 0600));
	fifo = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	while (write(fifo, "", 1) == 1)
		;
	*watching = 0;
	/* The command is not to keep our own standard error open. */
	pid = START(&closed, "run", "-q", "--timeline", path, "sh", "-c", "exec sleep 5 2>&1");
	await(watching, 1);
	kill(pid, SIGTERM);
	EQUAL(STATUS_FAILURE, end_of(pid));
	close(fifo);
	unlink(path);
	rmdir(folder);
}

static void only_what_matches_is_shown(void)
{
	struct setting setting = { .events = 3 };
	char text[4096];

	EQUAL(0, OUTPUT(&setting, text, "--tree", "--match", "depth=0", "true"));
	CHECK(strstr(text, " fork_failed ") && strstr(text, "\n1 processes"));
	EQUAL(0, OUTPUT(&setting, text, "--tree", "--match", "depth=1", "true"));
	CHECK(!strstr(text, " fork_failed ") && strstr(text, "\n0 processes"));
	EQUAL(0, OUTPUT(&setting, text, "--match", "comm=[a-z]*e", "--match", "!uid=4711", "true"));
	EQUAL(4, count_lines(text));
}

/* Each program is told of as a debug adapter wants it, and kept for the debugger. */
static void newborns_are_kept_for_a_debugger(void)
{
	struct setting setting = { .events = 3, .held = true };
	char text[4096], *line;
	struct json_object *request, *arguments, *configuration, *value;

	*released = 0;
	EQUAL(0, OUTPUT(&setting, text, "--dap", "--adopt-on", "exec", "true"));
	EQUAL(0, *released);
	EQUAL(3, count_lines(text));
	line = strtok(text, "\n");
	request = json_tokener_parse(line);
	if (CHECK(json_object_object_get_ex(request, "command", &value)))
		STRING("startDebugging", json_object_get_string(value));
	CHECK(json_object_object_get_ex(request, "arguments", &arguments) &&
	      json_object_object_get_ex(arguments, "configuration", &configuration));
	if (CHECK(json_object_object_get_ex(configuration, "processId", &value)))
		CHECK(json_object_get_int(value) > 1);
	json_object_put(request);
	EQUAL(0, OUTPUT(&setting, text, "--dap", "--adopt-on", "exec", "--match", "comm=other",
			"true"));
	EQUAL(3, *released);
	EQUAL(0, count_lines(text));
}

static void requests_have_their_output_for_themselves(void)
{
	const struct setting closed = { .closed_stderr = true };
	struct setting setting = { .events = 1, .closed_stderr = true };
	struct setting lossy = { .lost = true, .closed_stderr = true };
	static char *const wrong[][2] = {
		{ "--format", "csv" }, { "--tree", "-q" }, { "-c", "-q" }, { "-C", "-q" },
	};
	char text[4096];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		EQUAL(STATUS_FAILURE, RUN(&closed, wrong[i][0], wrong[i][1], "--dap", "true"));
	EQUAL(0, OUTPUT(&setting, text, "-e", "exec,exit", "--dap", "true"));
	EQUAL(0, count_lines(text));
	EQUAL(0, OUTPUT(&setting, text, "--dap", "-e", "exec,exit", "true"));
	EQUAL(0, count_lines(text));
	EQUAL(STATUS_EXPIRED, OUTPUT(&setting, text, "--dap", "--duration", "0.1", "sleep", "5"));
	EQUAL(0, count_lines(text));
	EQUAL(0, OUTPUT(&lossy, text, "--dap", "true"));
	EQUAL(0, count_lines(text));
}

static void help_fits_a_screen(void)
{
	struct setting setting = { 0 };
	char text[4096];

	for (int i = 0; i < 2; i++) {
		EQUAL(0, output_of(&setting, text, sizeof(text),
				   (char *[]){ i ? "attach" : "run", "--help", NULL }));
		CHECK(count_lines(text) <= 24 && strstr(text, "--backend"));
		for (const char *line = text; *line; line = strchr(line, '\n') + 1)
			CHECK(strcspn(line, "\n") <= 80);
	}
}

static void all_there_is_is_shown_before_its_events(void)
{
	struct setting setting = { .events = 1, .busy = true };
	char text[4096], own[64];

	EQUAL(0, output_of(&setting, text, sizeof(text), (char *[]){
		"attach", "--all", "--duration", "0.1", "--format", "pipe", NULL }));
	snprintf(own, sizeof(own), "|%d|watched|", (int)getpid());
	CHECK(!strncmp(text, "FOUND|", 6) && strstr(text, own));
	CHECK(strstr(text, "\nFORK_FAILED|"));
	EQUAL(0, output_of(&setting, text, sizeof(text), (char *[]){
		"attach", "--all", "--duration", "0.1", "-e", "!found", NULL }));
	CHECK(!strstr(text, " found ") && strstr(text, "fork_failed"));
	EQUAL(0, output_of(&setting, text, sizeof(text), (char *[]){
		"attach", "--all", "--duration", "0.1", "--match", "comm=other", NULL }));
	CHECK(!strstr(text, " found "));
}

static void all_there_is_is_not_held_or_limited_as_a_whole(void)
{
	const struct setting closed = { .closed_stderr = true };
	struct setting piped = { .closed_stderr = true };
	int ends[2];
	static char *const wrong[][3] = {
		{ "--hold", "vfork" }, { "--adopt", "strace -p {pid}" }, { "--dap" }, { "--trace" },
		{ "--backend", "ptrace" }, { "--max-procs", "9" }, { "--max-depth", "9" },
		{ "1" },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		EQUAL(STATUS_FAILURE, end_of(START(&closed, "attach", "--duration", "0.1", "--all",
						   wrong[i][0], wrong[i][1])));
	EQUAL(STATUS_FAILURE, RUN(&closed, "--all", "true"));
	EQUAL(0, end_of(START(&closed, "attach", "--duration", "0.1", "--all", "--hold", "vfork",
			      "--match", "comm=none")));
	/* Who reads a pipe might be held. */
	if (!EQUAL(0, pipe2(ends, O_CLOEXEC)))
		return;
	piped.output = ends[1];
	EQUAL(STATUS_FAILURE, end_of(START(&piped, "attach", "--duration", "0.1", "--all", "--hold",
					   "vfork", "--match", "comm=none")));
	EQUAL(0, end_of(START(&piped, "attach", "--duration", "0.1", "--all", "--hold", "vfork",
			      "--match", "comm=none", "-q")));
	EQUAL(0, end_of(START(&piped, "attach", "--duration", "0.1", "--all")));
	close(ends[0]);
	close(ends[1]);
}

static void wrong_limits_are_refused(void)
{
	const struct setting closed = { .closed_stderr = true };
	static char *const wrong[][2] = {
		{ "--duration", "0" }, { "--duration", "-1" }, { "--duration", "1s" },
		{ "--duration", "" }, { "--duration", "nan" }, { "--duration", "1e300" },
		{ "--max-events", "0" }, { "--max-events", "-1" }, { "--max-events", "x" },
		{ "-e", "exit,exes" }, { "--max-procs", "0" }, { "--max-procs", "many" },
		{ "--max-depth", "0" }, { "--max-depth", "4294967296" },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		EQUAL(STATUS_FAILURE, RUN(&closed, wrong[i][0], wrong[i][1], "sh", "-c", "exit 3"));
}

static void signals_are_heeded_while_a_tree_is_read(void)
{
	struct setting setting = { .endless_scan = true };

	EQUAL(-SIGINT, end_by(SIGINT, &setting, (char *[]){ "attach", own_pid(), NULL }));
}

static void signals_are_heeded_after_the_end_of_the_command(void)
{
	struct setting setting = { .untold_end = true };
	time_t start_time = time(NULL);

	EQUAL(3, end_by(SIGTERM, &setting, (char *[]){ "run", "sh", "-c", "exit 3", NULL }));
	CHECK(time(NULL) - start_time < 4);
}

int main(void)
{
	static const struct tap_test tests[] = {
		{ "run ends as the command does", run_ends_as_the_command_does },
		{ "a traced command ends as it would", traced_command_ends_as_it_would },
		{ "an ignored SIGCHLD makes no difference", ignored_sigchld_makes_no_difference },
		{ "a wrong adoption is refused before anything runs",
		  wrong_adoption_is_refused_before_anything_runs },
		{ "a missing command is told also without stderr",
		  missing_command_is_told_also_without_stderr },
		{ "a reader that has gone ends attach, not run",
		  output_that_nobody_reads_ends_attach },
		{ "a full disk ends attach, and fails both", full_disk_ends_attach },
		{ "signals are heeded while nobody reads", signals_are_heeded_while_nobody_reads },
		{ "signals are heeded while nobody reads the end",
		  signals_are_heeded_while_nobody_reads_the_end },
		{ "holds are answered before anything is written",
		  holds_are_answered_before_anything_is_written },
		{ "losses are made up for and told", losses_are_made_up_for_and_told },
		{ "no more events are shown than asked for",
		  no_more_events_are_shown_than_asked_for },
		{ "only what is needed is asked for", only_what_is_needed_is_asked_for },
		{ "watching ends in time", watching_ends_in_time },
		{ "what is late is told after the end", what_is_late_is_told_after_the_end },
		{ "processes beyond the limit are denied", processes_beyond_the_limit_are_denied },
		{ "pictures are drawn or refused", pictures_are_drawn_or_refused },
		{ "signals are heeded while nobody reads a picture",
		  signals_are_heeded_while_nobody_reads_a_picture },
		{ "only what matches is shown", only_what_matches_is_shown },
		{ "newborns are kept for a debugger", newborns_are_kept_for_a_debugger },
		{ "requests have their output for themselves",
		  requests_have_their_output_for_themselves },
		{ "help fits a screen", help_fits_a_screen },
		{ "all there is is shown before its events",
		  all_there_is_is_shown_before_its_events },
		{ "all there is is not held or limited as a whole",
		  all_there_is_is_not_held_or_limited_as_a_whole },
		{ "wrong limits are refused", wrong_limits_are_refused },
		{ "signals are heeded while a tree is read",
		  signals_are_heeded_while_a_tree_is_read },
		{ "signals are heeded after the end of the command",
		  signals_are_heeded_after_the_end_of_the_command },
	};

	released = mmap(NULL, 3 * sizeof(*released), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	denied = released + 1;
	watching = denied + 1;
	return released == MAP_FAILED ? 1 : TAP_RUN(tests);
}
