// SPDX-License-Identifier: GPL-2.0
/* vforkmon attach: what runs already. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "adoption.h"
#include "diagnose.h"
#include "follow.h"
#include "options.h"
#include "pid.h"
#include "tracing.h"
#include "verbs.h"

static const char help[] =
"Usage: vforkmon attach [OPTIONS] PID... | --all\n"
"Shows which processes these and their descendants (--all: whatever runs) create,\n"
"until all have ended or Ctrl-C, which leaves them. Exits with 0 (125: failed).\n";

static const int caught[] = { SIGINT, SIGTERM, SIGHUP, 0 };

static bool watch_tree(struct follow *follow, const struct prefork_watch_options *watch,
		       pid_t pid)
{
	int refused = follow_watch(follow, pid, true, watch);

	if (refused > 0)
		warn("%d descendants of process %d are not watched (%s)", refused, pid,
		     follow_message(follow));
	if (refused < 0)
		fail_watch(pid, refused, follow_message(follow));
	return refused >= 0;
}

static bool watch_named(struct follow *follow, const struct prefork_watch_options *watch,
			char **pids)
{
	bool any = false;

	for (; *pids; pids++)
		any |= watch_tree(follow, watch, pid_parse(*pids));
	return any;
}

/* Stopped, it might stop the shell that is to let it go on. */
static void stop_for_nobody(const struct follow *follow, const struct options *options)
{
	if (!follow_session(follow) || options->trace || (options->all && options_hold(options)))
		signal(SIGTSTP, SIG_IGN);
}

/*
 * Some of many may have ended meanwhile; that is no reason to leave the others.
 * Until all are watched, which may take a while, signals end the program.
 */
static int begin(struct follow *follow, const struct options *options, char **pids)
{
	struct prefork_watch_options watch = options->watch;
	int err;

	stop_for_nobody(follow, options);
	if (!adoption_begin(follow, options, 0, &watch) ||
	    !tracing_begin(follow, options, &watch))
		return STATUS_FAILURE;
	if (!(options->all ? follow_watch_all(follow, &watch) : watch_named(follow, &watch, pids)))
		return STATUS_FAILURE;
	stop_for_nobody(follow, options);	/* it may be ptrace by now */
	err = follow_find(follow);
	if (err)
		return fail_query(err);
	if (!follow_catch(follow, caught))
		return STATUS_FAILURE;
	sd_notify(1, "READY=1");
	return 0;
}

static int follow_all(struct follow *follow)
{
	int detail, status = 0;

	if (follow_until_all_ended(follow, &detail) == FOLLOW_FAILED)
		status = fail("cannot go on watching: %s", strerror(-detail));
	return follow_finish(follow) ? status : STATUS_FAILURE;
}

int verb_attach(int argc, char **argv)
{
	struct options options;
	struct follow *follow;
	int used, status;

	used = options_parse(&options, argc, argv, help, &status);
	if (!used)
		return status;
	if (used == argc && !options.all)
		return fail_usage("attach", "no PID given, nor --all");
	if (used < argc && options.all)
		return fail_usage("attach", "--all is more than '%s'", argv[used]);
	for (char **pid = argv + used; *pid; pid++)
		if (!pid_parse(*pid))
			return fail_usage("attach", "'%s' is no PID", *pid);

	follow = follow_create(&options);
	if (!follow)
		return STATUS_FAILURE;
	status = begin(follow, &options, argv + used);
	if (!status)
		status = follow_all(follow);
	follow_destroy(follow);
	return status;
}
