/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NAME_H
#define NAME_H

#include <stddef.h>

/* Which of an array @names, of constants, @name is; their number if none. */
#define NAME_FIND(names, name)	name_find(names, sizeof(names) / sizeof((names)[0]), name)

size_t name_find(const char *const *names, size_t count, const char *name);

#endif
