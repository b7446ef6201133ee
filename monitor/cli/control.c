// SPDX-License-Identifier: GPL-2.0
#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "rules/rules.h"

/* Who asks, in a row. */
#define BURST	16

/* Seconds: one that does not answer may hang. */
#define PATIENCE	3

/* Bytes, for some thousand rules. */
#define ROOM	(4 << 20)

static const char *folder(void)
{
	const char *given = getenv("RUNTIME_DIRECTORY");

	return given ? given : "/run/vforkmon";
}

/* Nobody else may open it: who can lock it can keep the daemon. Returns -errno. */
static int open_lock(void)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/lock", folder());
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? -errno : fd;
}

static struct sockaddr_un address(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/control", folder());
	return address;
}

/* Messages, since they have ends. Returns -errno. */
static int open_socket(int flags)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0);

	return fd < 0 ? -errno : fd;
}

static int connect_to_daemon(void)
{
	const struct timeval patience = { .tv_sec = PATIENCE };
	const struct sockaddr_un to = address();
	int fd = open_socket(0), err;

	if (fd < 0)
		return fd;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (!connect(fd, (const struct sockaddr *)&to, sizeof(to)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* Nobody can connect before it listens. */
static int begin_to_listen(int fd)
{
	const struct sockaddr_un at = address();

	if (bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0 ||
	    chmod(at.sun_path, 0600) < 0 || listen(fd, BURST) < 0)
		return -errno;
	return 0;
}

static int open_alone(void)
{
	int fd = connect_to_daemon(), err;

	if (fd >= 0) {
		close(fd);
		return -EADDRINUSE;
	}
	if (fd == -ECONNREFUSED)	/* of one that was killed */
		unlink(address().sun_path);
	fd = open_socket(SOCK_NONBLOCK);
	if (fd < 0)
		return fd;
	err = begin_to_listen(fd);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

/* Of two that begin at once, one would take the other's for that of one that was killed. */
int control_open(void)
{
	int lock, fd;

	mkdir(folder(), 0755);
	lock = open_lock();
	if (lock < 0)
		return lock;
	fd = flock(lock, LOCK_EX) ? -errno : open_alone();
	close(lock);
	return fd;
}

void control_close(int fd)
{
	unlink(address().sun_path);
	close(fd);
}

static void tell(int fd, const struct rules *rules)
{
	const int room = ROOM;

	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	for (size_t i = 0; i < rules->count; i++) {
		const struct rule *rule = &rules->items[i];
		struct control_rule told = {
			.hits = rule->hits, .line = rule->line, .count = (uint32_t)rules->count,
		};

		snprintf(told.text, sizeof(told.text), "%s", rule->text);
		if (send(fd, &told, sizeof(told), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			return;
	}
}

void control_answer(int fd, const struct rules *rules)
{
	for (int i = 0, asker; i < BURST; i++) {
		asker = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		if (asker < 0)
			return;
		tell(asker, rules);
		close(asker);
	}
}

int control_ask(void (*fn)(const struct control_rule *rule, void *arg), void *arg)
{
	int fd = connect_to_daemon(), err;
	struct control_rule rule = { 0 };
	uint32_t count = 0;
	ssize_t length;

	if (fd < 0)
		return fd;
	while ((length = recv(fd, &rule, sizeof(rule), 0)) == sizeof(rule)) {
		rule.text[sizeof(rule.text) - 1] = '\0';
		fn(&rule, arg);
		count++;
	}
	if (length)
		err = length < 0 ? -errno : -EBADMSG;
	else
		err = count < rule.count ? -EMSGSIZE : 0;
	close(fd);
	return err;
}
