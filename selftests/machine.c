// SPDX-License-Identifier: GPL-2.0
/*
 * machine - what happens to the machine while tasks are held
 *
 * A processor goes and comes back, all tasks are frozen for a suspend, the
 * owner is frozen, or killed for want of memory, or who is held is: nobody
 * stays held, and what was not meant loses no hold.
 */
#define _GNU_SOURCE
#include "cgroup.h"
#include "create.h"
#include "effort.h"
#include "proc.h"
#include "raw.h"
#include "session.h"
#include "storm.h"

enum place { AT_CREATION, AT_BIRTH, AT_EXEC, IN_NAMESPACE, PLACES };

/* What is watched for, and who is told to do what. */
static const struct {
	uint32_t hold;
	uint32_t event;		/* that tells of the hold */
	order_fn order;
	long arg;
} places[] = {
	[AT_CREATION] = {
		HOLD_PROCESSES, PREFORK_EVENT_PREFORK, create, BY_VFORK,
	},
	[AT_BIRTH] = {
		PREFORK_HOLD_BIRTH, PREFORK_EVENT_BORN, create, BY_FORK,
	},
	[AT_EXEC] = {
		PREFORK_HOLD_EXEC, PREFORK_EVENT_EXEC, create, BY_SPAWN,
	},
	[IN_NAMESPACE] = {
		HOLD_PROCESSES, PREFORK_EVENT_PREFORK, create,
		BY_NEW_NAMESPACE,
	},
};

/* An actor that is held, or has a child that is. */
struct captive {
	struct actor actor;
	enum place place;
	bool parked;		/* stopped meanwhile */
	pid_t tid;		/* who is held */
	uint64_t cookie;
};

#define CAPTIVES	(2 * PLACES)	/* at each place; half of them parked */

static void captives_start(struct __test_metadata *_metadata,
			   struct captive captives[CAPTIVES])
{
	int i;

	for (i = 0; i < CAPTIVES; i++) {
		captives[i].place = i % PLACES;
		captives[i].parked = i >= PLACES;
		actor_start(_metadata, &captives[i].actor);
	}
}

static void captive_begin(struct __test_metadata *_metadata,
			  struct captive *captive)
{
	actor_send(_metadata, &captive->actor, places[captive->place].order,
		   places[captive->place].arg);
}

static void capture(struct __test_metadata *_metadata, struct session *s,
		    struct captive *captive)
{
	ASSERT_EQ(0, session_watch(s, captive->actor.pid, PREFORK_WATCH_TREE,
				   places[captive->place].hold, 0));
	captive_begin(_metadata, captive);
	session_await(_metadata, s, places[captive->place].event);
	ASSERT_NE(0, s->event.cookie) {
		TH_LOG("not held at place %d", captive->place);
	}
	captive->cookie = s->event.cookie;
	captive->tid = s->event.tid;
	if (captive->parked) {
		ASSERT_EQ(0, kill(captive->tid, SIGSTOP));
		ASSERT_TRUE(proc_state_reaches(captive->tid, 'T'));
	}
}

static void expect_all_held(struct __test_metadata *_metadata,
			    struct session *s,
			    struct captive captives[CAPTIVES])
{
	int i;

	for (i = 0; i < CAPTIVES; i++)
		EXPECT_FALSE(actor_speaks(&captives[i].actor, 0));
	EXPECT_EQ(CAPTIVES, session_stat(_metadata, s, PREFORK_STAT_HELD));
}

static void set_free(struct __test_metadata *_metadata, struct session *s,
		     struct captive *captive)
{
	ASSERT_EQ(0, prefork_release(s->pf, captive->cookie));
	if (captive->parked) {
		ASSERT_EQ(0, kill(captive->tid, SIGCONT));
	}
	EXPECT_LT(0, actor_answer(_metadata, &captive->actor)) {
		TH_LOG("held at place %d", captive->place);
	}
}

static void captives_end(struct captive captives[CAPTIVES])
{
	int i;

	for (i = 0; i < CAPTIVES; i++)
		actor_end(&captives[i].actor);
}

static int system_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

FIXTURE(machine)
{
	struct captive captives[CAPTIVES];
	struct session session;
	struct session stormy;
	struct storm storm;
};

FIXTURE_SETUP(machine)
{
	captives_start(_metadata, self->captives);
	session_open(_metadata, &self->session);
	session_open(_metadata, &self->stormy);
}

FIXTURE_TEARDOWN(machine)
{
	storm_stop(&self->storm);
	session_close(&self->stormy);
	session_close(&self->session);
	captives_end(self->captives);
}

