// SPDX-License-Identifier: LGPL-2.1-or-later
#include "channel.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room for about 50,000 events, so that bursts do not hold anybody back. */
#define RECEIVE_BUFFER	(8 * 1024 * 1024)

/*
 * Old kernels lack the options other than SOL_SOCKET's, and work without. Set
 * by all sessions:
 *   EXT_ACK         refusals come with a text
 *   CAP_ACK         answers do not repeat the request
 *   GET_STRICT_CHK  dumps check their arguments
 *   NO_ENOBUFS      the module retries what does not fit, so that a full
 *                   buffer loses no event and is nothing to report
 */
static void set_option(int fd, int option, int value)
{
	setsockopt(fd, SOL_NETLINK, option, &value, sizeof(value));
}

static void set_options(int fd)
{
	const int size = RECEIVE_BUFFER;

	/* The first needs CAP_NET_ADMIN, the second is cut to rmem_max. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	set_option(fd, NETLINK_EXT_ACK, 1);
	set_option(fd, NETLINK_CAP_ACK, 1);
	set_option(fd, NETLINK_GET_STRICT_CHK, 1);
	set_option(fd, NETLINK_NO_ENOBUFS, 1);
}

int prefork_channel_open(void)
{
	const struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	int fd, err;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (fd < 0)
		return -errno;
	set_options(fd);
	if (bind(fd, (const struct sockaddr *)&any, sizeof(any)) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

int prefork_channel_join(int fd, uint32_t group)
{
	if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return -errno;
	set_option(fd, NETLINK_NO_ENOBUFS, 0);
	return 0;
}

uint32_t prefork_channel_port(int fd)
{
	struct sockaddr_nl own = { 0 };
	socklen_t len = sizeof(own);

	return getsockname(fd, (struct sockaddr *)&own, &len) < 0 ? 0 : own.nl_pid;
}

int prefork_channel_send(int fd, const struct nlmsghdr *nlh)
{
	ssize_t sent;

	do
		sent = send(fd, nlh, nlh->nlmsg_len, 0);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

ssize_t prefork_channel_receive(int fd, void *buffer, size_t size)
{
	struct sockaddr_nl from = { 0 };
	socklen_t from_len = sizeof(from);
	ssize_t len;

	/* With MSG_TRUNC it tells how long the datagram was. */
	do
		len = recvfrom(fd, buffer, size, MSG_DONTWAIT | MSG_TRUNC,
			       (struct sockaddr *)&from, &from_len);
	while (len < 0 && errno == EINTR);
	if (len < 0)
		return -errno;
	if ((size_t)len > size)
		return -EBADMSG;
	return from.nl_pid ? 0 : len;
}
