// SPDX-License-Identifier: GPL-2.0
/*
 * stuck - nobody is
 *
 * When the owner closes its session or dies, unwatches, or lets a deadline
 * pass, every task held for it runs on.
 */
#define _GNU_SOURCE
#include "create.h"
#include "proc.h"
#include "raw.h"
#include "session.h"

#define CROWD	40

FIXTURE(crowd)
{
	struct session session;		/* looks on, in the first test owns */
	struct actor owner;
	struct actor workers[CROWD];
};

FIXTURE_SETUP(crowd)
{
	int i;

	for (i = 0; i < CROWD; i++)
		actor_start(_metadata, &self->workers[i]);
	actor_start(_metadata, &self->owner);
	session_open(_metadata, &self->session);
	ASSERT_EQ(0, session_stat(_metadata, &self->session,
				  PREFORK_STAT_HELD));
}

FIXTURE_TEARDOWN(crowd)
{
	int i;

	session_close(&self->session);
	actor_end(&self->owner);
	for (i = 0; i < CROWD; i++)
		actor_end(&self->workers[i]);
}

/* Every second one in a vfork, the others in clone. */
static int kind_of(int i)
{
	return i % 2 ? BY_VFORK : BY_CLONE;
}

static void send_all(struct __test_metadata *_metadata,
		     struct actor workers[CROWD])
{
	int i;

	for (i = 0; i < CROWD; i++)
		actor_send(_metadata, &workers[i], create, kind_of(i));
}

/* All are told to create something, and all are held. */
static void hold_all(struct __test_metadata *_metadata, struct session *s,
		     struct actor workers[CROWD], uint32_t timeout_ms)
{
	int i;

	for (i = 0; i < CROWD; i++) {
		ASSERT_EQ(0, session_watch(s, workers[i].pid, 0, HOLD_PROCESSES,
					   timeout_ms));
	}
	send_all(_metadata, workers);
	for (i = 0; i < CROWD; i++) {
		session_await(_metadata, s, PREFORK_EVENT_PREFORK);
		ASSERT_NE(0, s->event.cookie);
	}
}

static void all_run_on(struct __test_metadata *_metadata,
		       struct actor workers[CROWD])
{
	int i;

	for (i = 0; i < CROWD; i++) {
		ASSERT_LT(0, actor_answer(_metadata, &workers[i])) {
			TH_LOG("worker %d of %d", i, CROWD);
		}
	}
}

TEST_F_TIMEOUT(crowd, runs_on_when_the_session_is_closed, 120)
{
	struct session owner;

	session_open(_metadata, &owner);
	hold_all(_metadata, &owner, self->workers, 0);
	EXPECT_EQ(CROWD, session_stat(_metadata, &owner, PREFORK_STAT_HELD));
	EXPECT_FALSE(actor_speaks(&self->workers[0], 0));
	session_close(&owner);
	all_run_on(_metadata, self->workers);
	session_nothing_left(_metadata, &self->session);
	EXPECT_TRUE(session_stat_reaches(_metadata, &self->session,
					 PREFORK_STAT_OWNERS, 0));
}

/* In the owner, to be killed: a session of its own, never closed. */
static struct prefork *owned;

static long own(long pid)
{
	const struct prefork_watch_options opts = {
		.hold = HOLD_PROCESSES,
		.has_timeout = true,
	};
	int ret = owned ? 0 : prefork_open(&owned);

	return ret ? ret : prefork_watch(owned, pid, &opts);
}

TEST_F_TIMEOUT(crowd, runs_on_when_the_owner_is_killed, 120)
{
	struct session *s = &self->session;
	int i;

	for (i = 0; i < CROWD; i++) {
		ASSERT_EQ(0, actor_do(_metadata, &self->owner, own,
				      self->workers[i].pid));
	}
	send_all(_metadata, self->workers);
	ASSERT_TRUE(session_stat_reaches(_metadata, s, PREFORK_STAT_HELD,
					 CROWD));
	EXPECT_EQ(1, session_stat(_metadata, s, PREFORK_STAT_OWNERS));
	for (i = 0; i < CROWD; i++)
		EXPECT_FALSE(actor_speaks(&self->workers[i], 0));

	kill(self->owner.pid, SIGKILL);
	all_run_on(_metadata, self->workers);
	session_nothing_left(_metadata, s);
	EXPECT_TRUE(session_stat_reaches(_metadata, s, PREFORK_STAT_OWNERS,
					 0));
}

