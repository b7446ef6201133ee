// SPDX-License-Identifier: GPL-2.0
/*
 * spawner N - creates N children by vfork(2) that execute /bin/true at once,
 * and prints their PIDs. All may be alive together. Ends with 0 when each of
 * them ended with 0.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t spawn(void)
{
	static char *const words[] = { "/bin/true", NULL };
	pid_t pid = vfork();

	if (!pid) {
		execve(words[0], words, environ);
		_exit(127);
	}
	return pid;
}

static int ended_well(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && !status;
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 0;
	pid_t *pids = calloc(count, sizeof(*pids));
	int well = 0;

	for (int i = 0; i < count; i++)
		pids[i] = spawn();
	for (int i = 0; i < count; i++) {
		well += ended_well(pids[i]);
		printf("%d\n", pids[i]);
	}
	free(pids);
	return well != count;
}
