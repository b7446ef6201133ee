// SPDX-License-Identifier: GPL-2.0
/*
 * limits - nobody can use the facility up for others
 *
 * What one user may have, through all his sockets, and what is kept for one who
 * does not read.
 */
#define _GNU_SOURCE
#include "permission.h"
#include "raw.h"

#define PARAMETER(name)	"/sys/module/prefork/parameters/max_" name

FIXTURE(limits)
{
	struct session session;		/* root looks on */
	struct actor watcher;		/* the user's */
	struct actor process;		/* likewise */
};

/* In the watcher. */
static struct prefork *pf;
static struct prefork_watch_options options = { .timeout_ms = 10000,
						.has_timeout = true };

static long open_session(long unused)
{
	return prefork_open(&pf) + unused;
}

/* A refusal without a word of explanation is BROKEN. */
static long watch(long pid)
{
	long ret = prefork_watch(pf, pid, &options);

	return ret < 0 && !prefork_message()[0] ? BROKEN : ret;
}

static long watch_tree(long pid)
{
	options.flags = PREFORK_WATCH_TREE;
	return watch(pid);
}

static long watch_holding(long pid)
{
	options.hold = PREFORK_HOLD_FORK;
	return watch(pid);
}

static long unwatch_all(long unused)
{
	return prefork_unwatch_all(pf) + unused;
}

/* Reads until the next of that type; returns what its count or cookie is. */
static long await(long type)
{
	struct prefork_event e;

	while (prefork_next(pf, &e, PATIENCE_MS) == 1)
		if (e.type == (uint32_t)type)
			return type == PREFORK_EVENT_LOST ? e.count : e.cookie;
	return BROKEN;
}

static long release(long cookie)
{
	return prefork_release(pf, cookie);
}

FIXTURE_SETUP(limits)
{
	ASSERT_EQ(0, setting_write(UNPRIVILEGED, 1));
	setting_write(PTRACE_SCOPE, 0);
	party_start(_metadata, &self->watcher, "user");
	ASSERT_EQ(0, actor_do(_metadata, &self->watcher, open_session, 0));
	actor_start(_metadata, &self->process);
	ASSERT_EQ(0, actor_do(_metadata, &self->process, be_user, USER));
	session_open(_metadata, &self->session);
	/* Sockets of earlier tests count until all they had is freed. */
	ASSERT_TRUE(session_stat_reaches(_metadata, &self->session,
					 PREFORK_STAT_OWNERS, 0));
}

FIXTURE_TEARDOWN(limits)
{
	settings_restore();
	setting_write(PARAMETER("user_sockets"), 8);
	setting_write(PARAMETER("user_watches"), 4096);
	setting_write(PARAMETER("user_holds"), 1024);
	setting_write(PARAMETER("socket_events"), 16384);
	session_close(&self->session);
	actor_end(&self->watcher);
	actor_end(&self->process);
}

/* Of another one, who is not to be hindered. */
static void expect_root_unhindered(struct __test_metadata *_metadata,
				   FIXTURE_DATA(limits) *self)
{
	struct session *s = &self->session;
	struct actor a = { 0 };

	actor_start(_metadata, &a);
	ASSERT_EQ(0, session_watch(s, a.pid, PREFORK_WATCH_TREE,
				   HOLD_PROCESSES, 0));
	EXPECT_LT(0, session_serve_order(_metadata, s, &a, create, BY_FORK));
	session_finish(_metadata, s, a.pid);
	actor_end(&a);
}

