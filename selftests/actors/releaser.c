// SPDX-License-Identifier: GPL-2.0
/*
 * releaser REPORT COMMAND ARG... - runs COMMAND, watched with everything that
 * it creates, and each creation, birth and program held; lets go on at once
 * what is held.
 *
 * Ends as COMMAND does, and leaves to themselves those who live on then.
 * Writes into the file REPORT a line for each count of what was held and of
 * what went wrong. Ends with 120 if it cannot watch.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "prefork.h"

#define FAILURE		120
#define PATIENCE_MS	60000

#define HOLD_CREATIONS	(PREFORK_HOLD_VFORK | PREFORK_HOLD_FORK | \
			 PREFORK_HOLD_THREAD)
#define HOLD_BIRTHS	(PREFORK_HOLD_BIRTH | PREFORK_HOLD_BIRTH_THREAD)

enum count {
	CREATIONS,
	BIRTHS,
	PROGRAMS,
	/* Not one of these should be. */
	UNHELD,		/* creations */
	TIMEOUTS,
	LOST,
	UNWATCHED,
	UNANSWERED,
	GAPS,
	COUNTS
};

static const char *const names[] = {
	[CREATIONS] = "creations",
	[BIRTHS] = "births",
	[PROGRAMS] = "programs",
	[UNHELD] = "unheld",
	[TIMEOUTS] = "timeouts",
	[LOST] = "lost",
	[UNWATCHED] = "unwatched",
	[UNANSWERED] = "unanswered",
	[GAPS] = "gaps",
};

static unsigned long long counts[COUNTS];
static uint64_t seq;

static _Noreturn void fail(const char *what, int err)
{
	fprintf(stderr, "releaser: %s: %s %s\n", what, strerror(-err),
		prefork_message());
	_exit(FAILURE);
}

static void count(const struct prefork_event *e)
{
	counts[GAPS] += e->seq != ++seq;
	seq = e->seq;
	switch (e->type) {
	case PREFORK_EVENT_PREFORK:
		counts[e->cookie ? CREATIONS : UNHELD]++;
		break;
	case PREFORK_EVENT_BORN:
		counts[BIRTHS] += e->cookie != 0;
		break;
	case PREFORK_EVENT_EXEC:
		counts[PROGRAMS] += e->cookie != 0;
		break;
	case PREFORK_EVENT_TIMEOUT:
		counts[TIMEOUTS]++;
		break;
	case PREFORK_EVENT_LOST:
		counts[LOST] += e->count;
		break;
	case PREFORK_EVENT_UNWATCHED:
		counts[UNWATCHED]++;
		break;
	}
}

/* Who is gone, or was taken by a tracer, has no hold any more. */
static void release(struct prefork *pf, const struct prefork_event *e)
{
	int err;

	if (!prefork_event_is_hold(e))
		return;
	err = prefork_release(pf, e->cookie);
	counts[UNANSWERED] += err && err != -ENOENT;
}

/* Until the end of @pid, which nobody has waited for yet. */
static void serve(struct prefork *pf, pid_t pid)
{
	struct prefork_event e;
	int ret;

	do {
		ret = prefork_next(pf, &e, -1);
		if (ret < 0)
			fail("cannot read events", ret);
		count(&e);
		release(pf, &e);
	} while (e.type != PREFORK_EVENT_EXIT || e.pid != pid || e.thread);
}

static void report(const char *path)
{
	FILE *file = fopen(path, "w");

	for (int i = 0; file && i < COUNTS; i++)
		fprintf(file, "%s %llu\n", names[i], counts[i]);
	if (!file || fclose(file))
		fail(path, -errno);
}

/* End of file: nobody watches. */
static _Noreturn void execute(int gate, char **argv)
{
	char go;

	if (read(gate, &go, 1) == 1) {
		close(gate);
		execvp(argv[0], argv);
	}
	_exit(127);
}

int main(int argc, char **argv)
{
	const struct prefork_watch_options options = {
		.flags = PREFORK_WATCH_TREE | PREFORK_WATCH_THREADS,
		.hold = HOLD_CREATIONS | HOLD_BIRTHS | PREFORK_HOLD_EXEC,
		.timeout_ms = PATIENCE_MS,
		.has_timeout = true,
	};
	struct prefork *pf;
	int gate[2], status, err;
	pid_t pid;

	if (argc < 3)
		return FAILURE;
	err = prefork_open(&pf);
	if (err)
		fail("no session", err);
	if (pipe(gate))
		fail("pipe", -errno);
	pid = fork();
	if (!pid) {
		prefork_close(pf);
		close(gate[1]);
		execute(gate[0], argv + 2);
	}
	close(gate[0]);
	err = pid < 0 ? -errno : prefork_watch(pf, pid, &options);
	if (err)
		fail("cannot watch", err);
	if (write(gate[1], "", 1) != 1)
		fail("write", -errno);
	serve(pf, pid);
	if (waitpid(pid, &status, 0) != pid)
		fail("waitpid", -errno);
	prefork_close(pf);
	report(argv[1]);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
				     WEXITSTATUS(status);
}
