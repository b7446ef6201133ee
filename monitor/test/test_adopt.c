// SPDX-License-Identifier: GPL-2.0
/*
 * adopt/adopt with real commands, most of which are this program again. Events
 * are made up, and so are the holds: this file has what ends them.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <prefork.h>

#include "adopt/adopt.h"
#include "core/adopter.h"
#include "core/tree.h"
#include "tap.h"

/* Milliseconds, for what comes in any case. */
#define PATIENCE	20000

/* This program as a command; see command_main(). */
#define SELF		"/proc/self/exe "

/* The process that is adopted, whatever it is called in events: /proc has it. */
#define PID		((int)getpid())

static struct {
	struct adopter *adopter;
	struct tree *tree;
	int releases, late;	/* how often prefork_release() was called; too late */
	int warnings;
	char warning[512];	/* the last one */
	bool over;		/* releases come too late */
} scene;

int prefork_release(struct prefork *pf, uint64_t cookie)
{
	(void)pf;
	CHECK(cookie);
	if (scene.over) {
		scene.late++;
		return -ENOENT;
	}
	scene.releases++;
	return 0;
}

__attribute__((format(printf, 1, 2)))
static void take_warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(scene.warning, sizeof(scene.warning), format, args);
	va_end(args);
	scene.warnings++;
}

static void begin_with(const struct adopt_options *options, pid_t first)
{
	memset(&scene, 0, sizeof(scene));
	scene.tree = tree_create(false);
	scene.adopter = adopt_create((struct prefork *)&scene, options, first, take_warning);
	CHECK(scene.adopter);
}

static void begin(enum adopt_ready ready, const char *command)
{
	static struct adopt_options options;

	options = (struct adopt_options){ .command = command, .ready = ready };
	begin_with(&options, 0);
}

static void end(void)
{
	scene.adopter->ops->destroy(scene.adopter);
	tree_destroy(scene.tree);
}

/* Returns whether the adopter keeps the hold. */
static bool tell(uint32_t type, pid_t pid, uint64_t cookie)
{
	const struct prefork_event event = {
		.type = type, .pid = pid, .tid = pid, .ppid = 7, .cookie = cookie,
		.comm = "a b\n$(c)",
	};

	tree_event(scene.tree, &event, NULL, NULL);
	return scene.adopter->ops->event(scene.adopter, &event, scene.tree);
}

static bool born(uint64_t cookie)
{
	return tell(PREFORK_EVENT_BORN, PID, cookie);
}

/* One turn when there is something to do; false when nothing comes. */
static bool turn(int timeout_ms)
{
	const struct adopter_ops *ops = scene.adopter->ops;
	struct pollfd pfd = { .fd = ops->fd(scene.adopter), .events = POLLIN };

	if (poll(&pfd, 1, timeout_ms) != 1)
		return false;
	ops->turn(scene.adopter);
	return true;
}

static void until_released(int count)
{
	while (scene.releases < count)
		if (!CHECK(turn(PATIENCE)))
			break;
}

/* As when the watching is over and the process has ended. */
static void until_finished(void)
{
	tell(PREFORK_EVENT_EXIT, PID, 0);
	while (!scene.adopter->ops->finish(scene.adopter))
		if (!CHECK(turn(PATIENCE)))
			break;
}

static void released_with(int warnings, const char *warning)
{
	CHECK(born(1));
	until_released(1);
	EQUAL(1, scene.releases);
	EQUAL(warnings, scene.warnings);
	if (!CHECK(strstr(scene.warning, warning)))
		printf("# %s\n", scene.warning);
	end();
}

static void end_of_the_command_is_ready(void)
{
	begin(ADOPT_READY_EXIT, "true");
	released_with(0, "");
}

static void failures_are_told_with_their_status(void)
{
	begin(ADOPT_READY_EXIT, "sh -c 'exit 3'");
	released_with(1, "'sh' ended with status 3");
	begin(ADOPT_READY_EXIT, "sh -c 'kill -KILL $$'");
	released_with(1, "'sh' was ended by SIGKILL");
}

