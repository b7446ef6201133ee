// SPDX-License-Identifier: GPL-2.0
/*
 * toggles - what the administrator switches under us
 *
 * All kprobes off and on, all of ftrace off and on, a tracer of every function
 * on and off: before, while and after tasks are held, and in the middle of
 * everything. Meanwhile we may miss something, but whatever we have announced
 * comes to its outcome, nobody is stuck, and nothing is left.
 *
 * What runs in the probes is not traced itself (notrace, NOKPROBE_SYMBOL), or
 * a tracer of everything would come upon itself there.
 */
#define _GNU_SOURCE
#include "create.h"
#include "effort.h"
#include "module.h"
#include "proc.h"
#include "session.h"
#include "skip.h"
#include "tracefs.h"
#include "traffic.h"

/* One switch, and how often it is used. */
struct toggle {
	const char *path;
	const char *usual, *other;
	bool blinds;			/* we miss what happens meanwhile */
	bool of_ftrace;			/* but only where probes lie on that */
	int brief, full;
};

FIXTURE(toggle)
{
	struct traffic traffic;
	struct actor operator;
};

FIXTURE_VARIANT(toggle)
{
	struct toggle toggle;
};

FIXTURE_VARIANT_ADD(toggle, of_kprobes)
{
	.toggle = {
		.path = KPROBES_SWITCH, .usual = "1", .other = "0",
		.blinds = true, .brief = 20, .full = 500,
	},
};

FIXTURE_VARIANT_ADD(toggle, of_ftrace)
{
	.toggle = {
		.path = FTRACE_SWITCH, .usual = "1", .other = "0",
		.blinds = true, .of_ftrace = true, .brief = 20, .full = 500,
	},
};

FIXTURE_VARIANT_ADD(toggle, of_function_tracer)
{
	.toggle = {
		.path = FTRACE_TRACER, .usual = "nop", .other = "function",
		.brief = 1, .full = 20,
	},
};

/* The actor that uses the switch inherits it. */
static struct toggle toggle;

static long turn(const char *to)
{
	return write_file(toggle.path, 0, to);
}

/* Nothing of that is left: neither an owner nor a probe. */
static bool lie_on_ftrace(struct __test_metadata *_metadata,
			  struct traffic *t)
{
	struct session owner;
	bool lie;

	session_open(_metadata, &owner);
	ASSERT_EQ(0, session_watch(&owner, t->makers[0].pid, 0, 0, 0));
	lie = probes_lie_on_ftrace();
	session_close(&owner);
	ASSERT_TRUE(session_stat_reaches(_metadata, &t->session,
					 PREFORK_STAT_ARMED, 0));
	return lie;
}

FIXTURE_SETUP(toggle)
{
	tracefs_mount();
	toggle = variant->toggle;
	if (access(toggle.path, W_OK))
		SKIP_IN_SETUP("this kernel has no %s", toggle.path);
	traffic_open(_metadata, &self->traffic);
	if (toggle.of_ftrace && !lie_on_ftrace(_metadata, &self->traffic))
		toggle.blinds = false;
	actor_start(_metadata, &self->operator);
}

/* What a tracer has written is of no use. */
FIXTURE_TEARDOWN(toggle)
{
	actor_end(&self->operator);
	turn(toggle.usual);
	traffic_close(&self->traffic);
	write_file(TRACEFS "/trace", O_TRUNC, "");
}

/* In the operator: makers get something done in either position. */
static long await_creations(long n)
{
	long enough = traffic_made() + n;
	long long end = now_ms() + PATIENCE_MS;

	while (traffic_made() < enough) {
		if (now_ms() > end)
			return -ETIMEDOUT;
		pause_briefly();
	}
	return 0;
}

/* Until it is told to stop; one time at least. */
static long turn_all_the_time(long unused)
{
	long ret = 0;

	actor_say(0);
	do {
		ret = turn(toggle.other) ?: turn(toggle.usual);
	} while (!ret && !__atomic_load_n(&ledger->stop, __ATOMIC_SEQ_CST));
	return ret + unused;
}

static long turn_in_traffic(long times)
{
	long ret = 0;

	while (times-- && !ret)
		ret = turn(toggle.other) ?: await_creations(2) ?:
		      turn(toggle.usual) ?: await_creations(2);
	return ret;
}

static void expect_outcomes(struct __test_metadata *_metadata,
			    FIXTURE_DATA(toggle) *self)
{
	if (!toggle.blinds)
		traffic_expect_all(_metadata, &self->traffic);
	EXPECT_LT(0, self->traffic.held_births);
	traffic_unwatch(_metadata, &self->traffic);
	EXPECT_EQ(0, session_pending(&self->traffic.session));
}

