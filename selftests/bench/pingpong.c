// SPDX-License-Identifier: GPL-2.0
/*
 * pingpong ROUNDS FILE - two processes that have each other's answer over
 * AF_UNIX, the quickest way there is for one to ask another that sleeps. Writes
 * to FILE as spawn does.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WARM_UP	20

static int answer(int sock)
{
	char byte;

	while (read(sock, &byte, 1) == 1)
		if (write(sock, &byte, 1) != 1)
			return 1;
	return 0;
}

static int ask(int sock, long rounds)
{
	char byte = 0;

	while (rounds--)
		if (write(sock, &byte, 1) != 1 || read(sock, &byte, 1) != 1)
			return 0;
	return 1;
}

static long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

int main(int argc, char **argv)
{
	long long began, ended;
	int socks[2];
	FILE *file;
	pid_t pid;

	if (argc != 3 || socketpair(AF_UNIX, SOCK_STREAM, 0, socks) ||
	    (pid = fork()) < 0)
		return 2;
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(socks[1]);
		return answer(socks[0]);
	}
	close(socks[0]);
	if (!ask(socks[1], WARM_UP))
		return 1;
	began = now();
	if (!ask(socks[1], atol(argv[1])))
		return 1;
	ended = now();
	file = fopen(argv[2], "a");
	if (!file)
		return 1;
	fprintf(file, "%lld %lld\n", began, ended);
	return fclose(file) != 0;
}