#define SECOND_CPU	"/sys/devices/system/cpu/cpu1/online"

static void move_to_second_cpu(struct __test_metadata *_metadata, pid_t pid)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(1, &set);
	ASSERT_EQ(0, sched_setaffinity(pid, sizeof(set), &set));
}

/* As much as is there, but do not run after those who are quicker. */
static void read_some(struct __test_metadata *_metadata, struct session *s)
{
	int n = 4096;

	while (n-- && session_next(_metadata, s, 0))
		;
}

static void watch_storm(struct __test_metadata *_metadata, struct session *s,
			struct storm *storm)
{
	int i;

	for (i = 0; i < STORM_PROCESSES; i++) {
		ASSERT_EQ(0, session_watch(s, storm->pid[i],
					   PREFORK_WATCH_TREE, 0, 0));
	}
}

TEST_F_TIMEOUT(machine, loses_a_processor_and_no_hold, 600)
{
	struct session *stormy = &self->stormy;
	int round, i;

	if (system_write(SECOND_CPU, "1"))
		SKIP(return, "there is no second processor that can go");
	for (i = 0; i < CAPTIVES; i++) {
		move_to_second_cpu(_metadata, self->captives[i].actor.pid);
		capture(_metadata, &self->session, &self->captives[i]);
	}
	storm_start(_metadata, &self->storm);
	watch_storm(_metadata, stormy, &self->storm);
	for (round = 0; round < effort(10, 200); round++) {
		EXPECT_EQ(0, system_write(SECOND_CPU, "0"));
		read_some(_metadata, stormy);
		EXPECT_EQ(0, system_write(SECOND_CPU, "1"));
		read_some(_metadata, stormy);
	}
	expect_all_held(_metadata, &self->session, self->captives);
	for (i = 0; i < CAPTIVES; i++)
		set_free(_metadata, &self->session, &self->captives[i]);

	EXPECT_LT(round, storm_stop(&self->storm));
	while (session_next(_metadata, stormy, 500))
		;
	EXPECT_EQ(0, session_pending(stormy));
	EXPECT_LT(round, stormy->born);
	EXPECT_EQ(0, stormy->lost);
	EXPECT_EQ(0, self->session.lost);
	ASSERT_EQ(0, prefork_unwatch_all(self->session.pf));
	session_nothing_left(_metadata, &self->session);
}

/* All tasks are frozen as before a suspend to idle, and thawed again. */
static int suspend(struct __test_metadata *_metadata)
{
	int err;

	ASSERT_EQ(0, system_write("/sys/power/pm_test", "freezer"));
	system_write("/sys/module/suspend/parameters/pm_test_delay", "1");
	err = system_write("/sys/power/state", "freeze");
	ASSERT_EQ(0, system_write("/sys/power/pm_test", "none"));
	return err;
}

static bool can_suspend(void)
{
	return !access("/sys/power/pm_test", W_OK);
}

TEST_F_TIMEOUT(machine, suspends_over_every_hold, 120)
{
	int i;

	if (!can_suspend())
		SKIP(return, "this kernel cannot test suspend");
	for (i = 0; i < CAPTIVES; i++)
		capture(_metadata, &self->session, &self->captives[i]);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, suspend(_metadata));
	expect_all_held(_metadata, &self->session, self->captives);
	for (i = 0; i < CAPTIVES; i++)
		set_free(_metadata, &self->session, &self->captives[i]);
	ASSERT_EQ(0, prefork_unwatch_all(self->session.pf));
	session_nothing_left(_metadata, &self->session);
}

/* An owner who does not read has somebody wait for room, with no deadline. */
#define REFUSALS	2200	/* two events each: more than fit */

static void fill_queue(struct __test_metadata *_metadata, struct session *s,
		       struct raw *owner, struct actor *filler)
{
	struct nl_msg *msg = raw_message(owner, PREFORK_CMD_WATCH, 0);
	const int room = 4096;

	nla_put_u32(msg, PREFORK_A_PID, filler->pid);
	nla_put_u32(msg, PREFORK_A_TIMEOUT, 0);
	ASSERT_EQ(0, raw_ask(owner, msg));
	ASSERT_EQ(0, setsockopt(owner->fd, SOL_SOCKET, SO_RCVBUF, &room,
				sizeof(room)));
	actor_send(_metadata, filler, refuse_many, REFUSALS);
	ASSERT_TRUE(session_stat_rises(_metadata, s, PREFORK_STAT_QUEUED,
				       QUEUE_LIMIT));
	ASSERT_TRUE(proc_waits(filler));
}

