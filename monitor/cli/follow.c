// SPDX-License-Identifier: GPL-2.0
#include "following.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "core/adopter.h"
#include "core/clock.h"
#include "core/delivery.h"
#include "core/proc.h"
#include "core/tree.h"
#include "diagnose.h"
#include "resync.h"
#include "source/found.h"
#include "source/source.h"

static bool find(struct follow *follow, pid_t pid, const char *comm);

static void on_found(void *follow, pid_t pid, const char *comm)
{
	find(follow, pid, comm);
}

static bool on_answers(void *arg, uint64_t cookie)
{
	const struct follow *follow = arg;
	const struct adopter *adopter = follow->adopter;

	return adopter && adopter->ops->answers(adopter, cookie);
}

static void on_resync(void *arg, uint64_t time, size_t found, size_t gone)
{
	struct follow *follow = arg;

	display_resync(&follow->display, time, found, gone);
}

static bool begin_tree(struct follow *follow)
{
	const struct resync_listener listener = {
		.found = on_found,
		.answers = on_answers,
		.done = on_resync,
		.arg = follow,
	};

	follow->tree = tree_create(options_remember(follow->options));
	if (follow->tree)
		follow->resync = resync_create(follow_session(follow), follow->tree, &listener);
	return follow->resync;
}

void follow_close_source(struct follow *follow)
{
	if (follow->source)
		follow->source->ops->close(follow->source);
	follow->source = NULL;
}

/* Returns as follow_watch(). */
static int fall_back(struct follow *follow, pid_t pid, bool tree,
		     const struct prefork_watch_options *options)
{
	struct source *other;
	int err = backend_fall_back(&other, follow->options, pid, tree, options);

	if (err >= 0) {
		follow_close_source(follow);
		follow->source = other;
	}
	return err;
}

/* The others need not be sent. */
static struct prefork_watch_options with_events(const struct follow *follow,
						const struct prefork_watch_options *options)
{
	struct prefork_watch_options watch = *options;

	watch.events = options_events(follow->options);
	return watch;
}

int follow_watch(struct follow *follow, pid_t pid, bool tree,
		 const struct prefork_watch_options *options)
{
	const struct prefork_watch_options watch = with_events(follow, options);
	int err = follow->source->ops->watch(follow->source, pid, tree, &watch);

	if (err == -EPERM && !follow->watches && follow_session(follow))
		err = fall_back(follow, pid, tree, &watch);
	follow->watches |= err >= 0;
	return err;
}

bool follow_watch_all(struct follow *follow, const struct prefork_watch_options *options)
{
	const struct prefork_watch_options watch = with_events(follow, options);
	int refused = follow->source->ops->watch_all(follow->source, &watch);

	if (refused < 0)
		fail_watch_all(refused, follow_message(follow));
	else if (refused)
		warn("%d processes are not watched (%s)", refused, follow_message(follow));
	follow->watches |= refused >= 0;
	return refused >= 0;
}

const char *follow_message(const struct follow *follow)
{
	return follow->source->ops->message(follow->source);
}

/* Asked for by --match, as its creator may have been already. */
static bool matches(void *arg, const struct process *process)
{
	const struct follow *follow = arg;
	const struct match_subject known = {
		.comm = process->comm, .depth = process->depth,
		.uid = origin_uid(&process->origin),
	};

	return process->origin.chosen ||
		match_process(&follow->options->match, process->pid, &known);
}

/* Who reads may be one of all that are held until we have written. */
static bool may_wait_for_itself(const struct follow *follow)
{
	const struct options *options = follow->options;

	return options->all && options_hold(options) && selection_any(&options->shown) &&
		display_has_reader(&follow->display);
}

static bool open_all(struct follow *follow)
{
	const struct options *options = follow->options;

	follow->source = backend_open(options);
	follow->begin = boottime();
	interrupt_init(&follow->interrupt, options->duration);
	if (!follow->source || !display_open(&follow->display, options, follow->begin))
		return false;
	if (may_wait_for_itself(follow)) {
		fail("with --all whoever reads a pipe may be held: write to a file (-o), or "
		     "nothing (-q)");
		return false;
	}
	follow->pictures = options->pictures;
	if (!pictures_open(&follow->pictures))
		return false;
	if (!begin_tree(follow)) {
		fail("cannot begin: %s", strerror(errno));
		return false;
	}
	display_begin(&follow->display);
	return true;
}

