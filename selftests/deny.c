// SPDX-License-Identifier: GPL-2.0
/*
 * deny - a creation that is denied fails with the errno that was given
 */
#define _GNU_SOURCE
#include "create.h"
#include "raw.h"
#include "session.h"

static long unshare_pids(long unused)
{
	return unshare(CLONE_NEWPID) ? -errno : unused;
}

FIXTURE(denied)
{
	struct actor actor;
	struct session session;
};

FIXTURE_VARIANT(denied)
{
	enum kind kind;
};

FIXTURE_VARIANT_ADD(denied, fork)
{
	.kind = BY_FORK,
};

FIXTURE_VARIANT_ADD(denied, vfork)
{
	.kind = BY_VFORK,
};

FIXTURE_VARIANT_ADD(denied, clone)
{
	.kind = BY_CLONE,
};

FIXTURE_VARIANT_ADD(denied, clone3)
{
	.kind = BY_CLONE3,
};

FIXTURE_VARIANT_ADD(denied, posix_spawn)
{
	.kind = BY_SPAWN,
};

FIXTURE_VARIANT_ADD(denied, pthread_create)
{
	.kind = BY_THREAD,
};

FIXTURE_VARIANT_ADD(denied, clone_of_a_namespace)
{
	.kind = BY_NEW_NAMESPACE,
};

FIXTURE_SETUP(denied)
{
	actor_start(_metadata, &self->actor);
	session_open(_metadata, &self->session);
	ASSERT_EQ(0, session_watch(&self->session, self->actor.pid,
				   PREFORK_WATCH_THREADS, HOLD_ALL, 0));
}

FIXTURE_TEARDOWN(denied)
{
	session_close(&self->session);
	actor_end(&self->actor);
}

TEST_F_TIMEOUT(denied, call_fails_with_the_errno_given, 60)
{
	/* Such as no libc translates, or falls back to another call for. */
	static const int errors[] = { EPERM, EAGAIN, ENFILE, EOWNERDEAD, 511 };
	const struct prefork_event *e = &self->session.event;
	struct session *s = &self->session;
	uint64_t denied = session_stat(_metadata, s, PREFORK_STAT_DENIED);
	pid_t child;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		actor_send(_metadata, &self->actor, create, variant->kind);
		session_expect(_metadata, s, PREFORK_EVENT_PREFORK);
		child = e->child;
		ASSERT_EQ(0, prefork_deny(s->pf, e->cookie, errors[i]));
		session_expect(_metadata, s, PREFORK_EVENT_FORK_FAILED);
		EXPECT_EQ(child, e->child);
		EXPECT_EQ(errors[i], e->error);
		EXPECT_EQ(-errors[i], actor_answer(_metadata, &self->actor));

		EXPECT_TRUE(session_stat_reaches(_metadata, s,
						 PREFORK_STAT_RESERVED, 0));
		EXPECT_EQ(-1, kill(child, 0));
		EXPECT_EQ(child, create_at(child));
	}
	EXPECT_EQ(denied + ARRAY_SIZE(errors),
		  session_stat(_metadata, s, PREFORK_STAT_DENIED));

	/* Denied is one call, not the process. */
	EXPECT_LT(0, session_serve_order(_metadata, s, &self->actor, create,
					 variant->kind));
	session_finish(_metadata, s, self->actor.pid);
	EXPECT_EQ(1, s->born);
	EXPECT_EQ(0, session_pending(s));
}

/* A namespace whose first process is denied can have another one. */
FIXTURE(denied_first)
{
	struct actor actor;
	struct session session;
};

FIXTURE_SETUP(denied_first)
{
	actor_start(_metadata, &self->actor);
	ASSERT_EQ(0, actor_do(_metadata, &self->actor, unshare_pids, 0));
	session_open(_metadata, &self->session);
	ASSERT_EQ(0, session_watch(&self->session, self->actor.pid, 0,
				   HOLD_PROCESSES, 0));
}

FIXTURE_TEARDOWN(denied_first)
{
	session_close(&self->session);
	actor_end(&self->actor);
}

TEST_F_TIMEOUT(denied_first, leaves_the_namespace_usable, 60)
{
	struct session *s = &self->session;

	actor_send(_metadata, &self->actor, create, BY_CLONE);
	session_expect(_metadata, s, PREFORK_EVENT_PREFORK);
	ASSERT_EQ(0, prefork_deny(s->pf, s->event.cookie, EXDEV));
	session_expect(_metadata, s, PREFORK_EVENT_FORK_FAILED);
	EXPECT_EQ(-EXDEV, actor_answer(_metadata, &self->actor));

	EXPECT_LT(0, session_serve_order(_metadata, s, &self->actor, create,
					 BY_CLONE));
	session_finish(_metadata, s, self->actor.pid);
	EXPECT_EQ(1, s->born);
}

/* Answers that make no sense leave the task held. */
FIXTURE(verdict)
{
	struct actor actor;
	struct raw raw;
	uint64_t cookie;
};

