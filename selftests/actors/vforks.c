// SPDX-License-Identifier: GPL-2.0
/*
 * vforks nest DEPTH		a vfork(2), in its child another, and so on; the
 *				last child executes /bin/true
 * vforks threads COUNT ROUNDS	threads that vfork and execute /bin/true, each so often
 * vforks exec COMMAND ARG...	executes it from a thread that is not the first
 * vforks window FILE COMMAND ARG...	the child of a vfork opens FILE to read it,
 *				and then executes COMMAND
 * vforks crowd COUNT		so many children that sleep; says when all are there
 *
 * Ends with 0 when all went well.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char *const none[] = { "/bin/true", NULL };

static int status_of(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static _Noreturn void execute(char *const *argv)
{
	execvp(argv[0], argv);
	_exit(127);
}

/* The children share the memory: each frame below is used by one at a time. */
static int nest(int depth)
{
	pid_t pid;

	if (!depth)
		execute(none);
	pid = vfork();
	if (!pid)
		_exit(nest(depth - 1));
	return status_of(pid);
}

static void *vfork_often(void *rounds)
{
	int failed = 0;

	for (int i = 0; i < *(int *)rounds; i++) {
		pid_t pid = vfork();

		if (!pid)
			execute(none);
		failed += status_of(pid) != 0;
	}
	return (void *)(intptr_t)failed;
}

static int vfork_in_threads(int count, int rounds)
{
	pthread_t threads[count];
	int failed = 0;
	void *result;

	for (int i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, vfork_often, &rounds))
			return 1;
	for (int i = 0; i < count; i++) {
		pthread_join(threads[i], &result);
		failed += result != NULL;
	}
	return failed != 0;
}

static void *execute_here(void *argv)
{
	execute(argv);
}

static int execute_in_thread(char **argv)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, execute_here, argv))
		return 1;
	for (;;)
		pause();
}

static int vfork_until_opened(const char *file, char **argv)
{
	pid_t pid = vfork();

	if (!pid) {
		if (open(file, O_RDONLY | O_CLOEXEC) < 0)
			_exit(1);
		execute(argv);
	}
	return status_of(pid);
}

static int gather(int count)
{
	for (int i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 1;
		while (!pid)
			pause();
	}
	printf("all\n");
	fflush(stdout);
	for (int i = 0; i < count; i++)
		wait(NULL);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "nest"))
		return nest(atoi(argv[2]));
	if (argc == 4 && !strcmp(argv[1], "threads"))
		return vfork_in_threads(atoi(argv[2]), atoi(argv[3]));
	if (argc >= 3 && !strcmp(argv[1], "exec"))
		return execute_in_thread(argv + 2);
	if (argc >= 4 && !strcmp(argv[1], "window"))
		return vfork_until_opened(argv[2], argv + 3);
	if (argc == 3 && !strcmp(argv[1], "crowd"))
		return gather(atoi(argv[2]));
	return 2;
}
