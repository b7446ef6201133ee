/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names and command lines as text for a terminal: on one line, without control
 * characters, whatever bytes they are made of.
 */
#ifndef QUOTE_H
#define QUOTE_H

#include <stddef.h>

/*
 * One name; what is not printable as \ooo. Returns what it wrote, cut to
 * @size - 1 bytes.
 */
size_t quote_name(char *to, size_t size, const char *name);

/*
 * Arguments as a shell would want them, from @len bytes in which each ends
 * with '\0'. Long ones end in "...". For free(3); NULL without memory.
 */
char *quote_command(const char *args, size_t len);

#endif