/* The cookie of the next PREFORK, from a socket that is the owner. */
static uint64_t raw_cookie(struct raw *raw)
{
	struct nlattr *attrs[PREFORK_A_MAX + 1];
	struct genlmsghdr *genl;
	struct nlmsghdr *nlh;
	ssize_t n;
	int left;

	while ((n = raw_read(raw, PATIENCE_MS)) > 0) {
		left = n;
		for (nlh = &raw->nlh; nlmsg_ok(nlh, left);
		     nlh = nlmsg_next(nlh, &left)) {
			if (nlh->nlmsg_type != raw->family)
				continue;
			genl = nlmsg_data(nlh);
			if (genl->cmd != PREFORK_EVENT_PREFORK ||
			    genlmsg_parse(nlh, 0, attrs, PREFORK_A_MAX, NULL))
				continue;
			if (attrs[PREFORK_A_COOKIE])
				return nla_get_u64(attrs[PREFORK_A_COOKIE]);
		}
	}
	return 0;
}

FIXTURE_SETUP(verdict)
{
	struct nl_msg *msg;

	actor_start(_metadata, &self->actor);
	raw_open(_metadata, &self->raw);
	msg = raw_message(&self->raw, PREFORK_CMD_WATCH, 0);
	nla_put_u32(msg, PREFORK_A_PID, self->actor.pid);
	nla_put_u32(msg, PREFORK_A_HOLD, HOLD_PROCESSES);
	nla_put_u32(msg, PREFORK_A_TIMEOUT, 0);
	ASSERT_EQ(0, raw_ask(&self->raw, msg)) {
		TH_LOG("%s", self->raw.text);
	}
	actor_send(_metadata, &self->actor, create, BY_VFORK);
	self->cookie = raw_cookie(&self->raw);
	ASSERT_NE(0, self->cookie);
}

FIXTURE_TEARDOWN(verdict)
{
	raw_close(&self->raw);
	actor_end(&self->actor);
}

#define ABSENT	(-1)

static int answer(struct raw *raw, uint64_t cookie, long verdict, long error)
{
	struct nl_msg *msg = raw_message(raw, PREFORK_CMD_RELEASE, 0);

	nla_put_u64(msg, PREFORK_A_COOKIE, cookie);
	if (verdict != ABSENT)
		nla_put_u32(msg, PREFORK_A_VERDICT, verdict);
	if (error != ABSENT)
		nla_put_u32(msg, PREFORK_A_ERRNO, error);
	return raw_ask(raw, msg);
}

TEST_F_TIMEOUT(verdict, that_makes_no_sense_is_refused, 60)
{
	static const struct {
		long verdict, error;
	} rows[] = {
		{ PREFORK_VERDICT_DENY, ABSENT },
		{ PREFORK_VERDICT_DENY, 0 },
		{ PREFORK_VERDICT_DENY, 512 },
		{ PREFORK_VERDICT_DENY, 4095 },
		{ PREFORK_VERDICT_DENY, 0x7fffffff },
		{ PREFORK_VERDICT_DENY, 0xfffffff5 },
		{ PREFORK_VERDICT_CONTINUE, EPERM },
		{ ABSENT, EPERM },
		{ PREFORK_VERDICT_DENY + 1, EPERM },
		{ 0xffffffff, ABSENT },
	};
	size_t i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		ret = answer(&self->raw, self->cookie, rows[i].verdict,
			     rows[i].error);
		EXPECT_TRUE(ret == -EINVAL || ret == -ERANGE) {
			TH_LOG("%d for verdict %ld, errno %ld", ret,
			       rows[i].verdict, rows[i].error);
		}
		EXPECT_STRNE("", self->raw.text);
		ASSERT_FALSE(actor_speaks(&self->actor, 0));
	}
	EXPECT_FALSE(actor_speaks(&self->actor, 200));
	EXPECT_EQ(0, answer(&self->raw, self->cookie, ABSENT, ABSENT));
	EXPECT_LT(0, actor_answer(_metadata, &self->actor));
}

TEST_F_TIMEOUT(verdict, to_go_on_may_be_spelled_out, 60)
{
	EXPECT_EQ(0, answer(&self->raw, self->cookie, PREFORK_VERDICT_CONTINUE,
			    ABSENT));
	EXPECT_LT(0, actor_answer(_metadata, &self->actor));
}

TEST_F_TIMEOUT(verdict, to_deny_reaches_the_caller, 60)
{
	EXPECT_EQ(0, answer(&self->raw, self->cookie, PREFORK_VERDICT_DENY,
			    EDQUOT));
	EXPECT_EQ(-EDQUOT, actor_answer(_metadata, &self->actor));
}

TEST_F_TIMEOUT(verdict, of_another_cookie_is_refused, 60)
{
	EXPECT_EQ(-ENOENT, answer(&self->raw, self->cookie + 1, ABSENT,
				  ABSENT));
	EXPECT_STRNE("", self->raw.text);
	EXPECT_NE(0, answer(&self->raw, 0, ABSENT, ABSENT));
	EXPECT_FALSE(actor_speaks(&self->actor, 100));
}

TEST_HARNESS_MAIN
