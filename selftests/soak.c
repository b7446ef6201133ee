// SPDX-License-Identifier: GPL-2.0
/*
 * soak - nothing wears out
 *
 * However many processes are created under watch, each is announced and born,
 * nothing stays behind, and the last costs what the first did. However many
 * are watched at once, each is watched, and one more costs what it did before.
 *
 * Times are compared with those of processes that nobody watches, created in
 * turn with the others, for the speed of the machine is not under test.
 *
 * PREFORK_SOAK=N creates N processes instead, and N / 50 in each of the slower
 * ways; PREFORK_CROWD=N watches N.
 */
#define _GNU_SOURCE
#include <math.h>

#include "create.h"
#include "effort.h"
#include "memory.h"
#include "session.h"

#define SLICE		100	/* created in one go */
#define SLICES		40	/* at least so many times */
#define SAMPLES		(SLICES / 4)
#define AGAIN		(2 * SLICES)	/* more, if it seems to cost more */
#define FLAT		1.5	/* what no noise reaches */

static long count_from(const char *variable, long count)
{
	const char *set = getenv(variable);

	return set && *set ? atol(set) : count;
}

static long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static int end_at_once(void *unused)
{
	(void)unused;
	_exit(CHILD_STATUS);
}

/* As fork(), but for the memory. */
static long by_sharing_fork(void)
{
	static char stack[16384] __attribute__((aligned(16)));
	pid_t pid = clone(end_at_once, stack + sizeof(stack),
			  CLONE_VM | SIGCHLD, NULL);

	return reap(pid < 0 ? -errno : pid, CHILD_STATUS << 8);
}

#define WAYS	4
typedef long way_fn(void);

/* @n processes. Returns how long it took, or -1. */
static long create_by(way_fn *const *ways, long n)
{
	long long begin = now_ns();
	long i;

	for (i = 0; i < n; i++)
		if (ways[i % WAYS]() < 0)
			return -1;
	return now_ns() - begin;
}

/* In an actor, as the next. */
static long create_copies(long n)
{
	static way_fn *const ways[WAYS] = {
		by_vfork, by_fork, by_clone, by_clone3,
	};

	return create_by(ways, n);
}

/* Most of the time of a copy goes into memory, which is nothing to us. */
static long create_sharers(long n)
{
	static way_fn *const ways[WAYS] = {
		by_vfork, by_sharing_fork, by_vfork, by_sharing_fork,
	};

	return create_by(ways, n);
}

/* An owner that counts the dead, too, and lets go on whatever is held. */
struct keeper {
	struct session session;
	long exits;
};

static void keeper_take(struct __test_metadata *_metadata,
			struct keeper *keeper)
{
	struct session *s = &keeper->session;

	while (session_next(_metadata, s, 0)) {
		keeper->exits += s->event.type == PREFORK_EVENT_EXIT;
		if (prefork_event_is_hold(&s->event)) {
			ASSERT_EQ(0, prefork_release(s->pf, s->event.cookie));
		}
	}
}

static void keeper_await_exits(struct __test_metadata *_metadata,
			       struct keeper *keeper, long exits)
{
	long long end = now_ms() + PATIENCE_MS;
	struct pollfd fd = {
		.fd = prefork_fd(keeper->session.pf), .events = POLLIN,
	};

	while (keeper->exits < exits) {
		ASSERT_EQ(1, poll(&fd, 1, PATIENCE_MS)) {
			TH_LOG("%ld of %ld have ended", keeper->exits, exits);
		}
		keeper_take(_metadata, keeper);
		ASSERT_LT(now_ms(), end);
	}
}

/* Has @actor do what it is told, and reads what is heard of it meanwhile. */
static long keeper_order(struct __test_metadata *_metadata,
			 struct keeper *keeper, struct actor *actor,
			 order_fn fn, long arg)
{
	struct pollfd fds[] = {
		{ .fd = actor->sock, .events = POLLIN },
		{ .fd = prefork_fd(keeper->session.pf), .events = POLLIN },
	};

	actor_send(_metadata, actor, fn, arg);
	do {
		ASSERT_LT(0, poll(fds, 2, PATIENCE_MS)) {
			TH_LOG("neither events nor an answer");
		}
		keeper_take(_metadata, keeper);
	} while (!actor_speaks(actor, 0));
	return actor_answer(_metadata, actor);
}

/* How long one creation took, in ns: under watch, and without. */
struct cost {
	long watched;
	long other;
};

static struct cost measure(struct __test_metadata *_metadata,
			   struct keeper *keeper, struct actor *watched,
			   struct actor *other, order_fn create, long n)
{
	long others = n / 4 > WAYS ? n / 4 : WAYS;
	struct cost cost = {
		keeper_order(_metadata, keeper, watched, create, n),
		actor_do(_metadata, other, create, others),
	};

