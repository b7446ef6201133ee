// SPDX-License-Identifier: GPL-2.0
#include "follow.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backend.h"
#include "core/adopter.h"
#include "core/clock.h"
#include "core/delivery.h"
#include "core/proc.h"
#include "core/quota.h"
#include "core/tree.h"
#include "diagnose.h"
#include "display.h"
#include "interrupt.h"
#include "resync.h"
#include "sink/timeline.h"
#include "source/found.h"
#include "source/source.h"

/* Events in a row before they are shown, and signals and the child get a look. */
#define BURST		256

/* How long the kernel may take to report the end of a child that was waited for. */
#define LAST_WORD_MS	5000

/* How long events of what has ended may be on their way. */
#define STRAGGLER_MS	100

/* How long nothing may come though something is on its way, and between two looks whether it is. */
#define LATE_MS		500
#define LATE_LOOK_MS	10

/* Between two looks at a child that has ended and that its tracer has yet to reap. */
#define LINGER_MS	10

/* Between two looks whether the state can be read again. */
#define RESYNC_MS	50

#define NS_PER_MS	UINT64_C(1000000)

struct follow {
	const struct options *options;
	uint64_t begin;		/* CLOCK_BOOTTIME, ns */
	struct source *source;
	bool watches;		/* any process */
	struct display display;
	struct tree *tree;
	struct adopter *adopter;	/* or NULL */
	follow_choose_fn *choose;	/* or NULL: all are shown */
	void *choose_arg;
	int attended;			/* readable when that is to be called; or -1 */
	void (*attend)(void *arg);
	void *attend_arg;
	struct resync *resync;
	struct pictures pictures;
	struct quota quota;
	struct interrupt interrupt;	/* once a signal was taken few waits go on, and not for long */
	bool drained;		/* all events that there were have been taken */
	bool signal_came;	/* at the last look, and is still to be taken */
	bool attended_ready;	/* likewise */
	bool fd_ready;		/* at the last look, what the caller waits for */
	uint64_t seq;		/* of the last event that was shown */
	uint64_t read;		/* time of the last event, LOST left out */
	uint64_t heard;		/* when the last one was taken, after a loss */
	uint64_t lost;		/* events */
	struct prefork_event events[BURST];
	struct origin origins[BURST];	/* of their processes */
};

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

static void close_source(struct follow *follow)
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
		close_source(follow);
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
	close_source(follow);
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
static bool is_wanted(const struct follow *follow, const struct origin *origin)
{
	return !follow->choose || origin->chosen || !origin->start;
}

static void choose(const struct process *process, void *arg)
{
	struct follow *follow = arg;

	tree_choose(follow->tree, process->pid, follow->choose(follow->choose_arg, process));
}

static void choose_by_pid(struct follow *follow, pid_t pid)
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
	choose_by_pid(follow, pid);
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
	if (is_wanted(follow, &process->origin))
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
	if (is_wanted(follow, &delivery->origin))
		display_signal(&follow->display, delivery);
}

void follow_missed(struct follow *follow, uint64_t count)
{
	const struct prefork_event now = { .time = boottime() };

	display_lost(&follow->display, &now, count);
}

/* A hold that is over by now (deadline, death) needs no answer. */
static void answer(struct follow *follow, const struct prefork_event *event)
{
	struct adopter *adopter = follow->adopter;
	bool may = quota_event(&follow->quota, event, follow->tree);

	if (adopter && adopter->ops->event(adopter, event, follow->tree))
		return;
	if (!may)
		prefork_deny(follow_session(follow), event->cookie, EAGAIN);
	else if (prefork_event_is_hold(event))
		prefork_release(follow_session(follow), event->cookie);
}

static void lose(struct follow *follow, const struct prefork_event *event, uint64_t count)
{
	follow->lost += count;
	display_lost(&follow->display, event, count);
	resync_want(follow->resync, event->time);
}

