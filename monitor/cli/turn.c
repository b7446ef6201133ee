// SPDX-License-Identifier: GPL-2.0
#include "following.h"

#include <errno.h>
#include <poll.h>

#include "core/adopter.h"
#include "core/clock.h"
#include "core/proc.h"
#include "core/tree.h"
#include "resync.h"
#include "source/source.h"

/* Between two looks whether the state can be read again. */
#define RESYNC_MS	50

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
	else if (follow_wants(follow, origin))
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
		follow_choose_pid(follow, event->pid);
		*origin = tree_origin(follow->tree, event->pid);
	}
	answer(follow, event);
}

void turn_collect(struct follow *follow)
{
	const struct adopter *adopter = follow->adopter;

	if (adopter && adopter->ops->collect)
		adopter->ops->collect(follow->adopter, follow->tree);
}

void turn_adopter(struct follow *follow)
{
	turn_collect(follow);
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
	int got = follow->source->ops->next_many(follow->source, events, FOLLOW_BURST - count);

	*held = false;
	turn_collect(follow);
	for (int i = 0; i < got; i++) {
		handle(follow, &events[i], &follow->origins[count + i]);
		*held |= prefork_event_is_hold(&events[i]);
	}
	return got;
}

/*
 * All tasks go on before any event is shown: whoever reads our output may be
 * the very one that is held, or slow. Returns how many events there were, at
 * most FOLLOW_BURST, or -errno.
 */
static int take_burst(struct follow *follow)
{
	int count = 0, got;
	bool held;

	do {
		got = take_more(follow, count, &held);
		count += got > 0 ? got : 0;
	} while (held && count < FOLLOW_BURST);
	for (int i = 0; i < count; i++)
		show(follow, &follow->events[i], &follow->origins[i]);
	follow->drained = got >= 0 && count < FOLLOW_BURST;
	if (count > 0 && resync_pending(follow->resync))
		follow->heard = boottime();
	if (got == -EBADMSG)
		return count + 1;	/* shows as a gap in the sequence */
	return got < 0 ? got : count;
}

int turn_signal(struct follow *follow)
{
	int sig;

	if (!follow->signal_came)
		return 0;
	follow->signal_came = false;
	display_flush(&follow->display);
	sig = interrupt_take(&follow->interrupt);
	if (sig) {
		display_hurry(&follow->display);
		pictures_hurry(&follow->pictures);
	}
	return sig;
}

int turn_adopter_fd(const struct follow *follow)
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
		{ .fd = turn_adopter_fd(follow), .events = POLLIN },
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

int turn(struct follow *follow, int fd, int timeout_ms)
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

