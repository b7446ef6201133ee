/* SPDX-License-Identifier: GPL-2.0 */
/* Names of programs and files are bytes; output is to be valid UTF-8. */
#ifndef UTF8_H
#define UTF8_H

#include <stddef.h>

/*
 * The length of the character that a string begins with, at most @max bytes,
 * or 0 where no valid one stands.
 */
size_t utf8_length(const char *text, size_t max);

#endif
