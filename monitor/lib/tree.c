// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Watch a running tree. The children of a watched process are looked up after
 * its watch has begun: those that it has then are found in /proc, those that
 * it gets later inherit the watch. /proc may miss some while others come and
 * go, hence it is read until a whole pass has found nothing new. One that has
 * inherited the watch is not new, so a tree that grows does not keep us here.
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

/*
 * A process that is refused leaves new children which do not inherit anything,
 * as long as it likes. Otherwise a pass for each wrap of the PIDs would do.
 */
#define PASSES_MAX	32

struct set {
	pid_t *pids;		/* sorted */
	size_t count, room;
};

static size_t place_of(const struct set *set, pid_t pid)
{
	size_t low = 0, high = set->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (set->pids[middle] < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool contains(const struct set *set, pid_t pid)
{
	size_t place = place_of(set, pid);

	return place < set->count && set->pids[place] == pid;
}

static int insert(struct set *set, pid_t pid)
{
	size_t place = place_of(set, pid);

	if (set->count == set->room) {
		size_t room = set->room ? 2 * set->room : 64;
		pid_t *pids = reallocarray(set->pids, room, sizeof(*pids));

		if (!pids)
			return -ENOMEM;
		set->pids = pids;
		set->room = room;
	}
	memmove(&set->pids[place + 1], &set->pids[place],
		(set->count - place) * sizeof(set->pids[0]));
	set->pids[place] = pid;
	set->count++;
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
	struct set known;	/* those handed to the kernel, watched or refused */
	int refused;
	char why[256];		/* the last one was */
	bool found;
};

static bool is_child(const struct pass *pass, pid_t pid)
{
	pid_t ppid = parent_of(pid);

	return ppid && contains(&pass->known, ppid);
}

/* Only the pidfd tells for sure that it is still the one that was looked at. */
static int watch_child(const struct pass *pass, pid_t pid)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	int err;

	prefork_message_clear();
	if (pidfd < 0)
		return -errno;
	err = is_child(pass, pid) ? prefork_watch_pidfd(pass->pf, pidfd, pass->opts) : -ESRCH;
	close(pidfd);
	return err;
}

/* Later calls that succeed would clear the kernel's words. */
static void refuse(struct pass *pass, int err)
{
	const char *words = prefork_message();

	if (!*words)
		words = strerrordesc_np(-err);
	pass->refused++;
	snprintf(pass->why, sizeof(pass->why), "%s", words ? words : "Unknown error");
}

static int consider(struct pass *pass, pid_t pid)
{
	int err;

	if (pid == getpid() || contains(&pass->known, pid) || !is_child(pass, pid))
		return 0;
	err = watch_child(pass, pid);
	if (err == -ESRCH)
		return 0;
	if (err && err != -EEXIST)
		refuse(pass, err);
	/* A child that was refused may have children that are not. */
	if (err != -EEXIST)
		pass->found = true;
	return insert(&pass->known, pid);
}

static int list_proc(struct set *listed)
{
	const struct dirent *entry;
	DIR *proc = opendir("/proc");
	int err = 0;

	if (!proc)
		return -errno;
	while (!err && (entry = readdir(proc)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			err = insert(listed, atoi(entry->d_name));
	closedir(proc);
	return err;
}

/* Lists before it looks: a directory that grows at its end is not run after. */
static int read_proc(struct pass *pass)
{
	struct set listed = { 0 };
	int err = list_proc(&listed);

	for (size_t i = 0; !err && i < listed.count; i++)
		err = consider(pass, listed.pids[i]);
	free(listed.pids);
	return err;
}

int prefork_watch_tree(struct prefork *pf, pid_t pid, const struct prefork_watch_options *opts)
{
	struct prefork_watch_options tree = opts ? *opts : (struct prefork_watch_options){ 0 };
	struct pass pass = { .pf = pf, .opts = &tree, .found = true };
	int err;

	tree.flags |= PREFORK_WATCH_TREE;
	err = prefork_watch(pf, pid, &tree);
	if (err && err != -EEXIST)
		return err;
	err = insert(&pass.known, pid);
	for (int i = 0; !err && pass.found && i < PASSES_MAX; i++) {
		pass.found = false;
		err = read_proc(&pass);
	}
	free(pass.known.pids);
	prefork_message_set(pass.why, sizeof(pass.why));
	return err ? err : pass.refused;
}