TEST_F_TIMEOUT(limits, of_sockets_refuse_one_more, 60)
{
	struct actor *watcher = &self->watcher;
	pid_t pid = self->process.pid;

	ASSERT_EQ(0, setting_write(PARAMETER("user_sockets"), 1));
	EXPECT_EQ(0, actor_do(_metadata, watcher, watch, pid));
	EXPECT_EQ(0, actor_do(_metadata, watcher, unwatch_all, 0));

	/* The first one still counts, and may go on. */
	ASSERT_EQ(0, actor_do(_metadata, watcher, open_session, 0));
	EXPECT_EQ(-EMFILE, actor_do(_metadata, watcher, watch, pid));
	expect_root_unhindered(_metadata, self);

	/* When it is closed there is room again. */
	actor_end(watcher);
	EXPECT_TRUE(session_stat_reaches(_metadata, &self->session,
					 PREFORK_STAT_OWNERS, 1));
	party_start(_metadata, watcher, "user");
	ASSERT_EQ(0, actor_do(_metadata, watcher, open_session, 0));
	EXPECT_EQ(0, actor_do(_metadata, watcher, watch, pid));
}

/* A user namespace has as many users as its owner likes: it is still him. */
TEST_F_TIMEOUT(limits, are_those_of_who_is_behind_a_user_namespace, 60)
{
	struct actor inside = { 0 };
	long pid;

	ASSERT_EQ(0, setting_write(PARAMETER("user_sockets"), 1));
	EXPECT_EQ(0, actor_do(_metadata, &self->watcher, watch,
			      self->process.pid));
	party_start(_metadata, &inside, "root of a user namespace");
	ASSERT_EQ(0, actor_do(_metadata, &inside, open_session, 0));
	pid = actor_do(_metadata, &inside, make_descendant, 0);
	EXPECT_EQ(-EMFILE, actor_do(_metadata, &inside, watch, pid));
	ASSERT_EQ(0, setting_write(PARAMETER("user_sockets"), 2));
	EXPECT_EQ(0, actor_do(_metadata, &inside, watch, pid));
	actor_end(&inside);
}

TEST_F_TIMEOUT(limits, of_watches_refuse_one_more, 60)
{
	struct actor *watcher = &self->watcher;
	long pid = actor_do(_metadata, watcher, make_descendant, 0);

	ASSERT_EQ(0, setting_write(PARAMETER("user_watches"), 1));
	EXPECT_EQ(0, actor_do(_metadata, watcher, watch, self->process.pid));
	EXPECT_EQ(-ENOSPC, actor_do(_metadata, watcher, watch, pid));
	expect_root_unhindered(_metadata, self);
	ASSERT_EQ(0, setting_write(PARAMETER("user_watches"), 2));
	EXPECT_EQ(0, actor_do(_metadata, watcher, watch, pid));

	/* Lowered below what is in use it does not let in any more, either. */
	ASSERT_EQ(0, setting_write(PARAMETER("user_watches"), 0));
	pid = actor_do(_metadata, watcher, make_descendant, 0);
	EXPECT_EQ(-ENOSPC, actor_do(_metadata, watcher, watch, pid));
}

TEST_F_TIMEOUT(limits, of_watches_let_children_go_and_say_so, 60)
{
	struct actor *watcher = &self->watcher;

	ASSERT_EQ(0, setting_write(PARAMETER("user_watches"), 1));
	ASSERT_EQ(0, actor_do(_metadata, watcher, watch_tree,
			      self->process.pid));
	EXPECT_LT(0, actor_do(_metadata, &self->process, create, BY_FORK));
	EXPECT_EQ(1, actor_do(_metadata, watcher, await, PREFORK_EVENT_LOST));
	EXPECT_EQ(1, session_stat(_metadata, &self->session,
				  PREFORK_STAT_WATCHES));
}

