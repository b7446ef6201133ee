// SPDX-License-Identifier: GPL-2.0
/*
 * family WAY... - waits for the end of its input, then creates in each WAY,
 * waits for the end of that and prints its status; ends with 9.
 *   vfork   a process that executes /bin/false
 *   fork    a process that creates one more, and ends with its status: 3
 *   thread  a thread that returns 5
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int status_of(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static int by_vfork(void)
{
	pid_t pid = vfork();

	if (!pid) {
		execl("/bin/false", "false", (char *)NULL);
		_exit(127);
	}
	return status_of(pid);
}

static void create_one_more(void)
{
	pid_t pid = fork();

	_exit(pid ? status_of(pid) : 3);
}

static int by_fork(void)
{
	pid_t pid = fork();

	if (!pid)
		create_one_more();
	return status_of(pid);
}

static void *answer(void *arg)
{
	*(int *)arg = 5;
	return NULL;
}

static int by_thread(void)
{
	pthread_t thread;
	int status = -1;

	if (!pthread_create(&thread, NULL, answer, &status))
		pthread_join(thread, NULL);
	return status;
}

static const struct way {
	const char *name;
	int (*create)(void);
} ways[] = {
	{ "vfork", by_vfork },
	{ "fork", by_fork },
	{ "thread", by_thread },
};

static void create(const char *name)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (!strcmp(ways[i].name, name))
			printf("%s: %d\n", name, ways[i].create());
	fflush(stdout);
}

int main(int argc, char **argv)
{
	char ignored;

	(void)argc;
	while (read(STDIN_FILENO, &ignored, 1) > 0)
		;
	while (*++argv)
		create(*argv);
	return 9;
}