static void check_sequence(struct follow *follow, const struct prefork_event *event)
{
	if (event->seq != follow->seq + 1)
		lose(follow, event, event->seq - follow->seq - 1);
	follow->seq = event->seq;
}

static void show(struct follow *follow, const struct prefork_event *event,
		 const struct origin *origin)
{
	check_sequence(follow, event);
	if (event->type == PREFORK_EVENT_LOST)
		lose(follow, event, event->count);
	else if (is_wanted(follow, origin))
		display_event(&follow->display, event, origin);
}

/* A process, or what it runs: rules may hold that did not before. */
static bool is_new(const struct prefork_event *event)
{
	return event->type == PREFORK_EVENT_EXEC ||
		(event->type == PREFORK_EVENT_BORN && !event->thread);
}

/* What somebody may be waiting for. */
static void handle(struct follow *follow, const struct prefork_event *event,
		   struct origin *origin)
{
	char *command = NULL;

	if (event->type == PREFORK_EVENT_EXEC && options_remember(follow->options))
		command = proc_command(event->pid, event->path);
	if (event->type != PREFORK_EVENT_LOST)
		follow->read = event->time;
	tree_event(follow->tree, event, command, origin);
	if (follow->choose && is_new(event)) {
		choose_by_pid(follow, event->pid);
		*origin = tree_origin(follow->tree, event->pid);
	}
	answer(follow, event);
}

static void collect(struct follow *follow)
{
	const struct adopter *adopter = follow->adopter;

	if (adopter && adopter->ops->collect)
		adopter->ops->collect(follow->adopter, follow->tree);
}

static void turn_adopter(struct follow *follow)
{
	collect(follow);
	if (follow->adopter)
		follow->adopter->ops->turn(follow->adopter);
}

/*
 * Behind the first @count events of the burst. Returns how many there were, or
 * -errno. There may be more that is held where @held is set.
 */
static int take_more(struct follow *follow, int count, bool *held)
{
	struct prefork_event *events = follow->events + count;
	int got = follow->source->ops->next_many(follow->source, events, BURST - count);

	*held = false;
	collect(follow);
	for (int i = 0; i < got; i++) {
		handle(follow, &events[i], &follow->origins[count + i]);
		*held |= prefork_event_is_hold(&events[i]);
	}
	return got;
}

/*
 * All tasks go on before any event is shown: whoever reads our output may be
 * the very one that is held, or slow. Returns how many events there were, at
 * most BURST, or -errno.
 */
static int take_burst(struct follow *follow)
{
	int count = 0, got;
	bool held;

	do {
		got = take_more(follow, count, &held);
		count += got > 0 ? got : 0;
	} while (held && count < BURST);
	for (int i = 0; i < count; i++)
		show(follow, &follow->events[i], &follow->origins[i]);
	follow->drained = got >= 0 && count < BURST;
	if (count > 0 && resync_pending(follow->resync))
		follow->heard = boottime();
	if (got == -EBADMSG)
		return count + 1;	/* shows as a gap in the sequence */
	return got < 0 ? got : count;
}

/*
 * Returns the signal that came, or 0. What has been told so far is written
 * while it has not been taken, so that nobody keeps us for ever who does not read.
 */
static int take_signal(struct follow *follow)
{
	int sig;

	if (!follow->signal_came)
		return 0;
	follow->signal_came = false;
	display_flush(&follow->display);
	sig = interrupt_take(&follow->interrupt);
	if (sig)
		display_hurry(&follow->display);
	return sig;
}

static int adopter_fd(const struct follow *follow)
{
	return follow->adopter ? follow->adopter->ops->fd(follow->adopter) : -1;
}

