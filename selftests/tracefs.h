/* SPDX-License-Identifier: GPL-2.0 */
/*
 * tracefs.h - the kernel's switches for probes and tracers
 */
#ifndef SELFTESTS_TRACEFS_H
#define SELFTESTS_TRACEFS_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#define DEBUGFS		"/sys/kernel/debug"
#define TRACEFS		"/sys/kernel/tracing"

#define KPROBES_LIST	DEBUGFS "/kprobes/list"
#define KPROBES_SWITCH	DEBUGFS "/kprobes/enabled"
#define FTRACE_LIST	TRACEFS "/enabled_functions"
#define FTRACE_SWITCH	"/proc/sys/kernel/ftrace_enabled"
#define FTRACE_TRACER	TRACEFS "/current_tracer"

static inline void tracefs_mount(void)
{
	if (access(DEBUGFS "/kprobes", X_OK))
		mount("none", DEBUGFS, "debugfs", 0, NULL);
	if (access(TRACEFS "/trace", R_OK))
		mount("none", TRACEFS, "tracefs", 0, NULL);
}

/* While something is probed: else a probe is an instruction of its own, as on arm64. */
static inline bool probes_lie_on_ftrace(void)
{
	FILE *list = fopen(KPROBES_LIST, "re");
	char line[512];
	bool found = false;

	while (list && !found && fgets(line, sizeof(line), list))
		found = strstr(line, "[FTRACE]");
	if (list)
		fclose(list);
	return found;
}

/* Some of these files take one word at a time. */
static inline long write_file(const char *path, int flags, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags);
	ssize_t n = 0;
	long ret;

	if (fd < 0)
		return -errno;
	while (*text && (n = write(fd, text, strlen(text))) >= 0)
		text += n;
	ret = n < 0 ? -errno : 0;
	close(fd);
	return ret;
}

#endif /* SELFTESTS_TRACEFS_H */
