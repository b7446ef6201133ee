/* SPDX-License-Identifier: GPL-2.0 */
/*
 * proc.h - what /proc says of a task
 */
#ifndef SELFTESTS_PROC_H
#define SELFTESTS_PROC_H

#include "actor.h"

/* R, S, D, T, t, Z, ... or 0 where there is no such task. */
static inline char proc_state(pid_t pid)
{
	char path[64], line[512], *end;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, line, sizeof(line) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	line[n] = 0;
	end = strrchr(line, ')');
	return end ? end[2] : 0;
}

static inline bool proc_state_reaches(pid_t pid, char state)
{
	long long end = now_ms() + PATIENCE_MS;

	while (proc_state(pid) != state) {
		if (now_ms() > end)
			return false;
		pause_briefly();
	}
	return true;
}

/* It sleeps in the kernel, and not in what it was told to do. */
static inline bool proc_waits(struct actor *a)
{
	long long end = now_ms() + PATIENCE_MS;

	while (proc_state(a->pid) != 'D') {
		if (actor_speaks(a, 0) || now_ms() > end)
			return false;
		pause_briefly();
	}
	return !actor_speaks(a, 0);
}

#endif /* SELFTESTS_PROC_H */
