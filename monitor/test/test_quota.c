// SPDX-License-Identifier: GPL-2.0
/* core/quota */
#include <errno.h>
#include <string.h>

#include <prefork.h>

#include "core/quota.h"
#include "core/tree.h"
#include "tap.h"

static struct tree *tree;
static struct quota quota;
static struct prefork_event event;

/* One process runs, 1. */
static void begin(uint32_t max_procs, uint32_t max_depth)
{
	quota = (struct quota){ .max_procs = max_procs, .max_depth = max_depth };
	tree = tree_create(false);
	tree_add(tree, 1, &(struct origin){ 0 }, "first", NULL);
}

static void end(void)
{
	tree_destroy(tree);
}

static bool take(void)
{
	tree_event(tree, &event, NULL, NULL);
	return quota_event(&quota, &event, tree);
}

static bool announce(pid_t pid, pid_t child, bool thread)
{
	event = (struct prefork_event){
		.type = PREFORK_EVENT_PREFORK, .pid = pid, .child = child, .cookie = 1,
		.thread = thread,
	};
	return take();
}

static void bear(pid_t pid, pid_t ppid)
{
	event = (struct prefork_event){ .type = PREFORK_EVENT_BORN, .pid = pid, .ppid = ppid };
	CHECK(take());
}

static void fail(pid_t pid, pid_t child)
{
	event = (struct prefork_event){
		.type = PREFORK_EVENT_FORK_FAILED, .pid = pid, .child = child, .error = EAGAIN,
	};
	CHECK(take());
}

static void end_process(pid_t pid)
{
	event = (struct prefork_event){ .type = PREFORK_EVENT_EXIT, .pid = pid };
	CHECK(take());
}

static void without_limits_everything_may_be(void)
{
	begin(0, 0);
	for (pid_t child = 2; child < 1000; child++) {
		CHECK(announce(child - 1, child, false));
		bear(child, child - 1);
	}
	EQUAL(0, quota.denied);
	end();
}

static void once_there_are_too_many_none_is_created(void)
{
	begin(3, 0);
	CHECK(announce(1, 2, false));
	CHECK(announce(1, 3, false));	/* 2 is not there yet, and counts */
	bear(2, 1);
	fail(1, 3);			/* of itself: there is room again */
	CHECK(announce(1, 3, false));
	bear(3, 1);
	end_process(3);
	CHECK(announce(1, 4, false));
	CHECK(!announce(2, 5, false));
	bear(4, 1);
	fail(2, 5);
	end_process(2);
	end_process(4);
	CHECK(!announce(1, 6, false));	/* the only one that is left */
	EQUAL(2, quota.denied);
	end();
}

static void threads_do_not_count(void)
{
	begin(1, 1);
	for (pid_t tid = 2; tid < 10; tid++)
		CHECK(announce(1, tid, true));
	CHECK(!announce(1, 10, false));
	end();
}

static void nothing_is_deeper_than_may_be(void)
{
	begin(0, 2);
	CHECK(announce(1, 2, false));
	bear(2, 1);
	CHECK(announce(2, 3, false));
	bear(3, 2);
	CHECK(!announce(3, 4, false));
	fail(3, 4);
	CHECK(announce(2, 4, false));
	end();
}

/* Nor while it is on its way. */
static void what_is_too_deep_does_not_make_too_many(void)
{
	begin(3, 1);
	CHECK(announce(1, 2, false));
	bear(2, 1);
	CHECK(!announce(2, 3, false));
	CHECK(announce(1, 4, false));
	fail(2, 3);
	EQUAL(1, quota.denied);
	CHECK(!announce(1, 5, false));	/* 4 is not there yet, and counts */
	end();
}

/* Nobody waits for an answer where it is not held. */
static void what_is_not_held_counts_all_the_same(void)
{
	begin(2, 0);
	for (pid_t child = 2; child < 5; child++) {
		event = (struct prefork_event){
			.type = PREFORK_EVENT_PREFORK, .pid = 1, .child = child,
		};
		CHECK(take());
	}
	CHECK(!announce(1, 5, false));
	EQUAL(1, quota.denied);
	end();
}

int main(void)
{
	static const struct tap_test tests[] = {
		{ "without limits everything may be", without_limits_everything_may_be },
		{ "once there are too many none is created", once_there_are_too_many_none_is_created },
		{ "threads do not count", threads_do_not_count },
		{ "nothing is deeper than may be", nothing_is_deeper_than_may_be },
		{ "what is too deep does not make too many", what_is_too_deep_does_not_make_too_many },
		{ "what is not held counts all the same", what_is_not_held_counts_all_the_same },
	};

	return TAP_RUN(tests);
}
