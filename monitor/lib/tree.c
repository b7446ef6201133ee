// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Watch a running tree, or all there is. The children of a watched process are
 * looked up after its watch has begun: those that it has then are found in /proc,
 * those that it gets later inherit the watch. /proc may miss some while others
 * come and go, hence it is read until a whole pass has found nothing new. One that
 * has inherited the watch is not new, so a tree that grows does not keep us here.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
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

/* PF_KTHREAD of the kernel, in the flags of /proc/PID/stat. */
#define KERNEL_THREAD	0x00200000

struct stat_line {
	int ppid;
	unsigned int flags;
};

/* False when the process is gone. */
static bool read_stat(pid_t pid, struct stat_line *line)
{
	char path[32], text[512], *state;
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len <= 0)
		return false;
	text[len] = '\0';
	/* The name before it may hold anything, brackets too. */
	state = strrchr(text, ')');
	return state && sscanf(state, ") %*c %d %*d %*d %*d %*d %u", &line->ppid,
			       &line->flags) == 2;
}

/* The passes over /proc. */
struct pass {
	struct prefork *pf;
	const struct prefork_watch_options *opts;
	bool (*wants)(const struct pass *pass, pid_t pid);
	struct set known;	/* those handed to the kernel, watched or refused */
	int watched, refused;
	int error;		/* of the last one that was refused, */
	char why[256];		/* and in words */
	bool found;
};

static bool is_child(const struct pass *pass, pid_t pid)
{
	struct stat_line line;

	return read_stat(pid, &line) && line.ppid && contains(&pass->known, line.ppid);
}

/* Whoever is neither ours nor the kernel's own. */
static bool is_others(const struct pass *pass, pid_t pid)
{
	struct stat_line line;

	(void)pass;
	if (!read_stat(pid, &line) || line.flags & KERNEL_THREAD)
		return false;
	while (line.ppid && line.ppid != getpid())
		if (!read_stat(line.ppid, &line))
			return true;	/* an orphan; we live */
	return !line.ppid;
}

/* Only the pidfd tells for sure that it is still the one that was looked at. */
static int watch_one(const struct pass *pass, pid_t pid)
{
	int pidfd = pidfd_open(pid, 0);
	int err;

	prefork_message_clear();
	if (pidfd < 0)
		return -errno;
	err = pass->wants(pass, pid) ? prefork_watch_pidfd(pass->pf, pidfd, pass->opts) : -ESRCH;
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
	pass->error = err;
	snprintf(pass->why, sizeof(pass->why), "%s", words ? words : "Unknown error");
}

static int consider(struct pass *pass, pid_t pid)
{
	int err;

	if (pid == getpid() || contains(&pass->known, pid) || !pass->wants(pass, pid))
		return 0;
	err = watch_one(pass, pid);
	if (err == -ESRCH)
		return 0;
	if (err && err != -EEXIST)
		refuse(pass, err);
	else
		pass->watched++;
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

static int read_until_quiet(struct pass *pass)
{
	int err = 0;

	pass->found = true;
	for (int i = 0; !err && pass->found && i < PASSES_MAX; i++) {
		pass->found = false;
		err = read_proc(pass);
	}
	free(pass->known.pids);
	prefork_message_set(pass->why, sizeof(pass->why));
	return err;
}

static struct prefork_watch_options tree_options(const struct prefork_watch_options *opts)
{
	struct prefork_watch_options tree = opts ? *opts : (struct prefork_watch_options){ 0 };

	tree.flags |= PREFORK_WATCH_TREE;
	return tree;
}

int prefork_watch_tree(struct prefork *pf, pid_t pid, const struct prefork_watch_options *opts)
{
	const struct prefork_watch_options tree = tree_options(opts);
	struct pass pass = { .pf = pf, .opts = &tree, .wants = is_child };
	int err;

	err = prefork_watch(pf, pid, &tree);
	if (err && err != -EEXIST)
		return err;
	err = insert(&pass.known, pid);
	if (!err)
		err = read_until_quiet(&pass);
	return err ? err : pass.refused;
}

int prefork_watch_all(struct prefork *pf, const struct prefork_watch_options *opts)
{
	const struct prefork_watch_options tree = tree_options(opts);
	struct pass pass = { .pf = pf, .opts = &tree, .wants = is_others };
	int err = read_until_quiet(&pass);

	if (!err && !pass.watched)
		err = pass.error;
	return err ? err : pass.refused;
}