TEST_F_TIMEOUT(crowd, runs_on_when_unwatched_one_by_one, 120)
{
	struct session *s = &self->session;
	int i;

	hold_all(_metadata, s, self->workers, 0);
	for (i = 0; i < CROWD; i++) {
		EXPECT_FALSE(actor_speaks(&self->workers[i], 0));
		session_finish(_metadata, s, self->workers[i].pid);
		ASSERT_LT(0, actor_answer(_metadata, &self->workers[i]));
	}
	EXPECT_EQ(CROWD, s->announced);
	session_settle(_metadata, s);
	session_nothing_left(_metadata, s);
}

TEST_F_TIMEOUT(crowd, runs_on_when_all_are_unwatched, 120)
{
	struct session *s = &self->session;
	int i;

	hold_all(_metadata, s, self->workers, 0);
	EXPECT_EQ(0, prefork_unwatch_all(s->pf));
	all_run_on(_metadata, self->workers);
	for (i = 0; i < CROWD; i++)
		session_await(_metadata, s, PREFORK_EVENT_UNWATCHED);
	session_settle(_metadata, s);
	session_nothing_left(_metadata, s);
}

TEST_F_TIMEOUT(crowd, runs_on_when_the_deadline_passes, 120)
{
	struct session *s = &self->session;
	uint64_t before = session_stat(_metadata, s, PREFORK_STAT_TIMEOUTS);
	static unsigned char late[PID_LIMIT + 1];
	int i, timeouts = 0;
	long child;

	for (i = 0; i < CROWD; i++) {
		ASSERT_EQ(0, session_watch(s, self->workers[i].pid, 0,
					   HOLD_PROCESSES, 300));
	}
	send_all(_metadata, self->workers);
	while (timeouts < CROWD || s->born < CROWD) {
		ASSERT_TRUE(session_next(_metadata, s, PATIENCE_MS));
		if (s->event.type != PREFORK_EVENT_TIMEOUT)
			continue;
		timeouts++;
		late[s->event.child]++;
		EXPECT_EQ(-ENOENT, prefork_release(s->pf, s->event.cookie));
	}
	for (i = 0; i < CROWD; i++) {
		child = actor_answer(_metadata, &self->workers[i]);
		ASSERT_LT(0, child);
		EXPECT_EQ(1, late[child]);
	}
	EXPECT_EQ(CROWD, timeouts);
	EXPECT_EQ(before + CROWD, session_stat(_metadata, s,
					       PREFORK_STAT_TIMEOUTS));
	EXPECT_EQ(0, prefork_unwatch_all(s->pf));
	session_nothing_left(_metadata, s);
}

/* A hold that a signal has parked is a hold, too. */
static void stop_all(struct __test_metadata *_metadata,
		     struct actor workers[CROWD])
{
	int i;

	for (i = 0; i < CROWD; i++)
		ASSERT_EQ(0, kill(workers[i].pid, SIGSTOP));
	for (i = 0; i < CROWD; i++)
		ASSERT_TRUE(proc_state_reaches(workers[i].pid, 'T'));
}

static void continue_all(struct actor workers[CROWD])
{
	int i;

	for (i = 0; i < CROWD; i++)
		kill(workers[i].pid, SIGCONT);
}

TEST_F_TIMEOUT(crowd, stopped_meanwhile_runs_on_after_the_close, 120)
{
	struct session owner;

	session_open(_metadata, &owner);
	hold_all(_metadata, &owner, self->workers, 0);
	stop_all(_metadata, self->workers);
	session_close(&owner);
	continue_all(self->workers);
	all_run_on(_metadata, self->workers);
	session_nothing_left(_metadata, &self->session);
}

TEST_F_TIMEOUT(crowd, stopped_meanwhile_runs_on_after_the_deadline, 120)
{
	struct session *s = &self->session;
	int timeouts = 0;

	/* Long enough to be all stopped before it passes. */
	hold_all(_metadata, s, self->workers, 3000);
	stop_all(_metadata, self->workers);
	while (now_ms() <= (long long)(s->event.deadline / 1000000))
		pause_briefly();
	EXPECT_EQ(-ENOENT, prefork_release(s->pf, s->event.cookie)) {
		TH_LOG("an answer after the deadline");
	}
	continue_all(self->workers);
	while (timeouts < CROWD) {
		session_await(_metadata, s, PREFORK_EVENT_TIMEOUT);
		timeouts++;
	}
	all_run_on(_metadata, self->workers);
	EXPECT_EQ(CROWD, s->announced);
	EXPECT_EQ(0, prefork_unwatch_all(s->pf));
	session_nothing_left(_metadata, s);
}

