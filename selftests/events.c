// SPDX-License-Identifier: GPL-2.0
/*
 * events - only those are told that WATCH names, and those of who is held
 */
#define _GNU_SOURCE
#include "create.h"
#include "session.h"

FIXTURE(events)
{
	struct actor actor;
	struct prefork *pf;
	struct prefork_event event;	/* the last one read */
	uint64_t seq;			/* its number */
};

FIXTURE_SETUP(events)
{
	actor_start(_metadata, &self->actor);
	ASSERT_EQ(0, prefork_open(&self->pf)) {
		TH_LOG("no session: is the module loaded?");
	}
}

FIXTURE_TEARDOWN(events)
{
	prefork_close(self->pf);
	actor_end(&self->actor);
}

static void watch(struct __test_metadata *_metadata,
		  FIXTURE_DATA(events) *self, uint32_t events, uint32_t hold,
		  uint32_t timeout_ms)
{
	const struct prefork_watch_options opts = {
		.flags = PREFORK_WATCH_TREE | PREFORK_WATCH_THREADS,
		.hold = hold,
		.timeout_ms = timeout_ms,
		.has_timeout = true,
		.events = events,
	};

	ASSERT_EQ(0, prefork_watch(self->pf, self->actor.pid, &opts)) {
		TH_LOG("%s", prefork_message());
	}
}

/* The next one, whose number is that of the one before and 1. */
static const struct prefork_event *next(struct __test_metadata *_metadata,
					FIXTURE_DATA(events) *self)
{
	ASSERT_EQ(1, prefork_next(self->pf, &self->event, PATIENCE_MS));
	ASSERT_EQ(++self->seq, self->event.seq);
	return &self->event;
}

static void expect(struct __test_metadata *_metadata,
		   FIXTURE_DATA(events) *self, uint32_t type, bool held)
{
	const struct prefork_event *e = next(_metadata, self);

	ASSERT_EQ(type, e->type) {
		TH_LOG("%s instead of %s", prefork_event_name(e->type),
		       prefork_event_name(type));
	}
	ASSERT_EQ(held, prefork_event_is_hold(e));
}

static void release(struct __test_metadata *_metadata,
		    FIXTURE_DATA(events) *self)
{
	ASSERT_EQ(0, prefork_release(self->pf, self->event.cookie));
}

/* A process with an event of each kind, and a creation that fails. */
static long do_all(long unused)
{
	pid_t pid = vfork();

	if (!pid) {
		execl("/bin/true", "true", NULL);
		_exit(1);
	}
	if (clone_raw(CLONE_SIGHAND | SIGCHLD, NULL, NULL) != -EINVAL)
		return BROKEN;
	return reap(pid, 0) + unused;
}

/* How many of each, beside the last one, which tells that there are no more. */
static void count_all(struct __test_metadata *_metadata,
		      FIXTURE_DATA(events) *self, int *counts)
{
	const struct prefork_event *e;

	ASSERT_LT(0, actor_do(_metadata, &self->actor, do_all, 0));
	ASSERT_EQ(0, prefork_unwatch_all(self->pf));
	while ((e = next(_metadata, self))->type != PREFORK_EVENT_UNWATCHED)
		counts[e->type - PREFORK_EVENT_PREFORK]++;
}

TEST_F_TIMEOUT(events, are_those_that_are_named, 90)
{
	/* PREFORK, BORN, FORK_FAILED, EXEC, EXIT, VFORK_DONE */
	static const int all[] = { 2, 1, 1, 1, 1, 1 };
	size_t i, n;

	for (n = 0; n < 2 * ARRAY_SIZE(all); n++) {
		uint32_t events = 1U << n / 2;
		int counts[32] = { 0 };

		if (n % 2)
			events ^= PREFORK_TELL_ALL;
		watch(_metadata, self, events, 0, 0);
		count_all(_metadata, self, counts);
		for (i = 0; i < ARRAY_SIZE(counts); i++)
			EXPECT_EQ(i < ARRAY_SIZE(all) && events & (1U << i) ?
				  all[i] : 0, counts[i]) {
				TH_LOG("%s, of 0x%x", prefork_event_name(
				       PREFORK_EVENT_PREFORK + i), events);
			}
	}
}

