// SPDX-License-Identifier: GPL-2.0
/* lib/decode: every event, and what is none. */
#include <errno.h>
#include <stdlib.h>

#include "lib/decode.h"
#include "message.h"
#include "tap.h"

static struct message m;
static struct prefork_event event;

static void prefork_event_has_its_members(void)
{
	message_prefork(&m, 7, 1234, 99);
	message_u64(&m, PREFORK_A_DEADLINE, 5555);
	message_u32(&m, PREFORK_A_NSPID, 2);
	message_u32(&m, PREFORK_A_UID, 1000);
	message_put(&m, PREFORK_A_THREAD, NULL, 0);
	memset(&event, 0xff, sizeof(event));
	EQUAL(0, prefork_decode_event(&m.nlh, &event));
	EQUAL(PREFORK_EVENT_PREFORK, event.type);
	EQUAL(7, event.seq);
	EQUAL(7000, event.time);
	EQUAL(1234, event.pid);
	EQUAL(1235, event.tid);
	EQUAL(1334, event.child);
	EQUAL(0x4100, event.clone_flags);
	EQUAL(99, event.cookie);
	EQUAL(5555, event.deadline);
	EQUAL(2, event.nspid);
	EQUAL(1000, event.uid);
	CHECK(event.thread);
	STRING(event.comm, "make");
	/* What it does not have is zero. */
	EQUAL(0, event.ppid);
	EQUAL(0, event.status);
	EQUAL(0, event.count);
	STRING(event.path, "");
}

static void other_events_have_their_members(void)
{
	message_event(&m, PREFORK_EVENT_BORN, 1, 10);
	message_u32(&m, PREFORK_A_PPID, 9);
	message_u64(&m, PREFORK_A_CLONE_FLAGS, 0x4000);
	EQUAL(0, prefork_decode_event(&m.nlh, &event));
	EQUAL(9, event.ppid);
	EQUAL(0, event.nspid);
	CHECK(event.uid == (uid_t)-1);
	CHECK(!event.thread);

	message_event(&m, PREFORK_EVENT_FORK_FAILED, 1, 10);
	message_u32(&m, PREFORK_A_CHILD, 11);
	message_u32(&m, PREFORK_A_ERRNO, EAGAIN);
	EQUAL(0, prefork_decode_event(&m.nlh, &event));
	EQUAL(EAGAIN, event.error);

	message_event(&m, PREFORK_EVENT_EXEC, 1, 10);
	message_u32(&m, PREFORK_A_OLD_TID, 12);
	message_string(&m, PREFORK_A_PATH, "/bin/true");
	EQUAL(0, prefork_decode_event(&m.nlh, &event));
	EQUAL(12, event.old_tid);
	STRING(event.path, "/bin/true");

	message_event(&m, PREFORK_EVENT_EXIT, 1, 10);
	message_u32(&m, PREFORK_A_STATUS, 9);
	message_u64(&m, PREFORK_A_UTIME, 1);
	message_u64(&m, PREFORK_A_STIME, 2);
	message_u64(&m, PREFORK_A_MAXRSS, 3);
	EQUAL(0, prefork_decode_event(&m.nlh, &event));
	EQUAL(9, event.status);
	EQUAL(1, event.utime);
	EQUAL(2, event.stime);
	EQUAL(3, event.maxrss);

	message_event(&m, PREFORK_EVENT_VFORK_DONE, 1, 10);
	message_u32(&m, PREFORK_A_CHILD, 11);
	message_u64(&m, PREFORK_A_SUSPENDED, 77);
	EQUAL(0, prefork_decode_event(&m.nlh, &event));
	EQUAL(77, event.suspended);

	message_event(&m, PREFORK_EVENT_UNWATCHED, 1, 10);
	message_u32(&m, PREFORK_A_REASON, 5);
	EQUAL(0, prefork_decode_event(&m.nlh, &event));
	EQUAL(5, event.reason);
	STRING(prefork_reason_name(PREFORK_REASON_REQUEST), "request");
	STRING(prefork_reason_name(PREFORK_REASON_ACCESS), "access");
	STRING(prefork_reason_name(5), "unknown");

	message_event(&m, PREFORK_EVENT_TIMEOUT, 1, 10);
	message_u32(&m, PREFORK_A_CHILD, 11);
	EQUAL(-EBADMSG, prefork_decode_event(&m.nlh, &event));
	message_u64(&m, PREFORK_A_COOKIE, 8);
	EQUAL(0, prefork_decode_event(&m.nlh, &event));
	EQUAL(8, event.cookie);
	EQUAL(false, prefork_event_is_hold(&event));

	message_event(&m, PREFORK_EVENT_ADOPTED, 1, 10);
	message_u64(&m, PREFORK_A_COOKIE, 8);
	EQUAL(-EBADMSG, prefork_decode_event(&m.nlh, &event));
	message_u32(&m, PREFORK_A_TRACER, 12);
	EQUAL(0, prefork_decode_event(&m.nlh, &event));
	EQUAL(12, event.tracer);
	EQUAL(false, prefork_event_is_hold(&event));

	message_begin(&m, PREFORK_EVENT_LOST);
	message_u64(&m, PREFORK_A_SEQ, 4);
	message_u64(&m, PREFORK_A_TIME, 5);
	message_u64(&m, PREFORK_A_COUNT, 6);
	EQUAL(0, prefork_decode_event(&m.nlh, &event));
	EQUAL(6, event.count);
	EQUAL(0, event.pid);
}