	ASSERT_LT(0, cost.watched);
	ASSERT_LT(0, cost.other);
	cost.watched /= n;
	cost.other /= others;
	return cost;
}

/*
 * What a creation costs under watch, over what it costs without. The least that
 * was measured counts: a busy machine makes all of it more, but never less.
 */
static double least(const struct cost *costs, size_t n)
{
	struct cost least = costs[0];

	while (n--) {
		if (costs[n].watched < least.watched)
			least.watched = costs[n].watched;
		if (costs[n].other < least.other)
			least.other = costs[n].other;
	}
	return (double)least.watched / least.other;
}

FIXTURE(soak)
{
	struct actor watched;
	struct actor other;
	struct keeper keeper;
	struct session observer;	/* its numbers stay after the owner */
	struct prefork_stats before;
};

FIXTURE_VARIANT(soak)
{
	order_fn create;
	uint32_t hold;
	long fraction;			/* of the count, for what takes longer */
};

FIXTURE_VARIANT_ADD(soak, sharers_reported)
{
	.create = create_sharers,
	.fraction = 1,
};

FIXTURE_VARIANT_ADD(soak, copies_reported)
{
	.create = create_copies,
	.fraction = 50,
};

FIXTURE_VARIANT_ADD(soak, held)
{
	.create = create_copies,
	.hold = HOLD_PROCESSES | PREFORK_HOLD_BIRTH,
	.fraction = 50,
};

FIXTURE_SETUP(soak)
{
	actor_start(_metadata, &self->watched);
	actor_start(_metadata, &self->other);
	session_open(_metadata, &self->keeper.session);
	session_open(_metadata, &self->observer);
	ASSERT_EQ(0, prefork_stats(self->observer.pf, &self->before));
}

FIXTURE_TEARDOWN(soak)
{
	session_close(&self->observer);
	session_close(&self->keeper.session);
	actor_end(&self->other);
	actor_end(&self->watched);
}

static void expect_stat_rose_by(struct __test_metadata *_metadata,
				FIXTURE_DATA(soak) *self, int stat, long n)
{
	EXPECT_EQ(n, session_stat(_metadata, &self->observer, stat) -
		     self->before.value[stat]) {
		TH_LOG("so much has %s risen", prefork_stat_name(stat));
	}
}

/* Every one of @n came and went, and was told of. */
static void expect_all_told(struct __test_metadata *_metadata,
			    FIXTURE_DATA(soak) *self, uint32_t hold, long n)
{
	struct session *s = &self->keeper.session;
	int holds = !!(hold & HOLD_PROCESSES) + !!(hold & PREFORK_HOLD_BIRTH);

	EXPECT_EQ(n, s->announced);
	EXPECT_EQ(n, s->born);
	EXPECT_EQ(n, self->keeper.exits);
	EXPECT_EQ(0, s->lost);
	expect_stat_rose_by(_metadata, self, PREFORK_STAT_PREFORKS, n);
	expect_stat_rose_by(_metadata, self, PREFORK_STAT_BORN, n);
	expect_stat_rose_by(_metadata, self, PREFORK_STAT_HOLDS, holds * n);
	expect_stat_rose_by(_metadata, self, PREFORK_STAT_FAILED, 0);
	expect_stat_rose_by(_metadata, self, PREFORK_STAT_TIMEOUTS, 0);
	expect_stat_rose_by(_metadata, self, PREFORK_STAT_UNHELD, 0);
	expect_stat_rose_by(_metadata, self, PREFORK_STAT_LOST, 0);
}

/* What others need now and then was seen to be 100 KiB. */
#define OBJECTS_OF_OTHERS	(256 << 10)

/*
 * The smallest thing that could be forgotten each time is an event or a PID,
 * of 128 bytes; half of that is too much. What others need does not grow with
 * the count: it takes some thousands for a forgotten PID to be seen.
 */
static long objects_allowed(long n)
{
	const long half = 64, most = 1 << 20;

	return n * half + OBJECTS_OF_OTHERS < most ?
	       n * half + OBJECTS_OF_OTHERS : most;
}

#define PAGES_ALLOWED	(4 << 20)

static void expect_no_growth(struct __test_metadata *_metadata,
			     const struct memory *before, long n)
{
	long long end = now_ms() + PATIENCE_MS;
	long objects, pages;
	struct memory now;

	/* What has ended is freed after grace periods. */
	do {
		memory_look(_metadata, &now);
		objects = now.objects - before->objects;
		pages = now.pages - before->pages;
	} while ((objects > objects_allowed(n) || pages > PAGES_ALLOWED) &&
		 now_ms() < end);
	EXPECT_GE(objects_allowed(n), objects);
	EXPECT_GE(PAGES_ALLOWED, pages);
	TH_LOG("%ld bytes of objects and %ld of pages more", objects, pages);
}