/* For events, signals, or @fd (-1: none): one look tells of all of them. */
static int look(struct follow *follow, int fd, int timeout_ms)
{
	struct pollfd pfds[] = {
		{ .fd = follow->source->ops->fd(follow->source), .events = POLLIN },
		{ .fd = follow->interrupt.signals, .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
		{ .fd = adopter_fd(follow), .events = POLLIN },
		{ .fd = follow->attended, .events = POLLIN },
	};

	if (resync_pending(follow->resync) && (timeout_ms < 0 || timeout_ms > RESYNC_MS))
		timeout_ms = RESYNC_MS;
	timeout_ms = display_timeout(&follow->display, timeout_ms);
	if (poll(pfds, 5, interrupt_timeout(&follow->interrupt, timeout_ms)) < 0)
		return errno == EINTR ? 0 : -errno;
	follow->drained = !pfds[0].revents;
	follow->signal_came = pfds[1].revents;
	follow->fd_ready = pfds[2].revents;
	follow->attended_ready = pfds[4].revents;
	return 0;
}

static bool is_quiet(const struct follow *follow)
{
	return follow->drained && boottime() - follow->heard > RESYNC_QUIET_MS * NS_PER_MS;
}

/*
 * Waits where nothing was left, and takes what there is. What has been told is
 * written once all there was has been taken. Returns the number of events or
 * -errno.
 */
static int turn(struct follow *follow, int fd, int timeout_ms)
{
	int count = look(follow, fd, follow->drained ? timeout_ms : 0);

	if (!count && !follow->drained)
		count = take_burst(follow);
	turn_adopter(follow);
	if (follow->attended_ready)
		follow->attend(follow->attend_arg);
	if (count < 0)
		return count;
	if (resync_pending(follow->resync))
		resync_turn(follow->resync, follow->read, is_quiet(follow));
	if (follow->drained)
		display_turn(&follow->display, !count);
	return count;
}

/* Without us there would be no limits. */
static bool is_pointless(const struct follow *follow)
{
	return display_is_over(&follow->display) && !options_limit(follow->options);
}

int follow_caught(const struct follow *follow)
{
	return follow->interrupt.signalled;
}

enum follow_end follow_until_all_ended(struct follow *follow, int *detail)
{
	uint64_t heard = boottime();
	int count;

	do {
		count = turn(follow, -1, tree_running(follow->tree) ? -1 : STRAGGLER_MS);
		if (count < 0) {
			*detail = count;
			return FOLLOW_FAILED;
		}
		*detail = take_signal(follow);
		if (*detail)
			return FOLLOW_SIGNALLED;
		if (interrupt_expire(&follow->interrupt))
			return FOLLOW_EXPIRED;
		if (is_pointless(follow))
			return FOLLOW_DONE;
		if (count || tree_running(follow->tree))
			heard = boottime();
	} while (boottime() - heard < STRAGGLER_MS * NS_PER_MS ||
		 resync_pending(follow->resync));
	return FOLLOW_DONE;
}

/* The child was waited for; its last events may still be on their way. */
static enum follow_end take_last_words(struct follow *follow, pid_t pid)
{
	uint64_t silent_since = boottime();

	while (tree_find(follow->tree, pid)) {
		int count = turn(follow, -1, STRAGGLER_MS);

		if (count < 0)
			break;		/* its status is known all the same */
		if (take_signal(follow))
			break;
		if (count)
			silent_since = boottime();
		else if (boottime() - silent_since > LAST_WORD_MS * NS_PER_MS)
			break;
	}
	return FOLLOW_DONE;
}

static enum follow_end follow_child(struct follow *follow, pid_t pid, int pidfd, int *detail)
{
	int status, reaped = 0;
	bool ended = false;

	for (;;) {
		if (ended)
			reaped = follow->source->ops->reap(follow->source, pid, &status);
		if (reaped)
			break;
		*detail = ended ? turn(follow, -1, LINGER_MS) : turn(follow, pidfd, -1);
		if (*detail < 0)
			return FOLLOW_FAILED;
		ended |= follow->fd_ready;
		*detail = take_signal(follow);
		if (*detail)
			return FOLLOW_SIGNALLED;
		if (interrupt_expire(&follow->interrupt))
			return FOLLOW_EXPIRED;
	}
	*detail = reaped < 0 ? reaped : status;
	if (reaped < 0)
		return FOLLOW_FAILED;
	return take_last_words(follow, pid);
}

enum follow_end follow_until_child_ended(struct follow *follow, pid_t pid, int *detail)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	enum follow_end end;

	if (pidfd < 0) {
		*detail = -errno;
		return FOLLOW_FAILED;
	}
	end = follow_child(follow, pid, pidfd, detail);
	close(pidfd);
	return end;
}

