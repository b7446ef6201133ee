// SPDX-License-Identifier: GPL-2.0
#include "tap.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static atomic_int failures;

bool tap_check(bool held, const char *what, const char *file, int line)
{
	if (held)
		return true;
	failures++;
	printf("# %s:%d: failed: %s\n", file, line, what);
	return false;
}

bool tap_equal(long long left, long long right, const char *what, const char *file, int line)
{
	if (left != right)
		printf("# %lld is not %lld\n", left, right);
	return tap_check(left == right, what, file, line);
}

bool tap_string(const char *left, const char *right, const char *what, const char *file, int line)
{
	bool same = left && !strcmp(left, right);

	if (!same)
		printf("# is:     %s\n# wanted: %s\n", left ? left : "(null)", right);
	return tap_check(same, what, file, line);
}

int tap_run(const struct tap_test *tests, size_t count)
{
	int failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("KTAP version 1\n1..%zu\n", count);
	for (size_t i = 0; i < count; i++) {
		failures = 0;
		tests[i].function();
		printf("%s %zu %s\n", failures ? "not ok" : "ok", i + 1, tests[i].name);
		failed += failures != 0;
	}
	return failed != 0 || !count;
}
