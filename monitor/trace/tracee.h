/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the calling thread traces with ptrace(2), which binds a tracee to the
 * thread that seized it.
 *
 * A stop is looked at, and stays until the tracee is told to go on. So a thread
 * may end at any time, even by SIGKILL: the kernel then lets go of its tracees,
 * and gives each the signal that it was stopped with. (A stop that is taken
 * with wait(2) loses the signal there.)
 *
 * A tracee may be killed at any time, too. Then nothing here fails; its end is
 * what tracee_wait() tells next.
 *
 * Threads that use this are not to be cancelled but inside tracee_wait() and
 * tracee_seize...(), which allow it whatever the state is.
 */
#ifndef TRACEE_H
#define TRACEE_H

#include <sys/resource.h>
#include <sys/types.h>

#include "stop.h"

/* What a tracee creates is traced as well: */
enum tracee_scope {
	TRACEE_THREADS,		/* threads, and processes by clone(2) without SIGCHLD */
	TRACEE_ALL,		/* and all other processes; each says what it does */
};

/*
 * Trace a task that runs or sleeps, without stopping it.
 * Returns 0 or -errno.
 */
int tracee_seize(pid_t tid, enum tracee_scope scope);

/*
 * Trace all threads of a process that runs, until no other is found. Returns
 * 0 when any is traced, or -errno.
 */
int tracee_seize_process(pid_t pid, enum tracee_scope scope);

/*
 * Wait until any tracee stops or has ended. Returns 0, or -ECHILD when there is
 * none left. Every stop is to be answered with tracee_resume().
 */
int tracee_wait(struct stop *stop);

/* Likewise for at most so long: -EAGAIN when nothing has come. */
int tracee_poll(struct stop *stop, int timeout_ms);

/* It goes on, with its signal; one that has ended is gone then. */
void tracee_resume(const struct stop *stop);

/*
 * It stays where it is, and is not told of again, until it is told to go on.
 * Only of a STOP_PASSING.
 */
void tracee_keep(const struct stop *stop);

/* Instead of that, for one that has ended: takes its status, as wait4(2) does. */
int tracee_bury(const struct stop *stop, int *status, struct rusage *usage);

/* What goes with the event of a stop. Returns 0 or -errno. */
int tracee_message(const struct stop *stop, pid_t *message);

/* About the signal of a STOP_SIGNAL. Returns 0 or -errno. */
int tracee_siginfo(const struct stop *stop, siginfo_t *info);

/*
 * For pthread_cleanup_push() in the first function of a thread that may be
 * cancelled, with a variable of that function: a sanitizer must not take the
 * frames that were left so for used ones.
 */
void tracee_unwound(void *frame);

#endif