static void whoever_ends_before_it_is_ready_is_told_of(void)
{
	begin(ADOPT_READY_PTRACE, "sh -c 'exit 3'");
	released_with(1, "'sh' ended with status 3 before it was ready");
	begin(ADOPT_READY_PTRACE, "true");
	released_with(1, "'true' ended with status 0 before it was ready");
	begin(ADOPT_READY_NOTIFY, "true");
	released_with(1, "'true' ended with status 0 before it was ready");
}

static void what_cannot_be_run_holds_nobody(void)
{
	begin(ADOPT_READY_PTRACE, "/nowhere/command");
	CHECK(!born(1));
	EQUAL(1, scene.warnings);
	CHECK(strstr(scene.warning, "'/nowhere/command' cannot be run: No such file"));
	CHECK(scene.adopter->ops->finish(scene.adopter));
	end();
}

static void whoever_is_traced_needs_no_answer(void)
{
	begin(ADOPT_READY_PTRACE, "sh -c 'exit 3'");
	CHECK(born(1));
	CHECK(!tell(PREFORK_EVENT_ADOPTED, PID, 1));
	until_finished();
	EQUAL(0, scene.releases);
	EQUAL(0, scene.warnings);
	end();
}

/* The command is gone before the event that it was ready has been read. */
static void events_may_be_late(void)
{
	begin(ADOPT_READY_PTRACE, "true");
	scene.over = true;
	CHECK(born(1));
	while (!scene.late && CHECK(turn(PATIENCE)))
		;
	CHECK(!tell(PREFORK_EVENT_ADOPTED, PID, 1));
	EQUAL(0, scene.warnings);
	end();
}

static void deadline_leaves_the_command_alone(void)
{
	begin(ADOPT_READY_NOTIFY, SELF "linger");
	CHECK(born(5));
	CHECK(!tell(PREFORK_EVENT_TIMEOUT, PID, 5));
	EQUAL(1, scene.warnings);
	CHECK(strstr(scene.warning, "was not ready in time"));
	CHECK(!turn(0));
	EQUAL(0, scene.releases);
	end();
}

static void notification_is_ready(void)
{
	begin(ADOPT_READY_NOTIFY, SELF "notify STATUS=x 'A=1\nREADY=1\n' linger");
	released_with(0, "");
}

static void other_notifications_are_not(void)
{
	begin(ADOPT_READY_NOTIFY, SELF "notify READY=0 READY=11 XREADY=1 'A=READY=1' ''");
	released_with(1, "ended with status 0 before it was ready");
}

static void last_notification_counts(void)
{
	siginfo_t info;

	begin(ADOPT_READY_NOTIFY, SELF "notify READY=1");
	CHECK(born(1));
	EQUAL(0, waitid(P_ALL, 0, &info, WEXITED | WNOWAIT));
	until_released(1);
	EQUAL(0, scene.warnings);
	end();
}

/* Its end is nothing to be done, until its tracer has taken note of it. */
static void command_that_is_traced_ends_with_its_tracer(void)
{
	char path[] = "/tmp/test_adopt.XXXXXX", gate[64], command[128];

	if (!CHECK(mkdtemp(path)))
		return;
	snprintf(gate, sizeof(gate), "%s/gate", path);
	CHECK(!mkfifo(gate, 0600));
	snprintf(command, sizeof(command), SELF "traced %s", gate);
	begin(ADOPT_READY_EXIT, command);
	CHECK(born(1));
	CHECK(turn(PATIENCE));
	CHECK(!turn(100));
	EQUAL(0, scene.releases);
	close(open(gate, O_WRONLY));
	until_released(1);
	end();
	unlink(gate);
	rmdir(path);
}

static void many_are_served_at_once(void)
{
	begin(ADOPT_READY_NOTIFY, SELF "notify READY=1 linger");
	for (uint64_t cookie = 1; cookie <= 50; cookie++)
		CHECK(born(cookie));
	until_released(50);
	EQUAL(0, scene.warnings);
	end();
}

