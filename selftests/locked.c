// SPDX-License-Identifier: GPL-2.0
/*
 * locked - what nobody can change back before the machine boots again
 *
 * Therefore it is the last of all programs; see selftests/run.
 */
#define _GNU_SOURCE
#include "permission.h"

FIXTURE(locked)
{
	char unused;
};

FIXTURE_SETUP(locked)
{
	programs_make(_metadata);
}

FIXTURE_TEARDOWN(locked)
{
	programs_remove();
	settings_restore();
}

TEST_F_TIMEOUT(locked, ptrace_lets_nobody_watch, 120)
{
	if (access(PTRACE_SCOPE, W_OK))
		SKIP(return, "no Yama in this kernel");
	EXPECT_EQ(2, try_watch_rows(_metadata, true));
}

TEST_HARNESS_MAIN
