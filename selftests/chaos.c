// SPDX-License-Identifier: GPL-2.0
/*
 * chaos - the owner is killed, whatever it is doing
 *
 * Sixty-four workers create processes, threads and programs and are held for an
 * owner, some of them parked by signals, some about to be traced. It gets
 * SIGKILL at a moment that chance has chosen. Everything runs on, and nothing
 * is left. PREFORK_SEED repeats what a seed that was printed has chosen.
 */
#define _GNU_SOURCE
#include <sys/ptrace.h>
#include <sys/time.h>

#include "create.h"
#include "effort.h"
#include "proc.h"
#include "session.h"

#define CROWD		64
#define TICKING		2	/* of them under a timer of 1 ms */
#define TRACED_MOST	4	/* of the held tasks */
#define PROBED		4	/* announced numbers, to be used again */
#define AT_ONCE_MS	1000	/* what is promised */
#define SLACK		3	/* for what is as slow itself */

enum moment { WATCHING, HELD, ANSWERING, UNWATCHING, CLOSING };

struct job {
	order_fn fn;
	long arg;
	uint32_t flags, hold;
};

static const struct job jobs[] = {
	{ create, BY_VFORK, 0, PREFORK_HOLD_VFORK },
	{ create, BY_FORK, 0, PREFORK_HOLD_FORK },
	{ create, BY_CLONE3, 0, PREFORK_HOLD_FORK },
	{ create, BY_SPAWN, PREFORK_WATCH_TREE, PREFORK_HOLD_VFORK },
	{ create, BY_THREAD, PREFORK_WATCH_THREADS, PREFORK_HOLD_THREAD },
	{ create, BY_RAW_THREAD, PREFORK_WATCH_THREADS, PREFORK_HOLD_THREAD },
	{ create, BY_VFORK, 0, PREFORK_HOLD_BIRTH },
	{ create, BY_CLONE3, PREFORK_WATCH_TREE, PREFORK_HOLD_BIRTH },
	{ create, BY_RAW_THREAD, PREFORK_WATCH_THREADS,
	  PREFORK_HOLD_BIRTH_THREAD },
	{ create, BY_SPAWN, PREFORK_WATCH_TREE, PREFORK_HOLD_EXEC },
	{ create, BY_NEW_NAMESPACE, 0, PREFORK_HOLD_FORK },
};

/* Of a held task. */
enum disturbance { NONE, STOP, STOP_AND_GO, HANDLER, TRACER, DISTURBANCES };

struct victim {
	pid_t tid;
	pid_t child;		/* announced, or 0 */
	uint32_t hold;
	enum disturbance disturbance;
};

/* Shared with those who have their part in it. */
static struct plan {
	pid_t worker[CROWD];
	int steps;			/* how far the owner has come */
	pid_t traced[TRACED_MOST];
	int tracing;			/* how many of them */
} *plan;

FIXTURE(chaos)
{
	struct session session;		/* looks on */
	struct session successor;
	struct actor owner;
	struct actor tracer;
	struct actor clock;		/* tells when nothing is held */
	struct actor prober;		/* creates what nobody watches */
	struct actor workers[CROWD];
	struct victim victims[CROWD];
	int held;			/* how many victims */
	int busy;			/* how many workers have work */
	long alone_ms;			/* what the work takes unwatched */
	long resumed_ms;		/* the longest: until nothing was held */
	long done_ms;			/* ... until all workers had answered */
};

FIXTURE_VARIANT(chaos)
{
	enum moment moment;
};

FIXTURE_VARIANT_ADD(chaos, while_it_watches)
{
	.moment = WATCHING,
};

FIXTURE_VARIANT_ADD(chaos, when_all_are_held)
{
	.moment = HELD,
};

FIXTURE_VARIANT_ADD(chaos, while_it_answers)
{
	.moment = ANSWERING,
};

FIXTURE_VARIANT_ADD(chaos, while_it_unwatches)
{
	.moment = UNWATCHING,
};

FIXTURE_VARIANT_ADD(chaos, while_it_closes)
{
	.moment = CLOSING,
};

