/* SPDX-License-Identifier: GPL-2.0 */
/*
 * skip.h - a fixture that has nothing to stand on
 *
 * After a SKIP(return) in FIXTURE_SETUP some harnesses run the test all the
 * same. This leaves as a failed ASSERT does: neither test nor teardown follow.
 */
#ifndef SELFTESTS_SKIP_H
#define SELFTESTS_SKIP_H

#include "../kselftest_harness.h"

#define SKIP_IN_SETUP(...) \
	SKIP(longjmp(_metadata->env, 1), __VA_ARGS__)

#endif /* SELFTESTS_SKIP_H */
