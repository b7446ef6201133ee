// SPDX-License-Identifier: GPL-2.0
#include "pid.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

pid_t pid_parse(const char *text)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || !isdigit((unsigned char)text[0]) || value > INT_MAX)
		return 0;
	return (pid_t)value;
}