TEST_F_TIMEOUT(machine, suspends_over_a_wait_for_room, 120)
{
	struct actor *filler = &self->captives[0].actor;
	uint64_t lost;
	struct raw owner;

	if (!can_suspend())
		SKIP(return, "this kernel cannot test suspend");
	raw_open(_metadata, &owner);
	fill_queue(_metadata, &self->session, &owner, filler);
	lost = session_stat(_metadata, &self->session, PREFORK_STAT_LOST);
	EXPECT_EQ(0, suspend(_metadata));
	EXPECT_TRUE(proc_waits(filler));
	EXPECT_EQ(lost, session_stat(_metadata, &self->session,
				     PREFORK_STAT_LOST));
	raw_close(&owner);
	EXPECT_EQ(REFUSALS, actor_answer(_metadata, filler));
	session_nothing_left(_metadata, &self->session);
}

/*
 * An owner that is a process of its own, in a cgroup of its own, and whom it
 * holds.
 */
#define CROWD	16

FIXTURE(owner)
{
	struct captive captives[CROWD];
	struct actor owner;
	struct session observer;
	struct cgroup cg;
};

FIXTURE_SETUP(owner)
{
	int i;

	for (i = 0; i < CROWD; i++) {
		self->captives[i].place = i % PLACES;
		actor_start(_metadata, &self->captives[i].actor);
	}
	actor_start(_metadata, &self->owner);
	session_open(_metadata, &self->observer);
	cgroup_make(_metadata, &self->cg);
	ASSERT_EQ(0, cgroup_move(&self->cg, self->owner.pid));
}

FIXTURE_TEARDOWN(owner)
{
	int i;

	cgroup_write(self->cg.path, "cgroup.freeze", "0");
	session_close(&self->observer);
	actor_end(&self->owner);
	for (i = 0; i < CROWD; i++)
		actor_end(&self->captives[i].actor);
	cgroup_remove(&self->cg);
}

/* In the owner. */
static struct prefork *owned;
static uint32_t owned_timeout;

static long own_for(long timeout_ms)
{
	owned_timeout = timeout_ms;
	return prefork_open(&owned);
}

/* Of the process @pid, what is done at the place. */
static long own(long arg)
{
	const struct prefork_watch_options opts = {
		.flags = PREFORK_WATCH_TREE,
		.hold = places[arg % PLACES].hold,
		.timeout_ms = owned_timeout,
		.has_timeout = true,
	};

	return prefork_watch(owned, arg / PLACES, &opts);
}

static long count_timeouts(long ms)
{
	struct prefork_event event;
	long timeouts = 0;

	while (prefork_next(owned, &event, ms) == 1)
		timeouts += event.type == PREFORK_EVENT_TIMEOUT;
	return timeouts;
}

static void own_all(struct __test_metadata *_metadata,
		    FIXTURE_DATA(owner) *self, uint32_t timeout_ms)
{
	struct captive *captive;

	ASSERT_EQ(0, actor_do(_metadata, &self->owner, own_for, timeout_ms));
	for (captive = self->captives; captive < self->captives + CROWD;
	     captive++) {
		ASSERT_EQ(0, actor_do(_metadata, &self->owner, own,
				      captive->actor.pid * PLACES +
				      captive->place));
	}
}

static void all_begin(struct __test_metadata *_metadata,
		      FIXTURE_DATA(owner) *self)
{
	int i;

	for (i = 0; i < CROWD; i++)
		captive_begin(_metadata, &self->captives[i]);
}

static void all_run_on(struct __test_metadata *_metadata,
		       FIXTURE_DATA(owner) *self)
{
	int i;

	for (i = 0; i < CROWD; i++) {
		EXPECT_LT(0, actor_answer(_metadata, &self->captives[i].actor)) {
			TH_LOG("held at place %d", self->captives[i].place);
		}
	}
}

/* It cannot answer: their deadlines free the tasks, and it hears of that. */
TEST_F_TIMEOUT(owner, that_is_frozen_keeps_nobody_after_the_deadline, 120)
{
	uint64_t before = session_stat(_metadata, &self->observer,
				       PREFORK_STAT_TIMEOUTS);

	own_all(_metadata, self, 1000);
	ASSERT_EQ(0, cgroup_write(self->cg.path, "cgroup.freeze", "1"));
	ASSERT_TRUE(cgroup_frozen_reaches(&self->cg, 1));
	all_begin(_metadata, self);
	all_run_on(_metadata, self);
	EXPECT_EQ(before + CROWD, session_stat(_metadata, &self->observer,
					       PREFORK_STAT_TIMEOUTS));
	EXPECT_EQ(1, cgroup_count(&self->cg, "cgroup.events", "frozen"));

	ASSERT_EQ(0, cgroup_write(self->cg.path, "cgroup.freeze", "0"));
	EXPECT_EQ(CROWD, actor_do(_metadata, &self->owner, count_timeouts,
				  500));
	actor_end(&self->owner);
	session_nothing_left(_metadata, &self->observer);
}

