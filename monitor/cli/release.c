// SPDX-License-Identifier: GPL-2.0
/* vforkmon release: the administrator frees what somebody else's monitor holds. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <prefork.h>

#include "core/clock.h"
#include "core/proc.h"
#include "core/quote.h"
#include "diagnose.h"
#include "options.h"
#include "pid.h"
#include "sink/output.h"
#include "verbs.h"

static const char help[] =
"Usage: vforkmon release --force PID...\n"
"       vforkmon release --force --all\n"
"\n"
"Lets tasks go on that are held, by whatever monitor: those of the processes, or\n"
"the threads, with the given PIDs, or all that are held now. Says of each who held\n"
"it. The monitor is not ended; it goes on watching, and may hold others. Needs\n"
"CAP_SYS_ADMIN.\n"
"\n"
"Options:\n"
"      --force           though only the monitor knows whether it is ready\n"
"      --all             every task that is held now\n"
"      --help            show this help\n"
"\n"
"Exit status: 0 when all have been let go, or 125: a PID is not held, it is not\n"
"permitted, or vforkmon failed.\n";

enum {
	OPTION_FORCE = 256,
	OPTION_ALL,
	OPTION_HELP,
};

static const struct option long_options[] = {
	{ "force", no_argument, NULL, OPTION_FORCE },
	{ "all", no_argument, NULL, OPTION_ALL },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ 0 },
};

/* What was asked for, and how far that is. */
struct order {
	struct prefork *pf;
	FILE *out;
	size_t count;		/* of what follows, 0: all */
	const pid_t *pids;
	bool *held;		/* each */
	int err;		/* -errno of the first that could not be released, */
	pid_t tid;		/* this one */
};

/* Marks all that mean the task: a PID may be given as that of process and thread. */
static bool is_wanted(struct order *order, pid_t pid, pid_t tid)
{
	bool wanted = !order->count;

	for (size_t i = 0; i < order->count; i++) {
		if (order->pids[i] != pid && order->pids[i] != tid)
			continue;
		order->held[i] = true;
		wanted = true;
	}
	return wanted;
}

static void tell(FILE *out, const struct prefork_watched *watched, const struct prefork_held *held)
{
	char name[16], task[4 * sizeof(name)], owner[4 * sizeof(name)];

	proc_comm(held->tid, name, sizeof(name));
	quote_name(task, sizeof(task), name);
	proc_comm(watched->owner_pid, name, sizeof(name));
	quote_name(owner, sizeof(owner), name);
	fprintf(out, "released task %d (%s), held for %.3f s by %d (%s)", held->tid, task,
		(double)(int64_t)(boottime() - held->since) / 1e9, watched->owner_pid, owner);
	if (held->child)
		fprintf(out, ", about to create %d", held->child);
	putc('\n', out);
}

/* One that has just been answered, or has died, goes its way: nothing is left to do. */
static int release(struct order *order, const struct prefork_watched *watched,
		   const struct prefork_held *held)
{
	int err = prefork_release_forced(order->pf, held->cookie);

	if (err == -ENOENT || err == -EALREADY)
		return 0;
	if (!err)
		tell(order->out, watched, held);
	order->err = err;
	order->tid = held->tid;
	return err;
}

static int look_at(const struct prefork_watched *watched, void *arg)
{
	struct order *order = arg;
	int err = 0;

	for (size_t i = 0; !err && i < watched->held_count; i++)
		if (is_wanted(order, watched->pid, watched->held[i].tid))
			err = release(order, watched, &watched->held[i]);
	return err;
}

static const char *reason(int err)
{
	const char *message = prefork_message();

	if (err == -EPERM)
		return "CAP_SYS_ADMIN is needed, which root has; run it with sudo";
	return *message ? message : strerror(-err);
}

static int not_held(pid_t pid)
{
	return fail("no task of process %d is held; 'vforkmon status' shows which are", (int)pid);
}

static int carry_out(struct order *order)
{
	int err = prefork_dump(order->pf, look_at, order), status = 0;

	if (order->err)
		return fail("cannot release task %d: %s", (int)order->tid, reason(order->err));
	if (err)
		return fail_query(err);
	for (size_t i = 0; i < order->count; i++)
		if (!order->held[i])
			status = not_held(order->pids[i]);
	return status;
}

static int open_and_carry_out(struct order *order)
{
	struct output *output;
	int err, status;

	err = prefork_open(&order->pf);
	if (err)
		return fail_open(err);
	err = output_open(&output, NULL);
	if (err) {
		prefork_close(order->pf);
		return fail("cannot write: %s", strerror(-err));
	}
	order->out = output_stream(output);
	status = carry_out(order);
	prefork_close(order->pf);
	err = output_close(output);
	if (err && err != -EPIPE)
		return fail("cannot write the output: %s", strerror(-err));
	return status;
}

static int release_pids(int count, char **words)
{
	pid_t *pids = calloc((size_t)count, sizeof(*pids));
	bool *held = calloc((size_t)count, sizeof(*held));
	struct order order = { .count = (size_t)count, .pids = pids, .held = held };
	int status = 0;

	if (!pids || !held)
		status = fail("cannot begin: %s", strerror(ENOMEM));
	for (int i = 0; !status && i < count; i++) {
		pids[i] = pid_parse(words[i]);
		if (!pids[i])
			status = fail_usage("release", "'%s' is no PID", words[i]);
	}
	if (!status)
		status = open_and_carry_out(&order);
	free(pids);
	free(held);
	return status;
}

static int begin(bool force, bool all, int count, char **words)
{
	struct order everything = { 0 };

	if (!force)
		return fail_usage("release", "only the monitor that holds a task can answer for it; "
				  "--force lets the task go on without");
	if (all && count)
		return fail_usage("release", "--all and PIDs exclude each other");
	if (!all && !count)
		return fail_usage("release", "no PID given, nor --all");
	return all ? open_and_carry_out(&everything) : release_pids(count, words);
}

int verb_release(int argc, char **argv)
{
	bool force = false, all = false;
	int found;

	opterr = 0;
	optind = 0;
	while ((found = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
		switch (found) {
		case OPTION_FORCE:
			force = true;
			break;
		case OPTION_ALL:
			all = true;
			break;
		case OPTION_HELP:
			fputs(help, stdout);
			return 0;
		default:
			return options_wrong("release", found, argv, long_options);
		}
	}
	return begin(force, all, argc - optind, argv + optind);
}
