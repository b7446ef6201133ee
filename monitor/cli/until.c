// SPDX-License-Identifier: GPL-2.0
#include "following.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "core/adopter.h"
#include "core/clock.h"
#include "core/tree.h"
#include "diagnose.h"
#include "resync.h"
#include "sink/timeline.h"
#include "source/source.h"

/* How long the kernel may take to report the end of a child that was waited for. */
#define LAST_WORD_MS	5000

/* How long events of what has ended may be on their way. */
#define STRAGGLER_MS	100

/* How long nothing may come though something is on its way, and between two looks whether it is. */
#define LATE_MS		500
#define LATE_LOOK_MS	10

/* Between two looks at a child that has ended and that its tracer has yet to reap. */
#define LINGER_MS	10

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
		*detail = turn_signal(follow);
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
static void take_last_words(struct follow *follow, pid_t pid)
{
	uint64_t silent_since = boottime();

	while (tree_find(follow->tree, pid)) {
		int count = turn(follow, -1, STRAGGLER_MS);

		if (count < 0)
			break;		/* its status is known all the same */
		if (turn_signal(follow))
			break;
		if (count)
			silent_since = boottime();
		else if (boottime() - silent_since > LAST_WORD_MS * NS_PER_MS)
			break;
	}
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
		*detail = turn_signal(follow);
		if (*detail)
			return FOLLOW_SIGNALLED;
		if (interrupt_expire(&follow->interrupt))
			return FOLLOW_EXPIRED;
	}
	*detail = reaped < 0 ? reaped : status;
	if (reaped < 0)
		return FOLLOW_FAILED;
	take_last_words(follow, pid);
	return FOLLOW_DONE;
}

enum follow_end follow_until_child_ended(struct follow *follow, pid_t pid, int *detail)
{
	int pidfd = pidfd_open(pid, 0);
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
		{ .fd = turn_adopter_fd(follow), .events = POLLIN },
	};

	while (!adopter->ops->finish(adopter) && !follow->interrupt.signalled) {
		display_flush(&follow->display);
		if (poll(pfds, 2, -1) < 0 && errno != EINTR)
			break;
		follow->signal_came = pfds[0].revents;
		turn_adopter(follow);
		turn_signal(follow);
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
		if (count < 0 || turn_signal(follow))
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
	       turn(follow, -1, -1) >= 0)
		turn_signal(follow);
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
	turn_collect(follow);
	if (follow->adopter && follow->adopter->ops->leave)
		follow->adopter->ops->leave(follow->adopter);
	/* Nobody is held while the end is written, however long that takes. */
	follow_close_source(follow);
	if (follow->adopter)
		await_adopter(follow);
	if (follow->options->match.count && options_remember(follow->options))
		tree_prune(follow->tree);
	written = display_finish(&follow->display, follow->tree, follow->lost, running);
	return finish_pictures(follow) && written;
}