/* Whatever it still has to do for those that have ended, unless a signal comes or came. */
static void await_adopter(struct follow *follow)
{
	struct adopter *adopter = follow->adopter;
	struct pollfd pfds[] = {
		{ .fd = follow->interrupt.signals, .events = POLLIN },
		{ .fd = adopter_fd(follow), .events = POLLIN },
	};

	while (!adopter->ops->finish(adopter) && !follow->interrupt.signalled) {
		display_flush(&follow->display);
		if (poll(pfds, 2, -1) < 0 && errno != EINTR)
			break;
		follow->signal_came = pfds[0].revents;
		turn_adopter(follow);
		take_signal(follow);
	}
}

/*
 * How long nothing may come of what is on its way, ms; 0: nothing is. The module tells, of all
 * its events together, who may ask; there is no need to while there is something to be taken.
 */
static int patience(const struct follow *follow)
{
	struct prefork *session = follow_session(follow);
	struct prefork_stats stats;

	if (!session || !follow->drained || prefork_stats(session, &stats))
		return STRAGGLER_MS;
	return stats.value[PREFORK_STAT_QUEUED] ? LATE_MS : 0;
}

/*
 * What happened before the end is told, unless a signal comes: another, where one was the end.
 * Who could not run in time looks once more, hence the time is taken before a look.
 */
static void take_stragglers(struct follow *follow)
{
	uint64_t end = boottime(), heard = end, now;
	int patience_ms, count;

	do {
		now = boottime();
		patience_ms = patience(follow);
		count = turn(follow, -1, patience_ms ? LATE_LOOK_MS : 0);
		if (count < 0 || take_signal(follow))
			return;
		if (count)
			heard = boottime();
	} while ((patience_ms || !follow->drained) && follow->read < end &&
		 now < heard + patience_ms * NS_PER_MS && now < end + LAST_WORD_MS * NS_PER_MS);
}

/* What was lost is not left out of the end, if that can be had soon. */
static void catch_up(struct follow *follow)
{
	uint64_t start = boottime();

	while (resync_pending(follow->resync) && !follow->interrupt.signalled &&
	       boottime() - start < LAST_WORD_MS * NS_PER_MS &&
	       turn(follow, -1, RESYNC_MS) >= 0)
		take_signal(follow);
}

static bool finish_pictures(struct follow *follow)
{
	const struct timeline timeline = {
		.tree = follow->tree, .begin = follow->begin, .end = boottime(),
	};

	return pictures_write(&follow->pictures, &timeline);
}

bool follow_finish(struct follow *follow)
{
	size_t running;
	bool written;

	if (follow->interrupt.signalled || follow->interrupt.expired)
		take_stragglers(follow);
	catch_up(follow);
	running = follow->interrupt.expired ? tree_running(follow->tree) : 0;
	if (follow->quota.denied)
		warn("%" PRIu64 " processes were not to be created (--max-procs, --max-depth)",
		     follow->quota.denied);
	collect(follow);
	if (follow->adopter && follow->adopter->ops->leave)
		follow->adopter->ops->leave(follow->adopter);
	/* Nobody is held while the end is written, however long that takes. */
	close_source(follow);
	if (follow->adopter)
		await_adopter(follow);
	if (follow->options->match.count && options_remember(follow->options))
		tree_prune(follow->tree);
	written = display_finish(&follow->display, follow->tree, follow->lost, running);
	return finish_pictures(follow) && written;
}
