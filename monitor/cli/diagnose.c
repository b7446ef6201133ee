// SPDX-License-Identifier: GPL-2.0
#include "diagnose.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <prefork.h>

/* In one write, so that lines of several programs do not mix. */
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

/* The kernel's reason, in brackets where there is one. */
static const char *reason(char *buffer, size_t size)
{
	const char *message = prefork_message();

	snprintf(buffer, size, *message ? " (%s)" : "%s", message);
	return buffer;
}

static int fail_permission(const char *what)
{
	char why[256];

	return fail("not permitted to %s%s; it takes CAP_SYS_PTRACE, which root has",
		    what, reason(why, sizeof(why)));
}

int fail_watch(pid_t pid, int err)
{
	char why[256], what[64];

	if (err == -EPERM || err == -EACCES) {
		snprintf(what, sizeof(what), "watch process %d", (int)pid);
		return fail_permission(what);
	}
	return fail("cannot watch process %d: %s%s", (int)pid, strerror(-err),
		    reason(why, sizeof(why)));
}

int fail_query(int err)
{
	char why[256];

	if (err == -EPERM || err == -EACCES)
		return fail_permission("ask what is watched");
	return fail("cannot ask what is watched: %s%s", strerror(-err), reason(why, sizeof(why)));
}
