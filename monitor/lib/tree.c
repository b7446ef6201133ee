// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Watch a running tree. The children of a watched process are looked up after
 * its watch has begun: those that it has then are found in /proc, those that
 * it gets later inherit the watch. /proc may miss some while others come and
 * go, hence it is read until a whole pass has found nothing new.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "message.h"
#include "prefork.h"

/* Processes that were handed to the kernel, watched or refused. */
struct known {
	pid_t *pids;		/* sorted */
	size_t count, room;
};

static size_t place_of(const struct known *known, pid_t pid)
{
	size_t low = 0, high = known->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (known->pids[middle] < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool contains(const struct known *known, pid_t pid)
{
	size_t place = place_of(known, pid);

	return place < known->count && known->pids[place] == pid;
}

static int insert(struct known *known, pid_t pid)
{
	size_t place = place_of(known, pid);

	if (known->count == known->room) {
		size_t room = known->room ? 2 * known->room : 64;
		pid_t *pids = reallocarray(known->pids, room, sizeof(*pids));

		if (!pids)
			return -ENOMEM;
		known->pids = pids;
		known->room = room;
	}
	memmove(&known->pids[place + 1], &known->pids[place],
		(known->count - place) * sizeof(known->pids[0]));
	known->pids[place] = pid;
	known->count++;
	return 0;
}

/* The parent of a process, or 0 when it is gone. */
static pid_t parent_of(pid_t pid)
{
	char path[32], text[512], *state;
	int fd, ppid;
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len <= 0)
		return 0;
	text[len] = '\0';
	/* The name before it may hold anything, brackets too. */
	state = strrchr(text, ')');
	if (!state || sscanf(state, ") %*c %d", &ppid) != 1)
		return 0;
	return ppid;
}

/* The pass over /proc that is going on. */
struct pass {
	struct prefork *pf;
	const struct prefork_watch_options *opts;
	struct known *known;
	int refused;
	char why[256];		/* the last one was */
	bool found;
};

static bool is_child(const struct pass *pass, pid_t pid)
{
	pid_t ppid = parent_of(pid);

	return ppid && contains(pass->known, ppid);
}

/* Only the pidfd tells for sure that it is still the one that was looked at. */
static int watch_child(const struct pass *pass, pid_t pid)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	int err;

	if (pidfd < 0)
		return -errno;
	err = is_child(pass, pid) ? prefork_watch_pidfd(pass->pf, pidfd, pass->opts) : -ESRCH;
	close(pidfd);
	return err;
}

/* Later calls that succeed would clear the kernel's words. */
static void refuse(struct pass *pass)
{
	pass->refused++;
	snprintf(pass->why, sizeof(pass->why), "%s", prefork_message());
}

static int consider(struct pass *pass, pid_t pid)
{
	int err;

	if (pid == getpid() || contains(pass->known, pid) || !is_child(pass, pid))
		return 0;
	err = watch_child(pass, pid);
	if (err == -ESRCH)
		return 0;
	if (err && err != -EEXIST)
		refuse(pass);
	/* A child that was refused may have children that are not. */
	pass->found = true;
	return insert(pass->known, pid);
}

static int read_proc(struct pass *pass)
{
	const struct dirent *entry;
	DIR *proc = opendir("/proc");
	int err = 0;

	if (!proc)
		return -errno;
	while (!err && (entry = readdir(proc)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			err = consider(pass, atoi(entry->d_name));
	closedir(proc);
	return err;
}

int prefork_watch_tree(struct prefork *pf, pid_t pid, const struct prefork_watch_options *opts)
{
	struct prefork_watch_options tree = opts ? *opts : (struct prefork_watch_options){ 0 };
	struct known known = { 0 };
	struct pass pass = { .pf = pf, .opts = &tree, .known = &known };
	int err;

	tree.flags |= PREFORK_WATCH_TREE;
	err = prefork_watch(pf, pid, &tree);
	if (err && err != -EEXIST)
		return err;
	err = insert(&known, pid);
	do {
		pass.found = false;
		if (!err)
			err = read_proc(&pass);
	} while (!err && pass.found);
	free(known.pids);
	prefork_message_set(pass.why, sizeof(pass.why));
	return err ? err : pass.refused;
}
