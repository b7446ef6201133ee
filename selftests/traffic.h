/* SPDX-License-Identifier: GPL-2.0 */
/*
 * traffic.h - processes that create all sorts of things, and are held each time
 *
 * For tests that have something else happen meanwhile. Makers create until they
 * are told to stop; the test answers every hold of theirs, before the birth,
 * at birth and after an exec, while it waits for that.
 */
#ifndef SELFTESTS_TRAFFIC_H
#define SELFTESTS_TRAFFIC_H

#include <limits.h>
#include <sys/mman.h>

#include "create.h"
#include "session.h"

#define MAKERS		2	/* one for each of two processors */
#define LONG_PATIENCE_MS 120000	/* for what others do */
#define BY_SIGNALS	KINDS	/* one more kind of creation */

#define HOLD_EVERYTHING	(HOLD_ALL | PREFORK_HOLD_BIRTH | \
			 PREFORK_HOLD_BIRTH_THREAD | PREFORK_HOLD_EXEC)

/* What the makers say of themselves. */
static struct ledger {
	bool stop;
	long made;		/* creations so far */
	long sum;		/* of their numbers */
} *ledger;

struct traffic {
	struct actor makers[MAKERS];
	struct session session;
	long sum;		/* of the numbers of those born */
	long held_births, held_execs;
};

static inline long traffic_made(void)
{
	return __atomic_load_n(&ledger->made, __ATOMIC_SEQ_CST);
}

/* Stopped, continued and killed wherever it is, at its gate for example. */
static inline long by_signals(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		for (;;)
			pause();
	}
	if (pid < 0)
		return -errno;
	kill(pid, SIGSTOP);
	if (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status))
		return BROKEN;
	kill(pid, SIGCONT);
	kill(pid, SIGKILL);
	return reap(pid, SIGKILL);
}

/* In a maker. Returns 0, or what was wrong with a creation. */
static inline long make_all_sorts(long first)
{
	long kind, pid;

	for (kind = first; !__atomic_load_n(&ledger->stop, __ATOMIC_SEQ_CST);
	     kind = (kind + 1) % (KINDS + 1)) {
		pid = kind == BY_SIGNALS ? by_signals() : create(kind);
		if (pid <= 0)
			return pid ?: BROKEN;
		__atomic_add_fetch(&ledger->sum, pid, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&ledger->made, 1, __ATOMIC_SEQ_CST);
	}
	return 0;
}

static inline void traffic_open(struct __test_metadata *_metadata,
				struct traffic *t)
{
	int i;

	ledger = mmap(NULL, sizeof(*ledger), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, ledger);
	for (i = 0; i < MAKERS; i++)
		actor_start(_metadata, &t->makers[i]);
	session_open(_metadata, &t->session);
}

static inline void traffic_close(struct traffic *t)
{
	int i;

	session_close(&t->session);
	for (i = 0; i < MAKERS; i++)
		actor_end(&t->makers[i]);
}

static inline void traffic_watch(struct __test_metadata *_metadata,
				 struct traffic *t)
{
	int i;

	for (i = 0; i < MAKERS; i++) {
		ASSERT_EQ(0, session_watch(&t->session, t->makers[i].pid,
					   PREFORK_WATCH_TREE |
					   PREFORK_WATCH_THREADS,
					   HOLD_EVERYTHING, 0)) {
			TH_LOG("%s", prefork_message());
		}
	}
}

/* They begin with different kinds. */
static inline void traffic_start(struct __test_metadata *_metadata,
				 struct traffic *t)
{
	int i;

	__atomic_store_n(&ledger->stop, false, __ATOMIC_SEQ_CST);
	for (i = 0; i < MAKERS; i++) {
		actor_send(_metadata, &t->makers[i], make_all_sorts,
			   i * KINDS / MAKERS);
	}
}

static inline void traffic_count(struct traffic *t)
{
	const struct prefork_event *e = &t->session.event;

	if (e->type == PREFORK_EVENT_BORN) {
		t->sum += e->tid;
		t->held_births += e->cookie != 0;
	} else if (e->type == PREFORK_EVENT_EXEC) {
		t->held_execs += e->cookie != 0;
	}
}

/*
 * Reads the events that are there and answers the holds among them, but not more
 * than so many in one go: there may always be one more. Returns whether there is.
 */
