/* SPDX-License-Identifier: GPL-2.0 */
/*
 * capability.h - orders to an actor to give up privileges
 */
#ifndef SELFTESTS_CAPABILITY_H
#define SELFTESTS_CAPABILITY_H

#include <grp.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../kselftest_harness.h"

#ifndef CAP_CHECKPOINT_RESTORE
#define CAP_CHECKPOINT_RESTORE	40
#endif

static inline long change_capability(long cap, bool effective, bool permitted)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return -errno;
	data[cap / 32].effective &= ~(1U << cap % 32);
	data[cap / 32].effective |= (unsigned int)effective << cap % 32;
	if (!permitted)
		data[cap / 32].permitted &= ~(1U << cap % 32);
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

static inline long drop_capability(long cap)
{
	return change_capability(cap, false, false);
}

/* Gives it up until it is raised again. */
static inline long lower_capability(long cap)
{
	return change_capability(cap, false, true);
}

static inline long raise_capability(long cap)
{
	return change_capability(cap, true, true);
}

/* All capabilities go with the user ID. */
static inline long become_user(long uid)
{
	if (setgroups(0, NULL) || setresgid(uid, uid, uid) ||
	    setresuid(uid, uid, uid))
		return -errno;
	return 0;
}

#endif /* SELFTESTS_CAPABILITY_H */
