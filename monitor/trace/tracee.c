// SPDX-License-Identifier: GPL-2.0
#include "tracee.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define DEPTH_MAX	(64 * 1024)	/* of frames, in bytes */
#endif


/*
 * The kernel lets a tracer wait while the process executes a program, and the
 * exec waits for the tracer of the other threads: hence cancelled at any place.
 * Stops that nobody needs are left out.
 */
static int seize(pid_t tid, enum tracee_scope scope)
{
	static const uintptr_t options[] = {
		[TRACEE_THREADS] = PTRACE_O_TRACECLONE,
		[TRACEE_ALL] = PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			       PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXEC,
	};
	int state, type, err;

	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &type);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	err = ptrace(PTRACE_SEIZE, tid, NULL, (void *)options[scope]) ? -errno : 0;
	pthread_setcancelstate(state, NULL);
	pthread_setcanceltype(type, NULL);
	return err;
}

int tracee_seize(pid_t tid, enum tracee_scope scope)
{
	return seize(tid, scope);
}

/* Those that are ours already refuse. Returns how many are new. */
static int seize_new(DIR *threads, enum tracee_scope scope)
{
	struct dirent *thread;
	int count = 0;

	rewinddir(threads);
	while ((thread = readdir(threads)))
		count += thread->d_name[0] != '.' && !seize((pid_t)atoi(thread->d_name), scope);
	return count;
}

int tracee_seize_process(pid_t pid, enum tracee_scope scope)
{
	int err = seize(pid, scope), count, others = 0;
	char path[64];
	DIR *threads;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	threads = opendir(path);
	if (!threads)
		return err;
	while ((count = seize_new(threads, scope)))
		others += count;
	closedir(threads);
	return others ? 0 : err;
}

/* -EAGAIN where nothing has come and @how is WNOHANG. */
static int look(struct stop *stop, int how)
{
	siginfo_t info = { 0 };
	int state, err;

	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	do
		err = waitid(P_ALL, 0, &info,
			     WEXITED | WSTOPPED | WNOWAIT | __WALL | __WNOTHREAD | how);
	while (err && errno == EINTR);
	err = err ? -errno : 0;
	pthread_setcancelstate(state, NULL);
	if (!err && !info.si_pid)
		return -EAGAIN;
	if (!err)
		*stop = stop_of(&info);
	return err;
}

int tracee_wait(struct stop *stop)
{
	return look(stop, 0);
}

/* There is no way to wait for tracees and for the time at once. */
int tracee_poll(struct stop *stop, int timeout_ms)
{
	const struct timespec pause = { .tv_nsec = timeout_ms * 1000000L };
	int err = look(stop, WNOHANG);

	if (err != -EAGAIN || !timeout_ms)
		return err;
	nanosleep(&pause, NULL);
	return look(stop, WNOHANG);
}

/* Fails where it has been killed meanwhile, which is told next. */
void tracee_resume(const struct stop *stop)
{
	switch (stop->kind) {
	case STOP_END:
		waitpid(stop->tid, NULL, WNOHANG | __WALL | __WNOTHREAD);
		break;
	case STOP_GROUP:
		ptrace(PTRACE_LISTEN, stop->tid, NULL, NULL);
		break;
	case STOP_SIGNAL:
	case STOP_PASSING:
		ptrace(PTRACE_CONT, stop->tid, NULL, (void *)(uintptr_t)stop->signal);
		break;
	}
}

void tracee_keep(const struct stop *stop)
{
	siginfo_t unused;

	waitid(P_PID, (id_t)stop->tid, &unused, WNOHANG | WSTOPPED | __WALL | __WNOTHREAD);
}

int tracee_bury(const struct stop *stop, int *status, struct rusage *usage)
{
	return wait4(stop->tid, status, WNOHANG | __WALL | __WNOTHREAD, usage) == stop->tid ?
		0 : -ECHILD;
}

int tracee_message(const struct stop *stop, pid_t *message)
{
	unsigned long value;

	if (ptrace(PTRACE_GETEVENTMSG, stop->tid, NULL, &value))
		return -errno;
	*message = (pid_t)value;
	return 0;
}

int tracee_siginfo(const struct stop *stop, siginfo_t *info)
{
	return ptrace(PTRACE_GETSIGINFO, stop->tid, NULL, info) ? -errno : 0;
}

void tracee_unwound(void *frame)
{
#ifdef __SANITIZE_ADDRESS__
	__asan_unpoison_memory_region((void *)((uintptr_t)frame - DEPTH_MAX), DEPTH_MAX);
#else
	(void)frame;
#endif
}
