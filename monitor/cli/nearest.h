/* SPDX-License-Identifier: GPL-2.0 */
/* What somebody may have meant who wrote something else. */
#ifndef NEAREST_H
#define NEAREST_H

#include <stddef.h>

/* Of @count names the one most like the word; NULL where none is like it. */
const char *nearest(const char *word, const char *const *names, size_t count);

#endif