static void do_nothing(int sig)
{
	(void)sig;
}

/* For all who are started from now on. */
static void take_signals(void)
{
	const struct sigaction sa = {
		.sa_handler = do_nothing,
		.sa_flags = SA_RESTART,
	};

	sigaction(SIGALRM, &sa, NULL);
	sigaction(SIGUSR1, &sa, NULL);
}

static void sow(struct __test_metadata *_metadata)
{
	const char *set = getenv("PREFORK_SEED");
	unsigned int seed = set ? strtoul(set, NULL, 0) : time(NULL);

	TH_LOG("PREFORK_SEED=%u", seed);
	srandom(seed);
}

/* One of 0 to @n - 1. */
static long pick(long n)
{
	return random() % n;
}

FIXTURE_SETUP(chaos)
{
	int i;

	sow(_metadata);
	take_signals();
	plan = mmap(NULL, sizeof(*plan), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, plan);
	for (i = 0; i < CROWD; i++) {
		actor_start(_metadata, &self->workers[i]);
		plan->worker[i] = self->workers[i].pid;
	}
	actor_start(_metadata, &self->tracer);
	actor_start(_metadata, &self->clock);
	actor_start(_metadata, &self->prober);
	session_open(_metadata, &self->session);
	ASSERT_EQ(0, session_stat(_metadata, &self->session,
				  PREFORK_STAT_HELD));
}

FIXTURE_TEARDOWN(chaos)
{
	int i;

	session_close(&self->successor);
	session_close(&self->session);
	actor_end(&self->owner);
	actor_end(&self->tracer);
	actor_end(&self->clock);
	actor_end(&self->prober);
	for (i = 0; i < CROWD; i++)
		actor_end(&self->workers[i]);
}

static const struct job *job_of(int i)
{
	return &jobs[i % ARRAY_SIZE(jobs)];
}

/* In the owner, as all down to release_all(). */
static struct prefork *owned;

static void make_a_step(void)
{
	__atomic_add_fetch(&plan->steps, 1, __ATOMIC_SEQ_CST);
}

static long watch_all(long unused)
{
	int i, ret = prefork_open(&owned);

	for (i = 0; !ret && i < CROWD; i++) {
		const struct prefork_watch_options opts = {
			.flags = job_of(i)->flags,
			.hold = job_of(i)->hold,
			.has_timeout = true,
		};

		ret = prefork_watch(owned, plan->worker[i], &opts);
		make_a_step();
	}
	return ret + unused;
}

static long answer_all(long unused)
{
	struct prefork_event event;

	while (prefork_next(owned, &event, -1) == 1) {
		if (!prefork_event_is_hold(&event))
			continue;
		prefork_release(owned, event.cookie);
		make_a_step();
	}
	return unused;
}

static long unwatch_each(long unused)
{
	int i;

	for (i = 0; i < CROWD; i++) {
		prefork_unwatch(owned, plan->worker[i]);
		make_a_step();
	}
	return unused;
}

static long close_session(long unused)
{
	make_a_step();
	prefork_close(owned);
	return unused;
}

/* In a worker. */
static void tick(long us)
{
	const struct itimerval timer = {
		.it_interval.tv_usec = us,
		.it_value.tv_usec = us,
	};

	setitimer(ITIMER_REAL, &timer, NULL);
}

static long work(long i)
{
	const struct job *job = job_of(i);

	return job->fn(job->arg);
}

static long work_ticking(long i)
{
	long ret;

	tick(1000);
	ret = work(i);
	tick(0);
	return ret;
}

/* In the tracer: what comes first, if it is a signal, is passed on. */
static void trace_briefly(pid_t tid)
{
	int status, sig = 0;

	if (waitpid(tid, &status, __WALL) != tid || !WIFSTOPPED(status))
		return;
	if (!(status >> 16))
		sig = WSTOPSIG(status);
	ptrace(PTRACE_DETACH, tid, NULL, sig);
}

