/* SPDX-License-Identifier: GPL-2.0 */
/*
 * session.h - a session of libprefork under test
 *
 * Whatever a test is about: every event that it reads here is checked for its
 * place in the sequence, and every announcement for its one outcome.
 */
#ifndef SELFTESTS_SESSION_H
#define SELFTESTS_SESSION_H

#include "actor.h"
#include "prefork.h"

#define HOLD_PROCESSES	(PREFORK_HOLD_VFORK | PREFORK_HOLD_FORK)
#define HOLD_ALL	(HOLD_PROCESSES | PREFORK_HOLD_THREAD)

#define QUEUE_LIMIT	4096		/* events; then those who report wait */
#define PID_LIMIT	4194304		/* of the kernel, for 64 bits */

struct session {
	struct prefork *pf;
	struct prefork_event event;	/* the last one read */
	uint64_t seq;			/* its number */
	uint64_t lost;			/* what LOST events counted */
	int announced;			/* PREFORK read */
	int born;			/* BORN read, of announced ones */
	int failed;			/* FORK_FAILED read */
	unsigned char *open;		/* by PID: announced, no outcome yet */
};

static inline void session_open(struct __test_metadata *_metadata,
				struct session *s)
{
	memset(s, 0, sizeof(*s));
	s->open = mmap(NULL, PID_LIMIT + 1, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_NE(MAP_FAILED, s->open);
	ASSERT_EQ(0, prefork_open(&s->pf)) {
		TH_LOG("no session: is the module loaded?");
	}
}

/* Safe to call twice. */
static inline void session_close(struct session *s)
{
	prefork_close(s->pf);
	s->pf = NULL;
	if (s->open)
		munmap(s->open, PID_LIMIT + 1);
	s->open = NULL;
}

static inline int session_watch(struct session *s, pid_t pid, uint32_t flags,
				uint32_t hold, uint32_t timeout_ms)
{
	const struct prefork_watch_options opts = {
		.flags = flags,
		.hold = hold,
		.timeout_ms = timeout_ms,
		.has_timeout = true,
	};

	return prefork_watch(s->pf, pid, &opts);
}

/* The number that an outcome is about. */
static inline pid_t outcome_of(const struct prefork_event *e)
{
	return e->type == PREFORK_EVENT_BORN ? e->tid : e->child;
}

static inline void session_check(struct __test_metadata *_metadata,
				 struct session *s)
{
	const struct prefork_event *e = &s->event;

	ASSERT_EQ(s->seq + 1, e->seq) {
		TH_LOG("a gap before %s of %d", prefork_event_name(e->type),
		       e->pid);
	}
	s->seq = e->seq;

	switch (e->type) {
	case PREFORK_EVENT_LOST:
		ASSERT_NE(0, e->count);
		s->lost += e->count;
		return;
	case PREFORK_EVENT_PREFORK:
		s->announced++;
		break;
	case PREFORK_EVENT_BORN:
		s->born++;
		break;
	case PREFORK_EVENT_FORK_FAILED:
		ASSERT_NE(0, e->error);
		s->failed++;
		break;
	default:
		return;
	}

	/* Without what was lost the books do not balance. */
	if (s->lost)
		return;
	ASSERT_LT(0, outcome_of(e));
	ASSERT_EQ(e->type != PREFORK_EVENT_PREFORK, s->open[outcome_of(e)]) {
		TH_LOG("%s of %d at event %llu", prefork_event_name(e->type),
		       outcome_of(e), (unsigned long long)e->seq);
	}
	s->open[outcome_of(e)] = e->type == PREFORK_EVENT_PREFORK;
}

/* How many announcements still wait for their outcome. */
static inline int session_pending(const struct session *s)
{
	return s->announced - s->born - s->failed;
}

/* Reads the next event into s->event; false when none came in time. */
static inline bool session_next(struct __test_metadata *_metadata,
				struct session *s, int ms)
{
	int ret;

