// SPDX-License-Identifier: GPL-2.0
/*
 * unload - the module can be removed when nobody is in it, and not before
 */
#define _GNU_SOURCE
#include "create.h"
#include "effort.h"
#include "module.h"
#include "newborn.h"
#include "proc.h"
#include "raw.h"
#include "session.h"
#include "storm.h"

FIXTURE(module)
{
	struct actor actor;
	struct session session;
	struct storm storm;
};

FIXTURE_SETUP(module)
{
	int ret = module_load();

	ASSERT_TRUE(ret == 0 || ret == -EEXIST) {
		TH_LOG("%s: %s", module_file(), strerror(-ret));
	}
	traces_share(_metadata);
	actor_start(_metadata, &self->actor);
	session_open(_metadata, &self->session);
}

FIXTURE_TEARDOWN(module)
{
	storm_stop(&self->storm);
	session_close(&self->session);
	actor_end(&self->actor);
	module_load();
}

static void watch(struct __test_metadata *_metadata,
		  FIXTURE_DATA(module) *self, uint32_t hold)
{
	ASSERT_EQ(0, session_watch(&self->session, self->actor.pid,
				   PREFORK_WATCH_TREE | PREFORK_WATCH_THREADS,
				   hold, 0));
}

static void expect_in_use(struct __test_metadata *_metadata)
{
	int ret = module_unload();

	EXPECT_TRUE(ret == -EAGAIN || ret == -EBUSY) {
		TH_LOG("unload says %d", ret);
	}
}

TEST_F_TIMEOUT(module, idle_can_be_unloaded_and_loaded_again, 60)
{
	session_close(&self->session);
	ASSERT_EQ(0, module_unload());
	EXPECT_EQ(-ENOENT, prefork_open(&self->session.pf));
	EXPECT_LT(0, actor_do(_metadata, &self->actor, create, BY_FORK));
	ASSERT_EQ(0, module_load());
	session_open(_metadata, &self->session);
	watch(_metadata, self, HOLD_ALL);
	EXPECT_LT(0, session_serve_order(_metadata, &self->session,
					 &self->actor, create, BY_VFORK));
}

/* Groups that are nobody's yet are everybody's. */
#define GROUPS	64

static void join_all(struct __test_metadata *_metadata, struct nl_sock *sk)
{
	int group, joined = 0;

	for (group = 1; group <= GROUPS; group++)
		joined += !nl_socket_add_membership(sk, group);
	ASSERT_LT(GROUPS / 2, joined);
}

static void join_events(struct __test_metadata *_metadata, struct raw *raw)
{
	int group = genl_ctrl_resolve_grp(raw->sk, PREFORK_GENL_NAME,
					  PREFORK_MCGRP_EVENTS);

	ASSERT_LT(0, group);
	ASSERT_GE(GROUPS, group);
	ASSERT_EQ(0, nl_socket_add_membership(raw->sk, group));
}

/* Does the socket get an event within @ms? It may hear of other things. */
static bool hears_of_events(struct raw *raw, int ms)
{
	ssize_t n;

	/* An error is that something has not been kept for us. */
	while ((n = raw_read(raw, ms)) != 0)
		if (n < 0 || raw->nlh.nlmsg_type == raw->family)
			return true;
	return false;
}

/* Who is told is asked for his capabilities when he joins. */
TEST_F_TIMEOUT(module, tells_nothing_to_who_joined_before_it_came, 60)
{
	struct raw early, late;

	raw_open(_metadata, &early);
	session_close(&self->session);
	ASSERT_EQ(0, module_unload_soon());
	join_all(_metadata, early.sk);
	ASSERT_EQ(0, module_load());

	raw_open(_metadata, &late);
	join_events(_metadata, &late);
	session_open(_metadata, &self->session);
	watch(_metadata, self, 0);
	ASSERT_LT(0, actor_do(_metadata, &self->actor, create, BY_FORK));
	/* Both would be told at once. */
	EXPECT_TRUE(hears_of_events(&late, PATIENCE_MS));
	early.family = late.family;
	EXPECT_FALSE(hears_of_events(&early, 0));
	raw_close(&early);
	raw_close(&late);
}

TEST_F_TIMEOUT(module, is_in_use_while_there_is_an_owner, 60)
{
	watch(_metadata, self, 0);
	expect_in_use(_metadata);
	session_close(&self->session);
	EXPECT_EQ(0, module_unload_soon());
}

TEST_F_TIMEOUT(module, is_in_use_while_a_task_is_held, 60)
{
	int kind;

	for (kind = 0; kind < KINDS; kind++) {
		watch(_metadata, self, HOLD_ALL);
		actor_send(_metadata, &self->actor, create, kind);
		session_await(_metadata, &self->session,
			      PREFORK_EVENT_PREFORK);
		expect_in_use(_metadata);
		EXPECT_FALSE(actor_speaks(&self->actor, 0));

		session_close(&self->session);
		EXPECT_LT(0, actor_answer(_metadata, &self->actor));
		EXPECT_EQ(0, module_unload_soon());
		ASSERT_EQ(0, module_load());
		session_open(_metadata, &self->session);
	}
}

TEST_F_TIMEOUT(module, can_be_unloaded_after_a_held_task_was_killed, 60)
{
	watch(_metadata, self, HOLD_ALL);
	actor_send(_metadata, &self->actor, create, BY_FORK);
	session_expect(_metadata, &self->session, PREFORK_EVENT_PREFORK);
	session_close(&self->session);
	actor_end(&self->actor);
	EXPECT_EQ(0, module_unload_soon());
}

