// SPDX-License-Identifier: GPL-2.0
/*
 * brief [TIMES] - creates a child by vfork(2) that calls work() so many times,
 * once if not told, and is gone. Prints its PID, and ends with its status: 7.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEPS	10000

static volatile unsigned int steps;

/* What there is to probe, and to find in a profile. */
__attribute__((noinline, noclone)) void work(void)
{
	for (int i = 0; i < STEPS; i++)
		steps++;
}

int main(int argc, char **argv)
{
	int times = argc > 1 ? atoi(argv[1]) : 1, status;
	pid_t pid = vfork();

	if (!pid) {
		while (times--)
			work();
		_exit(7);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 1;
	printf("%d\n", pid);
	return WEXITSTATUS(status);
}
