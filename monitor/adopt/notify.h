/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The receiving end of sd_notify(3): a socket whose name goes to a command, and
 * to what that starts, as NOTIFY_SOCKET.
 */
#ifndef NOTIFY_H
#define NOTIFY_H

#include <stdbool.h>

#define NOTIFY_NAME_MAX	32

/*
 * Returns a descriptor for poll(2), to be closed with close(2), or -errno. The
 * name is an abstract one that the kernel has chosen: there is no file to
 * remove, whatever ends this process.
 */
int notify_open(char name[static NOTIFY_NAME_MAX]);

/* Takes messages that are there. Did one say READY=1? */
bool notify_take_ready(int fd);

#endif