struct follow *follow_create(const struct options *options)
{
	struct follow *follow = calloc(1, sizeof(*follow));

	if (!follow) {
		fail("cannot begin: %s", strerror(errno));
		return NULL;
	}
	follow->options = options;
	follow->quota.max_procs = options->max_procs;
	follow->quota.max_depth = options->max_depth;
	follow->attended = -1;
	if (options->match.count)
		follow_choose(follow, matches, follow);
	if (!open_all(follow)) {
		follow_destroy(follow);
		return NULL;
	}
	return follow;
}

void follow_destroy(struct follow *follow)
{
	if (!follow)
		return;
	if (follow->adopter)
		follow->adopter->ops->destroy(follow->adopter);
	resync_destroy(follow->resync);
	follow_close_source(follow);
	display_close(&follow->display);
	pictures_close(&follow->pictures);
	tree_destroy(follow->tree);
	interrupt_close(&follow->interrupt);
	free(follow);
}

bool follow_catch(struct follow *follow, const int *caught)
{
	if (!interrupt_catch(&follow->interrupt, caught))
		return false;
	display_hurry_by(&follow->display, follow->interrupt.signals);
	pictures_hurry_by(&follow->pictures, follow->interrupt.signals);
	return true;
}

bool follow_reopen(struct follow *follow)
{
	return display_reopen(&follow->display);
}

struct prefork *follow_session(const struct follow *follow)
{
	return follow->source ? source_session(follow->source) : NULL;
}

FILE *follow_output(const struct follow *follow)
{
	return display_stream(&follow->display);
}

void follow_adopt(struct follow *follow, struct adopter *adopter)
{
	follow->adopter = adopter;
}

void follow_choose(struct follow *follow, follow_choose_fn *choose, void *arg)
{
	follow->choose = choose;
	follow->choose_arg = arg;
}

/* Of whom nothing is known any more rather too much is shown. */
bool follow_wants(const struct follow *follow, const struct origin *origin)
{
	return !follow->choose || origin->chosen || !origin->start;
}

static void choose(const struct process *process, void *arg)
{
	struct follow *follow = arg;

	tree_choose(follow->tree, process->pid, follow->choose(follow->choose_arg, process));
}

void follow_choose_pid(struct follow *follow, pid_t pid)
{
	const struct process *process = tree_find(follow->tree, pid);

	if (follow->choose && process)
		choose(process, follow);
}

void follow_choose_again(struct follow *follow)
{
	tree_each_running(follow->tree, choose, follow);
}

void follow_attend(struct follow *follow, int fd, void (*attend)(void *arg), void *arg)
{
	follow->attended = fd;
	follow->attend = attend;
	follow->attend_arg = arg;
}

static bool add_found(struct follow *follow, pid_t pid, const char *comm, char *command)
{
	struct adopter *adopter = follow->adopter;
	struct origin origin = { .start = follow->begin };

	proc_origin(pid, &origin);
	origin.uid = proc_uid(pid);
	origin.has_uid = origin.uid != (uid_t)-1;
	if (!tree_add(follow->tree, pid, &origin, comm, command))
		return false;
	follow_choose_pid(follow, pid);
	if (adopter && adopter->ops->found)
		adopter->ops->found(adopter, pid);
	return true;
}

bool follow_found(struct follow *follow, pid_t pid, const char *comm)
{
	return add_found(follow, pid, comm,
			 options_remember(follow->options) ? proc_command(pid, "") : NULL);
}

static bool find(struct follow *follow, pid_t pid, const char *comm)
{
	const struct process *process;

	if (!add_found(follow, pid, comm, proc_command(pid, "")))
		return false;
	process = tree_find(follow->tree, pid);
	if (follow_wants(follow, &process->origin))
		display_found(&follow->display, process);
	return true;
}

static int find_one(const struct found *found, void *follow)
{
	return find(follow, found->pid, found->comm) ? 0 : -ENOMEM;
}

int follow_find(struct follow *follow)
{
	return follow->source->ops->each_found(follow->source, find_one, follow);
}

void follow_signal(struct follow *follow, const struct delivery *delivery)
{
	if (follow_wants(follow, &delivery->origin))
		display_signal(&follow->display, delivery);
}

void follow_missed(struct follow *follow, uint64_t count)
{
	const struct prefork_event now = { .time = boottime() };

	display_lost(&follow->display, &now, count);
}

