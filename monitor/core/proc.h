/* SPDX-License-Identifier: GPL-2.0 */
/* What /proc tells about a process, while it lasts. */
#ifndef PROC_H
#define PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The command line, quoted, for free(3). NULL when the process is gone, or
 * runs something else than @exe by now (any, where that is empty).
 */
char *proc_command(pid_t pid, const char *exe);

/* The name, "?" when the process is gone. */
void proc_comm(pid_t pid, char *comm, size_t size);

/* Parent and time of birth (CLOCK_BOOTTIME, ns). False when it is gone. */
bool proc_origin(pid_t pid, pid_t *ppid, uint64_t *start);

#endif