static long trace_some(long unused)
{
	int i;

	for (i = 0; i < plan->tracing; i++) {
		ptrace(PTRACE_SEIZE, plan->traced[i], NULL, NULL);
		ptrace(PTRACE_INTERRUPT, plan->traced[i], NULL, NULL);
	}
	for (i = 0; i < plan->tracing; i++)
		trace_briefly(plan->traced[i]);
	return unused;
}

/* In the clock: when it was, after a word that it looks. */
static long wait_for_release(long unused)
{
	struct prefork_stats stats;
	struct prefork *pf;
	int err = prefork_open(&pf);

	actor_say(err);
	while (!err) {
		err = prefork_stats(pf, &stats);
		if (!stats.value[PREFORK_STAT_HELD])
			break;
		pause_briefly();
	}
	prefork_close(pf);
	return err ? BROKEN : now_ms() + unused;
}

static void send_work(struct __test_metadata *_metadata,
		      FIXTURE_DATA(chaos) *self, int from, int to, int ticking)
{
	int i;

	for (i = from; i < to; i++) {
		actor_send(_metadata, &self->workers[i],
			   i % (CROWD / TICKING) == ticking ? work_ticking :
							      work, i);
	}
}

static void await_steps(struct __test_metadata *_metadata, int steps)
{
	long long end = now_ms() + PATIENCE_MS;

	while (__atomic_load_n(&plan->steps, __ATOMIC_SEQ_CST) < steps) {
		ASSERT_LT(now_ms(), end);
		sched_yield();
	}
}

/* The work begins as soon as the worker is watched. */
static void watch_some(struct __test_metadata *_metadata,
		       FIXTURE_DATA(chaos) *self, int ticking)
{
	int i;

	self->busy = pick(CROWD);
	actor_send(_metadata, &self->owner, watch_all, 0);
	for (i = 0; i < self->busy; i++) {
		await_steps(_metadata, i + 1);
		send_work(_metadata, self, i, i + 1, ticking);
	}
}

static int note_victims(const struct prefork_watched *watched, void *arg)
{
	FIXTURE_DATA(chaos) *self = arg;
	size_t i;

	for (i = 0; i < watched->held_count && self->held < CROWD; i++) {
		self->victims[self->held++] = (struct victim){
			.tid = watched->held[i].tid,
			.child = watched->held[i].child,
			.hold = watched->held[i].hold,
		};
	}
	return 0;
}

/* Those of an owner that still watches are left alone every other time. */
static void find_victims(struct __test_metadata *_metadata,
			 FIXTURE_DATA(chaos) *self, enum moment moment)
{
	self->held = 0;
	if (moment == WATCHING && pick(2))
		return;
	ASSERT_EQ(0, prefork_dump(self->session.pf, note_victims, self));
	if (moment != WATCHING)
		EXPECT_EQ(CROWD, self->held);
}

static enum disturbance choose(const struct victim *victim)
{
	enum disturbance choice = pick(DISTURBANCES);

	if (choice == TRACER && plan->tracing == TRACED_MOST)
		return NONE;
	/* A program has no handlers yet. */
	if (choice == HANDLER && victim->hold == PREFORK_HOLD_EXEC)
		return STOP_AND_GO;
	return choice;
}

static void disturb(struct victim *victim)
{
	victim->disturbance = choose(victim);
	switch (victim->disturbance) {
	case STOP:
		kill(victim->tid, SIGSTOP);
		break;
	case STOP_AND_GO:
		kill(victim->tid, SIGSTOP);
		sched_yield();
		kill(victim->tid, SIGCONT);
		break;
	case HANDLER:
		kill(victim->tid, SIGUSR1);
		break;
	case TRACER:
		plan->traced[plan->tracing++] = victim->tid;
		break;
	default:
		break;
	}
}

static void disturb_all(struct __test_metadata *_metadata,
			FIXTURE_DATA(chaos) *self)
{
	int i;

	plan->tracing = 0;
	for (i = 0; i < self->held; i++)
		disturb(&self->victims[i]);
	actor_send(_metadata, &self->tracer, trace_some, 0);
}

