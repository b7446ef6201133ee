/* SPDX-License-Identifier: GPL-2.0 */
/*
 * cgroup.h - a cgroup (version 2) of the test's own
 */
#ifndef SELFTESTS_CGROUP_H
#define SELFTESTS_CGROUP_H

#include <sys/mount.h>
#include <sys/stat.h>

#include "actor.h"

struct cgroup {
	char root[32];
	char path[64];
};

static inline int cgroup_write(const char *dir, const char *file,
			       const char *text)
{
	char path[128];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	n = n < 0 ? -errno : 0;
	close(fd);
	return n;
}

static inline int cgroup_move(struct cgroup *cg, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	return cgroup_write(cg->path, "cgroup.procs", text);
}

static inline void cgroup_make(struct __test_metadata *_metadata,
			       struct cgroup *cg)
{
	strcpy(cg->root, "/tmp/prefork-cgroup.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(cg->root));
	ASSERT_EQ(0, mount("none", cg->root, "cgroup2", 0, NULL));
	snprintf(cg->path, sizeof(cg->path), "%s/prefork.%d", cg->root,
		 getpid());
	ASSERT_EQ(0, cgroup_write(cg->root, "cgroup.subtree_control",
				  "+pids"));
	ASSERT_EQ(0, mkdir(cg->path, 0755));
}

/* Whoever is still in it has to be dead or moved away before. */
static inline void cgroup_remove(struct cgroup *cg)
{
	long long end = now_ms() + PATIENCE_MS;

	while (rmdir(cg->path) && errno == EBUSY && now_ms() < end)
		pause_briefly();
	umount2(cg->root, MNT_DETACH);
	rmdir(cg->root);
}

static inline long cgroup_count(struct cgroup *cg, const char *file,
				const char *name)
{
	char path[128], text[512], *line;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", cg->path, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		if (!strncmp(line, name, strlen(name)) &&
		    line[strlen(name)] == ' ')
			return atol(line + strlen(name));
	return -ENOENT;
}

static inline bool cgroup_count_reaches(struct cgroup *cg, const char *file,
					const char *name, long count)
{
	long long end = now_ms() + PATIENCE_MS;

	while (cgroup_count(cg, file, name) != count) {
		if (now_ms() > end)
			return false;
		pause_briefly();
	}
	return true;
}

static inline bool cgroup_frozen_reaches(struct cgroup *cg, int frozen)
{
	return cgroup_count_reaches(cg, "cgroup.events", "frozen", frozen);
}

/* Returns a negative errno where there is no memory controller to be had. */
static inline int cgroup_limit_memory(struct cgroup *cg, const char *limit)
{
	int err = cgroup_write(cg->root, "cgroup.subtree_control", "+memory");

	return err ? err : cgroup_write(cg->path, "memory.max", limit);
}

#endif /* SELFTESTS_CGROUP_H */