static void finish_waits_for_those_of_the_dead_alone(void)
{
	begin(ADOPT_READY_EXIT, SELF "linger");
	CHECK(born(1));
	CHECK(scene.adopter->ops->finish(scene.adopter));
	end();

	begin(ADOPT_READY_EXIT, "cat /dev/null");
	CHECK(born(1));
	tell(PREFORK_EVENT_EXIT, PID, 0);
	CHECK(!scene.adopter->ops->finish(scene.adopter));
	until_finished();
	EQUAL(0, scene.releases);
	end();
}

static void rules_choose(void)
{
	struct adopt_options options = { .command = "/nowhere/command" };

	CHECK(match_add(&options.match, "!exe=*test_adopt"));
	begin_with(&options, 0);
	CHECK(!born(1));
	EQUAL(0, scene.warnings);
	end();

	options = (struct adopt_options){ .command = "true", .ready = ADOPT_READY_EXIT };
	CHECK(match_add(&options.match, "exe=*test_adopt"));
	CHECK(match_add(&options.match, "comm=a b*(c)"));
	CHECK(match_add(&options.match, "depth=1"));
	CHECK(match_add(&options.match, getuid() ? "!uid=0" : "uid=0"));
	begin_with(&options, 0);
	tell(PREFORK_EVENT_BORN, 7, 0);		/* its parent */
	released_with(0, "");
}

static void values_reach_the_command(void)
{
	char command[512];

	snprintf(command, sizeof(command), SELF "equal {pid} %d {tid} %d {ppid} 7 {depth} 0 "
		 "{comm} 'a b\n$(c)' '{exe}' '%s'", PID, PID, program_invocation_name);
	begin(ADOPT_READY_EXIT, command);
	released_with(0, "");
}

static void commands_begin_with_a_clean_slate(void)
{
	int input = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	int other = open("/", O_RDONLY | O_CLOEXEC);
	sigset_t set, was;

	dup2(other, STDIN_FILENO);
	close(other);
	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, &was);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGTSTP, SIG_IGN);
	begin(ADOPT_READY_EXIT, SELF "clean");
	released_with(0, "");
	signal(SIGTSTP, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &was, NULL);
	dup2(input, STDIN_FILENO);
	close(input);
}

static void only_what_is_asked_for_is_adopted(void)
{
	struct adopt_options options = { .command = "true", .ready = ADOPT_READY_EXIT };

	begin_with(&options, 0);
	EQUAL(PREFORK_HOLD_BIRTH, adopt_holds(&options, 0));
	CHECK(!born(0));
	CHECK(!tell(PREFORK_EVENT_PREFORK, PID, 1));
	CHECK(!tell(PREFORK_EVENT_EXEC, PID, 1));
	CHECK(born(1));
	end();

	options.on = ADOPT_ON_EXEC;
	begin_with(&options, 0);
	EQUAL(PREFORK_HOLD_EXEC, adopt_holds(&options, 1));
	CHECK(!born(1));
	CHECK(tell(PREFORK_EVENT_EXEC, PID, 1));
	CHECK(tell(PREFORK_EVENT_EXEC, PID, 2));
	end();
}

static void first_process_is_adopted_when_it_has_its_program(void)
{
	const struct adopt_options options = { .command = "true" };

	begin_with(&options, PID);
	EQUAL(PREFORK_HOLD_BIRTH | PREFORK_HOLD_EXEC, adopt_holds(&options, PID));
	CHECK(!tell(PREFORK_EVENT_EXEC, 7, 1));
	CHECK(tell(PREFORK_EVENT_EXEC, PID, 2));
	CHECK(!tell(PREFORK_EVENT_EXEC, PID, 3));
	end();
}

/* ---- this program as a command ---- */

/* Ends with who started it. */
static _Noreturn void linger(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(PATIENCE / 1000);
	for (;;)
		pause();
}