/* Stopped while it was held: it is out of the module's text, not of its care. */
TEST_F_TIMEOUT(module, can_be_unloaded_under_a_stopped_task, 60)
{
	watch(_metadata, self, HOLD_ALL);
	actor_send(_metadata, &self->actor, create, BY_FORK);
	session_expect(_metadata, &self->session, PREFORK_EVENT_PREFORK);
	ASSERT_EQ(0, kill(self->actor.pid, SIGSTOP));
	ASSERT_TRUE(proc_state_reaches(self->actor.pid, 'T'));
	expect_in_use(_metadata);
	session_close(&self->session);
	EXPECT_EQ(0, module_unload_soon());
	ASSERT_EQ(0, kill(self->actor.pid, SIGCONT));
	EXPECT_LT(0, actor_answer(_metadata, &self->actor));
}

/* A vfork parent sleeps below the module until its child goes. */
TEST_F_TIMEOUT(module, is_in_use_while_a_vfork_is_in_flight, 90)
{
	int round;

	watch(_metadata, self, 0);
	EXPECT_LT(0, actor_do(_metadata, &self->actor, vfork_until_told, 0));
	session_await(_metadata, &self->session, PREFORK_EVENT_BORN);
	expect_in_use(_metadata);

	/* Nor may it go with the owner: the parent still returns through it. */
	session_close(&self->session);
	for (round = 0; round < 20; round++) {
		expect_in_use(_metadata);
		pause_briefly();
	}
	EXPECT_FALSE(actor_speaks(&self->actor, 0));

	ASSERT_EQ(1, send(self->actor.sock, "x", 1, 0));
	EXPECT_LT(0, actor_answer(_metadata, &self->actor));
	EXPECT_EQ(0, module_unload_soon());
}

static pid_t begin_birth(struct __test_metadata *_metadata,
			 FIXTURE_DATA(module) *self, enum kind kind)
{
	const struct prefork_event *e;

	watch(_metadata, self, PREFORK_HOLD_BIRTH | PREFORK_HOLD_BIRTH_THREAD);
	actor_send(_metadata, &self->actor, newborn, kind);
	e = session_await(_metadata, &self->session, PREFORK_EVENT_BORN);
	ASSERT_NE(0, e->cookie);
	return e->tid;
}

TEST_F_TIMEOUT(module, is_in_use_while_a_newborn_is_held, 60)
{
	int kind;

	for (kind = 0; kind < KINDS; kind++) {
		begin_birth(_metadata, self, kind);
		expect_in_use(_metadata);
		EXPECT_FALSE(has_run());

		session_close(&self->session);
		EXPECT_LT(0, actor_answer(_metadata, &self->actor));
		EXPECT_EQ(0, module_unload_soon());
		ASSERT_EQ(0, module_load());
		session_open(_metadata, &self->session);
		traces->ran = 0;
	}
}

/* Stopped, it sleeps under a function of the module: in use without an owner. */
static pid_t stop_without_owner(struct __test_metadata *_metadata,
				FIXTURE_DATA(module) *self)
{
	pid_t pid = begin_birth(_metadata, self, BY_FORK);
	int round;

	ASSERT_EQ(0, kill(pid, SIGSTOP));
	ASSERT_TRUE(proc_state_reaches(pid, 'T'));
	session_close(&self->session);
	for (round = 0; round < 20; round++) {
		expect_in_use(_metadata);
		pause_briefly();
	}
	EXPECT_FALSE(has_run());
	return pid;
}

TEST_F_TIMEOUT(module, is_in_use_under_a_stopped_newborn, 60)
{
	pid_t pid = stop_without_owner(_metadata, self);

	ASSERT_EQ(0, kill(pid, SIGCONT));
	EXPECT_EQ(pid, actor_answer(_metadata, &self->actor));
	EXPECT_EQ(0, module_unload_soon());
}

TEST_F_TIMEOUT(module, can_be_unloaded_after_a_stopped_newborn_was_killed, 60)
{
	pid_t pid = stop_without_owner(_metadata, self);

	ASSERT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(BROKEN, actor_answer(_metadata, &self->actor));
	EXPECT_EQ(0, module_unload_soon());
}

TEST_F_TIMEOUT(module, can_be_loaded_and_unloaded_in_a_storm, 15000)
{
	static const uint32_t holds[] = {
		0, HOLD_PROCESSES, PREFORK_HOLD_BIRTH, PREFORK_HOLD_EXEC,
	};
	const long rounds = effort_for_kernel(30, 1000);
	long round;

	session_close(&self->session);
	storm_start(_metadata, &self->storm);
	for (round = 0; round < rounds; round++) {
		ASSERT_EQ(0, module_unload_soon());
		ASSERT_EQ(0, module_load());
		session_open(_metadata, &self->session);
		ASSERT_EQ(0, session_watch(&self->session,
					   self->storm.pid[round % 2],
					   PREFORK_WATCH_TREE,
					   holds[round / 2 % 4], 0));
		session_await(_metadata, &self->session,
			      PREFORK_EVENT_PREFORK);
		session_close(&self->session);
	}
	EXPECT_LT(rounds, storm_stop(&self->storm));
}

TEST_HARNESS_MAIN
