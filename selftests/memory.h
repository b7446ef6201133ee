/* SPDX-License-Identifier: GPL-2.0 */
/*
 * memory.h - what the kernel uses for itself
 */
#ifndef SELFTESTS_MEMORY_H
#define SELFTESTS_MEMORY_H

#include <glob.h>
#include <limits.h>
#include <stdlib.h>

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

static inline long memory_number(const char *cache, const char *file)
{
	char path[PATH_MAX + 16];
	long number = 0;
	FILE *numbers;

	snprintf(path, sizeof(path), "%s/%s", cache, file);
	numbers = fopen(path, "re");
	if (numbers) {
		if (fscanf(numbers, "%ld", &number) != 1)
			number = 0;
		fclose(numbers);
	}
	return number;
}

/*
 * Caches that are alike are one, under the name of any of them, with links from
 * the others: the module's own may be one with another that is counted.
 */
static inline bool memory_is_counted(const glob_t *caches, size_t count,
				     const char *real)
{
	char other[PATH_MAX];

	while (count--)
		if (realpath(caches->gl_pathv[count], other) &&
		    !strcmp(other, real))
			return true;
	return false;
}

static inline void memory_read_objects(struct __test_metadata *_metadata,
				       struct memory *memory)
{
	char real[PATH_MAX];
	glob_t caches;
	size_t i;

	ASSERT_EQ(0, glob("/sys/kernel/slab/{event,pid,kmalloc-*}", GLOB_BRACE,
			  NULL, &caches));
	for (i = 0; i < caches.gl_pathc; i++) {
		ASSERT_NE(NULL, realpath(caches.gl_pathv[i], real));
		if (!memory_is_counted(&caches, i, real))
			memory->objects += memory_number(real, "objects") *
					   memory_number(real, "slab_size");
	}
	globfree(&caches);
}

static inline void memory_look(struct __test_metadata *_metadata,
			       struct memory *memory)
{
	memory_settle(_metadata);
	memset(memory, 0, sizeof(*memory));
	memory_read_pages(memory);
	memory_read_objects(_metadata, memory);
	ASSERT_LT(0, memory->pages);
	ASSERT_LT(0, memory->objects);
}

#endif /* SELFTESTS_MEMORY_H */
