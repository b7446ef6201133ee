// SPDX-License-Identifier: GPL-2.0
/* vforkmon run: a command, from its first instruction on. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "adoption.h"
#include "child.h"
#include "diagnose.h"
#include "follow.h"
#include "options.h"
#include "tracing.h"
#include "verbs.h"

static const char help[] =
"Usage: vforkmon run [OPTIONS] [--] COMMAND [ARG...]\n"
"Shows which processes COMMAND creates, before they exist. Exits with its status\n"
"(128+N: signal N; 124: --duration over; 125: failed; 126, 127: cannot run it).\n";

/*
 * Signals from the terminal are for the command, which ends by them or not; when
 * it has, they end what is still waited for. To be asked for vforkmon alone, the
 * others end the watching; the command goes on.
 */
static const int caught[] = { SIGTERM, SIGHUP, 0 };

static struct {
	sighandler_t interrupt, quit;
} before;

static void ignore_terminal(void)
{
	before.interrupt = signal(SIGINT, SIG_IGN);
	before.quit = signal(SIGQUIT, SIG_IGN);
}

/* Nothing may come between, hence the mask. */
static void heed_terminal(struct follow *follow)
{
	static const int all[] = { SIGTERM, SIGHUP, SIGINT, SIGQUIT, 0 };
	sigset_t terminal;

	sigemptyset(&terminal);
	sigaddset(&terminal, SIGINT);
	sigaddset(&terminal, SIGQUIT);
	sigprocmask(SIG_BLOCK, &terminal, NULL);
	signal(SIGINT, before.interrupt);
	signal(SIGQUIT, before.quit);
	follow_catch(follow, all);
}

/* Who ignores it, as whoever started us may have done, has no child to wait for. */
static void heed_children(void)
{
	signal(SIGCHLD, SIG_DFL);
}

/* Begins to watch, then lets the command begin. Returns 0 or an exit status. */
static int begin(struct follow *follow, const struct options *options, struct child *child,
		 const char *name)
{
	struct prefork_watch_options watch = options->watch;
	int err;

	if (!follow_catch(follow, caught))
		return STATUS_FAILURE;
	watch.flags |= PREFORK_WATCH_TREE;
	if (!adoption_begin(follow, options, child->pid, &watch) ||
	    !tracing_begin(follow, options, &watch))
		return STATUS_FAILURE;
	err = follow_watch(follow, child->pid, false, &watch);
	if (err)
		return fail_watch(child->pid, err, follow_message(follow));
	if (!follow_found(follow, child->pid, name))
		return fail("cannot begin: %s", strerror(ENOMEM));
	err = child_start(child);
	return err ? fail("cannot start '%s': %s", name, strerror(-err)) : 0;
}

static int status_of(enum follow_end end, int detail)
{
	switch (end) {
	case FOLLOW_DONE:
		return child_exit_status(detail);
	case FOLLOW_SIGNALLED:
		return 128 + detail;
	case FOLLOW_EXPIRED:
		return STATUS_EXPIRED;
	case FOLLOW_FAILED:
		break;
	}
	return fail("cannot go on watching: %s", strerror(-detail));
}

/*
 * What outlives the command would have no limits any more. Returns @status, or what says that
 * this was not watched to its end; Ctrl-C is how one ends that.
 */
static int follow_rest(struct follow *follow, const struct options *options, int status)
{
	int detail = follow_caught(follow);
	enum follow_end end;

	if (!options_limit(options))
		return status;
	end = detail ? FOLLOW_SIGNALLED : follow_until_all_ended(follow, &detail);
	if (end == FOLLOW_FAILED ||
	    (end == FOLLOW_SIGNALLED && (detail == SIGTERM || detail == SIGHUP)))
		return status_of(end, detail);
	return status;
}

/* Returns the exit status of vforkmon. */
static int follow_command(struct follow *follow, const struct options *options, pid_t pid)
{
	int detail, status;
	enum follow_end end = follow_until_child_ended(follow, pid, &detail);

	if (end != FOLLOW_SIGNALLED)
		heed_terminal(follow);
	status = status_of(end, detail);
	if (end == FOLLOW_DONE)
		status = follow_rest(follow, options, status);
	return follow_finish(follow) ? status : STATUS_FAILURE;
}

int verb_run(int argc, char **argv)
{
	struct options options;
	struct follow *follow;
	struct child child;
	int used, err, status;

	used = options_parse(&options, argc, argv, help, &status);
	if (!used)
		return status;
	if (options.all)
		return fail_usage("run", "--all is for attach");
	if (used == argc)
		return fail_usage("run", "no COMMAND given");

	err = child_create(&child, argv + used);
	if (err)
		return fail("cannot create a process: %s", strerror(-err));
	ignore_terminal();
	heed_children();
	follow = follow_create(&options);
	status = follow ? begin(follow, &options, &child, argv[used]) : STATUS_FAILURE;
	if (status)
		child_cancel(&child);
	else
		status = follow_command(follow, &options, child.pid);
	follow_destroy(follow);
	return status;
}
