// SPDX-License-Identifier: GPL-2.0
/*
 * libprefork's session, where there is none. A test that is linked with this has
 * functions of its own for what it wants to be asked for; these give way to them.
 */
#include <errno.h>
#include <string.h>

#include <prefork.h>

#include "tap.h"

#define WEAK	__attribute__((weak))

WEAK void prefork_close(struct prefork *pf)
{
	(void)pf;
}

WEAK int prefork_fd(const struct prefork *pf)
{
	(void)pf;
	return -1;
}

WEAK int prefork_watch(struct prefork *pf, pid_t pid, const struct prefork_watch_options *opts)
{
	(void)pf;
	(void)pid;
	(void)opts;
	return -EPERM;
}

WEAK int prefork_watch_tree(struct prefork *pf, pid_t pid,
			    const struct prefork_watch_options *opts)
{
	return prefork_watch(pf, pid, opts);
}

WEAK int prefork_watch_all(struct prefork *pf, const struct prefork_watch_options *opts)
{
	(void)pf;
	(void)opts;
	return -EPERM;
}

WEAK int prefork_next_many(struct prefork *pf, struct prefork_event *events, int room,
			   int timeout_ms)
{
	(void)pf;
	(void)events;
	(void)room;
	(void)timeout_ms;
	return 0;
}

WEAK int prefork_release(struct prefork *pf, uint64_t cookie)
{
	(void)pf;
	(void)cookie;
	return -ENOENT;
}

WEAK int prefork_deny(struct prefork *pf, uint64_t cookie, int error)
{
	(void)pf;
	(void)cookie;
	(void)error;
	CHECK(!"nothing is denied");
	return -ENOENT;
}

WEAK int prefork_release_forced(struct prefork *pf, uint64_t cookie)
{
	return prefork_release(pf, cookie);
}

WEAK int prefork_get(struct prefork *pf, pid_t pid, struct prefork_watched **watched)
{
	(void)pf;
	(void)pid;
	*watched = NULL;
	return -ESRCH;
}

WEAK int prefork_stats(struct prefork *pf, struct prefork_stats *stats)
{
	(void)pf;
	memset(stats, 0, sizeof(*stats));
	return 0;
}

WEAK const char *prefork_stat_name(unsigned int stat)
{
	(void)stat;
	return NULL;
}
