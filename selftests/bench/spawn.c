// SPDX-License-Identifier: GPL-2.0
/*
 * spawn WAY ROUNDS FILE - creates so many children, one after the other, and
 * waits for each. Appends to FILE when the first was created and when the last
 * had gone, in ns of CLOCK_REALTIME, and for how many ns the first processor was
 * not idle in the pause that follows, in which whoever looks on catches up. Some
 * come before that are not counted, with a pause as well.
 *   vfork       that are gone at once
 *   vfork-exec  that execute this program, which ends at once without arguments
 *   fork, fork-exec
 *   thread      that return at once
 *   answer      none, but has an answer from another process over AF_UNIX, the
 *               quickest way there is for one to ask another that sleeps
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WARM_UP	20
#define PAUSE	{ .tv_sec = 1 }

static char *itself;

static int gone(pid_t pid)
{
	int status;

	return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
}

static void execute(void)
{
	char *words[] = { itself, NULL };

	execve(itself, words, NULL);
	_exit(127);
}

static int by_vfork(void)
{
	pid_t pid = vfork();

	if (!pid)
		_exit(0);
	return gone(pid);
}

static int by_vfork_exec(void)
{
	pid_t pid = vfork();

	if (!pid)
		execute();
	return gone(pid);
}

static int by_fork(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	return gone(pid);
}

static int by_fork_exec(void)
{
	pid_t pid = fork();

	if (!pid)
		execute();
	return gone(pid);
}

static void *nothing(void *unused)
{
	return unused;
}

static int by_thread(void)
{
	pthread_t thread;

	return !pthread_create(&thread, NULL, nothing, NULL) &&
	       !pthread_join(thread, NULL);
}

/* Until nobody is left who could ask. */
static void answer(int sock)
{
	char byte;

	while (read(sock, &byte, 1) == 1)
		if (write(sock, &byte, 1) != 1)
			break;
	_exit(0);
}

/* Returns the end to ask at, or -1. */
static int begin_to_answer(void)
{
	int socks[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, socks))
		return -1;
	pid = fork();
	if (!pid) {
		close(socks[0]);
		answer(socks[1]);
	}
	close(socks[1]);
	return pid < 0 ? -1 : socks[0];
}

static int by_answer(void)
{
	static int sock = -1;
	char byte = 0;

	if (sock < 0)
		sock = begin_to_answer();
	return write(sock, &byte, 1) == 1 && read(sock, &byte, 1) == 1;
}

static const struct way {
	const char *name;
	int (*create)(void);
} ways[] = {
	{ "vfork", by_vfork },
	{ "vfork-exec", by_vfork_exec },
	{ "fork", by_fork },
	{ "fork-exec", by_fork_exec },
	{ "thread", by_thread },
	{ "answer", by_answer },
};

static const struct way *way_of(const char *name)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (!strcmp(ways[i].name, name))
			return &ways[i];
	return NULL;
}

static long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* Returns 0 where the kernel does not tell. */
static long long idle(void)
{
	FILE *file = fopen("/proc/timer_list", "r");
	char line[256];
	long long ns = 0;

	while (file && !ns && fgets(line, sizeof(line), file))
		sscanf(line, " .idle_sleeptime : %lld", &ns);
	if (file)
		fclose(file);
	return ns;
}

/* Returns for how many ns the first processor was busy meanwhile. */
static long long take_a_break(void)
{
	static const struct timespec pause = PAUSE;
	long long began = now(), idle_before = idle();

	nanosleep(&pause, NULL);
	return now() - began - (idle() - idle_before);
}

static int create(const struct way *way, long rounds)
{
	while (rounds--)
		if (!way->create())
			return 0;
	return 1;
}

int main(int argc, char **argv)
{
	const struct way *way = argc == 4 ? way_of(argv[1]) : NULL;
	long long began, ended, usual;
	FILE *file;

	if (argc == 1)
		return 0;
	if (!way)
		return 2;
	itself = argv[0];
	if (!create(way, WARM_UP))
		return 1;
	take_a_break();
	usual = take_a_break();
	began = now();
	if (!create(way, atol(argv[2])))
		return 1;
	ended = now();
	file = fopen(argv[3], "a");
	if (!file)
		return 1;
	fprintf(file, "%lld %lld %lld\n", began, ended,
		take_a_break() - usual);
	return fclose(file) != 0;
}