/* Nothing of all that has changed what comes later. */
static void works_as_ever(struct __test_metadata *_metadata,
			  FIXTURE_DATA(toggle) *self)
{
	struct traffic *t = &self->traffic;
	int announced = t->session.announced, failed = t->session.failed;
	long made = traffic_made();

	traffic_watch(_metadata, t);
	traffic_start(_metadata, t);
	traffic_serve_some(_metadata, t, 2 * KINDS);
	traffic_stop(_metadata, t);
	EXPECT_EQ(traffic_made() - made, t->session.announced - announced);
	EXPECT_EQ(failed, t->session.failed);
	traffic_unwatch(_metadata, t);
}

TEST_F_TIMEOUT(toggle, in_a_storm, 1100)
{
	struct traffic *t = &self->traffic;

	traffic_watch(_metadata, t);
	traffic_start(_metadata, t);
	traffic_serve_some(_metadata, t, 2 * KINDS);
	actor_send(_metadata, &self->operator, turn_in_traffic,
		   effort_for_kernel(toggle.brief, toggle.full));
	traffic_serve(_metadata, t, self->operator.sock);
	EXPECT_EQ(0, actor_answer(_metadata, &self->operator));
	traffic_serve_some(_metadata, t, 2 * KINDS);
	traffic_stop(_metadata, t);
	TH_LOG("%ld created, %d announced, %d failed, %ld and %ld held",
	       traffic_made(), t->session.announced, t->session.failed,
	       t->held_births, t->held_execs);
	expect_outcomes(_metadata, self);
	works_as_ever(_metadata, self);
}

/* Both makers are in our hands. */
static void await_held(struct __test_metadata *_metadata,
		       FIXTURE_DATA(toggle) *self)
{
	ASSERT_TRUE(session_stat_reaches(_metadata, &self->traffic.session,
					 PREFORK_STAT_HELD, MAKERS));
}

/* What one of them waits for can be stopped, or killed, but not itself. */
static bool a_maker_is_in_vfork(FIXTURE_DATA(toggle) *self)
{
	char state;
	int i;

	for (i = 0; i < MAKERS; i++) {
		do
			state = proc_state(self->traffic.makers[i].pid);
		while (state == 'R');
		if (state == 'D')
			return true;
	}
	return false;
}

static void await_held_and_stoppable(struct __test_metadata *_metadata,
				     FIXTURE_DATA(toggle) *self)
{
	await_held(_metadata, self);
	while (a_maker_is_in_vfork(self)) {
		traffic_serve_some(_metadata, &self->traffic, 1);
		await_held(_metadata, self);
	}
}

static void signal_makers(FIXTURE_DATA(toggle) *self, int sig)
{
	int i;

	for (i = 0; i < MAKERS; i++)
		kill(self->traffic.makers[i].pid, sig);
}

/* Holds that were there before go on through it, parked ones too. */
TEST_F_TIMEOUT(toggle, while_tasks_are_held, 300)
{
	struct traffic *t = &self->traffic;
	int i;

	traffic_watch(_metadata, t);
	traffic_start(_metadata, t);
	await_held(_metadata, self);
	ASSERT_EQ(0, turn(toggle.other));
	EXPECT_EQ(MAKERS, session_stat(_metadata, &t->session,
				       PREFORK_STAT_HELD));
	EXPECT_EQ(0, traffic_made());
	if (!toggle.blinds)
		traffic_serve_some(_metadata, t, 2 * KINDS);
	await_held(_metadata, self);
	ASSERT_EQ(0, turn(toggle.usual));
	traffic_serve_some(_metadata, t, KINDS);

	await_held_and_stoppable(_metadata, self);
	signal_makers(self, SIGSTOP);
	for (i = 0; i < MAKERS; i++)
		ASSERT_TRUE(proc_state_reaches(t->makers[i].pid, 'T'));
	ASSERT_EQ(0, turn(toggle.other));
	ASSERT_EQ(0, turn(toggle.usual));
	signal_makers(self, SIGCONT);
	traffic_serve_some(_metadata, t, KINDS);
	traffic_stop(_metadata, t);
	traffic_expect_all(_metadata, t);
	expect_outcomes(_metadata, self);
}

