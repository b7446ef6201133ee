/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ENDING_H
#define ENDING_H

#include <errno.h>
#include <sys/wait.h>

/* Waits for a child. Its exit status, or -N for signal N. */
static inline int end_of(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

#endif
