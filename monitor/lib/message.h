/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel's words for the last refusal, one text per thread. */
#ifndef PREFORK_LIB_MESSAGE_H
#define PREFORK_LIB_MESSAGE_H

#include <stddef.h>

void prefork_message_clear(void);
void prefork_message_set(const char *text, size_t len);

#endif