static long slice_of(long count)
{
	long slice = count / SLICES;

	if (slice > SLICE)
		return SLICE;
	return slice > WAYS ? slice : WAYS;
}

/* It costs no more at the end of @n slices than it did when they had begun. */
static bool is_flat(const struct cost *costs, long n, long warm, long some)
{
	return least(costs + warm, some) * FLAT >=
	       least(costs + n - some, some);
}

TEST_F_TIMEOUT(soak, leaves_nothing_and_costs_the_same, 21000)
{
	long count = count_from("PREFORK_SOAK", effort(1200, 1000000)) /
		     variant->fraction;
	long slice = slice_of(count);
	long slices = count / slice > SLICES ? count / slice : SLICES;
	long warm = slices / 10, some = slices / 4, i;
	struct keeper *keeper = &self->keeper;
	struct cost *costs = calloc(slices + AGAIN, sizeof(*costs));
	struct memory before = {};

	ASSERT_EQ(0, session_watch(&keeper->session, self->watched.pid,
				   PREFORK_WATCH_TREE, variant->hold, 0));
	for (i = 0; i < slices || (i < slices + AGAIN &&
				   !is_flat(costs, i, warm, some)); i++) {
		if (i == warm)
			memory_look(_metadata, &before);
		costs[i] = measure(_metadata, keeper, &self->watched,
				   &self->other, variant->create, slice);
	}
	count = slice * i;
	keeper_await_exits(_metadata, keeper, count);
	expect_no_growth(_metadata, &before, count - warm * slice);

	EXPECT_TRUE(is_flat(costs, i, warm, some));
	TH_LOG("%ld creations, of a cost of %.2f first, %.2f last", count,
	       least(costs + warm, some), least(costs + i - some, some));
	free(costs);

	expect_all_told(_metadata, self, variant->hold, count);
	session_finish(_metadata, &keeper->session, self->watched.pid);
	session_close(&keeper->session);
	session_nothing_left(_metadata, &self->observer);
}

/*
 * A crowd: processes that have next to nothing of their own, and wait. Their
 * numbers stand in memory that the test shares.
 */
#define LOITER_STACK	8192

static pid_t *crowd;

static int loiter(void *unused)
{
	(void)unused;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
	return 0;
}

/* In an actor, as the next two: its part of the crowd. */
static long first, members;

static long begin_at(long place)
{
	first = place;
	return 0;
}

