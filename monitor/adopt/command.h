/* SPDX-License-Identifier: GPL-2.0 */
/* A command that was started beside the others, and is waited for by poll(2). */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>
#include <sys/types.h>

struct command {
	pid_t pid;
	int pidfd;	/* readable when it has ended */
};

/*
 * Its input is empty, its output is ours. It is in a process group of its own:
 * what a terminal sends is for those who are watched, and for us. @notify is
 * NULL or what it finds as NOTIFY_SOCKET. Returns 0, or -errno where nothing
 * runs.
 */
int command_start(struct command *command, char **words, const char *notify);

/* When it has ended: true, and its status as from wait(2). */
bool command_reap(const struct command *command, int *status);

/* It runs on, or has been reaped. */
void command_forget(struct command *command);

/* Ends it, at once. */
void command_kill(struct command *command);

#endif