static void send_to_socket(const char *message)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *name = getenv("NOTIFY_SOCKET") ?: "";
	size_t length = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (name[0] != '@' || length > sizeof(address.sun_path))
		exit(9);
	memcpy(address.sun_path, name, length);
	address.sun_path[0] = '\0';
	length += offsetof(struct sockaddr_un, sun_path);
	if (sendto(fd, message, strlen(message), 0, (struct sockaddr *)&address,
		   (socklen_t)length) < 0)
		exit(9);
}

static int notify(char **words)
{
	for (; *words; words++) {
		if (!strcmp(*words, "linger"))
			linger();
		send_to_socket(*words);
	}
	return 0;
}

static int equal(char **words)
{
	for (; *words; words += 2)
		if (strcmp(words[0], words[1]))
			return 1;
	return 0;
}

static bool is_default(int sig)
{
	struct sigaction action;

	return !sigaction(sig, NULL, &action) && action.sa_handler == SIG_DFL;
}

static int clean(void)
{
	struct stat input;
	sigset_t mask;

	if (sigprocmask(SIG_SETMASK, NULL, &mask) < 0 || !sigisemptyset(&mask))
		return 1;
	if (!is_default(SIGINT) || !is_default(SIGQUIT) || !is_default(SIGPIPE) ||
	    !is_default(SIGTSTP))
		return 2;
	if (fstat(STDIN_FILENO, &input) < 0 || input.st_rdev != makedev(1, 3))
		return 3;
	if (getpgrp() != getpid())
		return 4;
	/* Of what the adopter has open, nothing. */
	return fcntl(STDERR_FILENO + 1, F_GETFD) < 0 ? 0 : 5;
}

/* Ends at once, but not for its tracer before somebody opens @gate. */
static int traced(const char *gate)
{
	pid_t pid = getpid();
	int ends[2];

	if (pipe(ends))
		return 1;
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	if (!fork()) {
		if (ptrace(PTRACE_SEIZE, pid, 0, 0))
			_exit(1);
		close(ends[1]);
		close(open(gate, O_RDONLY));
		_exit(waitpid(pid, NULL, 0) != pid);
	}
	close(ends[1]);
	return read(ends[0], &pid, sizeof(pid)) != 0;
}

static int command_main(char **words)
{
	if (!strcmp(words[0], "traced"))
		return traced(words[1]);

	if (!strcmp(words[0], "notify"))
		return notify(words + 1);
	if (!strcmp(words[0], "equal"))
		return equal(words + 1);
	if (!strcmp(words[0], "clean"))
		return clean();
	linger();
}

int main(int argc, char **argv)
{
	static const struct tap_test tests[] = {
		{ "a process runs on when its command has ended", end_of_the_command_is_ready },
		{ "failures are told with their status", failures_are_told_with_their_status },
		{ "who ends before it is ready is told of",
		  whoever_ends_before_it_is_ready_is_told_of },
		{ "what cannot be run holds nobody", what_cannot_be_run_holds_nobody },
		{ "who is traced needs no answer", whoever_is_traced_needs_no_answer },
		{ "the event of that may be late", events_may_be_late },
		{ "a deadline leaves the command alone", deadline_leaves_the_command_alone },
		{ "a process runs on when its command says so", notification_is_ready },
		{ "it does not for anything else that is said", other_notifications_are_not },
		{ "what a command says last counts", last_notification_counts },
		{ "a command that is traced ends with its tracer",
		  command_that_is_traced_ends_with_its_tracer },
		{ "fifty are served at once", many_are_served_at_once },
		{ "finish waits for commands of processes that have ended",
		  finish_waits_for_those_of_the_dead_alone },
		{ "rules choose processes", rules_choose },
		{ "values reach the command as they are", values_reach_the_command },
		{ "commands have an empty input and usual signals",
		  commands_begin_with_a_clean_slate },
		{ "births or programs are adopted", only_what_is_asked_for_is_adopted },
		{ "the first process is adopted with its first program",
		  first_process_is_adopted_when_it_has_its_program },
	};
	char path[4096] = "";

	if (argc > 1)
		return command_main(argv + 1);
	if (readlink("/proc/self/exe", path, sizeof(path) - 1) > 0)
		program_invocation_name = path;
	return TAP_RUN(tests);
}
