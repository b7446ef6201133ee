/* SPDX-License-Identifier: GPL-2.0 */
/*
 * memory.h - what the kernel uses for itself
 */
#ifndef SELFTESTS_MEMORY_H
#define SELFTESTS_MEMORY_H

#include <glob.h>

#include "actor.h"

/* In bytes. */
struct memory {
	long objects;		/* in the caches that the module allocates from */
	long pages;		/* all slabs, page tables and kernel stacks */
};

static inline int memory_write(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -1;
	ret = write(fd, "1", 1);
	close(fd);
	return ret;
}

/*
 * What is free goes back, also what KASAN has in quarantine and what
 * processors keep for themselves: then what is counted is in use.
 */
static inline void memory_settle(struct __test_metadata *_metadata)
{
	glob_t caches;
	size_t i;

	ASSERT_EQ(0, glob("/sys/kernel/slab/*/shrink", 0, NULL, &caches));
	for (i = 0; i < caches.gl_pathc; i++)
		memory_write(caches.gl_pathv[i]);
	globfree(&caches);
	ASSERT_EQ(1, memory_write("/proc/sys/vm/stat_refresh"));
}

static inline void memory_read_pages(struct memory *memory)
{
	FILE *file = fopen("/proc/meminfo", "re");
	char name[64];
	long kb;

	while (fscanf(file, "%63[^:]: %ld%*[^\n]\n", name, &kb) == 2) {
		if (!strcmp(name, "SUnreclaim") ||
		    !strcmp(name, "PageTables") ||
		    !strcmp(name, "KernelStack"))
			memory->pages += kb * 1024;
	}
	fclose(file);
}

/* The module's own cache may have been merged with one of the kmalloc. */
static inline bool memory_is_ours(const char *cache)
{
	return !strcmp(cache, "event") || !strcmp(cache, "pid") ||
	       (!strncmp(cache, "kmalloc-", 8) && cache[8] >= '0' &&
		cache[8] <= '9');
}

static inline void memory_read_objects(struct memory *memory)
{
	FILE *file = fopen("/proc/slabinfo", "re");
	char line[256], name[64];
	long active, size;

	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63s %ld %*d %ld", name, &active,
			   &size) == 3 && memory_is_ours(name))
			memory->objects += active * size;
	}
	fclose(file);
}

static inline void memory_look(struct __test_metadata *_metadata,
			       struct memory *memory)
{
	memory_settle(_metadata);
	memset(memory, 0, sizeof(*memory));
	memory_read_pages(memory);
	memory_read_objects(memory);
	ASSERT_LT(0, memory->pages);
	ASSERT_LT(0, memory->objects);
}

#endif /* SELFTESTS_MEMORY_H */
