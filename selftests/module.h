/* SPDX-License-Identifier: GPL-2.0 */
/*
 * module.h - loading and unloading the module under test
 *
 * Its file is named by the environment variable PREFORK_KO; without that it is
 * the one in build/ that fits the kernel that runs.
 */
#ifndef SELFTESTS_MODULE_H
#define SELFTESTS_MODULE_H

#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "actor.h"

/* Was the file made for this kernel? Its vermagic starts with the release. */
static inline bool module_fits(const char *path, const char *release)
{
	char magic[128];
	struct stat st;
	bool fits;
	char *file;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	fstat(fd, &st);
	file = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (file == MAP_FAILED)
		return false;
	snprintf(magic, sizeof(magic), "vermagic=%s ", release);
	fits = memmem(file, st.st_size, magic, strlen(magic));
	munmap(file, st.st_size);
	return fits;
}

static inline const char *module_file(void)
{
	static char path[PATH_MAX];
	const char *named = getenv("PREFORK_KO");
	struct utsname uts;
	glob_t found;
	size_t i;

	if (named && *named)
		return named;
	if (path[0])
		return path;
	uname(&uts);
	if (glob("../build/*/prefork.ko", 0, NULL, &found))
		return "../build/KERNEL/prefork.ko";
	for (i = 0; i < found.gl_pathc; i++) {
		if (module_fits(found.gl_pathv[i], uts.release))
			snprintf(path, sizeof(path), "%s", found.gl_pathv[i]);
	}
	globfree(&found);
	return path;
}

static inline int module_load(void)
{
	int fd = open(module_file(), O_RDONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
	close(fd);
	return ret;
}

static inline int module_unload(void)
{
	return syscall(SYS_delete_module, "prefork", O_NONBLOCK) ? -errno : 0;
}

/* Unloads it as soon as nothing that has just ended is in its way. */
static inline int module_unload_soon(void)
{
	long long end = now_ms() + PATIENCE_MS;
	int ret;

	do {
		ret = module_unload();
		if (ret != -EAGAIN && ret != -EBUSY)
			break;
		pause_briefly();
	} while (now_ms() < end);
	return ret;
}

#endif /* SELFTESTS_MODULE_H */
