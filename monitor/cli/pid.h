/* SPDX-License-Identifier: GPL-2.0 */
/* A PID on the command line. */
#ifndef PID_H
#define PID_H

#include <sys/types.h>

/* Returns 0 for what is no PID. */
pid_t pid_parse(const char *text);

#endif
