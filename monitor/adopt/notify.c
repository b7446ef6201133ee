// SPDX-License-Identifier: GPL-2.0
#include "notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Messages in a row: who sends without end shall not keep us. */
#define MESSAGES_MAX	64

/* A name of no length asks the kernel for one of five digits; '@' stands for its '\0'. */
static int bind_anywhere(int fd, char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t length = sizeof(address.sun_family);
	const int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, length) < 0)
		return -errno;
	length = sizeof(address);
	if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		return -errno;
	snprintf(name, NOTIFY_NAME_MAX, "@%.*s",
		 (int)(length - offsetof(struct sockaddr_un, sun_path) - 1),
		 address.sun_path + 1);
	return 0;
}

int notify_open(char name[static NOTIFY_NAME_MAX])
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err;

	if (fd < 0)
		return -errno;
	err = bind_anywhere(fd, name);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

/* Anybody can find the name. The kernel tells the real user of the sender. */
static bool may_tell(struct msghdr *header)
{
	const struct cmsghdr *control = CMSG_FIRSTHDR(header);
	struct ucred sender;

	if (!control || control->cmsg_level != SOL_SOCKET ||
	    control->cmsg_type != SCM_CREDENTIALS)
		return false;
	memcpy(&sender, CMSG_DATA(control), sizeof(sender));
	return !sender.uid || sender.uid == getuid() || sender.uid == geteuid();
}

static bool says_ready(char *message)
{
	char *line;

	while ((line = strsep(&message, "\n")))
		if (!strcmp(line, "READY=1"))
			return true;
	return false;
}

/*
 * False when there is none. Descriptors that come along find no room, by which
 * the kernel closes them: that is the answer for which a barrier waits.
 */
static bool take(int fd, bool *ready)
{
	char text[4096 + 1];
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec part = { .iov_base = text, .iov_len = sizeof(text) - 1 };
	struct msghdr header = {
		.msg_iov = &part, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	ssize_t len = recvmsg(fd, &header, MSG_CMSG_CLOEXEC);

	if (len < 0)
		return false;
	text[len] = '\0';
	if (may_tell(&header) && says_ready(text))
		*ready = true;
	return true;
}

bool notify_take_ready(int fd)
{
	bool ready = false;

	for (int i = 0; i < MESSAGES_MAX && take(fd, &ready); i++)
		;
	return ready;
}