/* In an actor: takes memory until it is killed for that. */
static long eat(long bytes)
{
	char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		return -errno;
	memset(memory, 1, bytes);
	return 0;
}

#define LIMIT		"48M"
#define TOO_MUCH	(256L << 20)

static void eat_and_be_killed(struct __test_metadata *_metadata,
			      struct actor *actor)
{
	actor_send(_metadata, actor, eat, TOO_MUCH);
	EXPECT_EQ(SIGKILL, actor_wait(_metadata, actor));
}

TEST_F_TIMEOUT(owner, that_is_killed_for_want_of_memory_keeps_nobody, 120)
{
	if (cgroup_limit_memory(&self->cg, LIMIT))
		SKIP(return, "there is no memory controller");
	own_all(_metadata, self, 0);
	all_begin(_metadata, self);
	ASSERT_TRUE(session_stat_reaches(_metadata, &self->observer,
					 PREFORK_STAT_HELD, CROWD));
	eat_and_be_killed(_metadata, &self->owner);
	EXPECT_EQ(1, cgroup_count(&self->cg, "memory.events", "oom_kill"));
	all_run_on(_metadata, self);
	session_nothing_left(_metadata, &self->observer);
	EXPECT_TRUE(session_stat_reaches(_metadata, &self->observer,
					 PREFORK_STAT_OWNERS, 0));
}

/*
 * Who is held is the first to be killed, though that helps nobody; then he who
 * wants the memory.
 */
FIXTURE(victim)
{
	struct captive captives[CAPTIVES];
	struct actor eater;
	struct session session;
	struct cgroup cg;
};

FIXTURE_SETUP(victim)
{
	captives_start(_metadata, self->captives);
	session_open(_metadata, &self->session);
	cgroup_make(_metadata, &self->cg);
}

FIXTURE_TEARDOWN(victim)
{
	session_close(&self->session);
	actor_end(&self->eater);
	captives_end(self->captives);
	cgroup_remove(&self->cg);
}

/*
 * The kernel kills who has most, and adds to that so many thousandths of the
 * limit, which the eater reaches by itself.
 */
#define FIRST		"1000"
#define NOT_FIRST	"-500"

static void offer(struct __test_metadata *_metadata, struct cgroup *cg,
		  pid_t pid, const char *score)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", pid);
	ASSERT_EQ(0, system_write(path, score));
	ASSERT_EQ(0, cgroup_move(cg, pid));
}

static void expect_killed(struct __test_metadata *_metadata,
			  struct session *s, struct captive *captive)
{
	int failed = s->failed;

	do {
		session_await(_metadata, s, PREFORK_EVENT_EXIT);
	} while (s->event.pid != captive->tid);
	EXPECT_EQ(SIGKILL, s->event.status);
	EXPECT_EQ(0, session_pending(s));
	EXPECT_EQ(captive->tid == captive->actor.pid, s->failed - failed);
	EXPECT_EQ(-ENOENT, prefork_release(s->pf, captive->cookie));
	if (captive->tid == captive->actor.pid) {
		EXPECT_EQ(SIGKILL, actor_wait(_metadata, &captive->actor));
	} else {
		EXPECT_EQ(BROKEN, actor_answer(_metadata, &captive->actor));
	}
}

TEST_F_TIMEOUT(victim, of_a_want_of_memory_leaves_nothing, 240)
{
	struct session *s = &self->session;
	struct captive *captive;
	long kills = 0;

	if (cgroup_limit_memory(&self->cg, LIMIT))
		SKIP(return, "there is no memory controller");
	for (captive = self->captives; captive < self->captives + CAPTIVES;
	     captive++) {
		capture(_metadata, s, captive);
		offer(_metadata, &self->cg, captive->tid, FIRST);
		actor_start(_metadata, &self->eater);
		offer(_metadata, &self->cg, self->eater.pid, NOT_FIRST);
		eat_and_be_killed(_metadata, &self->eater);
		kills += 2;
		EXPECT_EQ(kills, cgroup_count(&self->cg, "memory.events",
					      "oom_kill"));
		expect_killed(_metadata, s, captive);
	}
	prefork_unwatch_all(s->pf);
	session_nothing_left(_metadata, s);
}

TEST_HARNESS_MAIN
