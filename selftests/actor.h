/* SPDX-License-Identifier: GPL-2.0 */
/*
 * actor.h - a child process that does what it is told
 *
 * The test forks it and sends it functions of the program to call; it answers
 * with their results. It keeps no descriptor of the test open, so that it does
 * not keep a session alive, and dies with the test.
 */
#ifndef SELFTESTS_ACTOR_H
#define SELFTESTS_ACTOR_H

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

#include "../kselftest_harness.h"

/* Long enough for a debug kernel under emulation on a busy machine. */
#define PATIENCE_MS	90000

/* The actor's end of the line, in the actor. */
#define ACTOR_SOCK	3

typedef long (*order_fn)(long arg);

struct order {
	order_fn fn;
	long arg;
};

struct actor {
	pid_t pid;
	int pidfd;
	int sock;
};

static inline int open_pidfd(pid_t pid)
{
	return syscall(SYS_pidfd_open, pid, 0);
}

static inline long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* For loops that wait for a state nobody announces. */
static inline void pause_briefly(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
}

/* In the actor: say something, also from a signal handler. */
static inline void actor_say(long word)
{
	while (send(ACTOR_SOCK, &word, sizeof(word), MSG_NOSIGNAL) < 0 &&
	       errno == EINTR)
		;
}

static inline void actor_obey(void)
{
	struct order order;
	ssize_t n;

	for (;;) {
		n = recv(ACTOR_SOCK, &order, sizeof(order), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n != sizeof(order))
			_exit(0);
		actor_say(order.fn(order.arg));
	}
}

static inline void actor_start(struct __test_metadata *_metadata,
			       struct actor *a)
{
	int line[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
				line));
	a->pid = fork();
	ASSERT_LE(0, a->pid);
	if (!a->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (dup2(line[1], ACTOR_SOCK) < 0)
			_exit(1);
		fcntl(ACTOR_SOCK, F_SETFD, FD_CLOEXEC);
		syscall(SYS_close_range, ACTOR_SOCK + 1, ~0U, 0);
		actor_obey();
	}
	close(line[1]);
	a->sock = line[0];
	a->pidfd = open_pidfd(a->pid);
	ASSERT_LE(0, a->pidfd);
}

/* Safe to call twice, and for one that never started. */
static inline void actor_end(struct actor *a)
{
	if (a->pid <= 0)
		return;
	kill(a->pid, SIGKILL);
	waitpid(a->pid, NULL, __WALL);
	close(a->sock);
	close(a->pidfd);
	a->pid = 0;
}

static inline void actor_send(struct __test_metadata *_metadata,
			      struct actor *a, order_fn fn, long arg)
{
	struct order order = { .fn = fn, .arg = arg };

	ASSERT_EQ(sizeof(order),
		  send(a->sock, &order, sizeof(order), MSG_NOSIGNAL));
}

/* Does it say something within that time? */
static inline bool actor_speaks(struct actor *a, int ms)
{
	struct pollfd fd = { .fd = a->sock, .events = POLLIN };

	return poll(&fd, 1, ms) == 1 && (fd.revents & POLLIN);
}

static inline long actor_answer(struct __test_metadata *_metadata,
				struct actor *a)
{
	long word = 0;

	ASSERT_TRUE(actor_speaks(a, PATIENCE_MS)) {
		TH_LOG("no word from %d", a->pid);
	}
	ASSERT_EQ(sizeof(word), recv(a->sock, &word, sizeof(word), 0));
	return word;
}

static inline long actor_do(struct __test_metadata *_metadata,
			    struct actor *a, order_fn fn, long arg)
{
	actor_send(_metadata, a, fn, arg);
	return actor_answer(_metadata, a);
}

/* Reaps an actor that has ended by itself, and returns its wait status. */
static inline int actor_wait(struct __test_metadata *_metadata,
			     struct actor *a)
{
	struct pollfd fd = { .fd = a->pidfd, .events = POLLIN };
	int status = 0;

	ASSERT_EQ(1, poll(&fd, 1, PATIENCE_MS));
	ASSERT_EQ(a->pid, waitpid(a->pid, &status, __WALL));
	close(a->sock);
	close(a->pidfd);
	a->pid = 0;
	return status;
}

#endif /* SELFTESTS_ACTOR_H */