TEST_F_TIMEOUT(limits, of_holds_hold_nobody_more, 60)
{
	struct actor *watcher = &self->watcher, other = { 0 };
	struct session *s = &self->session;
	uint64_t unheld = session_stat(_metadata, s, PREFORK_STAT_UNHELD);
	long cookie;

	actor_start(_metadata, &other);
	ASSERT_EQ(0, actor_do(_metadata, &other, be_user, USER));
	ASSERT_EQ(0, setting_write(PARAMETER("user_holds"), 1));
	ASSERT_EQ(0, actor_do(_metadata, watcher, watch_holding,
			      self->process.pid));
	ASSERT_EQ(0, actor_do(_metadata, watcher, watch_holding, other.pid));

	actor_send(_metadata, &self->process, create, BY_FORK);
	cookie = actor_do(_metadata, watcher, await, PREFORK_EVENT_PREFORK);
	EXPECT_LT(0, cookie);
	EXPECT_LT(0, actor_do(_metadata, &other, create, BY_FORK));
	EXPECT_EQ(0, actor_do(_metadata, watcher, await,
			      PREFORK_EVENT_PREFORK));
	EXPECT_EQ(unheld + 1, session_stat(_metadata, s, PREFORK_STAT_UNHELD));
	expect_root_unhindered(_metadata, self);
	EXPECT_FALSE(actor_speaks(&self->process, 0));
	EXPECT_EQ(0, actor_do(_metadata, watcher, release, cookie));
	EXPECT_LT(0, actor_answer(_metadata, &self->process));

	/* That gives room for the next one. */
	actor_send(_metadata, &other, create, BY_FORK);
	cookie = actor_do(_metadata, watcher, await, PREFORK_EVENT_PREFORK);
	EXPECT_LT(0, cookie);
	EXPECT_EQ(0, actor_do(_metadata, watcher, release, cookie));
	EXPECT_LT(0, actor_answer(_metadata, &other));
	actor_end(&other);
}

/*
 * An owner that watches and unwatches and never reads: each time leaves an
 * event, and no task is there to wait for him.
 */
#define QUEUE_BOUND	1024
#define QUEUE_BATCH	54	/* being delivered, no more in the queue */
#define PAIRS		128	/* of commands in one datagram */

static size_t put_command(struct raw *raw, char *place, int cmd, pid_t pid)
{
	struct nl_msg *msg = raw_message(raw, cmd, 0);
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	size_t size;

	nla_put_u32(msg, PREFORK_A_PID, pid);
	nlh->nlmsg_flags &= ~NLM_F_ACK;
	size = NLMSG_ALIGN(nlh->nlmsg_len);
	memcpy(place, nlh, size);
	nlmsg_free(msg);
	return size;
}

static size_t put_pairs(struct raw *raw, char *datagram, pid_t pid)
{
	size_t size = 0;
	int i;

	for (i = 0; i < PAIRS; i++) {
		size += put_command(raw, datagram + size, PREFORK_CMD_WATCH,
				    pid);
		size += put_command(raw, datagram + size, PREFORK_CMD_UNWATCH,
				    pid);
	}
	return size;
}

TEST_F_TIMEOUT(limits, of_events_hold_for_who_does_not_read, 60)
{
	struct session *s = &self->session;
	uint64_t lost = session_stat(_metadata, s, PREFORK_STAT_LOST);
	static char datagram[PAIRS * 2 * 64];
	const int room = 4096;
	struct raw raw;
	size_t size;
	int i;

	ASSERT_EQ(0, setting_write(PARAMETER("socket_events"), QUEUE_BOUND));
	raw_open(_metadata, &raw);
	ASSERT_EQ(0, setsockopt(raw.fd, SOL_SOCKET, SO_RCVBUF, &room,
				sizeof(room)));
	size = put_pairs(&raw, datagram, self->process.pid);
	for (i = 0; i < QUEUE_BOUND + 1000; i += PAIRS)
		ASSERT_EQ(0, raw_send_bytes(&raw, datagram, size));
	EXPECT_GE(QUEUE_BOUND + QUEUE_BATCH,
		  session_stat(_metadata, s, PREFORK_STAT_QUEUED));
	EXPECT_LE(QUEUE_BOUND, session_stat(_metadata, s,
					    PREFORK_STAT_QUEUED));
	EXPECT_LT(lost, session_stat(_metadata, s, PREFORK_STAT_LOST));
	raw_close(&raw);
	EXPECT_TRUE(session_stat_reaches(_metadata, s, PREFORK_STAT_QUEUED,
					 0));
}

TEST_HARNESS_MAIN