TEST_F_TIMEOUT(crowd, member_that_dies_takes_its_hold_with_it, 120)
{
	struct session *s = &self->session;
	int i;

	hold_all(_metadata, s, self->workers, 0);
	for (i = 0; i < CROWD; i++)
		kill(self->workers[i].pid, SIGKILL);
	for (i = 0; i < CROWD; i++)
		session_await(_metadata, s, PREFORK_EVENT_EXIT);
	EXPECT_EQ(0, session_pending(s));
	EXPECT_EQ(CROWD, s->failed);
	session_nothing_left(_metadata, s);
}

TEST_F_TIMEOUT(crowd, waits_without_end_where_there_is_no_deadline, 120)
{
	struct actor *patient = &self->workers[0], *other = &self->workers[1];
	struct session *s = &self->session;
	uint64_t cookie;
	int round;

	ASSERT_EQ(0, session_watch(s, patient->pid, 0, HOLD_PROCESSES, 0));
	ASSERT_EQ(0, session_watch(s, other->pid, 0, HOLD_PROCESSES, 500));

	actor_send(_metadata, patient, create, BY_VFORK);
	session_expect(_metadata, s, PREFORK_EVENT_PREFORK);
	EXPECT_EQ(0, s->event.deadline);
	cookie = s->event.cookie;

	for (round = 0; round < 4; round++) {
		actor_send(_metadata, other, create, BY_VFORK);
		session_await(_metadata, s, PREFORK_EVENT_TIMEOUT);
		EXPECT_EQ(other->pid, s->event.pid);
		EXPECT_LT(0, actor_answer(_metadata, other));
	}
	EXPECT_FALSE(actor_speaks(patient, 0));
	EXPECT_EQ(1, session_held(_metadata, s, patient->pid, NULL));
	EXPECT_EQ(0, prefork_release(s->pf, cookie));
	EXPECT_LT(0, actor_answer(_metadata, patient));
}

TEST_F_TIMEOUT(crowd, has_ten_seconds_where_nothing_is_said, 60)
{
	const uint64_t ms = 1000000;
	struct session *s = &self->session;
	const struct prefork_watch_options opts = { .hold = HOLD_PROCESSES };
	uint64_t left;

	ASSERT_EQ(0, prefork_watch(s->pf, self->workers[0].pid, &opts));
	actor_send(_metadata, &self->workers[0], create, BY_FORK);
	session_expect(_metadata, s, PREFORK_EVENT_PREFORK);
	left = s->event.deadline - s->event.time;
	EXPECT_LE((PREFORK_TIMEOUT_DEFAULT - 1000) * ms, left);
	EXPECT_GE((PREFORK_TIMEOUT_DEFAULT + 1000) * ms, left);
	session_release(_metadata, s);
	EXPECT_LT(0, actor_answer(_metadata, &self->workers[0]));
}

/*
 * Nor those who wait for room in the queue of an owner who does not read, with
 * no deadline: to announce a creation, or to tell of the end of a vfork.
 */
#define REFUSALS	2200	/* two events each: more than fit */

enum waiter { FILLER, CREATOR, VFORKER, PARENT, WAITERS };

FIXTURE(full_queue)
{
	struct session session;		/* looks on */
	struct actor waiters[WAITERS];
	struct raw owner;
};

static void watch_without_end(struct __test_metadata *_metadata,
			      struct raw *owner, pid_t pid)
{
	struct nl_msg *msg = raw_message(owner, PREFORK_CMD_WATCH, 0);

	nla_put_u32(msg, PREFORK_A_PID, pid);
	nla_put_u32(msg, PREFORK_A_TIMEOUT, 0);
	ASSERT_EQ(0, raw_ask(owner, msg));
}

/* With no target: all. Nothing is read, not even an answer. */
static void unwatch_blindly(struct __test_metadata *_metadata,
			    struct raw *owner, pid_t pid)
{
	struct nl_msg *msg = raw_message(owner, PREFORK_CMD_UNWATCH, 0);
	struct nlmsghdr *nlh = nlmsg_hdr(msg);

