/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SIGNAME_H
#define SIGNAME_H

#include <stddef.h>

/* "SIGTERM", "SIGRTMIN+1", or "signal 99". Returns @buffer. */
const char *signal_name(int sig, char *buffer, size_t size);

#endif