/* How much of what it is to do then the owner will have done. */
static int begin_end(struct __test_metadata *_metadata,
		     FIXTURE_DATA(chaos) *self, enum moment moment)
{
	if (moment != WATCHING)
		plan->steps = 0;
	switch (moment) {
	case ANSWERING:
		actor_send(_metadata, &self->owner, answer_all, 0);
		return pick(CROWD);
	case UNWATCHING:
		actor_send(_metadata, &self->owner, unwatch_each, 0);
		return pick(CROWD);
	case CLOSING:
		actor_send(_metadata, &self->owner, close_session, 0);
		return pick(2);
	default:	/* it goes on watching, or does nothing */
		return 0;
	}
}

static void hold_all(struct __test_metadata *_metadata,
		     FIXTURE_DATA(chaos) *self, int ticking)
{
	self->busy = CROWD;
	ASSERT_EQ(0, actor_do(_metadata, &self->owner, watch_all, 0));
	send_work(_metadata, self, 0, CROWD, ticking);
	ASSERT_TRUE(session_stat_reaches(_metadata, &self->session,
					 PREFORK_STAT_HELD, CROWD));
}

/* Up to the moment that the owner is killed in. */
static void set_up(struct __test_metadata *_metadata,
		   FIXTURE_DATA(chaos) *self, enum moment moment)
{
	int ticking = pick(CROWD / TICKING);

	plan->steps = 0;
	actor_start(_metadata, &self->owner);
	if (moment == WATCHING)
		watch_some(_metadata, self, ticking);
	else
		hold_all(_metadata, self, ticking);
	find_victims(_metadata, self, moment);
	disturb_all(_metadata, self);
	await_steps(_metadata, begin_end(_metadata, self, moment));
	nanosleep(&(struct timespec){ .tv_nsec = pick(2) * pick(2000000) },
		  NULL);
}

static void let_go_on(FIXTURE_DATA(chaos) *self)
{
	int i;

	for (i = 0; i < self->held; i++)
		if (self->victims[i].disturbance == STOP)
			kill(self->victims[i].tid, SIGCONT);
}

/* What was another's can be had the moment that one is gone. */
static void succeed(struct __test_metadata *_metadata,
		    FIXTURE_DATA(chaos) *self)
{
	int i;

	session_open(_metadata, &self->successor);
	for (i = 0; i < CROWD; i++) {
		ASSERT_EQ(0, session_watch(&self->successor, plan->worker[i],
					   PREFORK_WATCH_THREADS, 0, 0));
	}
}

static void longest(long *most, long ms)
{
	if (ms > *most)
		*most = ms;
}

static void all_answer(struct __test_metadata *_metadata,
		       FIXTURE_DATA(chaos) *self)
{
	int i;

	for (i = 0; i < CROWD; i++) {
		ASSERT_LT(0, actor_answer(_metadata, &self->workers[i])) {
			TH_LOG("worker %d, job %zu", i, i % ARRAY_SIZE(jobs));
		}
	}
}

/* Kills the owner, sees everything run on, and tells how many ms that took. */
static long strike(struct __test_metadata *_metadata,
		   FIXTURE_DATA(chaos) *self, bool succeeded)
{
	long long begin = now_ms();
	long ms;

	kill(self->owner.pid, SIGKILL);
	EXPECT_EQ(SIGKILL, actor_wait(_metadata, &self->owner));
	let_go_on(self);
	actor_send(_metadata, &self->clock, wait_for_release, 0);
	EXPECT_EQ(0, actor_answer(_metadata, &self->clock));
	if (succeeded)
		succeed(_metadata, self);
	ms = actor_answer(_metadata, &self->clock) - begin;
	longest(&self->resumed_ms, ms);
	send_work(_metadata, self, self->busy, CROWD, -1);
	all_answer(_metadata, self);
	longest(&self->done_ms, now_ms() - begin);
	EXPECT_EQ(0, actor_answer(_metadata, &self->tracer));
	return ms;
}

/* Each announcement that the successor has heard of has its outcome. */
static void end_succession(struct __test_metadata *_metadata,
			   struct session *successor)
{
	int i;

