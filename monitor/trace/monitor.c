// SPDX-License-Identifier: GPL-2.0
#include "monitor.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <prefork.h>

#include "core/clock.h"
#include "core/proc.h"
#include "tracee.h"

/* Thousands of threads are to fit; sanitizers want more for themselves. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK_SIZE	(1024 * 1024)
#else
#define STACK_SIZE	(64 * 1024)
#endif

/*
 * What is refused because a thread of this process traces it, as that of the
 * creator may do, or because it has ended: memory is the first that it gives back.
 */
static bool is_cared_for(pid_t pid)
{
	pid_t tracer = (pid_t)proc_number(pid, "TracerPid");

	return proc_number(pid, "VmSize") < 0 ||
	       (tracer > 0 && proc_number(tracer, "Tgid") == getpid());
}

static int seize(const struct monitor *monitor)
{
	int err = monitor->errand == ERRAND_NEWBORN ? tracee_seize(monitor->pid, TRACEE_THREADS) :
						      tracee_seize_process(monitor->pid, TRACEE_THREADS);

	return err == -EPERM && is_cared_for(monitor->pid) ? 0 : err;
}

/* The hold may be over by now (deadline, death): then there is nothing to release. */
static void adopt(struct monitor *monitor)
{
	monitor->error = seize(monitor);
	if (monitor->cookie)
		prefork_release(monitor->pf, monitor->cookie);
	sem_post(&monitor->settled);
}

/* The first thread has the process's own number; whose the others are /proc tells. */
static pid_t process_of(const struct monitor *monitor, pid_t tid)
{
	return tid == monitor->pid ? tid : (pid_t)proc_number(tid, "Tgid");
}

/* While it is stopped, /proc tells of the one that is about to take the signal. */
static void report(struct monitor *monitor, const struct stop *stop)
{
	struct delivery delivery = { .time = boottime(), .tid = stop->tid, .signal = stop->signal };
	siginfo_t info;

	if (tracee_siginfo(stop, &info))
		return;
	delivery.pid = process_of(monitor, stop->tid);
	comm_read(&monitor->comm, stop->tid, delivery.comm, sizeof(delivery.comm));
	delivery.sender = proc_counts_as_we(stop->tid) ? stop_sender(&info) : 0;
	if (delivery.pid > 0)
		outbox_deliver(monitor->outbox, &delivery);
}

/*
 * Its threads are tracees as well, and so is what it creates by clone(2) without
 * SIGCHLD: until the last of them has ended. What is left of a command when it
 * has ended runs on untraced.
 */
static void watch_over(struct monitor *monitor)
{
	struct stop stop;

	while (!tracee_wait(&stop)) {
		if (stop.kind == STOP_END && stop.tid == monitor->pid &&
		    monitor->errand == ERRAND_COMMAND)
			return;
		if (stop.kind == STOP_SIGNAL)
			report(monitor, &stop);
		tracee_resume(&stop);
	}
}

/* Returns whether nothing is left that it traces. */
static bool serve(struct monitor *monitor)
{
	bool is_free;

	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	while (sem_wait(&monitor->told))
		;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	if (monitor->errand != ERRAND_NONE) {
		adopt(monitor);
		watch_over(monitor);
		comm_close(&monitor->comm);
	}
	is_free = monitor_is_reusable(monitor);
	/* From then on it may be given a new process. */
	outbox_end(monitor->outbox, &monitor->last_word);
	return is_free;
}

static void *run(void *arg)
{
	pthread_cleanup_push(tracee_unwound, &arg);
	while (serve(arg))
		;
	pthread_cleanup_pop(0);
	return NULL;
}

/*
 * Signals are for the owner. SIGCHLD, which comes with each stop, is for nobody: it is dropped
 * where it is not blocked here, and would wake the owner where it is.
 */
static int start(struct monitor *monitor)
{
	pthread_attr_t attr;
	sigset_t all;
	int err;

	sigfillset(&all);
	sigdelset(&all, SIGCHLD);
	pthread_attr_init(&attr);
	pthread_attr_setsigmask_np(&attr, &all);
	pthread_attr_setstacksize(&attr, STACK_SIZE + (size_t)PTHREAD_STACK_MIN);
	err = pthread_create(&monitor->thread, &attr, run, monitor);
	pthread_attr_destroy(&attr);
	return err;
}

static void discard(struct monitor *monitor)
{
	comm_close(&monitor->comm);
	sem_destroy(&monitor->told);
	sem_destroy(&monitor->settled);
	free(monitor);
}

struct monitor *monitor_create(pid_t pid, struct prefork *pf, struct outbox *outbox)
{
	struct monitor *monitor = calloc(1, sizeof(*monitor));
	int err;

	if (!monitor)
		return NULL;
	monitor->pid = pid;
	monitor->pf = pf;
	monitor->outbox = outbox;
	monitor->last_word.monitor = monitor;
	sem_init(&monitor->told, 0, 0);
	sem_init(&monitor->settled, 0, 0);
	err = start(monitor);
	if (!err)
		return monitor;
	discard(monitor);
	errno = err;
	return NULL;
}

/* What is left of a command when it has ended is let go by the end of the thread. */
bool monitor_is_reusable(const struct monitor *monitor)
{
	return monitor->errand != ERRAND_COMMAND;
}

void monitor_reuse(struct monitor *monitor, pid_t pid)
{
	while (!sem_trywait(&monitor->settled))
		;
	monitor->pid = pid;
	monitor->error = 0;
}

void monitor_tell(struct monitor *monitor, enum errand errand, uint64_t cookie)
{
	monitor->errand = errand;
	monitor->cookie = cookie;
	sem_post(&monitor->told);
}

void monitor_settle(struct monitor *monitor)
{
	while (sem_wait(&monitor->settled))
		;
}

void monitor_cancel(struct monitor *monitor)
{
	pthread_cancel(monitor->thread);
}

void monitor_join(struct monitor *monitor)
{
	pthread_join(monitor->thread, NULL);
}

void monitor_destroy(struct monitor *monitor)
{
	discard(monitor);
}
