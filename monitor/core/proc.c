// SPDX-License-Identifier: GPL-2.0
#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "comm.h"
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

/* False with errno. */
static bool read_link(pid_t pid, const char *name, char *to, size_t size)
{
	char path[64];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	len = readlink(path, to, size - 1);
	if (len >= 0)
		to[len] = '\0';
	return len >= 0;
}

/* An event has the path as the process sees it, which may have another root. */
static bool runs(pid_t pid, const char *exe)
{
	char now[PATH_MAX], root[PATH_MAX];
	size_t len;

	if (!read_link(pid, "exe", now, sizeof(now)))
		return errno == EACCES;	/* may not be known: trust the event */
	if (!strcmp(now, exe))
		return true;
	if (!read_link(pid, "root", root, sizeof(root)))
		return false;
	len = strlen(root);
	return !strncmp(now, root, len) && !strcmp(now + len, exe);
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
	struct comm file = { 0 };

	comm_read(&file, pid, comm, size);
	comm_close(&file);
}

bool proc_exe(pid_t pid, char *exe, size_t size)
{
	if (read_link(pid, "exe", exe, size))
		return true;
	snprintf(exe, size, "?");
	return false;
}

void proc_cgroup(pid_t pid, char *cgroup, size_t size)
{
	char text[8192], *line = NULL;
	ssize_t len = read_file(pid, "cgroup", text, sizeof(text) - 1);

	if (len > 0) {
		text[len] = '\0';
		line = strncmp(text, "0::", 3) ? strstr(text, "\n0::") : text;
	}
	/* In the others line feeds are escaped; this one is the last. */
	snprintf(cgroup, size, "%s", line ? strchr(line, '/') : "?");
	cgroup[strcspn(cgroup, "\n")] = '\0';
}

uid_t proc_uid(pid_t pid)
{
	char text[2048], *line;
	ssize_t len = read_file(pid, "status", text, sizeof(text) - 1);
	unsigned int uid;

	if (len <= 0)
		return (uid_t)-1;
	text[len] = '\0';
	/* The name in the first line has no line feed that is not escaped. */
	line = strstr(text, "\nUid:");
	return line && sscanf(line, "\nUid: %*u %u", &uid) == 1 ? uid : (uid_t)-1;
}

bool proc_counts_as_we(pid_t tid)
{
	char theirs[64], ours[64];

	return read_link(tid, "ns/pid", theirs, sizeof(theirs)) &&
		read_link(getpid(), "ns/pid", ours, sizeof(ours)) && !strcmp(theirs, ours);
}

/* After the name, which may hold anything, brackets too; NULL when it is gone. */
static char *read_line_of(pid_t pid, const char *name, char *text, size_t size)
{
	ssize_t len = read_file(pid, name, text, size - 1);

	if (len <= 0)
		return NULL;
	text[len] = '\0';
	return strrchr(text, ')');
}

static uint64_t ns_of(unsigned long long ticks)
{
	return ticks * (UINT64_C(1000000000) / (uint64_t)sysconf(_SC_CLK_TCK));
}

bool proc_lives(pid_t pid)
{
	char text[1024], state;
	const char *rest = read_line_of(pid, "stat", text, sizeof(text));

	return rest && sscanf(rest, ") %c", &state) == 1 && state != 'Z' && state != 'X';
}

bool proc_origin(pid_t pid, struct origin *origin)
{
	char text[1024];
	const char *rest = read_line_of(pid, "stat", text, sizeof(text));
	unsigned long long ticks;
	int parent;

	if (!rest || sscanf(rest, ") %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u"
			    " %*d %*d %*d %*d %*d %*d %llu", &parent, &ticks) != 2)
		return false;
	origin->ppid = parent;
	origin->start = ns_of(ticks);
	return true;
}

bool proc_times(pid_t pid, pid_t tid, uint64_t *utime, uint64_t *stime)
{
	unsigned long long user, system;
	char text[1024], name[32];
	const char *rest;

	snprintf(name, sizeof(name), "task/%d/stat", (int)tid);
	rest = read_line_of(pid, name, text, sizeof(text));
	if (!rest || sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu",
			    &user, &system) != 2)
		return false;
	*utime = ns_of(user);
	*stime = ns_of(system);
	return true;
}

int proc_number(pid_t tid, const char *key)
{
	size_t key_len = strlen(key);
	char text[4096], *line;
	ssize_t len = read_file(tid, "status", text, sizeof(text) - 1);

	if (len <= 0)
		return -1;
	text[len] = '\0';
	for (line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, key, key_len) && line[key_len] == ':')
			return atoi(line + key_len + 1);
	}
	return -1;
}
