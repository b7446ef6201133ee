// SPDX-License-Identifier: GPL-2.0
/*
 * free - costs nothing while it is not used
 *
 * With no watch anywhere the kernel has no probe of the module.
 */
#define _GNU_SOURCE
#include <sys/mount.h>

#include "create.h"
#include "session.h"

#define DEBUGFS	"/sys/kernel/debug"
#define PROBES	DEBUGFS "/kprobes/list"
#define LANDING_PAD	4	/* of indirect branches, at a function's start */

FIXTURE(probes)
{
	struct actor actor;
	struct session session;
};

FIXTURE_SETUP(probes)
{
	if (access(PROBES, R_OK)) {
		ASSERT_EQ(0, mount("none", DEBUGFS, "debugfs", 0, NULL));
	}
	ASSERT_EQ(0, access(PROBES, R_OK));
	actor_start(_metadata, &self->actor);
	session_open(_metadata, &self->session);
}

FIXTURE_TEARDOWN(probes)
{
	session_close(&self->session);
	actor_end(&self->actor);
}

/* How many of the functions that the module redirects have a live probe. */
static int count_probes(void)
{
	char line[256], name[128];
	unsigned int offset;
	FILE *f = fopen(PROBES, "re");
	int count = 0;

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*s %*s %127[^+]+%x", name, &offset) != 2 ||
		    offset > LANDING_PAD || strstr(line, "[DISABLED]"))
			continue;
		count += !strcmp(name, "kernel_clone") ||
			 !strcmp(name, "alloc_pid");
	}
	fclose(f);
	return count;
}

static bool armed(struct __test_metadata *_metadata, struct session *s)
{
	uint64_t stat = session_stat(_metadata, s, PREFORK_STAT_ARMED);
	int probes = count_probes();

	ASSERT_TRUE(probes == 0 || probes == 2) {
		TH_LOG("%d probes", probes);
	}
	EXPECT_EQ(probes == 2, stat) {
		TH_LOG("%d probes", probes);
	}
	return probes == 2;
}

static bool becomes_disarmed(struct __test_metadata *_metadata,
			     struct session *s)
{
	return session_stat_reaches(_metadata, s, PREFORK_STAT_ARMED, 0) &&
	       !armed(_metadata, s);
}

static void watch_and_see(struct __test_metadata *_metadata,
			  struct session *s, struct actor *a)
{
	ASSERT_EQ(0, session_watch(s, a->pid, 0, 0, 0));
	ASSERT_TRUE(armed(_metadata, s));
}

TEST_F_TIMEOUT(probes, are_gone_without_a_watch, 60)
{
	EXPECT_TRUE(becomes_disarmed(_metadata, &self->session));
}

TEST_F_TIMEOUT(probes, are_gone_after_the_last_unwatch, 60)
{
	struct session *s = &self->session;
	struct actor other;
	int round;

	actor_start(_metadata, &other);
	for (round = 0; round < 3; round++) {
		watch_and_see(_metadata, s, &self->actor);
		watch_and_see(_metadata, s, &other);
		ASSERT_EQ(0, prefork_unwatch(s->pf, self->actor.pid));
		EXPECT_TRUE(armed(_metadata, s));
		ASSERT_EQ(0, prefork_unwatch(s->pf, other.pid));
		EXPECT_TRUE(becomes_disarmed(_metadata, s));
	}
	actor_end(&other);
}

TEST_F_TIMEOUT(probes, are_gone_after_the_last_process_has_ended, 60)
{
	watch_and_see(_metadata, &self->session, &self->actor);
	actor_end(&self->actor);
	EXPECT_TRUE(becomes_disarmed(_metadata, &self->session));
}

TEST_F_TIMEOUT(probes, are_gone_after_the_last_session_was_closed, 60)
{
	struct session owner;

	session_open(_metadata, &owner);
	watch_and_see(_metadata, &owner, &self->actor);
	session_close(&owner);
	EXPECT_TRUE(becomes_disarmed(_metadata, &self->session));
}

static struct prefork *owned;

static long own(long pid)
{
	int ret = prefork_open(&owned);

	return ret ? ret : prefork_watch(owned, pid, NULL);
}

TEST_F_TIMEOUT(probes, are_gone_after_the_last_owner_was_killed, 60)
{
	struct actor owner;

	actor_start(_metadata, &owner);
	ASSERT_EQ(0, actor_do(_metadata, &owner, own, self->actor.pid));
	EXPECT_TRUE(armed(_metadata, &self->session));
	actor_end(&owner);
	EXPECT_TRUE(becomes_disarmed(_metadata, &self->session));
}

TEST_F_TIMEOUT(probes, stay_away_after_a_watch_that_was_refused, 60)
{
	struct session *s = &self->session;

	EXPECT_EQ(-EDEADLK, session_watch(s, getpid(), 0, 0, 0));
	EXPECT_TRUE(becomes_disarmed(_metadata, s));

	/* Nor do they stay for the sake of one. */
	watch_and_see(_metadata, s, &self->actor);
	EXPECT_EQ(-EEXIST, session_watch(s, self->actor.pid, 0, 0, 0));
	ASSERT_EQ(0, prefork_unwatch(s->pf, self->actor.pid));
	EXPECT_TRUE(becomes_disarmed(_metadata, s));
}

/* What ends last, with nothing left to be watched, disarms too. */
TEST_F_TIMEOUT(probes, are_gone_after_a_tree_has_ended, 60)
{
	struct session *s = &self->session;

	ASSERT_EQ(0, session_watch(s, self->actor.pid, PREFORK_WATCH_TREE, 0,
				   0));
	EXPECT_LT(0, actor_do(_metadata, &self->actor, create, BY_SPAWN));
	EXPECT_TRUE(armed(_metadata, s));
	actor_end(&self->actor);
	EXPECT_TRUE(session_stat_reaches(_metadata, s, PREFORK_STAT_WATCHES,
					 0));
	EXPECT_TRUE(becomes_disarmed(_metadata, s));
}

TEST_HARNESS_MAIN
