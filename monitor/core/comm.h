/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The name of a task that is asked for again and again: the file it is in stays
 * open, which spares most of the work.
 */
#ifndef COMM_H
#define COMM_H

#include <stddef.h>
#include <sys/types.h>

struct comm {
	pid_t tid;	/* whose file it is; 0: no file is open */
	int fd;
};

/* As proc_comm(). */
void comm_read(struct comm *comm, pid_t tid, char *name, size_t size);

void comm_close(struct comm *comm);

#endif
