// SPDX-License-Identifier: GPL-2.0
#include "comm.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Descriptors beyond that, of which there may be few more, are left to others. */
#define KEPT_BELOW	64

static void open_file(struct comm *comm, pid_t tid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)tid);
	comm->fd = open(path, O_RDONLY | O_CLOEXEC);
	comm->tid = comm->fd < 0 ? 0 : tid;
}

/* The file is that task's: it has no other's name when the number is used again. */
static ssize_t try_to_read(const struct comm *comm, pid_t tid, char *name, size_t size)
{
	return tid && comm->tid == tid ? pread(comm->fd, name, size, 0) : -1;
}

void comm_read(struct comm *comm, pid_t tid, char *name, size_t size)
{
	ssize_t len = try_to_read(comm, tid, name, size - 1);

	if (len <= 0) {
		comm_close(comm);
		open_file(comm, tid);
		len = try_to_read(comm, tid, name, size - 1);
	}
	if (comm->fd >= KEPT_BELOW)
		comm_close(comm);
	if (len <= 0) {
		snprintf(name, size, "?");
		return;
	}
	name[len] = '\0';
	name[strcspn(name, "\n")] = '\0';
}

void comm_close(struct comm *comm)
{
	if (comm->tid)
		close(comm->fd);
	comm->tid = 0;
}