static void unknown_events_and_attributes_are_let_through(void)
{
	message_event(&m, 200, 3, 10);
	message_u32(&m, PREFORK_A_MAX + 17, 1);
	EQUAL(0, prefork_decode_event(&m.nlh, &event));
	EQUAL(200, event.type);
	EQUAL(3, event.seq);
	STRING(prefork_event_name(200), "unknown");
	STRING(prefork_event_name(PREFORK_EVENT_LOST), "lost");
}

static void wrong_messages_are_refused(void)
{
	message_begin(&m, PREFORK_CMD_GET);
	EQUAL(-EBADMSG, prefork_decode_event(&m.nlh, &event));

	message_event(&m, PREFORK_EVENT_PREFORK, 1, 10);
	EQUAL(-EBADMSG, prefork_decode_event(&m.nlh, &event));

	/* Too short, too long, without an end. */
	message_prefork(&m, 1, 10, 0);
	message_put(&m, PREFORK_A_COOKIE, "1234", 4);
	EQUAL(-EBADMSG, prefork_decode_event(&m.nlh, &event));
	message_prefork(&m, 1, 10, 0);
	message_put(&m, PREFORK_A_DEADLINE, "123456789012", 12);
	EQUAL(-EBADMSG, prefork_decode_event(&m.nlh, &event));
	message_prefork(&m, 1, 10, 0);
	message_put(&m, PREFORK_A_PID, "12", 2);
	EQUAL(-EBADMSG, prefork_decode_event(&m.nlh, &event));
	message_prefork(&m, 1, 10, 0);
	message_put(&m, PREFORK_A_PID, "12345678", 8);
	EQUAL(-EBADMSG, prefork_decode_event(&m.nlh, &event));
	message_prefork(&m, 1, 10, 0);
	message_put(&m, PREFORK_A_COMM, "sh", 2);
	EQUAL(-EBADMSG, prefork_decode_event(&m.nlh, &event));
	message_prefork(&m, 1, 10, 0);
	message_put(&m, PREFORK_A_PATH, "/bin", 4);
	EQUAL(-EBADMSG, prefork_decode_event(&m.nlh, &event));
	message_prefork(&m, 1, 10, 0);
	message_put(&m, PREFORK_A_PATH, NULL, 0);
	EQUAL(-EBADMSG, prefork_decode_event(&m.nlh, &event));
}

static void long_strings_are_cut(void)
{
	char path[5000];

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	message_prefork(&m, 1, 10, 0);
	message_string(&m, PREFORK_A_COMM, "a name longer than any");
	message_string(&m, PREFORK_A_PATH, path);
	EQUAL(0, prefork_decode_event(&m.nlh, &event));
	STRING(event.comm, "a name longer t");
	EQUAL(sizeof(event.path) - 1, strlen(event.path));
}

/* Every cut of every message in a block of exactly its size, for ASan. */
static void cut(void)
{
	struct prefork_watched *watched;
	struct prefork_stats stats;
	uint32_t length = m.nlh.nlmsg_len;

	for (uint32_t len = NLMSG_HDRLEN; len < length; len++) {
		struct nlmsghdr *nlh = malloc(len);

		if (!nlh)
			abort();
		memcpy(nlh, &m, len);
		nlh->nlmsg_len = len;
		prefork_decode_event(nlh, &event);
		prefork_decode_stats(nlh, &stats);
		if (!prefork_decode_watched(nlh, &watched))
			free(watched);
		free(nlh);
	}
}

static void put_watched(uint32_t held)
{
	message_begin(&m, PREFORK_CMD_GET);
	message_u32(&m, PREFORK_A_PID, 10);
	message_string(&m, PREFORK_A_COMM, "make");
	message_u32(&m, PREFORK_A_FLAGS, PREFORK_WATCH_TREE);
	message_u32(&m, PREFORK_A_HOLD, PREFORK_HOLD_FORK);
	message_u32(&m, PREFORK_A_TIMEOUT, 500);
	message_u32(&m, PREFORK_A_OWNER, 4000);
	message_u32(&m, PREFORK_A_OWNER_PID, 4001);
	for (uint32_t i = 0; i < held; i++) {
		size_t nest = message_nest(&m, PREFORK_A_HELD);

		message_u32(&m, PREFORK_A_TID, 10 + i);
		message_u32(&m, PREFORK_A_CHILD, 100 + i);
		message_u32(&m, PREFORK_A_HOLD, PREFORK_HOLD_FORK);
		message_u64(&m, PREFORK_A_COOKIE, 1000 + i);
		message_u64(&m, PREFORK_A_SINCE, 5);
		if (i)
			message_u64(&m, PREFORK_A_DEADLINE, 6);
		message_end_nest(&m, nest);
	}
}