	do {
		ret = prefork_next(s->pf, &s->event, ms);
	} while (ret == -EINTR);
	ASSERT_LE(0, ret);
	if (!ret)
		return false;
	session_check(_metadata, s);
	return true;
}

/* The next event of that type; others are passed over. */
static inline const struct prefork_event *
session_await(struct __test_metadata *_metadata, struct session *s,
	      uint32_t type)
{
	long long end = now_ms() + PATIENCE_MS;

	do {
		ASSERT_TRUE(session_next(_metadata, s, PATIENCE_MS)) {
			TH_LOG("no %s event", prefork_event_name(type));
		}
		ASSERT_LT(now_ms(), end);
	} while (s->event.type != type);
	return &s->event;
}

/* The next event, which is to be of that type. */
static inline const struct prefork_event *
session_expect(struct __test_metadata *_metadata, struct session *s,
	       uint32_t type)
{
	ASSERT_TRUE(session_next(_metadata, s, PATIENCE_MS)) {
		TH_LOG("no %s event", prefork_event_name(type));
	}
	ASSERT_EQ(type, s->event.type) {
		TH_LOG("%s instead of %s", prefork_event_name(s->event.type),
		       prefork_event_name(type));
	}
	return &s->event;
}

/* Lets the task go on that the last event says is held, if it does. */
static inline void session_release(struct __test_metadata *_metadata,
				   struct session *s)
{
	if (s->event.type != PREFORK_EVENT_PREFORK || !s->event.cookie)
		return;
	ASSERT_EQ(0, prefork_release(s->pf, s->event.cookie));
}

/* Reads on until every announcement has its outcome. */
static inline void session_settle(struct __test_metadata *_metadata,
				  struct session *s)
{
	while (session_pending(s)) {
		ASSERT_TRUE(session_next(_metadata, s, PATIENCE_MS)) {
			TH_LOG("%d without an outcome", session_pending(s));
		}
	}
}

/* Answers the holds until @a has something to say. */
static inline long session_serve(struct __test_metadata *_metadata,
				 struct session *s, struct actor *a)
{
	struct pollfd fds[] = {
		{ .fd = a->sock, .events = POLLIN },
		{ .fd = prefork_fd(s->pf), .events = POLLIN },
	};

	while (!actor_speaks(a, 0)) {
		ASSERT_LT(0, poll(fds, 2, PATIENCE_MS)) {
			TH_LOG("neither events nor an answer");
		}
		while (session_next(_metadata, s, 0))
			session_release(_metadata, s);
	}
	return actor_answer(_metadata, a);
}

static inline long session_serve_order(struct __test_metadata *_metadata,
				       struct session *s, struct actor *a,
				       order_fn fn, long arg)
{
	actor_send(_metadata, a, fn, arg);
	return session_serve(_metadata, s, a);
}

/* Ends the watch of @pid and reads on to the last event about it. */
static inline void session_finish(struct __test_metadata *_metadata,
				  struct session *s, pid_t pid)
{
	ASSERT_EQ(0, prefork_unwatch(s->pf, pid));
	do {
		session_await(_metadata, s, PREFORK_EVENT_UNWATCHED);
	} while (s->event.pid != pid);
	EXPECT_EQ(PREFORK_REASON_REQUEST, s->event.reason);
}

static inline uint64_t session_stat(struct __test_metadata *_metadata,
				    struct session *s, int stat)
{
	struct prefork_stats stats;

	ASSERT_EQ(0, prefork_stats(s->pf, &stats));
	return stats.value[stat];
}

/* What ends may take a moment to be counted out. */
static inline bool session_stat_reaches(struct __test_metadata *_metadata,
					struct session *s, int stat,
					uint64_t value)
{
	long long end = now_ms() + PATIENCE_MS;

	while (session_stat(_metadata, s, stat) != value) {
		if (now_ms() > end) {
			TH_LOG("%s is %llu, not %llu", prefork_stat_name(stat),
			       (unsigned long long)session_stat(_metadata, s,
								stat),
			       (unsigned long long)value);
			return false;
		}
		pause_briefly();
	}
	return true;
}

/* What an actor is busy with has come so far. */
static inline bool session_stat_rises(struct __test_metadata *_metadata,
				      struct session *s, int stat,
				      uint64_t value)
{
	long long end = now_ms() + PATIENCE_MS;

	while (session_stat(_metadata, s, stat) < value) {
		if (now_ms() > end) {
			TH_LOG("%s is below %llu", prefork_stat_name(stat),
			       (unsigned long long)value);
			return false;
		}
		pause_briefly();
	}
	return true;
}

/* Of what was watched and held, by whomever. */
static inline void session_nothing_left(struct __test_metadata *_metadata,
					struct session *s)
{
	static const int gauges[] = {
		PREFORK_STAT_HELD, PREFORK_STAT_CALLS, PREFORK_STAT_RESERVED,
		PREFORK_STAT_WATCHES, PREFORK_STAT_QUEUED, PREFORK_STAT_ARMED,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(gauges); i++)
		EXPECT_TRUE(session_stat_reaches(_metadata, s, gauges[i], 0));
}

/* How many tasks of @pid are held; the first one's cookie. */
static inline size_t session_held(struct __test_metadata *_metadata,
				  struct session *s, pid_t pid,
				  uint64_t *cookie)
{
	struct prefork_watched *watched;
	size_t count;

	ASSERT_EQ(0, prefork_get(s->pf, pid, &watched));
	count = watched->held_count;
	if (cookie)
		*cookie = count ? watched->held[0].cookie : 0;
	free(watched);
	return count;
}

#endif /* SELFTESTS_SESSION_H */
