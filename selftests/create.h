/* SPDX-License-Identifier: GPL-2.0 */
/*
 * create.h - the ways to create a process or a thread
 *
 * Functions return the number of what they created, reaped already, or a
 * negative errno value.
 */
#ifndef SELFTESTS_CREATE_H
#define SELFTESTS_CREATE_H

#include <linux/futex.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <sys/syscall.h>

#include "actor.h"

/* Kernel headers older than the kernel. */
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

#define CHILD_STATUS	7	/* how the children here exit */
#define BROKEN		-9999	/* what was created did not behave */

enum kind {
	BY_FORK,
	BY_VFORK,
	BY_CLONE,
	BY_CLONE3,
	BY_SPAWN,
	BY_THREAD,
	BY_RAW_THREAD,
	KINDS,
	BY_NEW_NAMESPACE = KINDS	/* takes rights: not for all tests */
};

static const char *const kind_name[] = {
	"fork", "vfork", "clone", "clone3", "posix_spawn",
	"pthread_create", "clone of a thread",
};

static inline bool makes_thread(enum kind kind)
{
	return kind == BY_THREAD || kind == BY_RAW_THREAD;
}

static inline long clone3(struct clone_args *args)
{
	long ret = syscall(SYS_clone3, args, sizeof(*args));

	return ret < 0 ? -errno : ret;
}

/* The raw call of old: the child shares nothing and returns 0 here. */
static inline long clone_raw(unsigned long flags, int *parent_tid,
			     int *child_tid)
{
#ifdef __aarch64__	/* the last two the other way round */
	long ret = syscall(SYS_clone, flags, NULL, parent_tid, 0, child_tid);
#else
	long ret = syscall(SYS_clone, flags, NULL, parent_tid, child_tid, 0);
#endif

	return ret < 0 ? -errno : ret;
}

/* Returns the child's number once it has ended as it should. */
static inline long reap(long pid, int status)
{
	int seen;

	if (pid < 0)
		return pid;
	while (waitpid(pid, &seen, __WALL) < 0)
		if (errno != EINTR)
			return BROKEN;
	return seen == status ? pid : BROKEN;
}

static inline long by_fork(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(CHILD_STATUS);
	return reap(pid < 0 ? -errno : pid, CHILD_STATUS << 8);
}

static inline long by_vfork(void)
{
	pid_t pid = vfork();

	if (!pid)
		_exit(CHILD_STATUS);
	return reap(pid < 0 ? -errno : pid, CHILD_STATUS << 8);
}

static inline long by_clone(void)
{
	long pid = clone_raw(SIGCHLD, NULL, NULL);

	if (!pid)
		_exit(CHILD_STATUS);
	return reap(pid, CHILD_STATUS << 8);
}

static inline long by_clone3(void)
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	long pid = clone3(&args);

	if (!pid)
		_exit(CHILD_STATUS);
	return reap(pid, CHILD_STATUS << 8);
}

static inline long by_spawn(void)
{
	char *argv[] = { "true", NULL }, *envp[] = { NULL };
	pid_t pid;
	int err;

	err = posix_spawn(&pid, "/bin/true", NULL, NULL, argv, envp);
	return err ? -err : reap(pid, 0);
}

static inline void *tell_tid(void *tid)
{
	*(long *)tid = syscall(SYS_gettid);
	return NULL;
}

static inline long by_thread(void)
{
	pthread_t thread;
	long tid = BROKEN;
	int err = pthread_create(&thread, NULL, tell_tid, &tid);

	if (err)
		return -err;
	return pthread_join(thread, NULL) ? BROKEN : tid;
}

/* It has no memory of its own, not even an errno: system calls only. */
static inline int end_thread(void *unused)
{
	(void)unused;
	return syscall(SYS_exit, 0);
}

/* Unlike pthread_create(), which blocks all signals meanwhile. */
static inline long raw_thread(int (*run)(void *unused))
{
	static char stack[16384] __attribute__((aligned(16)));
	int running = 1, state, tid;

	tid = clone(run, stack + sizeof(stack),
		    CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
		    CLONE_THREAD | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID,
		    NULL, NULL, NULL, &running);
	if (tid < 0)
		return -errno;
	while ((state = __atomic_load_n(&running, __ATOMIC_ACQUIRE)))
		syscall(SYS_futex, &running, FUTEX_WAIT, state, NULL, NULL, 0);
	return tid;
}

static inline long by_raw_thread(void)
{
	return raw_thread(end_thread);
}

/* The first process of a PID namespace of its own. */
static inline long by_new_namespace(void)
{
	long pid = clone_raw(CLONE_NEWPID | SIGCHLD, NULL, NULL);

	if (!pid)
		_exit(getpid() == 1 ? CHILD_STATUS : 1);
	return reap(pid, CHILD_STATUS << 8);
}

/* An order for an actor, as all with a long. */
static inline long create(long kind)
{
	switch (kind) {
	case BY_NEW_NAMESPACE: return by_new_namespace();
	case BY_FORK:	return by_fork();
	case BY_VFORK:	return by_vfork();
	case BY_CLONE:	return by_clone();
	case BY_CLONE3:	return by_clone3();
	case BY_SPAWN:	return by_spawn();
	case BY_THREAD:	return by_thread();
	default:	return by_raw_thread();
	}
}

/* In an actor: the child says its number and ends when it is told to. */
static inline long vfork_until_told(long unused)
{
	pid_t pid = vfork();
	char byte;

	if (!pid) {
		actor_say(getpid());
		_exit(recv(ACTOR_SOCK, &byte, 1, 0) == 1 ? 0 : 1);
	}
	return reap(pid, 0) + unused;
}

/* Announces and fails @n times, which is the quickest way to many events. */
static inline long refuse_many(long n)
{
	long refused = 0;

	while (n--)
		refused += clone_raw(CLONE_SIGHAND, NULL, NULL) == -EINVAL;
	return refused;
}

/* A child with exactly that number; fails while the number is taken. */
static inline long create_at(long pid)
{
	pid_t set_tid[] = { pid };
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)set_tid,
		.set_tid_size = 1,
	};
	long ret = clone3(&args);

	if (!ret)
		_exit(CHILD_STATUS);
	return reap(ret, CHILD_STATUS << 8);
}

#endif /* SELFTESTS_CREATE_H */
