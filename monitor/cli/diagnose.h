/* SPDX-License-Identifier: GPL-2.0 */
/* What goes wrong, in one line on standard error each. */
#ifndef DIAGNOSE_H
#define DIAGNOSE_H

#include <sys/types.h>

/* Our own failures, as with env(1); the others are the command's. */
#define STATUS_EXPIRED		124	/* as with timeout(1) */
#define STATUS_FAILURE		125
#define STATUS_NOT_EXECUTABLE	126
#define STATUS_NOT_FOUND	127

void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Each returns STATUS_FAILURE. @message: why, or empty. */
int fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int fail_open(int err);
int fail_watch(pid_t pid, int err, const char *message);
int fail_watch_all(int err, const char *message);
int fail_query(int err);
int fail_usage(const char *verb, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
