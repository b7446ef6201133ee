/* SPDX-License-Identifier: GPL-2.0 */
/*
 * newborn.h - children that tell when they have run
 *
 * They write into memory that the test shares with them; nothing else of them
 * is needed, so that one instruction too early is seen.
 */
#ifndef SELFTESTS_NEWBORN_H
#define SELFTESTS_NEWBORN_H

#include "create.h"

static struct traces {
	int ran;		/* the child's own code */
	int handled;		/* a signal handler of the child */
	int handled_after_run;
	uint64_t blocked;	/* its signal mask */
} *traces;

/* Before the actor starts, which inherits it. */
static inline void traces_share(struct __test_metadata *_metadata)
{
	traces = mmap(NULL, sizeof(*traces), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, traces);
}

static inline void leave_trace(void)
{
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &traces->blocked,
		sizeof(traces->blocked));
	__atomic_store_n(&traces->ran, 1, __ATOMIC_SEQ_CST);
}

static inline bool has_run(void)
{
	return __atomic_load_n(&traces->ran, __ATOMIC_SEQ_CST);
}

static inline int has_handled(void)
{
	return __atomic_load_n(&traces->handled, __ATOMIC_SEQ_CST);
}

static inline void handle(int sig)
{
	(void)sig;
	traces->handled_after_run = has_run();
	__atomic_add_fetch(&traces->handled, 1, __ATOMIC_SEQ_CST);
}

/* In the actor, as all the following. */
static inline long install_handler(long sig)
{
	struct sigaction action = { .sa_handler = handle };

	return sigaction(sig, &action, NULL);
}

static inline int trace_thread(void *unused)
{
	(void)unused;
	leave_trace();
	return syscall(SYS_exit, 0);
}

static inline long newborn_by_vfork(void)
{
	pid_t pid = vfork();

	if (!pid) {
		leave_trace();
		_exit(CHILD_STATUS);
	}
	return reap(pid < 0 ? -errno : pid, CHILD_STATUS << 8);
}

/* The child leaves its trace and ends at once. */
static inline long newborn(long kind)
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	long pid;

	if (kind == BY_VFORK)
		return newborn_by_vfork();
	if (makes_thread(kind))
		return raw_thread(trace_thread);
	pid = kind == BY_CLONE3 ? clone3(&args) : clone_raw(SIGCHLD, NULL, NULL);
	if (!pid) {
		leave_trace();
		_exit(CHILD_STATUS);
	}
	return reap(pid, CHILD_STATUS << 8);
}

#endif /* SELFTESTS_NEWBORN_H */