TEST_F_TIMEOUT(events, of_who_is_held_are_told, 60)
{
	/* VFORK_DONE is about no hold, and was not asked for. */
	static const int wanted[] = { 2, 1, 1, 1, 1, 0 };
	const struct prefork_event *e;
	int counts[32] = { 0 };
	size_t i;

	watch(_metadata, self, PREFORK_TELL_EXIT, HOLD_PROCESSES |
	      PREFORK_HOLD_BIRTH | PREFORK_HOLD_EXEC, 0);
	actor_send(_metadata, &self->actor, do_all, 0);
	do {
		e = next(_metadata, self);
		counts[e->type - PREFORK_EVENT_PREFORK]++;
		EXPECT_EQ(prefork_event_is_hold(e),
			  e->type != PREFORK_EVENT_FORK_FAILED &&
			  e->type != PREFORK_EVENT_EXIT);
		if (prefork_event_is_hold(e))
			release(_metadata, self);
	} while (!counts[PREFORK_EVENT_FORK_FAILED - PREFORK_EVENT_PREFORK] ||
		 !counts[PREFORK_EVENT_EXIT - PREFORK_EVENT_PREFORK]);
	EXPECT_LT(0, actor_answer(_metadata, &self->actor));
	for (i = 0; i < ARRAY_SIZE(wanted); i++)
		EXPECT_EQ(wanted[i], counts[i]);
}

/* Whatever becomes of a creation that was held, the owner learns of it. */
TEST_F_TIMEOUT(events, that_conclude_a_hold_are_told, 60)
{
	watch(_metadata, self, PREFORK_TELL_EXIT, PREFORK_HOLD_FORK, 0);
	actor_send(_metadata, &self->actor, create, BY_FORK);
	expect(_metadata, self, PREFORK_EVENT_PREFORK, true);
	ASSERT_EQ(0, prefork_deny(self->pf, self->event.cookie, EAGAIN));
	expect(_metadata, self, PREFORK_EVENT_FORK_FAILED, false);
	EXPECT_EQ(-EAGAIN, actor_answer(_metadata, &self->actor));
	ASSERT_EQ(0, prefork_unwatch_all(self->pf));
	expect(_metadata, self, PREFORK_EVENT_UNWATCHED, false);

	watch(_metadata, self, PREFORK_TELL_EXIT, PREFORK_HOLD_FORK, 100);
	actor_send(_metadata, &self->actor, create, BY_FORK);
	expect(_metadata, self, PREFORK_EVENT_PREFORK, true);
	expect(_metadata, self, PREFORK_EVENT_TIMEOUT, false);
	expect(_metadata, self, PREFORK_EVENT_BORN, false);
	EXPECT_LT(0, actor_answer(_metadata, &self->actor));
	expect(_metadata, self, PREFORK_EVENT_EXIT, false);
}

static long create_threads(long count)
{
	long tid = 0;

	while (count-- && tid >= 0)
		tid = create(BY_THREAD);
	return tid;
}

TEST_F_TIMEOUT(events, of_threads_are_told_or_not, 90)
{
	watch(_metadata, self, PREFORK_TELL_FORK_FAILED, 0, 0);
	EXPECT_LT(0, actor_do(_metadata, &self->actor, create_threads, 10));
	ASSERT_EQ(0, prefork_unwatch_all(self->pf));
	expect(_metadata, self, PREFORK_EVENT_UNWATCHED, false);

	watch(_metadata, self, PREFORK_TELL_EXIT, 0, 0);
	EXPECT_LT(0, actor_do(_metadata, &self->actor, create_threads, 1));
	expect(_metadata, self, PREFORK_EVENT_EXIT, false);
	EXPECT_TRUE(self->event.thread);
}

TEST_F_TIMEOUT(events, are_asked_for_as_they_should_be, 60)
{
	struct prefork_watched *watched;

	EXPECT_EQ(-EINVAL, prefork_watch(self->pf, self->actor.pid,
		  &(struct prefork_watch_options){
			.events = PREFORK_TELL(PREFORK_EVENT_UNWATCHED),
		  }));
	watch(_metadata, self, PREFORK_TELL_BORN | PREFORK_TELL_EXIT, 0, 0);
	ASSERT_EQ(0, prefork_get(self->pf, self->actor.pid, &watched));
	EXPECT_EQ(PREFORK_TELL_BORN | PREFORK_TELL_EXIT, watched->events);
	free(watched);
	ASSERT_EQ(0, prefork_unwatch_all(self->pf));
	ASSERT_EQ(0, prefork_watch(self->pf, self->actor.pid, NULL));
	ASSERT_EQ(0, prefork_get(self->pf, self->actor.pid, &watched));
	EXPECT_EQ(PREFORK_TELL_ALL, watched->events);
	free(watched);
}

TEST_HARNESS_MAIN
