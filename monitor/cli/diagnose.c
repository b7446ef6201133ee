// SPDX-License-Identifier: GPL-2.0
#include "diagnose.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <prefork.h>

/* In one write, so that lines of several programs do not mix. */
__attribute__((format(printf, 1, 0)))
static void say(const char *format, va_list args, const char *end)
{
	char line[1024];

	vsnprintf(line, sizeof(line), format, args);
	fprintf(stderr, "vforkmon: %s%s\n", line, end);
}

void warn(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args, "");
	va_end(args);
}

int fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args, "");
	va_end(args);
	return STATUS_FAILURE;
}

int fail_usage(const char *verb, const char *format, ...)
{
	char hint[64];
	va_list args;

	snprintf(hint, sizeof(hint), "; try 'vforkmon %s%s--help'", verb, *verb ? " " : "");
	va_start(args, format);
	say(format, args, hint);
	va_end(args);
	return STATUS_FAILURE;
}

int fail_open(int err)
{
	if (err == -ENOENT)
		return fail("the kernel module is not loaded; load it with 'modprobe prefork' "
			    "(or 'insmod prefork.ko') as root");
	return fail("cannot talk to the kernel: %s", strerror(-err));
}

/* In the kernel's words where it has any. */
static const char *reason(int err, const char *message)
{
	if (*message)
		return message;
	if (err == -EPERM)
		return "CAP_SYS_PTRACE is needed, which root has";
	return strerror(-err);
}

int fail_watch(pid_t pid, int err, const char *message)
{
	return fail("cannot watch process %d: %s", (int)pid, reason(err, message));
}

int fail_watch_all(int err, const char *message)
{
	return fail("cannot watch any process: %s", reason(err, message));
}

int fail_query(int err)
{
	return fail("cannot ask what is watched: %s", reason(err, prefork_message()));
}