static long gather(long n)
{
	char *stack = mmap(NULL, n * LOITER_STACK, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	long i;

	if (stack == MAP_FAILED)
		return -errno;
	for (i = 0; i < n; i++) {
		stack += LOITER_STACK;
		crowd[first + i] = clone(loiter, stack, CLONE_VM | CLONE_FS |
					 CLONE_FILES | SIGCHLD, NULL);
		if (crowd[first + i] < 0)
			return -errno;
		members++;
	}
	return n;
}

/* How many were there? */
static long disperse(long unused)
{
	long i, n = 0;

	for (i = first; i < first + members; i++)
		kill(crowd[i], SIGKILL);
	while (waitpid(-1, NULL, __WALL) > 0)
		n++;
	return n + unused;
}

#define HANDFUL	10

FIXTURE(crowd)
{
	struct actor heads;		/* of those that are watched one by one */
	struct actor parent;		/* of those that inherit it */
	struct actor watched;
	struct actor other;
	struct keeper keeper;
};

FIXTURE_SETUP(crowd)
{
	crowd = mmap(NULL, PID_LIMIT * sizeof(*crowd), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_NE(MAP_FAILED, crowd);
	actor_start(_metadata, &self->heads);
	actor_start(_metadata, &self->parent);
	actor_start(_metadata, &self->watched);
	actor_start(_metadata, &self->other);
	session_open(_metadata, &self->keeper.session);
}

FIXTURE_TEARDOWN(crowd)
{
	session_close(&self->keeper.session);
	actor_end(&self->heads);
	actor_end(&self->parent);
	actor_end(&self->watched);
	actor_end(&self->other);
}

static long crowd_size(void)
{
	return count_from("PREFORK_CROWD",
			  effort(300, kernel_is_debug() ? 2000 : 10000));
}

/*
 * What one more creation costs, with those watched that are now; more than
 * @expected only if it seems so however often one looks.
 */
static double cost_now(struct __test_metadata *_metadata,
		       FIXTURE_DATA(crowd) *self, double expected)
{
	struct cost costs[AGAIN];
	int i;

	for (i = 0; i < SAMPLES || (i < AGAIN && least(costs, i) > expected);
	     i++) {
		costs[i] = measure(_metadata, &self->keeper, &self->watched,
				   &self->other, create_copies, 40);
	}
	return least(costs, i);
}

static void watch_some(struct __test_metadata *_metadata,
		       struct keeper *keeper, const pid_t *pids, long n)
{
	long i;

	for (i = 0; i < n; i++) {
		ASSERT_EQ(0, session_watch(&keeper->session, pids[i], 0, 0,
					   0)) {
			TH_LOG("%ld of %ld: %s", i, n, prefork_message());
		}
	}
}

/* How long the quickest part of some took, in ns. */
static long quickest(const long *times, int n)
{
	long least = times[0];

	while (n--)
		if (times[n] < least)
			least = times[n];
	return least;
}

/*
 * One more is found and entered as quickly among many as among few. The time of
 * a few says nothing on a busy machine.
 */
static void watch_each(struct __test_metadata *_metadata, struct keeper *keeper,
		       const pid_t *pids, long n)
{
	long times[SLICES], first, last;
	int i;

	for (i = 0; i < SLICES; i++) {
		long from = n * i / SLICES, to = n * (i + 1) / SLICES;
		long long begin = now_ns();

		watch_some(_metadata, keeper, pids + from, to - from);
		times[i] = now_ns() - begin;
	}
	first = quickest(times, SAMPLES);
	last = quickest(times + SLICES - SAMPLES, SAMPLES);
	if (effort_is_full()) {
		EXPECT_TRUE(first * FLAT >= last);
	}
	TH_LOG("to watch %ld took %ld us first, %ld us last", n / SLICES,
	       first / 1000, last / 1000);
}

/* How often a process is told of. */
static unsigned char told[PID_LIMIT + 1];

static int note_told(const struct prefork_watched *watched, void *total)
{
	told[watched->pid]++;
	++*(long *)total;
	return 0;
}

static void expect_each_told_once(struct __test_metadata *_metadata,
				  struct session *s, long n, long others)
{
	long i, total = 0;

	ASSERT_EQ(0, prefork_dump(s->pf, note_told, &total));
	EXPECT_EQ(n + others, total);
	for (i = 0; i < n; i++)
		ASSERT_EQ(1, told[crowd[i]]);
}

#define WATCH_BYTES	1024

TEST_F_TIMEOUT(crowd, is_watched_at_the_cost_of_a_handful, 1800)
{
	struct keeper *keeper = &self->keeper;
	struct session *s = &keeper->session;
	long n = crowd_size(), heads = n / 2, more = heads - HANDFUL;
	long bytes, exits;
	struct memory before, after;
	double handful, all;

	ASSERT_EQ(0, session_watch(s, self->watched.pid, PREFORK_WATCH_TREE, 0,
				   0));
	ASSERT_EQ(heads, actor_do(_metadata, &self->heads, gather, heads));
	watch_some(_metadata, keeper, crowd, HANDFUL);
	handful = cost_now(_metadata, self, INFINITY);

	memory_look(_metadata, &before);
	watch_each(_metadata, keeper, crowd + HANDFUL, more);
	memory_look(_metadata, &after);
	bytes = after.objects - before.objects;

	ASSERT_EQ(0, actor_do(_metadata, &self->parent, begin_at, heads));
	ASSERT_EQ(0, session_watch(s, self->parent.pid, PREFORK_WATCH_TREE, 0,
				   0));
	ASSERT_EQ(n - heads, keeper_order(_metadata, keeper, &self->parent,
					  gather, n - heads));
	EXPECT_EQ(n + 2, session_stat(_metadata, s, PREFORK_STAT_WATCHES));
	expect_each_told_once(_metadata, s, n, 2);

	all = cost_now(_metadata, self, handful * FLAT);
	EXPECT_TRUE(all <= handful * FLAT);
	if (!kernel_is_debug()) {
		EXPECT_GE(WATCH_BYTES * more + OBJECTS_OF_OTHERS, bytes);
	}
	TH_LOG("%ld watched, of %ld bytes; the cost is %.2f, with %d %.2f",
	       n, bytes / more, all, HANDFUL, handful);

	exits = keeper->exits;
	EXPECT_EQ(heads, keeper_order(_metadata, keeper, &self->heads,
				      disperse, 0));
	EXPECT_EQ(n - heads, keeper_order(_metadata, keeper, &self->parent,
					  disperse, 0));
	keeper_await_exits(_metadata, keeper, exits + n);
	EXPECT_EQ(0, s->lost);
	EXPECT_EQ(0, session_pending(s));
	ASSERT_EQ(0, prefork_unwatch_all(s->pf));
	session_nothing_left(_metadata, s);
}

TEST_HARNESS_MAIN
