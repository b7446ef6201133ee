// SPDX-License-Identifier: GPL-2.0
/*
 * sequence - no gap is unseen
 *
 * The events of one owner are numbered from 1 without gaps (session.h checks
 * that of each event), those of one process come in the order of its life, and
 * what had to be dropped is counted.
 */
#define _GNU_SOURCE
#include "capability.h"
#include "create.h"
#include "proc.h"
#include "raw.h"
#include "session.h"

#define ACTORS	4

FIXTURE(stream)
{
	struct actor actors[ACTORS];
	struct session session;
};

FIXTURE_SETUP(stream)
{
	int i;

	for (i = 0; i < ACTORS; i++)
		actor_start(_metadata, &self->actors[i]);
	session_open(_metadata, &self->session);
}

FIXTURE_TEARDOWN(stream)
{
	int i;

	session_close(&self->session);
	for (i = 0; i < ACTORS; i++)
		actor_end(&self->actors[i]);
}

/* How many of @n creations succeeded. */
static long fork_many(long n)
{
	long done = 0;

	while (n--)
		done += create(BY_VFORK) > 0;
	return done;
}

static long spawn_many(long n)
{
	long done = 0;

	while (n--)
		done += create(BY_SPAWN) > 0;
	return done;
}

/* What has been heard of a child so far. */
enum life { UNHEARD, ANNOUNCED, BORN, EXECUTED, EXITED };

static unsigned char life[PID_LIMIT + 1];

static void live(struct __test_metadata *_metadata,
		 const struct prefork_event *e)
{
	switch (e->type) {
	case PREFORK_EVENT_PREFORK:
		ASSERT_TRUE(life[e->child] == UNHEARD ||
			    life[e->child] == EXITED);
		life[e->child] = ANNOUNCED;
		break;
	case PREFORK_EVENT_BORN:
		ASSERT_EQ(ANNOUNCED, life[e->pid]);
		life[e->pid] = BORN;
		break;
	case PREFORK_EVENT_EXEC:
		ASSERT_EQ(BORN, life[e->pid]);
		life[e->pid] = EXECUTED;
		break;
	case PREFORK_EVENT_EXIT:
		ASSERT_TRUE(life[e->pid] == BORN || life[e->pid] == EXECUTED);
		life[e->pid] = EXITED;
		break;
	case PREFORK_EVENT_VFORK_DONE:
		ASSERT_LE(BORN, life[e->child]);
		break;
	}
}

/* All actors at once; reads what @each creation says until all is said. */
static void flood(struct __test_metadata *_metadata, struct session *s,
		  struct actor actors[ACTORS], order_fn order, long n,
		  int each)
{
	long i, events;

	for (i = 0; i < ACTORS; i++) {
		ASSERT_EQ(0, session_watch(s, actors[i].pid,
					   PREFORK_WATCH_TREE, 0, 0));
	}
	for (i = 0; i < ACTORS; i++)
		actor_send(_metadata, &actors[i], order, n);
	for (events = 0; events < ACTORS * n * each; events++) {
		ASSERT_TRUE(session_next(_metadata, s, PATIENCE_MS));
		live(_metadata, &s->event);
	}
	for (i = 0; i < ACTORS; i++)
		EXPECT_EQ(n, actor_answer(_metadata, &actors[i]));
	EXPECT_FALSE(session_next(_metadata, s, 100)) {
		TH_LOG("one %s too many", prefork_event_name(s->event.type));
	}
	EXPECT_EQ(ACTORS * n, s->born);
	EXPECT_EQ(0, s->lost);
}

/* PREFORK, BORN, EXIT and VFORK_DONE each. */
TEST_F_TIMEOUT(stream, thousands_of_events_have_no_gap, 180)
{
	flood(_metadata, &self->session, self->actors, fork_many, 150, 4);
	EXPECT_EQ(2400, self->session.seq);
}

/* PREFORK, BORN, EXEC, EXIT and VFORK_DONE each. */
TEST_F_TIMEOUT(stream, child_is_born_then_executes_then_exits, 180)
{
	flood(_metadata, &self->session, self->actors, spawn_many, 20, 5);
}

/*
 * An owner that does not read: with little room in its socket and hardly any
 * patience with the tasks, events are dropped. What arrives in the end and
 * what is said to be lost add up.
 */
struct tally {
	uint64_t seq, seen, lost;
	bool gap;
};