	ASSERT_EQ(0, prefork_unwatch_all(successor->pf));
	for (i = 0; i < CROWD; i++)
		session_await(_metadata, successor, PREFORK_EVENT_UNWATCHED);
	EXPECT_EQ(0, session_pending(successor));
	EXPECT_EQ(0, successor->lost);
	session_close(successor);
}

/* A thread may have told of its end before its number is free. */
static bool number_is_free(struct __test_metadata *_metadata,
			   struct actor *prober, pid_t pid)
{
	long long end = now_ms() + PATIENCE_MS;
	long ret;

	do {
		ret = actor_do(_metadata, prober, create_at, pid);
		if (ret != -EEXIST)
			return ret == pid;
		pause_briefly();
	} while (now_ms() < end);
	return false;
}

static void probe_numbers(struct __test_metadata *_metadata,
			  FIXTURE_DATA(chaos) *self)
{
	int i, probed = 0, first = self->held ? pick(self->held) : 0;
	const struct victim *victim;

	for (i = 0; i < self->held && probed < PROBED; i++) {
		victim = &self->victims[(first + i) % self->held];
		if (!victim->child)
			continue;
		probed++;
		EXPECT_TRUE(number_is_free(_metadata, &self->prober,
					   victim->child)) {
			TH_LOG("%d is taken", victim->child);
		}
	}
}

/* -1 where nobody tells. */
static int module_users(void)
{
	FILE *f = fopen("/sys/module/prefork/refcnt", "r");
	int users = -1;

	if (f && fscanf(f, "%d", &users) != 1)
		users = -1;
	if (f)
		fclose(f);
	return users;
}

static bool module_is_free(void)
{
	long long end = now_ms() + PATIENCE_MS;

	while (module_users() > 0) {
		if (now_ms() > end)
			return false;
		pause_briefly();
	}
	return true;
}

static void nothing_left(struct __test_metadata *_metadata, struct session *s)
{
	static const int gauges[] = {
		PREFORK_STAT_OWNERS, PREFORK_STAT_WATCHES, PREFORK_STAT_CALLS,
		PREFORK_STAT_HELD, PREFORK_STAT_RESERVED, PREFORK_STAT_QUEUED,
	};
	struct prefork_stats stats;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(gauges); i++)
		EXPECT_TRUE(session_stat_reaches(_metadata, s, gauges[i], 0));
	EXPECT_TRUE(module_is_free()) {
		TH_LOG("%d users of the module", module_users());
	}
	ASSERT_EQ(0, prefork_stats(s->pf, &stats));
	EXPECT_EQ(stats.value[PREFORK_STAT_PREFORKS],
		  stats.value[PREFORK_STAT_BORN] +
			  stats.value[PREFORK_STAT_FAILED]);
}

/* How long the work takes that nobody watches. */
static long work_alone(struct __test_metadata *_metadata,
		       FIXTURE_DATA(chaos) *self)
{
	long long begin = now_ms();

	send_work(_metadata, self, 0, CROWD, -1);
	all_answer(_metadata, self);
	return now_ms() - begin;
}

/*
 * The tasks run on side by side, and each has to have its turn before its hold
 * is counted out. Where their work alone takes seconds, as in emulation with
 * all debugging, so may that.
 */
static bool in_time(struct __test_metadata *_metadata,
		    FIXTURE_DATA(chaos) *self, long ms)
{
	if (ms <= AT_ONCE_MS || ms <= SLACK * self->alone_ms)
		return true;
	/* The machine may be busier than it was. */
	self->alone_ms = work_alone(_metadata, self);
	return ms <= SLACK * self->alone_ms;
}

static void round_of_chaos(struct __test_metadata *_metadata,
			   FIXTURE_DATA(chaos) *self, enum moment moment)
{
	bool succeeded = pick(2);
	long ms;

	set_up(_metadata, self, moment);
	ms = strike(_metadata, self, succeeded);
	probe_numbers(_metadata, self);
	if (succeeded)
		end_succession(_metadata, &self->successor);
	nothing_left(_metadata, &self->session);
	EXPECT_TRUE(in_time(_metadata, self, ms)) {
		TH_LOG("%ld ms", ms);
	}
}

