/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A process to trace that is not a child of the test: another one is its parent,
 * and passes on what wait(2) tells.
 */
#ifndef SUBJECT_H
#define SUBJECT_H

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/proc.h"
#include "tap.h"

struct subject {
	pid_t pid;
	int gate;	/* it executes its command when a byte comes; then that is its input */
	int told;	/* its PID, then each status */
	pid_t parent;
};

static inline _Noreturn void subject_begin(int gate, char **argv)
{
	char go;

	if (read(gate, &go, 1) == 1 && dup2(gate, STDIN_FILENO) == STDIN_FILENO)
		execvp(argv[0], argv);
	_exit(127);
}

static inline _Noreturn void subject_attend(int tell, pid_t pid)
{
	int status = pid;

	while (write(tell, &status, sizeof(status)) > 0 &&
	       waitpid(pid, &status, WUNTRACED | WCONTINUED) == pid)
		;
	_exit(0);
}

static inline struct subject subject_create(char **argv)
{
	struct subject subject = { 0 };
	int gate[2], tell[2];
	pid_t pid;

	if (pipe(gate) < 0 || pipe(tell) < 0)
		abort();
	subject.parent = fork();
	if (!subject.parent) {
		pid = fork();
		close(gate[1]);
		if (!pid)
			subject_begin(gate[0], argv);
		close(gate[0]);
		subject_attend(tell[1], pid);
	}
	close(gate[0]);
	close(tell[1]);
	subject.gate = gate[1];
	subject.told = tell[0];
	CHECK(read(subject.told, &subject.pid, sizeof(pid)) == sizeof(pid));
	return subject;
}

#define SUBJECT(...)	subject_create((char *[]){ __VA_ARGS__, NULL })

static inline void subject_start(const struct subject *subject)
{
	CHECK(write(subject->gate, "", 1) == 1);
}

/* What its parent is told next. */
static inline int subject_status(const struct subject *subject)
{
	int status;

	return read(subject->told, &status, sizeof(status)) == sizeof(status) ? status : -1;
}

static inline void subject_destroy(const struct subject *subject)
{
	kill(subject->pid, SIGKILL);
	close(subject->gate);
	close(subject->told);
	waitpid(subject->parent, NULL, 0);
}

/* Looks until it holds, for some seconds. */
#define UNTIL(condition) do { \
	for (int tries_ = 0; !(condition) && tries_ < 5000; tries_++) \
		nanosleep(&(const struct timespec){ .tv_nsec = 1000000 }, NULL); \
	CHECK(condition); \
} while (0)

static inline pid_t tracer_of(pid_t tid)
{
	return proc_number(tid, "TracerPid");
}

/*
 * Threads that a subject creates can be told by their name from those that a
 * sanitizer adds, even before the subject executes its command.
 */
#define SUBJECT_THREAD	"subject"

static inline bool is_created_by_subject(pid_t tid)
{
	char name[16];

	proc_comm(tid, name, sizeof(name));
	return !strcmp(name, SUBJECT_THREAD);
}

/* How many threads @tid traces (0: nobody): all, or those that the subject created. */
static inline int subject_traced(pid_t pid, pid_t tid, bool all)
{
	struct dirent *thread;
	char path[64];
	DIR *threads;
	int count = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	threads = opendir(path);
	while (threads && (thread = readdir(threads))) {
		pid_t one = atoi(thread->d_name);

		count += one && tracer_of(one) == tid && (all || is_created_by_subject(one));
	}
	if (threads)
		closedir(threads);
	return count;
}

static inline void subject_read(void)
{
	char byte;

	if (read(STDIN_FILENO, &byte, 1) != 1)
		_exit(127);
}

static inline void *subject_idle(void *arg)
{
	pthread_setname_np(pthread_self(), SUBJECT_THREAD);
	for (;;)
		pause();
	return arg;
}

static inline void *subject_execute(void *arg)
{
	pthread_setname_np(pthread_self(), SUBJECT_THREAD);
	subject_read();
	execlp("sleep", "sleep", "1000", NULL);
	return arg;
}

/*
 * Commands of a subject that has threads: /proc/self/exe threads creates another
 * for each byte; /proc/self/exe exec has a thread that executes sleep then.
 */
static inline _Noreturn void subject_main(const char *command)
{
	bool executes = !strcmp(command, "exec");
	pthread_t thread;

	pthread_create(&thread, NULL, executes ? subject_execute : subject_idle, NULL);
	for (;;) {
		if (executes)
			pause();
		subject_read();
		pthread_create(&thread, NULL, subject_idle, NULL);
	}
}

#endif