static void tally_event(struct tally *tally, struct nlmsghdr *nlh)
{
	struct nlattr *attrs[PREFORK_A_MAX + 1];
	struct genlmsghdr *genl = nlmsg_data(nlh);
	uint64_t seq;

	if (genl->cmd < PREFORK_EVENT_PREFORK ||
	    genlmsg_parse(nlh, 0, attrs, PREFORK_A_MAX, NULL))
		return;
	seq = attrs[PREFORK_A_SEQ] ? nla_get_u64(attrs[PREFORK_A_SEQ]) : 0;
	tally->gap |= seq != tally->seq + 1;
	tally->seq = seq;
	if (genl->cmd == PREFORK_EVENT_LOST)
		tally->lost += nla_get_u64(attrs[PREFORK_A_COUNT]);
	else
		tally->seen++;
}

static void tally_read(struct tally *tally, struct raw *raw, uint64_t expected)
{
	struct nlmsghdr *nlh;
	ssize_t n;
	int left;

	while (tally->seen + tally->lost < expected &&
	       (n = raw_read(raw, PATIENCE_MS)) > 0) {
		left = n;
		for (nlh = &raw->nlh; nlmsg_ok(nlh, left);
		     nlh = nlmsg_next(nlh, &left)) {
			if (nlh->nlmsg_type == raw->family)
				tally_event(tally, nlh);
		}
	}
}

static void raw_watch(struct __test_metadata *_metadata, struct raw *raw,
		      pid_t pid, uint32_t flags, uint32_t timeout_ms)
{
	struct nl_msg *msg = raw_message(raw, PREFORK_CMD_WATCH, 0);

	nla_put_u32(msg, PREFORK_A_PID, pid);
	nla_put_u32(msg, PREFORK_A_FLAGS, flags);
	nla_put_u32(msg, PREFORK_A_TIMEOUT, timeout_ms);
	ASSERT_EQ(0, raw_ask(raw, msg));
}

static void lose(struct __test_metadata *_metadata, FIXTURE_DATA(stream) *self,
		 uint32_t flags, int creations, int each)
{
	const uint64_t expected = (uint64_t)each * creations * ACTORS;
	uint64_t before = session_stat(_metadata, &self->session,
				       PREFORK_STAT_LOST);
	struct tally tally = { .seq = 0 };
	const int room = 4096;
	struct raw raw;
	int i;

	raw_open(_metadata, &raw);
	for (i = 0; i < ACTORS; i++)
		raw_watch(_metadata, &raw, self->actors[i].pid, flags, 1);
	ASSERT_EQ(0, setsockopt(raw.fd, SOL_SOCKET, SO_RCVBUF, &room,
				sizeof(room)));
	for (i = 0; i < ACTORS; i++) {
		actor_send(_metadata, &self->actors[i], fork_many, creations);
	}
	for (i = 0; i < ACTORS; i++)
		ASSERT_EQ(creations, actor_answer(_metadata, &self->actors[i]));

	tally_read(&tally, &raw, expected);
	EXPECT_FALSE(tally.gap);
	EXPECT_LT(0, tally.lost) {
		TH_LOG("nothing was lost, so nothing was tried");
	}
	EXPECT_EQ(expected, tally.seen + tally.lost) {
		TH_LOG("seen %llu, lost %llu", (unsigned long long)tally.seen,
		       (unsigned long long)tally.lost);
	}
	EXPECT_EQ(before + tally.lost, session_stat(_metadata, &self->session,
						    PREFORK_STAT_LOST));
	/* It is told everything again from here on. */
	EXPECT_EQ(1, actor_do(_metadata, &self->actors[0], fork_many, 1));
	tally_read(&tally, &raw, expected + each);
	EXPECT_EQ(expected + each, tally.seen + tally.lost);
	EXPECT_FALSE(tally.gap);
	raw_close(&raw);
}

/* PREFORK, BORN, EXIT and VFORK_DONE each. */
TEST_F_TIMEOUT(stream, what_a_slow_reader_loses_is_counted, 240)
{
	lose(_metadata, self, PREFORK_WATCH_TREE, 320, 4);
}

/* Without EXIT, which is never lost, nothing comes after the last loss. */
TEST_F_TIMEOUT(stream, what_is_lost_at_the_end_is_counted, 240)
{
	lose(_metadata, self, 0, 400, 3);
}

/* The socket of the only session that is open here. */
static int session_socket(void)
{
	socklen_t size = sizeof(int);
	int fd, domain;

	for (fd = 3; fd < 100; fd++) {
		if (!getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) &&
		    domain == AF_NETLINK)
			return fd;
	}
	return -1;
}

