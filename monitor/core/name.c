// SPDX-License-Identifier: GPL-2.0
#include "name.h"

#include <string.h>

size_t name_find(const char *const *names, size_t count, const char *name)
{
	size_t i = 0;

	while (i < count && strcmp(names[i], name))
		i++;
	return i;
}
