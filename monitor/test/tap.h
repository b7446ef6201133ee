/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tests that report in KTAP. A test is a function; what it checks goes on
 * after a failure.
 */
#ifndef TAP_H
#define TAP_H

#include <stdbool.h>
#include <stddef.h>

struct tap_test {
	const char *name;	/* a sentence */
	void (*function)(void);
};

/* Runs all; returns the exit status. */
int tap_run(const struct tap_test *tests, size_t count);
#define TAP_RUN(tests)	tap_run(tests, sizeof(tests) / sizeof((tests)[0]))

/* From any thread. Each returns whether it held. */
bool tap_check(bool held, const char *what, const char *file, int line);
bool tap_equal(long long left, long long right, const char *what, const char *file, int line);
bool tap_string(const char *left, const char *right, const char *what, const char *file,
		int line);

#define CHECK(condition)	tap_check(condition, #condition, __FILE__, __LINE__)
#define EQUAL(left, right) \
	tap_equal((long long)(left), (long long)(right), #left " == " #right, __FILE__, __LINE__)
#define STRING(left, right)	tap_string(left, right, #left, __FILE__, __LINE__)

#endif