/* One fills the queue; then he waits, and so does whoever comes. */
TEST_F_TIMEOUT(stream, slow_reader_with_patience_loses_nothing, 240)
{
	const int room = 4096, refusals = 2200, creations = 20;
	const int events = 2 * refusals + 4 * creations * (ACTORS - 1);
	struct session *s = &self->session, other;
	uint64_t lost;
	int i;

	for (i = 0; i < ACTORS; i++) {
		ASSERT_EQ(0, session_watch(s, self->actors[i].pid,
					   PREFORK_WATCH_TREE, 0, 0));
	}
	ASSERT_EQ(0, setsockopt(session_socket(), SOL_SOCKET, SO_RCVBUF, &room,
				sizeof(room)));
	session_open(_metadata, &other);
	ASSERT_TRUE(session_stat_reaches(_metadata, &other,
					 PREFORK_STAT_QUEUED, 0));
	lost = session_stat(_metadata, &other, PREFORK_STAT_LOST);

	actor_send(_metadata, &self->actors[0], refuse_many, refusals);
	ASSERT_TRUE(session_stat_rises(_metadata, &other, PREFORK_STAT_QUEUED,
				       QUEUE_LIMIT));
	ASSERT_TRUE(proc_waits(&self->actors[0]));
	for (i = 1; i < ACTORS; i++) {
		actor_send(_metadata, &self->actors[i], fork_many, creations);
		ASSERT_TRUE(proc_waits(&self->actors[i]));
	}
	for (i = 0; i < ACTORS; i++)
		ASSERT_TRUE(proc_waits(&self->actors[i]));

	for (i = 0; i < events; i++)
		ASSERT_TRUE(session_next(_metadata, s, PATIENCE_MS));
	EXPECT_EQ(refusals, actor_answer(_metadata, &self->actors[0]));
	for (i = 1; i < ACTORS; i++)
		EXPECT_EQ(creations, actor_answer(_metadata, &self->actors[i]));
	EXPECT_EQ(0, s->lost);
	EXPECT_EQ(lost, session_stat(_metadata, &other, PREFORK_STAT_LOST));
	EXPECT_EQ(refusals, s->failed);
	EXPECT_EQ(creations * (ACTORS - 1), s->born);
	EXPECT_EQ(0, session_pending(s));
	session_close(&other);
}

/* Observers: a copy of everything, with numbers of its own. */
TEST_F_TIMEOUT(stream, observers_copy_has_no_gap_and_the_same_events, 120)
{
	const struct prefork_event *e = &self->session.event;
	struct prefork_event copy;
	struct prefork *observer;
	uint64_t seq = 0;
	int i;

	ASSERT_EQ(0, prefork_open(&observer));
	ASSERT_EQ(0, prefork_observe(observer));
	ASSERT_EQ(0, session_watch(&self->session, self->actors[0].pid,
				   PREFORK_WATCH_TREE, HOLD_PROCESSES, 0));
	ASSERT_EQ(20, session_serve_order(_metadata, &self->session,
					  &self->actors[0], fork_many, 20));
	session_finish(_metadata, &self->session, self->actors[0].pid);
	ASSERT_LT(80, self->session.seq);

	/* PREFORK, BORN and EXIT of the 20 children, all in order. */
	session_close(&self->session);
	session_open(_metadata, &self->session);
	ASSERT_EQ(0, session_watch(&self->session, self->actors[1].pid,
				   PREFORK_WATCH_TREE, 0, 0));
	ASSERT_EQ(20, actor_do(_metadata, &self->actors[1], fork_many, 20));
	i = 0;
	while (i < 80) {
		ASSERT_EQ(1, prefork_next(observer, &copy, PATIENCE_MS));
		if (seq) {
			ASSERT_EQ(seq + 1, copy.seq);
		}
		seq = copy.seq;
		if (copy.pid != self->actors[1].pid && i == 0)
			continue;
		ASSERT_TRUE(session_next(_metadata, &self->session,
					 PATIENCE_MS));
		ASSERT_EQ(e->type, copy.type);
		ASSERT_EQ(e->pid, copy.pid);
		ASSERT_EQ(e->tid, copy.tid);
		ASSERT_EQ(e->child, copy.child);
		ASSERT_EQ(e->time, copy.time);
		ASSERT_STREQ(e->comm, copy.comm);
		i++;
	}
	prefork_close(observer);
}

static long observe(long unused)
{
	struct prefork *observer;
	long ret = prefork_open(&observer);

	if (ret)
		return ret;
	ret = prefork_observe(observer);
	prefork_close(observer);
	return ret + unused;
}

TEST_F_TIMEOUT(stream, observing_needs_cap_sys_admin, 60)
{
	struct actor *a = &self->actors[0];

	EXPECT_EQ(0, actor_do(_metadata, a, observe, 0));
	EXPECT_EQ(0, actor_do(_metadata, a, drop_capability, CAP_SYS_ADMIN));
	EXPECT_EQ(-EPERM, actor_do(_metadata, a, observe, 0));
}

TEST_HARNESS_MAIN