	nlh->nlmsg_flags &= ~NLM_F_ACK;
	if (pid)
		nla_put_u32(msg, PREFORK_A_PID, pid);
	ASSERT_EQ(0, raw_send_bytes(owner, nlh, nlh->nlmsg_len));
	nlmsg_free(msg);
}

FIXTURE_SETUP(full_queue)
{
	struct actor *waiters = self->waiters;
	const int room = 4096;
	pid_t child;
	int i;

	session_open(_metadata, &self->session);
	ASSERT_TRUE(session_stat_reaches(_metadata, &self->session,
					 PREFORK_STAT_QUEUED, 0));
	raw_open(_metadata, &self->owner);
	for (i = 0; i < WAITERS; i++) {
		actor_start(_metadata, &waiters[i]);
		watch_without_end(_metadata, &self->owner, waiters[i].pid);
	}
	ASSERT_EQ(0, setsockopt(self->owner.fd, SOL_SOCKET, SO_RCVBUF, &room,
				sizeof(room)));
	actor_send(_metadata, &waiters[PARENT], vfork_until_told, 0);
	child = actor_answer(_metadata, &waiters[PARENT]);

	actor_send(_metadata, &waiters[FILLER], refuse_many, REFUSALS);
	ASSERT_TRUE(session_stat_rises(_metadata, &self->session,
				       PREFORK_STAT_QUEUED, QUEUE_LIMIT));
	ASSERT_TRUE(proc_waits(&waiters[FILLER]));
	actor_send(_metadata, &waiters[CREATOR], create, BY_CLONE);
	actor_send(_metadata, &waiters[VFORKER], create, BY_VFORK);
	ASSERT_EQ(1, send(waiters[PARENT].sock, "x", 1, 0));
	ASSERT_TRUE(proc_state_reaches(child, 'Z'));
	for (i = 0; i < WAITERS; i++) {
		ASSERT_TRUE(proc_waits(&waiters[i])) {
			TH_LOG("waiter %d", i);
		}
	}
}

FIXTURE_TEARDOWN(full_queue)
{
	int i;

	raw_close(&self->owner);
	session_close(&self->session);
	for (i = 0; i < WAITERS; i++)
		actor_end(&self->waiters[i]);
}

static void waiter_runs_on(struct __test_metadata *_metadata,
			   struct actor waiters[WAITERS], enum waiter i)
{
	long answer = actor_answer(_metadata, &waiters[i]);

	if (i == FILLER) {
		EXPECT_EQ(REFUSALS, answer);
	} else {
		EXPECT_LT(0, answer);
	}
}

TEST_F_TIMEOUT(full_queue, lets_go_of_those_who_are_unwatched_one_by_one, 120)
{
	int i, later;

	for (i = 0; i < WAITERS; i++) {
		unwatch_blindly(_metadata, &self->owner, self->waiters[i].pid);
		waiter_runs_on(_metadata, self->waiters, i);
		for (later = i + 1; later < WAITERS; later++)
			EXPECT_TRUE(proc_waits(&self->waiters[later]));
	}
	EXPECT_LE(QUEUE_LIMIT, session_stat(_metadata, &self->session,
					    PREFORK_STAT_QUEUED));
	raw_close(&self->owner);
	session_nothing_left(_metadata, &self->session);
}

TEST_F_TIMEOUT(full_queue, lets_go_of_all_when_all_are_unwatched, 120)
{
	int i;

	unwatch_blindly(_metadata, &self->owner, 0);
	for (i = 0; i < WAITERS; i++)
		waiter_runs_on(_metadata, self->waiters, i);
	EXPECT_LE(QUEUE_LIMIT, session_stat(_metadata, &self->session,
					    PREFORK_STAT_QUEUED));
	raw_close(&self->owner);
	session_nothing_left(_metadata, &self->session);
}

TEST_F_TIMEOUT(full_queue, lets_go_of_all_when_the_socket_is_closed, 120)
{
	int i;

	raw_close(&self->owner);
	for (i = 0; i < WAITERS; i++)
		waiter_runs_on(_metadata, self->waiters, i);
	session_nothing_left(_metadata, &self->session);
}

TEST_HARNESS_MAIN
