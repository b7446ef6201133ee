// SPDX-License-Identifier: GPL-2.0
#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "quote.h"

static ssize_t read_file(pid_t pid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	len = read(fd, text, size);
	close(fd);
	return len;
}

static bool runs(pid_t pid, const char *exe)
{
	char path[64], now[PATH_MAX];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	len = readlink(path, now, sizeof(now) - 1);
	if (len < 0)
		return errno == EACCES;	/* may not be known: trust the event */
	now[len] = '\0';
	return !strcmp(now, exe);
}

char *proc_command(pid_t pid, const char *exe)
{
	char args[8192];
	ssize_t len;

	if (exe[0] && !runs(pid, exe))
		return NULL;
	len = read_file(pid, "cmdline", args, sizeof(args));
	return len > 0 ? quote_command(args, (size_t)len) : NULL;
}

void proc_comm(pid_t pid, char *comm, size_t size)
{
	ssize_t len = read_file(pid, "comm", comm, size - 1);

	if (len <= 0) {
		snprintf(comm, size, "?");
		return;
	}
	comm[len] = '\0';
	comm[strcspn(comm, "\n")] = '\0';
}

bool proc_origin(pid_t pid, pid_t *ppid, uint64_t *start)
{
	char text[1024], *rest;
	ssize_t len = read_file(pid, "stat", text, sizeof(text) - 1);
	unsigned long long ticks;
	int parent;

	if (len <= 0)
		return false;
	text[len] = '\0';
	/* The name before it may hold anything, brackets too. */
	rest = strrchr(text, ')');
	if (!rest || sscanf(rest, ") %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u"
			    " %*d %*d %*d %*d %*d %*d %llu", &parent, &ticks) != 2)
		return false;
	*ppid = parent;
	*start = ticks * (UINT64_C(1000000000) / (uint64_t)sysconf(_SC_CLK_TCK));
	return true;
}
