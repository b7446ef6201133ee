/* SPDX-License-Identifier: GPL-2.0 */
/* What /proc tells about a process, while it lasts. */
#ifndef PROC_H
#define PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "origin.h"

/*
 * The command line, quoted, for free(3). NULL when the process is gone, or
 * runs something else than @exe by now (any, where that is empty).
 */
char *proc_command(pid_t pid, const char *exe);

/* The name, "?" when the process is gone. */
void proc_comm(pid_t pid, char *comm, size_t size);

/* The path of its program; false and "?" when it is gone or that may not be known. */
bool proc_exe(pid_t pid, char *exe, size_t size);

/* The path of its cgroup (version 2), "?" when it is gone or has none. */
void proc_cgroup(pid_t pid, char *cgroup, size_t size);

/* The effective user, (uid_t)-1 when the process is gone. */
uid_t proc_uid(pid_t pid);

/* Are PIDs that are told to that task, or by its system calls, the same as here? */
bool proc_counts_as_we(pid_t tid);

/* False when it has ended, though nobody may have waited for it yet. */
bool proc_lives(pid_t pid);

/* Its parent, and when it was born, to a hundredth of a second. False when it is gone. */
bool proc_origin(pid_t pid, struct origin *origin);

/* What a thread has used, ns, to a hundredth of a second. False when it is gone. */
bool proc_times(pid_t pid, pid_t tid, uint64_t *utime, uint64_t *stime);

/*
 * The number that /proc/TID/status has under @key ("Tgid", "PPid", "TracerPid"),
 * of a thread, too; -1 when it is gone.
 */
int proc_number(pid_t tid, const char *key);

#endif