static inline bool traffic_answer(struct __test_metadata *_metadata,
				  struct traffic *t)
{
	struct session *s = &t->session;
	int left, ret;

	for (left = 100; left; left--) {
		if (!session_next(_metadata, s, 0))
			return false;
		traffic_count(t);
		if (!s->event.cookie)
			continue;
		ret = prefork_release(s->pf, s->event.cookie);
		/* A newborn may have been killed meanwhile. */
		ASSERT_TRUE(ret == 0 || ret == -ENOENT) {
			TH_LOG("release: %s: %s", strerror(-ret),
			       prefork_message());
		}
	}
	return true;
}

/* How long to wait for something to happen: not beyond @end. */
static inline int traffic_patience(long long end)
{
	long long left = end - now_ms();

	return left < 0 ? 0 : left < LONG_PATIENCE_MS ? left : LONG_PATIENCE_MS;
}

/* Answers until @fd has something to say, or has ended, or @end has come. */
static inline bool traffic_serve_until(struct __test_metadata *_metadata,
				       struct traffic *t, int fd,
				       long long end)
{
	struct pollfd fds[] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = prefork_fd(t->session.pf), .events = POLLIN },
	};
	bool more = false;
	int wait, ready;

	do {
		wait = more ? 0 : traffic_patience(end);
		ready = poll(fds, 2, wait);
		ASSERT_LE(wait >= LONG_PATIENCE_MS, ready) {
			TH_LOG("neither events nor an answer");
		}
		more = traffic_answer(_metadata, t);
	} while (!fds[0].revents && now_ms() < end);
	return fds[0].revents;
}

static inline void traffic_serve(struct __test_metadata *_metadata,
				 struct traffic *t, int fd)
{
	traffic_serve_until(_metadata, t, fd, LLONG_MAX);
}

/* Answers until @n more have been created. */
static inline void traffic_serve_some(struct __test_metadata *_metadata,
				      struct traffic *t, long n)
{
	struct pollfd fd = {
		.fd = prefork_fd(t->session.pf), .events = POLLIN,
	};
	long enough = traffic_made() + n;
	long long end = now_ms() + LONG_PATIENCE_MS;
	bool more = false;

	while (traffic_made() < enough) {
		poll(&fd, 1, more ? 0 : 10);
		more = traffic_answer(_metadata, t);
		ASSERT_LT(now_ms(), end) {
			TH_LOG("%ld of %ld created", traffic_made(), enough);
		}
	}
}

/* Answers until each maker has stopped, with all that it made in order. */
static inline void traffic_stop(struct __test_metadata *_metadata,
				struct traffic *t)
{
	int i;

	__atomic_store_n(&ledger->stop, true, __ATOMIC_SEQ_CST);
	for (i = 0; i < MAKERS; i++) {
		traffic_serve(_metadata, t, t->makers[i].sock);
		EXPECT_EQ(0, actor_answer(_metadata, &t->makers[i]));
	}
}

/* Every creation was announced, held and born so, and nothing was lost. */
static inline void traffic_expect_all(struct __test_metadata *_metadata,
				      struct traffic *t)
{
	EXPECT_EQ(traffic_made(), t->session.born);
	EXPECT_EQ(ledger->sum, t->sum);
	EXPECT_EQ(traffic_made(), t->held_births);
	EXPECT_LT(0, t->held_execs);
	EXPECT_EQ(0, t->session.failed);
	EXPECT_EQ(0, t->session.lost);
}

/* The watches end, every announcement has its outcome, and nothing is left. */
static inline void traffic_unwatch(struct __test_metadata *_metadata,
				   struct traffic *t)
{
	static const int gauges[] = {
		PREFORK_STAT_HELD, PREFORK_STAT_CALLS, PREFORK_STAT_RESERVED,
		PREFORK_STAT_WATCHES, PREFORK_STAT_QUEUED, PREFORK_STAT_ARMED,
	};
	struct session *s = &t->session;
	int i, ended = 0;

	ASSERT_EQ(0, prefork_unwatch_all(s->pf));
	while (ended < MAKERS) {
		session_await(_metadata, s, PREFORK_EVENT_UNWATCHED);
		ended++;
	}
	session_settle(_metadata, s);
	for (i = 0; i < (int)ARRAY_SIZE(gauges); i++)
		EXPECT_TRUE(session_stat_reaches(_metadata, s, gauges[i], 0));
}

#endif /* SELFTESTS_TRAFFIC_H */