/* While it is off nobody is told that he watches. */
TEST_F_TIMEOUT(toggle, is_noticed, 60)
{
	struct session *s = &self->traffic.session;
	pid_t pid = self->traffic.makers[0].pid;

	ASSERT_EQ(0, turn(toggle.other));
	EXPECT_EQ(toggle.blinds ? -EIO : 0,
		  session_watch(s, pid, 0, HOLD_PROCESSES, 0)) {
		TH_LOG("%s", prefork_message());
	}
	EXPECT_EQ(!toggle.blinds, session_stat(_metadata, s,
						PREFORK_STAT_ARMED));
	ASSERT_EQ(0, turn(toggle.usual));
	if (!toggle.blinds)
		session_finish(_metadata, s, pid);
	works_as_ever(_metadata, self);
}

/* Though nobody watches any more. */
static void expect_module_stays(struct __test_metadata *_metadata,
				struct session *onlooker)
{
	int round, ret;

	ASSERT_TRUE(session_stat_reaches(_metadata, onlooker,
					 PREFORK_STAT_OWNERS, 0));
	for (round = 0; round < 20; round++) {
		ret = module_unload();
		ASSERT_TRUE(ret == -EAGAIN || ret == -EBUSY) {
			TH_LOG("unload says %d", ret);
		}
		pause_briefly();
	}
	EXPECT_EQ(1, session_stat(_metadata, onlooker, PREFORK_STAT_ARMED));
}

/*
 * Probes that cannot be removed without harm stay until they can, and the
 * module with them. Nobody is told that he watches by these.
 */
TEST_F_TIMEOUT(toggle, is_waited_for_at_the_end, 60)
{
	struct session *s = &self->traffic.session, owner;
	pid_t pid = self->traffic.makers[0].pid;
	int round;

	for (round = 0; round < 2; round++) {
		session_open(_metadata, &owner);
		ASSERT_EQ(0, session_watch(&owner, pid, 0, HOLD_PROCESSES, 0));
		ASSERT_EQ(0, turn(toggle.other));
		session_close(&owner);
		if (toggle.blinds) {
			EXPECT_EQ(-EIO, session_watch(s, pid, 0, 0, 0));
			expect_module_stays(_metadata, s);
			EXPECT_EQ(-EIO, session_watch(s, pid, 0, 0, 0));
		}
		ASSERT_EQ(0, turn(toggle.usual));
		ASSERT_TRUE(session_stat_reaches(_metadata, s,
						 PREFORK_STAT_ARMED, 0));
	}
	works_as_ever(_metadata, self);
}

/* While it is turned all the time. */
static int watch_meanwhile(struct __test_metadata *_metadata,
			   FIXTURE_DATA(toggle) *self)
{
	struct traffic *t = &self->traffic;
	int ret;

	__atomic_store_n(&ledger->stop, false, __ATOMIC_SEQ_CST);
	ASSERT_EQ(0, actor_do(_metadata, &self->operator, turn_all_the_time,
			      0));
	ret = session_watch(&t->session, t->makers[0].pid, 0, HOLD_PROCESSES,
			    0);
	__atomic_store_n(&ledger->stop, true, __ATOMIC_SEQ_CST);
	ASSERT_EQ(0, actor_answer(_metadata, &self->operator));
	return ret;
}

/* We arm meanwhile: afterwards it works, or we have said that it does not. */
TEST_F_TIMEOUT(toggle, while_we_come_and_go, 1100)
{
	const long rounds = effort_for_kernel(toggle.brief, toggle.full);
	struct session *s = &self->traffic.session;
	struct actor *maker = &self->traffic.makers[0];
	long round, refused = 0;
	int ret;

	if (!strcmp(toggle.path, FTRACE_SWITCH))
		SKIP(return, "no kernel bears it; see module/hooks.c");
	for (round = 0; round < rounds; round++) {
		ret = watch_meanwhile(_metadata, self);
		if (ret) {
			ASSERT_EQ(-EIO, ret);
			refused++;
			ASSERT_EQ(0, session_watch(s, maker->pid, 0,
						   HOLD_PROCESSES, 0));
		}
		actor_send(_metadata, maker, create, BY_VFORK);
		session_await(_metadata, s, PREFORK_EVENT_PREFORK);
		session_release(_metadata, s);
		session_await(_metadata, s, PREFORK_EVENT_BORN);
		EXPECT_EQ(s->event.tid, actor_answer(_metadata, maker));
		session_finish(_metadata, s, maker->pid);
		ASSERT_TRUE(session_stat_reaches(_metadata, s,
						 PREFORK_STAT_ARMED, 0));
	}
	TH_LOG("%ld of %ld refused", refused, rounds);
	EXPECT_EQ(rounds, s->born);
	EXPECT_EQ(0, s->failed);
}

TEST_HARNESS_MAIN
