// SPDX-License-Identifier: GPL-2.0
#include "pid.h"

#include <limits.h>

#include "core/number.h"

pid_t pid_parse(const char *text)
{
	uint64_t number;

	return number_parse(text, INT_MAX, &number) ? (pid_t)number : 0;
}
