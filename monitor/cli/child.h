/* SPDX-License-Identifier: GPL-2.0 */
/* A command that is there but does not run before it is told to. */
#ifndef CHILD_H
#define CHILD_H

#include <sys/types.h>

struct child {
	pid_t pid;
	int gate;	/* write end of a pipe on which it waits, -1: told */
};

/*
 * To be called before anything is opened or done to signals that the command
 * is not to inherit. Returns -errno.
 */
int child_create(struct child *child, char **argv);

/* The command begins. Returns -errno; then it is to be cancelled. */
int child_start(struct child *child);

/* Ends one that was not started, and waits for that. */
void child_cancel(struct child *child);

/* The exit status to pass on for a status from wait(2). */
int child_exit_status(int status);

#endif
