/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The netlink socket: datagrams out and in, and nothing about their content.
 */
#ifndef PREFORK_LIB_CHANNEL_H
#define PREFORK_LIB_CHANNEL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/netlink.h>

/* The kernel's own batches are 32 KiB at most. */
#define CHANNEL_DATAGRAM_MAX	(64 * 1024)

/* Returns a descriptor or -errno. */
int prefork_channel_open(void);

/* Have lost events of a multicast group reported as -ENOBUFS. */
int prefork_channel_join(int fd, uint32_t group);

/* The port that the socket is bound to, 0 where that cannot be told. */
uint32_t prefork_channel_port(int fd);

int prefork_channel_send(int fd, const struct nlmsghdr *nlh);

/*
 * Reads one datagram without waiting. Returns its length, 0 where it is not
 * from the kernel, -EAGAIN where there is none, -EBADMSG for one that was too
 * long and is gone, or -ENOBUFS.
 */
ssize_t prefork_channel_receive(int fd, void *buffer, size_t size);

#endif