TEST_F_TIMEOUT(chaos, leaves_nobody_stuck_and_nothing_behind, 7200)
{
	long round, rounds = effort_for_kernel(3, 200);

	self->alone_ms = work_alone(_metadata, self);
	for (round = 0; round < rounds; round++)
		round_of_chaos(_metadata, self, variant->moment);
	EXPECT_TRUE(session_stat_reaches(_metadata, &self->session,
					 PREFORK_STAT_ARMED, 0));
	TH_LOG("%ld times: held for %ld ms at most, busy for %ld (alone: %ld)",
	       rounds, self->resumed_ms, self->done_ms, self->alone_ms);
}

/* Held for an owner that is killed, and unable to run on by themselves. */
FIXTURE(alone)
{
	struct session session;		/* looks on */
	struct actor owner;
	struct actor worker;
	struct actor prober;
};

FIXTURE_SETUP(alone)
{
	actor_start(_metadata, &self->owner);
	actor_start(_metadata, &self->worker);
	actor_start(_metadata, &self->prober);
	session_open(_metadata, &self->session);
}

FIXTURE_TEARDOWN(alone)
{
	session_close(&self->session);
	actor_end(&self->owner);
	actor_end(&self->worker);
	actor_end(&self->prober);
}

static int own(pid_t pid, uint32_t hold)
{
	const struct prefork_watch_options opts = {
		.hold = hold,
		.has_timeout = true,
	};
	int ret = prefork_open(&owned);

	return ret ? ret : prefork_watch(owned, pid, &opts);
}

static long own_creations(long pid)
{
	return own(pid, HOLD_PROCESSES);
}

static long own_births(long pid)
{
	return own(pid, PREFORK_HOLD_BIRTH);
}

static struct prefork_held hold_worker(struct __test_metadata *_metadata,
				       FIXTURE_DATA(alone) *self,
				       order_fn way, enum kind kind)
{
	struct prefork_watched *watched;
	struct prefork_held held;

	ASSERT_EQ(0, actor_do(_metadata, &self->owner, way, self->worker.pid));
	actor_send(_metadata, &self->worker, create, kind);
	ASSERT_TRUE(session_stat_reaches(_metadata, &self->session,
					 PREFORK_STAT_HELD, 1));
	ASSERT_EQ(0, prefork_get(self->session.pf, self->worker.pid,
				 &watched));
	ASSERT_EQ(1, watched->held_count);
	held = watched->held[0];
	free(watched);
	return held;
}

TEST_F_TIMEOUT(alone, stopped_parent_keeps_nothing, 60)
{
	struct prefork_held held;

	held = hold_worker(_metadata, self, own_creations, BY_VFORK);
	ASSERT_EQ(0, kill(self->worker.pid, SIGSTOP));
	ASSERT_TRUE(proc_state_reaches(self->worker.pid, 'T'));
	actor_end(&self->owner);
	nothing_left(_metadata, &self->session);
	EXPECT_TRUE(number_is_free(_metadata, &self->prober, held.child));
	ASSERT_EQ(0, kill(self->worker.pid, SIGCONT));
	EXPECT_LT(0, actor_answer(_metadata, &self->worker));
}

/* Its hold is that of a watch which has ended with the parent. */
TEST_F_TIMEOUT(alone, newborn_without_its_parent_runs_on, 60)
{
	struct pollfd child = { .events = POLLIN };
	struct prefork_held held;

	held = hold_worker(_metadata, self, own_births, BY_CLONE3);
	child.fd = open_pidfd(held.tid);
	ASSERT_LE(0, child.fd);
	actor_end(&self->worker);
	EXPECT_EQ(0, poll(&child, 1, 100));
	actor_end(&self->owner);
	EXPECT_EQ(1, poll(&child, 1, PATIENCE_MS));
	close(child.fd);
	nothing_left(_metadata, &self->session);
}

TEST_HARNESS_MAIN
