// SPDX-License-Identifier: GPL-2.0
/*
 * lib/tree with real processes: watching is a function of this file, which
 * stands in for lib/watch and lets the tree grow whenever it is called.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <prefork.h>

#include "core/proc.h"
#include "lib/message.h"
#include "tap.h"

/* More calls than any of these trees is worth. */
#define CALLS_MAX	1000

static struct {
	pid_t root;
	int ask, grown;		/* ends of pipes to and from the root */
	int root_error;
	int error;		/* of each descendant */
	const char *words;	/* for that, may be NULL */
	int calls;		/* for descendants */
	int births;		/* at most so many while it is scanned */
	pid_t refused;		/* with .error, 0: all */
	pid_t seen[CALLS_MAX];
} subject;

static _Noreturn void wait_for_end(void)
{
	for (;;)
		pause();
}

/* The root: a child for each byte, until nobody asks any more. */
static _Noreturn void grow_when_asked(int asked, int grown)
{
	char byte;

	while (read(asked, &byte, 1) == 1) {
		if (!fork())
			wait_for_end();
		if (write(grown, &byte, 1) != 1)
			break;
	}
	_exit(0);
}

static void grow(void)
{
	char byte = 0;

	CHECK(write(subject.ask, &byte, 1) == 1 && read(subject.grown, &byte, 1) == 1);
}

/* A descriptor of /proc/self/fdinfo tells whose it is. */
static pid_t pid_of(int pidfd)
{
	char path[64], line[128];
	int pid = 0;
	FILE *info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	info = fopen(path, "re");
	while (info && fgets(line, sizeof(line), info))
		if (sscanf(line, "Pid: %d", &pid) == 1)
			break;
	if (info)
		fclose(info);
	return pid;
}

static bool was_seen(pid_t pid)
{
	for (int i = 0; i < subject.calls && i < CALLS_MAX; i++)
		if (subject.seen[i] == pid)
			return true;
	return false;
}

static void setup(int births)
{
	int ask[2], grown[2];

	if (pipe(ask) < 0 || pipe(grown) < 0)
		abort();
	subject.root = fork();
	if (!subject.root) {
		setpgid(0, 0);
		close(ask[1]);
		grow_when_asked(ask[0], grown[1]);
	}
	close(ask[0]);
	close(grown[1]);
	subject.ask = ask[1];
	subject.grown = grown[0];
	subject.births = births;
	subject.words = NULL;
	subject.root_error = subject.error = subject.calls = 0;
	subject.refused = 0;
	grow();
}

static void teardown(void)
{
	close(subject.ask);
	close(subject.grown);
	/* It answered grow(), so it has its group, and all its children are in
	 * there. One that lived on would keep our output open.
	 */
	kill(-subject.root, SIGKILL);
	waitpid(subject.root, NULL, 0);
}

int prefork_watch(struct prefork *pf, pid_t pid, const struct prefork_watch_options *opts)
{
	(void)pf;
	EQUAL(subject.root, pid);
	CHECK(opts->flags & PREFORK_WATCH_TREE);
	return subject.root_error;
}

int prefork_watch_pidfd(struct prefork *pf, int pidfd, const struct prefork_watch_options *opts)
{
	(void)pf;
	CHECK(pidfd >= 0);
	CHECK(opts->flags & PREFORK_WATCH_TREE);
	if (subject.calls < CALLS_MAX)
		subject.seen[subject.calls] = pid_of(pidfd);
	if (++subject.calls <= subject.births)
		grow();
	prefork_message_clear();
	if (subject.words)
		prefork_message_set(subject.words, strlen(subject.words));
	return subject.refused && subject.refused != pid_of(pidfd) ? 0 : subject.error;
}

static void quiet_tree_is_watched_once(void)
{
	setup(0);
	grow();
	EQUAL(0, prefork_watch_tree(NULL, subject.root, NULL));
	EQUAL(2, subject.calls);
	teardown();
}

static void those_that_come_late_are_found(void)
{
	setup(3);
	EQUAL(0, prefork_watch_tree(NULL, subject.root, NULL));
	EQUAL(4, subject.calls);
	teardown();
}

static void tree_that_grows_is_not_run_after(void)
{
	setup(CALLS_MAX);
	subject.root_error = subject.error = -EEXIST;
	EQUAL(0, prefork_watch_tree(NULL, subject.root, NULL));
	EQUAL(1, subject.calls);
	teardown();
}

static void those_refused_are_not_looked_for_for_ever(void)
{
	setup(CALLS_MAX);
	subject.error = -EPERM;
	EQUAL(subject.calls, prefork_watch_tree(NULL, subject.root, NULL));
	CHECK(subject.calls > 1 && subject.calls < CALLS_MAX);
	teardown();
}

static void refusals_are_explained(void)
{
	setup(0);
	subject.error = -EPERM;
	EQUAL(1, prefork_watch_tree(NULL, subject.root, NULL));
	STRING(prefork_message(), "Operation not permitted");
	subject.words = "watched by somebody else";
	EQUAL(1, prefork_watch_tree(NULL, subject.root, NULL));
	STRING(prefork_message(), "watched by somebody else");
	teardown();
}

static void root_that_is_refused_is_an_error(void)
{
	setup(0);
	subject.root_error = -EPERM;
	EQUAL(-EPERM, prefork_watch_tree(NULL, subject.root, NULL));
	EQUAL(0, subject.calls);
	teardown();
}

static void all_there_is_leaves_out_what_is_ours(void)
{
	setup(0);
	EQUAL(0, prefork_watch_all(NULL, NULL));
	CHECK(was_seen(getppid()));
	CHECK(!was_seen(getpid()));
	CHECK(!was_seen(subject.root));
	teardown();
}

static bool is_kernel_thread(pid_t pid)
{
	char comm[16];

	proc_comm(2, comm, sizeof(comm));
	return !strcmp(comm, "kthreadd") && (pid == 2 || proc_number(pid, "PPid") == 2);
}

static void all_there_is_leaves_out_the_kernel(void)
{
	setup(0);
	EQUAL(0, prefork_watch_all(NULL, NULL));
	for (int i = 0; i < subject.calls && i < CALLS_MAX; i++)
		CHECK(!is_kernel_thread(subject.seen[i]));
	teardown();
}

static void all_there_is_fails_when_none_can_be_watched(void)
{
	setup(0);
	subject.error = -EPERM;
	EQUAL(-EPERM, prefork_watch_all(NULL, NULL));
	STRING(prefork_message(), "Operation not permitted");
	subject.refused = getppid();
	EQUAL(1, prefork_watch_all(NULL, NULL));
	teardown();
}

int main(void)
{
	static const struct tap_test tests[] = {
		{ "a tree that is quiet is watched once", quiet_tree_is_watched_once },
		{ "children that come late are found", those_that_come_late_are_found },
		{ "a tree that grows is not run after", tree_that_grows_is_not_run_after },
		{ "children that are refused are not looked for for ever",
		  those_refused_are_not_looked_for_for_ever },
		{ "refusals are explained", refusals_are_explained },
		{ "a root that is refused is an error", root_that_is_refused_is_an_error },
		{ "all there is leaves out what is ours", all_there_is_leaves_out_what_is_ours },
		{ "all there is leaves out the kernel", all_there_is_leaves_out_the_kernel },
		{ "all there is fails when none can be watched",
		  all_there_is_fails_when_none_can_be_watched },
	};

	return TAP_RUN(tests);
}