static void put_stats(void)
{
	size_t nest;

	message_begin(&m, PREFORK_CMD_STATS);
	nest = message_nest(&m, PREFORK_A_STATS);
	message_u64(&m, PREFORK_STAT_HELD, 3);
	message_u64(&m, PREFORK_STAT_MISSED, 4);
	message_u64(&m, PREFORK_STATS_ROOM + 1, 5);
	message_end_nest(&m, nest);
}

static void cut_messages_are_survived(void)
{
	message_prefork(&m, 7, 1234, 99);
	cut();
	put_watched(3);
	cut();
	put_stats();
	cut();
}

/* The same numbers each time; a finding can be repeated. */
static unsigned int chance(void)
{
	static unsigned int state = 1;

	state = state * 1103515245 + 12345;
	return state >> 16;
}

static void spoiled_messages_are_survived(void)
{
	struct prefork_watched *watched;
	struct prefork_stats stats;

	for (int round = 0; round < 60000; round++) {
		switch (round % 3) {
		case 0:
			message_prefork(&m, 7, 1234, 99);
			break;
		case 1:
			put_watched(3);
			break;
		default:
			put_stats();
		}
		for (int i = 0; i < 3; i++)
			m.bytes[NLMSG_HDRLEN + chance() % (m.nlh.nlmsg_len - NLMSG_HDRLEN)] =
				(char)chance();
		prefork_decode_event(&m.nlh, &event);
		prefork_decode_stats(&m.nlh, &stats);
		if (!prefork_decode_watched(&m.nlh, &watched))
			free(watched);
	}
}

static void watched_process_comes_with_held_tasks(void)
{
	struct prefork_watched *watched;

	put_watched(2);
	if (!EQUAL(0, prefork_decode_watched(&m.nlh, &watched)))
		return;
	EQUAL(10, watched->pid);
	STRING(watched->comm, "make");
	EQUAL(PREFORK_WATCH_TREE, watched->flags);
	EQUAL(PREFORK_HOLD_FORK, watched->hold);
	EQUAL(500, watched->timeout_ms);
	EQUAL(4000, watched->owner);
	EQUAL(4001, watched->owner_pid);
	EQUAL(2, watched->held_count);
	EQUAL(10, watched->held[0].tid);
	EQUAL(0, watched->held[0].deadline);
	EQUAL(101, watched->held[1].child);
	EQUAL(PREFORK_HOLD_FORK, watched->held[1].hold);
	EQUAL(1001, watched->held[1].cookie);
	EQUAL(5, watched->held[1].since);
	EQUAL(6, watched->held[1].deadline);
	free(watched);
}

static void incomplete_held_task_is_refused(void)
{
	struct prefork_watched *watched;
	size_t nest;

	put_watched(1);
	nest = message_nest(&m, PREFORK_A_HELD);
	message_u32(&m, PREFORK_A_TID, 10);
	message_end_nest(&m, nest);
	EQUAL(-EBADMSG, prefork_decode_watched(&m.nlh, &watched));
}

static void stats_are_found_by_number(void)
{
	struct prefork_stats stats;

	put_stats();
	EQUAL(0, prefork_decode_stats(&m.nlh, &stats));
	EQUAL(3, stats.value[PREFORK_STAT_HELD]);
	EQUAL(4, stats.value[PREFORK_STAT_MISSED]);
	EQUAL(0, stats.value[PREFORK_STAT_LOST]);
	for (unsigned int i = PREFORK_STAT_OWNERS; i <= PREFORK_STAT_MAX; i++)
		CHECK(prefork_stat_name(i));
	CHECK(!prefork_stat_name(PREFORK_STAT_MAX + 1));
}

int main(void)
{
	static const struct tap_test tests[] = {
		{ "a PREFORK event has its members and no others", prefork_event_has_its_members },
		{ "every other event has its members", other_events_have_their_members },
		{ "unknown events and attributes are let through",
		  unknown_events_and_attributes_are_let_through },
		{ "wrong messages are refused", wrong_messages_are_refused },
		{ "long strings are cut", long_strings_are_cut },
		{ "messages cut at any byte are survived", cut_messages_are_survived },
		{ "spoiled messages are survived", spoiled_messages_are_survived },
		{ "a watched process comes with its held tasks",
		  watched_process_comes_with_held_tasks },
		{ "an incomplete held task is refused", incomplete_held_task_is_refused },
		{ "counters are found by number and all have names", stats_are_found_by_number },
	};

	return TAP_RUN(tests);
}
