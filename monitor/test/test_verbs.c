// SPDX-License-Identifier: GPL-2.0
/*
 * cli/run and cli/attach with real commands: the library's session is made of
 * functions of this file, which tell of ends, and of as much else as is asked
 * for. Each verb runs in a child, which an alarm ends where nothing else does.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <prefork.h>

#include "cli/diagnose.h"
#include "cli/verbs.h"
#include "tap.h"

/* Seconds. */
#define PATIENCE	20

static struct {
	int fd;
	uint64_t seq;
	pid_t pid;		/* watched, until its end has been told */
	bool noisy;		/* an event whenever one is asked for */
	int refusal;		/* -errno */
} session;

int prefork_open(struct prefork **pf)
{
	session.fd = eventfd(0, EFD_CLOEXEC);
	*pf = (struct prefork *)&session;
	return session.fd < 0 ? -errno : 0;
}

void prefork_close(struct prefork *pf)
{
	if (pf)
		close(session.fd);
}

int prefork_fd(const struct prefork *pf)
{
	(void)pf;
	return session.fd;
}

int prefork_watch(struct prefork *pf, pid_t pid, const struct prefork_watch_options *opts)
{
	(void)pf;
	(void)opts;
	session.pid = pid;
	return session.refusal;
}

int prefork_watch_tree(struct prefork *pf, pid_t pid, const struct prefork_watch_options *opts)
{
	return prefork_watch(pf, pid, opts);
}

int prefork_release(struct prefork *pf, uint64_t cookie)
{
	(void)pf;
	(void)cookie;
	return 0;
}

int prefork_dump(struct prefork *pf, prefork_dump_fn fn, void *arg)
{
	const struct prefork_watched watched = {
		.pid = session.pid, .comm = "watched", .owner_pid = getpid(),
	};

	(void)pf;
	return fn(&watched, arg);
}

int prefork_stats(struct prefork *pf, struct prefork_stats *stats)
{
	(void)pf;
	memset(stats, 0, sizeof(*stats));
	return 0;
}

const char *prefork_stat_name(unsigned int stat)
{
	(void)stat;
	return NULL;
}

int prefork_next(struct prefork *pf, struct prefork_event *event, int timeout_ms)
{
	bool ended = session.pid && kill(session.pid, 0) < 0;

	(void)pf;
	EQUAL(0, timeout_ms);
	if (!ended && !session.noisy)
		return 0;
	*event = (struct prefork_event){
		.type = ended ? PREFORK_EVENT_EXIT : PREFORK_EVENT_FORK_FAILED,
		.seq = ++session.seq, .pid = session.pid, .tid = session.pid,
		.comm = "watched", .error = EAGAIN,
	};
	if (ended)
		session.pid = 0;
	return 1;
}

/* A child of its own, with what a case needs to be different. */
struct setting {
	bool ignores_children;
	bool closed_stderr;
	bool noisy;
	int refusal;
	int output;		/* 0: nowhere */
};

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
	session.noisy = setting->noisy;
	session.refusal = setting->refusal;
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

/* The exit status, or -N for signal N. */
static int end_of(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

#define START(setting, ...)	start(setting, (char *[]){ __VA_ARGS__, NULL })
#define RUN(setting, ...)	end_of(START(setting, "run", __VA_ARGS__))

static void run_ends_as_the_command_does(void)
{
	EQUAL(0, RUN(&plain, "true"));
	EQUAL(3, RUN(&plain, "sh", "-c", "exit 3"));
	EQUAL(128 + SIGKILL, RUN(&plain, "sh", "-c", "kill -KILL $$"));
}

static void ignored_sigchld_makes_no_difference(void)
{
	const struct setting ignores = { .ignores_children = true };

	EQUAL(3, RUN(&ignores, "sh", "-c", "exit 3"));
	/* Bit 16 for signal 17: the command has what we were given. */
	EQUAL(0, RUN(&ignores, "grep", "-q", "SigIgn:.*[13579bdf]....$", "/proc/self/status"));
	EQUAL(1, RUN(&plain, "grep", "-q", "SigIgn:.*[13579bdf]....$", "/proc/self/status"));
}

static void missing_command_is_told_also_without_stderr(void)
{
	const struct setting closed = { .closed_stderr = true };

	EQUAL(STATUS_NOT_FOUND, RUN(&closed, "/nowhere/command"));
	EQUAL(STATUS_NOT_EXECUTABLE, RUN(&closed, "/dev/null"));
}

int main(void)
{
	static const struct tap_test tests[] = {
		{ "run ends as the command does", run_ends_as_the_command_does },
		{ "an ignored SIGCHLD makes no difference", ignored_sigchld_makes_no_difference },
		{ "a missing command is told also without stderr",
		  missing_command_is_told_also_without_stderr },
	};

	return TAP_RUN(tests);
}
