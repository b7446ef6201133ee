// SPDX-License-Identifier: GPL-2.0
/*
 * follow [OPTION...] COMMAND ARG... - the least that a client of libprefork can do
 *
 * Watches COMMAND and what that creates, threads as well, takes every event and
 * drops it. Ends with COMMAND, when its last event has come.
 *   -h        hold who is about to create, and answer
 *   -o N      beside N others, who do nothing
 *   -s N      who have N sessions of their own (default: 1)
 *   -w WHOM   watch the command (default), the others, all or none
 *
 * Prints how many were announced, were born and have ended; ends with 1 when
 * these are not as many, or when COMMAND failed.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <prefork.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROOM		64	/* events taken in one go */
#define STACK		8192	/* of one of the others */
#define HOLD_ALL	(PREFORK_HOLD_VFORK | PREFORK_HOLD_FORK | \
			 PREFORK_HOLD_THREAD)

static struct options {
	uint32_t hold;
	long others;
	long sessions;
	bool watch_command;
	bool watch_others;
} options = { .sessions = 1, .watch_command = true };

static struct prefork_event events[ROOM];
static long announced, born, ended;

static _Noreturn void give_up(const char *what)
{
	fprintf(stderr, "follow: %s: %m: %s\n", what, prefork_message());
	exit(1);
}

static struct prefork *open_session(void)
{
	struct prefork *pf;

	if (prefork_open(&pf))
		give_up("no session");
	return pf;
}

static void watch(struct prefork *pf, pid_t pid)
{
	const struct prefork_watch_options how = {
		.flags = PREFORK_WATCH_TREE | PREFORK_WATCH_THREADS,
		.hold = options.hold,
	};

	if (prefork_watch(pf, pid, &how))
		give_up("cannot watch");
}

static int do_nothing(void *unused)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
	return unused != NULL;
}

/* They cost no memory of their own, and end with us. */
static pid_t begin_other(void)
{
	char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	pid_t pid;

	if (stack == MAP_FAILED)
		give_up("stack");
	pid = clone(do_nothing, stack + STACK,
		    CLONE_VM | CLONE_FS | CLONE_FILES | SIGCHLD, NULL);
	if (pid < 0)
		give_up("clone");
	return pid;
}

static void begin_others(void)
{
	struct prefork *sessions[options.sessions];
	long i;

	for (i = 0; options.watch_others && i < options.sessions; i++)
		sessions[i] = open_session();
	for (i = 0; i < options.others; i++) {
		pid_t pid = begin_other();

		if (options.watch_others)
			watch(sessions[i % options.sessions], pid);
	}
}

/* Forks a process that begins when the other end of @gate is closed. */
static pid_t begin_command(char **argv, int gate[2])
{
	char unused;
	pid_t pid;

	if (pipe2(gate, O_CLOEXEC) || (pid = fork()) < 0)
		give_up("fork");
	if (pid) {
		close(gate[0]);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(gate[1]);
	if (read(gate[0], &unused, 1))
		_exit(126);
	execvp(argv[0], argv);
	_exit(127);
}

/* Returns false when that was the end of @pid. */
static bool take(struct prefork *pf, const struct prefork_event *event,
		 pid_t pid)
{
	switch (event->type) {
	case PREFORK_EVENT_PREFORK:
		announced++;
		if (event->cookie && prefork_release(pf, event->cookie))
			give_up("cannot answer");
		break;
	case PREFORK_EVENT_BORN:
		born++;
		break;
	case PREFORK_EVENT_EXIT:
		ended++;
		return event->tid != pid;
	}
	return true;
}

static void follow(struct prefork *pf, pid_t pid)
{
	int i, n;

	for (;;) {
		n = prefork_next_many(pf, events, ROOM, -1);
		if (n < 0)
			give_up("no more events");
		for (i = 0; i < n; i++)
			if (!take(pf, &events[i], pid))
				return;
	}
}

static bool take_whom(const char *whom)
{
	bool all = !strcmp(whom, "all");

	options.watch_command = all || !strcmp(whom, "command");
	options.watch_others = all || !strcmp(whom, "others");
	return options.watch_command || options.watch_others ||
	       !strcmp(whom, "none");
}

static bool take_options(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "+ho:s:w:")) != -1) {
		switch (option) {
		case 'h':
			options.hold = HOLD_ALL;
			break;
		case 'o':
			options.others = atol(optarg);
			break;
		case 's':
			options.sessions = atol(optarg);
			break;
		case 'w':
			if (take_whom(optarg))
				break;
			/* fall through */
		default:
			return false;
		}
	}
	return optind < argc && options.sessions > 0;
}

/* As many came as were announced, and all but the command itself came so. */
static bool all_came(void)
{
	return announced == born && ended == (options.watch_command ? born + 1 : 0);
}

int main(int argc, char **argv)
{
	struct prefork *pf;
	int status, gate[2];
	pid_t pid;

	if (!take_options(argc, argv))
		return 2;
	begin_others();
	pf = open_session();
	pid = begin_command(argv + optind, gate);
	if (options.watch_command)
		watch(pf, pid);
	close(gate[1]);
	if (options.watch_command)
		follow(pf, pid);
	if (waitpid(pid, &status, 0) != pid || status) {
		fprintf(stderr, "follow: %s failed\n", argv[optind]);
		return 1;
	}
	printf("%ld announced, %ld born, %ld ended\n", announced, born, ended);
	return !all_came();
}
