/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NUMBER_H
#define NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* Decimal digits and nothing else, up to @max. */
bool number_parse(const char *text, uint64_t max, uint64_t *number);

#endif
