// SPDX-License-Identifier: GPL-2.0
/*
 * birth - a newborn runs nothing before it may
 *
 * Whatever is done to it meanwhile: it can be killed, stopped, continued,
 * frozen, signalled and traced, and is held still, until it is released or
 * somebody who traces it has it stop.
 */
#define _GNU_SOURCE
#include <sys/ptrace.h>

#include "cgroup.h"
#include "effort.h"
#include "newborn.h"
#include "proc.h"
#include "registers.h"
#include "session.h"
#include "tracefs.h"

#define HOLD_BIRTHS	(PREFORK_HOLD_BIRTH | PREFORK_HOLD_BIRTH_THREAD)
#define TREE_THREADS	(PREFORK_WATCH_TREE | PREFORK_WATCH_THREADS)

struct scene {
	struct actor actor;
	struct session session;
	enum kind kind;
	uint64_t cookie;	/* of the newborn's hold */
	pid_t pid;		/* the newborn's process */
	pid_t tid;		/* the newborn */
};

FIXTURE(newborn)
{
	struct scene scene;
};

FIXTURE_VARIANT(newborn)
{
	enum kind kind;
};

FIXTURE_VARIANT_ADD(newborn, by_fork)
{
	.kind = BY_FORK,
};

FIXTURE_VARIANT_ADD(newborn, by_vfork)
{
	.kind = BY_VFORK,
};

FIXTURE_VARIANT_ADD(newborn, by_clone3)
{
	.kind = BY_CLONE3,
};

FIXTURE_VARIANT_ADD(newborn, thread)
{
	.kind = BY_RAW_THREAD,
};

static void scene_open(struct __test_metadata *_metadata, struct scene *scene)
{
	traces_share(_metadata);
	actor_start(_metadata, &scene->actor);
	session_open(_metadata, &scene->session);
}

static void scene_close(struct scene *scene)
{
	session_close(&scene->session);
	actor_end(&scene->actor);
}

static void watch(struct __test_metadata *_metadata, struct scene *scene,
		  uint32_t flags, uint32_t hold, uint32_t timeout_ms)
{
	ASSERT_EQ(0, session_watch(&scene->session, scene->actor.pid, flags,
				   hold, timeout_ms)) {
		TH_LOG("%s", prefork_message());
	}
}

/*
 * Where that is traced a newborn can be found already, and has not inherited a watch. It
 * stays there longest just after tracing has begun, where code is translated: it has changed.
 */
static void trace_births(const char *how)
{
	write_file(TRACEFS "/events/task/task_newtask/trigger", 0, how);
}

FIXTURE_SETUP(newborn)
{
	scene_open(_metadata, &self->scene);
	self->scene.kind = variant->kind;
}

FIXTURE_TEARDOWN(newborn)
{
	trace_births("!stacktrace");
	scene_close(&self->scene);
}

static void begin_watched(struct __test_metadata *_metadata,
			  struct scene *scene)
{
	const struct prefork_event *e;

	actor_send(_metadata, &scene->actor, newborn, scene->kind);
	e = session_await(_metadata, &scene->session, PREFORK_EVENT_BORN);
	ASSERT_NE(0, e->cookie);
	ASSERT_EQ(makes_thread(scene->kind), e->thread);
	scene->cookie = e->cookie;
	scene->pid = e->pid;
	scene->tid = e->tid;
	ASSERT_TRUE(proc_state_reaches(scene->tid, 'S'));
}

static void begin(struct __test_metadata *_metadata, struct scene *scene)
{
	watch(_metadata, scene, TREE_THREADS, HOLD_BIRTHS, 0);
	begin_watched(_metadata, scene);
}

/* The same hold is there, and the newborn has not done anything. */
static void expect_held(struct __test_metadata *_metadata,
			struct scene *scene)
{
	uint64_t cookie;

	EXPECT_FALSE(actor_speaks(&scene->actor, 50));
	ASSERT_FALSE(has_run());
	ASSERT_FALSE(has_handled());
	ASSERT_EQ(1, session_held(_metadata, &scene->session, scene->pid,
				  &cookie));
	EXPECT_EQ(scene->cookie, cookie);
	ASSERT_FALSE(session_next(_metadata, &scene->session, 0)) {
		TH_LOG("a hold is no news, %s is",
		       prefork_event_name(scene->session.event.type));
	}
}

static void expect_run(struct __test_metadata *_metadata, struct scene *scene)
{
	EXPECT_EQ(scene->tid, actor_answer(_metadata, &scene->actor));
	EXPECT_TRUE(has_run());
}

static void release(struct __test_metadata *_metadata, struct scene *scene)
{
	ASSERT_EQ(0, prefork_release(scene->session.pf, scene->cookie));
}

static void release_and_expect_run(struct __test_metadata *_metadata,
				   struct scene *scene)
{
	release(_metadata, scene);
	expect_run(_metadata, scene);
}

/* To the newborn itself, be it a process or a thread. */
static int signal_newborn(struct scene *scene, int sig)
{
	return syscall(SYS_tgkill, scene->pid, scene->tid, sig);
}

TEST_F_TIMEOUT(newborn, waits_for_its_release, 60)
{
	struct scene *scene = &self->scene;

	begin(_metadata, scene);
	expect_held(_metadata, scene);
	release_and_expect_run(_metadata, scene);
	EXPECT_EQ(-ENOENT, prefork_release(scene->session.pf, scene->cookie));
}

TEST_F_TIMEOUT(newborn, is_told_of_as_held_for_its_birth, 60)
{
	struct scene *scene = &self->scene;
	struct prefork_watched *watched;

	begin(_metadata, scene);
	ASSERT_EQ(0, prefork_get(scene->session.pf, scene->pid, &watched));
	ASSERT_EQ(1, watched->held_count);
	EXPECT_EQ(scene->tid, watched->held[0].tid);
	EXPECT_EQ(0, watched->held[0].child);
	EXPECT_EQ(makes_thread(scene->kind) ? PREFORK_HOLD_BIRTH_THREAD :
		  PREFORK_HOLD_BIRTH, watched->held[0].hold);
	free(watched);
	EXPECT_EQ(1, session_stat(_metadata, &scene->session,
				  PREFORK_STAT_HELD));
	release_and_expect_run(_metadata, scene);
	EXPECT_TRUE(session_stat_reaches(_metadata, &scene->session,
					 PREFORK_STAT_HELD, 0));
}

TEST_F_TIMEOUT(newborn, can_be_killed, 60)
{
	struct scene *scene = &self->scene;
	const struct prefork_event *e = &scene->session.event;

	begin(_metadata, scene);
	ASSERT_EQ(0, signal_newborn(scene, SIGKILL));
	do {
		session_await(_metadata, &scene->session, PREFORK_EVENT_EXIT);
	} while (e->pid != scene->pid || e->thread);
	EXPECT_EQ(SIGKILL, e->status);
	EXPECT_EQ(-ENOENT, prefork_release(scene->session.pf, scene->cookie));
	EXPECT_TRUE(session_stat_reaches(_metadata, &scene->session,
					 PREFORK_STAT_HELD, 0));
	EXPECT_FALSE(has_run());
}

TEST_F_TIMEOUT(newborn, can_be_killed_while_it_is_stopped, 60)
{
	struct scene *scene = &self->scene;
	const struct prefork_event *e = &scene->session.event;

	begin(_metadata, scene);
	ASSERT_EQ(0, signal_newborn(scene, SIGSTOP));
	ASSERT_TRUE(proc_state_reaches(scene->tid, 'T'));
	ASSERT_EQ(0, signal_newborn(scene, SIGKILL));
	do {
		session_await(_metadata, &scene->session, PREFORK_EVENT_EXIT);
	} while (e->pid != scene->pid || e->thread);
	EXPECT_TRUE(session_stat_reaches(_metadata, &scene->session,
					 PREFORK_STAT_HELD, 0));
	EXPECT_FALSE(has_run());
}

/* It dumps core, or would: on another way than by SIGKILL. */
TEST_F_TIMEOUT(newborn, can_be_ended_by_a_signal_that_dumps_core, 60)
{
	struct scene *scene = &self->scene;
	const struct prefork_event *e = &scene->session.event;

	begin(_metadata, scene);
	ASSERT_EQ(0, signal_newborn(scene, SIGQUIT));
	do {
		session_await(_metadata, &scene->session, PREFORK_EVENT_EXIT);
	} while (e->pid != scene->pid || e->thread);
	EXPECT_EQ(SIGQUIT, e->status & 0x7f);
	EXPECT_TRUE(session_stat_reaches(_metadata, &scene->session,
					 PREFORK_STAT_HELD, 0));
	EXPECT_FALSE(has_run());
}

TEST_F_TIMEOUT(newborn, can_be_stopped_and_continued, 60)
{
	struct scene *scene = &self->scene;
	int round;

	begin(_metadata, scene);
	for (round = 0; round < 2; round++) {
		ASSERT_EQ(0, signal_newborn(scene, SIGSTOP));
		EXPECT_TRUE(proc_state_reaches(scene->tid, 'T'));
		expect_held(_metadata, scene);
		ASSERT_EQ(0, signal_newborn(scene, SIGCONT));
		EXPECT_TRUE(proc_state_reaches(scene->tid, 'S'));
		expect_held(_metadata, scene);
	}
	release_and_expect_run(_metadata, scene);
}

/* A SIGCONT may take the SIGSTOP away that the newborn has been woken for. */
TEST_F_TIMEOUT(newborn, is_held_when_a_stop_is_taken_back, 60)
{
	struct scene *scene = &self->scene;
	int round;

	begin(_metadata, scene);
	for (round = 0; round < 300; round++) {
		ASSERT_EQ(0, signal_newborn(scene, SIGSTOP));
		if (round % 3)
			sched_yield();
		ASSERT_EQ(0, signal_newborn(scene, SIGCONT));
		ASSERT_FALSE(has_run());
	}
	EXPECT_TRUE(proc_state_reaches(scene->tid, 'S'));
	expect_held(_metadata, scene);
	release_and_expect_run(_metadata, scene);
}

/* The stop of a process reaches its threads without a signal of theirs. */
TEST_F_TIMEOUT(newborn, is_held_over_a_stop_of_its_process, 60)
{
	struct scene *scene = &self->scene;

	begin(_metadata, scene);
	ASSERT_EQ(0, kill(scene->pid, SIGSTOP));
	EXPECT_TRUE(proc_state_reaches(scene->tid, 'T'));
	expect_held(_metadata, scene);
	ASSERT_EQ(0, kill(scene->pid, SIGCONT));
	EXPECT_TRUE(proc_state_reaches(scene->tid, 'S'));
	expect_held(_metadata, scene);
	release_and_expect_run(_metadata, scene);
}

TEST_F_TIMEOUT(newborn, keeps_an_answer_that_comes_while_it_is_stopped, 60)
{
	struct scene *scene = &self->scene;

	begin(_metadata, scene);
	ASSERT_EQ(0, signal_newborn(scene, SIGSTOP));
	ASSERT_TRUE(proc_state_reaches(scene->tid, 'T'));
	release(_metadata, scene);
	EXPECT_EQ(-EALREADY, prefork_release(scene->session.pf, scene->cookie));
	EXPECT_FALSE(actor_speaks(&scene->actor, 50));
	EXPECT_FALSE(has_run());
	ASSERT_EQ(0, signal_newborn(scene, SIGCONT));
	expect_run(_metadata, scene);
}

TEST_F_TIMEOUT(newborn, runs_no_handler_before_its_release, 60)
{
	struct scene *scene = &self->scene;

	ASSERT_EQ(0, actor_do(_metadata, &scene->actor, install_handler,
			      SIGUSR1));
	begin(_metadata, scene);
	ASSERT_EQ(0, signal_newborn(scene, SIGUSR1));
	expect_held(_metadata, scene);
	/* Over a signal that it takes at once, too. */
	ASSERT_EQ(0, signal_newborn(scene, SIGSTOP));
	EXPECT_TRUE(proc_state_reaches(scene->tid, 'T'));
	ASSERT_EQ(0, signal_newborn(scene, SIGCONT));
	EXPECT_TRUE(proc_state_reaches(scene->tid, 'S'));
	expect_held(_metadata, scene);
	release_and_expect_run(_metadata, scene);
	EXPECT_EQ(1, has_handled());
	EXPECT_FALSE(traces->handled_after_run);
	EXPECT_EQ(0, traces->blocked);
}

/* What is sent to the number that has been announced, before it can wait. */
TEST_F_TIMEOUT(newborn, takes_signals_that_pend_at_its_birth, 60)
{
	struct scene *scene = &self->scene;
	const struct prefork_event *e = &scene->session.event;

	ASSERT_EQ(0, actor_do(_metadata, &scene->actor, install_handler,
			      SIGUSR1));
	ASSERT_EQ(0, actor_do(_metadata, &scene->actor, install_handler,
			      SIGUSR2));
	watch(_metadata, scene, TREE_THREADS, HOLD_BIRTHS | HOLD_ALL, 0);
	actor_send(_metadata, &scene->actor, newborn, scene->kind);
	session_await(_metadata, &scene->session, PREFORK_EVENT_PREFORK);
	scene->tid = e->child;
	scene->pid = e->thread ? scene->actor.pid : e->child;
	session_release(_metadata, &scene->session);
	while (signal_newborn(scene, SIGUSR1) < 0)
		ASSERT_EQ(ESRCH, errno);
	ASSERT_EQ(0, signal_newborn(scene, SIGUSR2));
	session_await(_metadata, &scene->session, PREFORK_EVENT_BORN);
	ASSERT_EQ(scene->tid, e->tid);
	scene->cookie = e->cookie;
	EXPECT_TRUE(proc_state_reaches(scene->tid, 'S'));
	expect_held(_metadata, scene);
	release_and_expect_run(_metadata, scene);
	EXPECT_EQ(2, has_handled());
}

TEST_F_TIMEOUT(newborn, can_be_frozen_and_thawed, 60)
{
	struct scene *scene = &self->scene;
	struct cgroup cg;
	int round;

	cgroup_make(_metadata, &cg);
	begin(_metadata, scene);
	EXPECT_EQ(0, cgroup_move(&cg, scene->pid));
	for (round = 0; round < 2; round++) {
		EXPECT_EQ(0, cgroup_write(cg.path, "cgroup.freeze", "1"));
		EXPECT_TRUE(cgroup_frozen_reaches(&cg, 1)) {
			TH_LOG("a newborn keeps its cgroup from freezing");
		}
		expect_held(_metadata, scene);
		EXPECT_EQ(0, cgroup_write(cg.path, "cgroup.freeze", "0"));
		EXPECT_TRUE(cgroup_frozen_reaches(&cg, 0));
		expect_held(_metadata, scene);
	}
	release_and_expect_run(_metadata, scene);
	actor_end(&scene->actor);
	cgroup_remove(&cg);
}

static void expect_adopted(struct __test_metadata *_metadata,
			   struct scene *scene)
{
	const struct prefork_event *e;

	e = session_await(_metadata, &scene->session, PREFORK_EVENT_ADOPTED);
	EXPECT_EQ(scene->cookie, e->cookie);
	EXPECT_EQ(scene->pid, e->pid);
	EXPECT_EQ(scene->tid, e->tid);
	EXPECT_EQ(syscall(SYS_gettid), e->tracer);
	EXPECT_EQ(makes_thread(scene->kind), e->thread);
	EXPECT_EQ(-ENOENT, prefork_release(scene->session.pf, scene->cookie));
	EXPECT_FALSE(has_run());
	EXPECT_FALSE(has_handled());
}

static int await_stop(struct __test_metadata *_metadata, pid_t tid)
{
	int status = 0;

	ASSERT_EQ(tid, waitpid(tid, &status, __WALL));
	EXPECT_TRUE(WIFSTOPPED(status));
	return status;
}

TEST_F_TIMEOUT(newborn, can_be_attached_to, 60)
{
	struct scene *scene = &self->scene;

	begin(_metadata, scene);
	ASSERT_EQ(0, ptrace(PTRACE_ATTACH, scene->tid, 0, 0));
	EXPECT_EQ(SIGSTOP, WSTOPSIG(await_stop(_metadata, scene->tid)));
	expect_adopted(_metadata, scene);
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, scene->tid, 0, 0));
	expect_run(_metadata, scene);
}

TEST_F_TIMEOUT(newborn, can_be_seized_and_interrupted, 60)
{
	struct scene *scene = &self->scene;
	int status;

	begin(_metadata, scene);
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, scene->tid, 0, 0));
	ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, scene->tid, 0, 0));
	status = await_stop(_metadata, scene->tid);
	EXPECT_EQ(PTRACE_EVENT_STOP, status >> 16);
	expect_adopted(_metadata, scene);
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, scene->tid, 0, 0));
	expect_run(_metadata, scene);
}

/* The tracer sees the newborn as it will be: before the handler, unblocked. */
TEST_F_TIMEOUT(newborn, shows_its_tracer_the_signals_to_come, 60)
{
	struct scene *scene = &self->scene;
	uint64_t blocked = ~0ULL;
	int status;

	ASSERT_EQ(0, actor_do(_metadata, &scene->actor, install_handler,
			      SIGUSR1));
	begin(_metadata, scene);
	ASSERT_EQ(0, signal_newborn(scene, SIGUSR1));
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, scene->tid, 0, 0));
	expect_held(_metadata, scene);
	ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, scene->tid, 0, 0));
	status = await_stop(_metadata, scene->tid);
	EXPECT_EQ(PTRACE_EVENT_STOP, status >> 16);
	expect_adopted(_metadata, scene);
	EXPECT_EQ(0, ptrace(PTRACE_GETSIGMASK, scene->tid, sizeof(blocked),
			    &blocked));
	EXPECT_EQ(0, blocked);
	ASSERT_EQ(0, ptrace(PTRACE_CONT, scene->tid, 0, 0));
	EXPECT_EQ(SIGUSR1, WSTOPSIG(await_stop(_metadata, scene->tid)));
	EXPECT_FALSE(has_run());
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, scene->tid, 0, SIGUSR1));
	expect_run(_metadata, scene);
	EXPECT_EQ(1, has_handled());
}

TEST_F_TIMEOUT(newborn, that_is_seized_only_waits_for_its_release, 60)
{
	struct scene *scene = &self->scene;
	int status;

	begin(_metadata, scene);
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, scene->tid, 0, 0));
	expect_held(_metadata, scene);
	release(_metadata, scene);
	/* Its end is the first thing that its tracer hears of it. */
	ASSERT_EQ(scene->tid, waitpid(scene->tid, &status, __WALL));
	EXPECT_TRUE(WIFEXITED(status));
	expect_run(_metadata, scene);
}

/* Lets it go on over its stops until it has ended. */
static void trace_to_the_end(struct __test_metadata *_metadata, pid_t tid)
{
	int status;

	for (;;) {
		ASSERT_EQ(tid, waitpid(tid, &status, __WALL));
		if (!WIFSTOPPED(status))
			return;
		ASSERT_EQ(0, ptrace(PTRACE_CONT, tid, 0,
				    status >> 16 ? 0 : WSTOPSIG(status)));
	}
}

TEST_F_TIMEOUT(newborn, can_be_attached_to_while_it_is_stopped, 60)
{
	struct scene *scene = &self->scene;
	const struct prefork_event *e = &scene->session.event;

	begin(_metadata, scene);
	ASSERT_EQ(0, signal_newborn(scene, SIGSTOP));
	ASSERT_TRUE(proc_state_reaches(scene->tid, 'T'));
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, scene->tid, 0, 0));
	EXPECT_EQ(PTRACE_EVENT_STOP, await_stop(_metadata, scene->tid) >> 16);
	EXPECT_FALSE(has_run());
	ASSERT_EQ(0, signal_newborn(scene, SIGCONT));
	ASSERT_EQ(0, ptrace(PTRACE_CONT, scene->tid, 0, 0));
	trace_to_the_end(_metadata, scene->tid);
	session_await(_metadata, &scene->session, PREFORK_EVENT_ADOPTED);
	EXPECT_EQ(scene->cookie, e->cookie);
	expect_run(_metadata, scene);
}

TEST_F_TIMEOUT(newborn, is_held_on_when_it_was_traced_while_it_was_stopped, 60)
{
	struct scene *scene = &self->scene;

	begin(_metadata, scene);
	ASSERT_EQ(0, signal_newborn(scene, SIGSTOP));
	ASSERT_TRUE(proc_state_reaches(scene->tid, 'T'));
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, scene->tid, 0, 0));
	await_stop(_metadata, scene->tid);
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, scene->tid, 0, 0));
	ASSERT_TRUE(proc_state_reaches(scene->tid, 'T'));
	ASSERT_EQ(0, signal_newborn(scene, SIGCONT));
	EXPECT_TRUE(proc_state_reaches(scene->tid, 'S'));
	expect_held(_metadata, scene);
	release_and_expect_run(_metadata, scene);
}

/* To be frozen is not to stop for a tracer. */
TEST_F_TIMEOUT(newborn, that_is_seized_only_is_held_over_a_freeze, 60)
{
	struct scene *scene = &self->scene;
	struct cgroup cg;
	int status;

	cgroup_make(_metadata, &cg);
	begin(_metadata, scene);
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, scene->tid, 0, 0));
	EXPECT_EQ(0, cgroup_move(&cg, scene->pid));
	EXPECT_EQ(0, cgroup_write(cg.path, "cgroup.freeze", "1"));
	EXPECT_TRUE(cgroup_frozen_reaches(&cg, 1));
	EXPECT_EQ(0, cgroup_write(cg.path, "cgroup.freeze", "0"));
	EXPECT_TRUE(cgroup_frozen_reaches(&cg, 0));
	expect_held(_metadata, scene);
	release(_metadata, scene);
	ASSERT_EQ(scene->tid, waitpid(scene->tid, &status, __WALL));
	EXPECT_TRUE(WIFEXITED(status));
	expect_run(_metadata, scene);
	actor_end(&scene->actor);
	cgroup_remove(&cg);
}

/* It stops within its freeze, and is its tracer's from then on. */
TEST_F_TIMEOUT(newborn, can_be_seized_and_interrupted_while_it_is_frozen, 60)
{
	struct scene *scene = &self->scene;
	const struct prefork_event *e = &scene->session.event;
	struct cgroup cg;

	cgroup_make(_metadata, &cg);
	begin(_metadata, scene);
	EXPECT_EQ(0, cgroup_move(&cg, scene->pid));
	EXPECT_EQ(0, cgroup_write(cg.path, "cgroup.freeze", "1"));
	EXPECT_TRUE(cgroup_frozen_reaches(&cg, 1));
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, scene->tid, 0, 0));
	ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, scene->tid, 0, 0));
	EXPECT_EQ(PTRACE_EVENT_STOP, await_stop(_metadata, scene->tid) >> 16);
	EXPECT_EQ(0, cgroup_write(cg.path, "cgroup.freeze", "0"));
	EXPECT_FALSE(has_run());
	ASSERT_EQ(0, ptrace(PTRACE_CONT, scene->tid, 0, 0));
	trace_to_the_end(_metadata, scene->tid);
	session_await(_metadata, &scene->session, PREFORK_EVENT_ADOPTED);
	EXPECT_EQ(scene->cookie, e->cookie);
	expect_run(_metadata, scene);
	actor_end(&scene->actor);
	cgroup_remove(&cg);
}

/* As soon as it is there. */
static bool watch_by_number(struct session *s, pid_t pid)
{
	long long end = now_ms() + PATIENCE_MS;
	int err;

	do {
		err = session_watch(s, pid, PREFORK_WATCH_TREE, 0, 0);
	} while (err == -ESRCH && now_ms() < end);
	return !err;
}

/* Who scans /proc and watches what it finds meets newborns. */
TEST_F_TIMEOUT(newborn, that_is_watched_by_number_is_held, 240)
{
	struct scene *scene = &self->scene;
	struct session *s = &scene->session;
	long round, found = 0;

	if (makes_thread(scene->kind))
		SKIP(return, "only processes are watched");
	tracefs_mount();
	watch(_metadata, scene, PREFORK_WATCH_TREE,
	      PREFORK_HOLD_VFORK | PREFORK_HOLD_FORK | PREFORK_HOLD_BIRTH, 0);
	for (round = 0; round < effort(30, 1000); round++) {
		trace_births("stacktrace");
		actor_send(_metadata, &scene->actor, newborn, scene->kind);
		session_await(_metadata, s, PREFORK_EVENT_PREFORK);
		session_release(_metadata, s);
		found += watch_by_number(s, s->event.child);
		session_await(_metadata, s, PREFORK_EVENT_BORN);
		ASSERT_NE(0, s->event.cookie) {
			TH_LOG("%ld of %ld were found early", found, round + 1);
		}
		ASSERT_FALSE(has_run());
		ASSERT_EQ(0, round % 2 ? prefork_unwatch(s->pf, s->event.pid) :
					 prefork_release(s->pf, s->event.cookie));
		ASSERT_LT(0, actor_answer(_metadata, &scene->actor));
		trace_births("!stacktrace");
		traces->ran = 0;
	}
	TH_LOG("%ld of %ld were found early", found, round);
}

/* Its stop was over before there was a tracer. */
TEST_F_TIMEOUT(newborn, that_is_seized_after_its_stop_is_held, 60)
{
	struct scene *scene = &self->scene;
	int status;

	begin(_metadata, scene);
	ASSERT_EQ(0, signal_newborn(scene, SIGSTOP));
	ASSERT_TRUE(proc_state_reaches(scene->tid, 'T'));
	ASSERT_EQ(0, signal_newborn(scene, SIGCONT));
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, scene->tid, 0, 0));
	EXPECT_TRUE(proc_state_reaches(scene->tid, 'S'));
	expect_held(_metadata, scene);
	release(_metadata, scene);
	ASSERT_EQ(scene->tid, waitpid(scene->tid, &status, __WALL));
	EXPECT_TRUE(WIFEXITED(status));
	expect_run(_metadata, scene);
}

TEST_F_TIMEOUT(newborn, that_is_seized_while_it_is_frozen_is_held, 60)
{
	struct scene *scene = &self->scene;
	struct cgroup cg;
	int status;

	cgroup_make(_metadata, &cg);
	begin(_metadata, scene);
	EXPECT_EQ(0, cgroup_move(&cg, scene->pid));
	EXPECT_EQ(0, cgroup_write(cg.path, "cgroup.freeze", "1"));
	EXPECT_TRUE(cgroup_frozen_reaches(&cg, 1));
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, scene->tid, 0, 0));
	EXPECT_EQ(0, cgroup_write(cg.path, "cgroup.freeze", "0"));
	EXPECT_TRUE(cgroup_frozen_reaches(&cg, 0));
	expect_held(_metadata, scene);
	release(_metadata, scene);
	ASSERT_EQ(scene->tid, waitpid(scene->tid, &status, __WALL));
	EXPECT_TRUE(WIFEXITED(status));
	expect_run(_metadata, scene);
	actor_end(&scene->actor);
	cgroup_remove(&cg);
}

/* A tracer that goes before the newborn was to stop leaves it to its owner. */
TEST_F_TIMEOUT(newborn, is_held_on_when_its_tracer_goes, 60)
{
	struct scene *scene = &self->scene;
	pid_t tracer;
	int status;

	begin(_metadata, scene);
	tracer = fork();
	ASSERT_LE(0, tracer);
	if (!tracer)
		_exit(ptrace(PTRACE_SEIZE, scene->tid, 0, 0) ? 1 : 0);
	ASSERT_EQ(tracer, waitpid(tracer, &status, 0));
	ASSERT_EQ(0, status);
	expect_held(_metadata, scene);
	release_and_expect_run(_metadata, scene);
}

TEST_F_TIMEOUT(newborn, of_a_traced_parent_is_not_held, 60)
{
	struct scene *scene = &self->scene;
	const struct prefork_event *e;
	int status, i;

	watch(_metadata, scene, TREE_THREADS, HOLD_BIRTHS, 0);
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, scene->actor.pid, 0,
			    PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			    PTRACE_O_TRACECLONE));
	actor_send(_metadata, &scene->actor, newborn, scene->kind);
	e = session_await(_metadata, &scene->session, PREFORK_EVENT_BORN);
	EXPECT_EQ(0, e->cookie);
	scene->tid = e->tid;
	/* The call and its child stop, in either order. */
	for (i = 0; i < 2; i++) {
		ASSERT_LT(0, waitpid(-1, &status, __WALL));
		EXPECT_TRUE(WIFSTOPPED(status));
	}
	EXPECT_FALSE(has_run());
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, scene->tid, 0, 0));
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, scene->actor.pid, 0, 0));
	expect_run(_metadata, scene);
}

TEST_F_TIMEOUT(newborn, runs_when_its_owner_goes, 60)
{
	struct scene *scene = &self->scene;

	begin(_metadata, scene);
	session_close(&scene->session);
	expect_run(_metadata, scene);
}

/* Also when it is on its way from or to a signal. */
TEST_F_TIMEOUT(newborn, runs_when_its_owner_goes_while_it_is_stopped, 60)
{
	struct scene *scene = &self->scene;

	begin(_metadata, scene);
	ASSERT_EQ(0, signal_newborn(scene, SIGSTOP));
	ASSERT_TRUE(proc_state_reaches(scene->tid, 'T'));
	session_close(&scene->session);
	EXPECT_FALSE(has_run());
	ASSERT_EQ(0, signal_newborn(scene, SIGCONT));
	expect_run(_metadata, scene);
}

TEST_F_TIMEOUT(newborn, runs_when_it_is_unwatched, 60)
{
	struct scene *scene = &self->scene;

	begin(_metadata, scene);
	ASSERT_EQ(0, prefork_unwatch(scene->session.pf, scene->pid));
	expect_run(_metadata, scene);
}

TEST_F_TIMEOUT(newborn, runs_when_its_deadline_passes, 60)
{
	struct scene *scene = &self->scene;
	const struct prefork_event *e = &scene->session.event;

	watch(_metadata, scene, TREE_THREADS, HOLD_BIRTHS, 200);
	actor_send(_metadata, &scene->actor, newborn, scene->kind);
	session_await(_metadata, &scene->session, PREFORK_EVENT_BORN);
	scene->cookie = e->cookie;
	scene->tid = e->tid;
	EXPECT_LT(e->time, e->deadline);
	session_await(_metadata, &scene->session, PREFORK_EVENT_TIMEOUT);
	EXPECT_EQ(scene->cookie, e->cookie);
	EXPECT_EQ(scene->tid, e->tid);
	EXPECT_EQ(0, e->child);
	expect_run(_metadata, scene);
}

/* Its parent alone is watched: the hold belongs to that watch. */
TEST_F_TIMEOUT(newborn, is_held_without_a_watch_of_its_own, 60)
{
	struct scene *scene = &self->scene;

	watch(_metadata, scene, PREFORK_WATCH_THREADS, HOLD_BIRTHS, 0);
	begin_watched(_metadata, scene);
	EXPECT_FALSE(actor_speaks(&scene->actor, 50));
	EXPECT_FALSE(has_run());
	EXPECT_EQ(1, session_held(_metadata, &scene->session, scene->actor.pid,
				  NULL));
	release_and_expect_run(_metadata, scene);
}

TEST_F_TIMEOUT(newborn, is_held_by_a_verdict_on_its_creation, 60)
{
	struct scene *scene = &self->scene;
	const struct prefork_event *e = &scene->session.event;
	int round;

	watch(_metadata, scene, TREE_THREADS, HOLD_ALL, 0);
	for (round = 0; round < 2; round++) {
		traces->ran = 0;
		actor_send(_metadata, &scene->actor, newborn, scene->kind);
		session_await(_metadata, &scene->session,
			      PREFORK_EVENT_PREFORK);
		ASSERT_EQ(0, prefork_hold_child(scene->session.pf, e->cookie));
		session_await(_metadata, &scene->session, PREFORK_EVENT_BORN);
		scene->cookie = e->cookie;
		scene->pid = e->pid;
		scene->tid = e->tid;
		ASSERT_NE(0, scene->cookie);
		expect_held(_metadata, scene);
		release_and_expect_run(_metadata, scene);

		/* This child only. */
		actor_send(_metadata, &scene->actor, newborn, scene->kind);
		session_await(_metadata, &scene->session,
			      PREFORK_EVENT_PREFORK);
		session_release(_metadata, &scene->session);
		session_await(_metadata, &scene->session, PREFORK_EVENT_BORN);
		EXPECT_EQ(0, e->cookie);
		actor_answer(_metadata, &scene->actor);
	}
}

TEST_F_TIMEOUT(newborn, cannot_be_denied, 60)
{
	struct scene *scene = &self->scene;
	struct prefork *pf = scene->session.pf;

	begin(_metadata, scene);
	EXPECT_EQ(-EINVAL, prefork_deny(pf, scene->cookie, EAGAIN));
	EXPECT_NE('\0', prefork_message()[0]);
	EXPECT_EQ(-EINVAL, prefork_hold_child(pf, scene->cookie));
	expect_held(_metadata, scene);
	release_and_expect_run(_metadata, scene);
}

FIXTURE(birth)
{
	struct scene scene;
};

FIXTURE_SETUP(birth)
{
	scene_open(_metadata, &self->scene);
	self->scene.kind = BY_FORK;
}

FIXTURE_TEARDOWN(birth)
{
	scene_close(&self->scene);
}

TEST_F(birth, of_threads_is_held_only_where_they_are_reported)
{
	EXPECT_EQ(-EINVAL, session_watch(&self->scene.session,
					 self->scene.actor.pid, 0,
					 PREFORK_HOLD_BIRTH_THREAD, 0));
	EXPECT_NE('\0', prefork_message()[0]);
}

/* Nobody waits for it, so that its parent can be gone before it. */
static long orphan(long unused)
{
	if (!clone_raw(SIGCHLD, NULL, NULL)) {
		leave_trace();
		_exit(0);
	}
	return unused;
}

static void await_trace(struct __test_metadata *_metadata)
{
	long long end = now_ms() + PATIENCE_MS;

	while (!has_run() && now_ms() < end)
		pause_briefly();
	EXPECT_TRUE(has_run());
}

static void orphan_newborn(struct __test_metadata *_metadata,
			   struct scene *scene)
{
	const struct prefork_event *e = &scene->session.event;

	watch(_metadata, scene, 0, PREFORK_HOLD_BIRTH, 0);
	actor_do(_metadata, &scene->actor, orphan, 0);
	session_await(_metadata, &scene->session, PREFORK_EVENT_BORN);
	scene->cookie = e->cookie;
	scene->tid = e->tid;
	ASSERT_NE(0, scene->cookie);
	actor_end(&scene->actor);
	session_await(_metadata, &scene->session, PREFORK_EVENT_EXIT);
	EXPECT_TRUE(proc_state_reaches(scene->tid, 'S'));
	EXPECT_FALSE(has_run());
}

TEST_F_TIMEOUT(birth, outlasts_the_watch_of_a_parent_that_ends, 60)
{
	struct scene *scene = &self->scene;

	orphan_newborn(_metadata, scene);
	release(_metadata, scene);
	await_trace(_metadata);
}

TEST_F_TIMEOUT(birth, ends_with_the_owner_after_the_parent, 60)
{
	orphan_newborn(_metadata, &self->scene);
	session_close(&self->scene.session);
	await_trace(_metadata);
}

TEST_F_TIMEOUT(birth, ends_with_all_watches_after_the_parent, 60)
{
	orphan_newborn(_metadata, &self->scene);
	ASSERT_EQ(0, prefork_unwatch_all(self->scene.session.pf));
	await_trace(_metadata);
}

TEST_F_TIMEOUT(birth, of_the_first_in_a_namespace_is_held, 60)
{
	struct scene *scene = &self->scene;
	const struct prefork_event *e = &scene->session.event;

	watch(_metadata, scene, PREFORK_WATCH_TREE, HOLD_PROCESSES, 0);
	actor_send(_metadata, &scene->actor, create, BY_NEW_NAMESPACE);
	session_await(_metadata, &scene->session, PREFORK_EVENT_PREFORK);
	ASSERT_EQ(0, prefork_hold_child(scene->session.pf, e->cookie));
	session_await(_metadata, &scene->session, PREFORK_EVENT_BORN);
	scene->cookie = e->cookie;
	ASSERT_NE(0, scene->cookie);
	EXPECT_TRUE(proc_state_reaches(e->pid, 'S'));
	EXPECT_FALSE(actor_speaks(&scene->actor, 50));
	release(_metadata, scene);
	EXPECT_LT(0, actor_answer(_metadata, &scene->actor));
}

static void change_namespace(int sig)
{
	(void)sig;
	actor_say(unshare(CLONE_NEWPID));
}

static long clone_with_handler(long unused)
{
	const struct sigaction sa = { .sa_handler = change_namespace };

	sigaction(SIGUSR1, &sa, NULL);
	return create(BY_CLONE) + unused;
}

/* The call goes on with a PID of the new namespace, which was not the one announced. */
TEST_F_TIMEOUT(birth, after_a_handler_that_changes_the_namespace_is_held, 60)
{
	struct scene *scene = &self->scene;
	const struct prefork_event *e = &scene->session.event;
	pid_t first;

	watch(_metadata, scene, PREFORK_WATCH_TREE,
	      HOLD_PROCESSES | PREFORK_HOLD_BIRTH, 0);
	actor_send(_metadata, &scene->actor, clone_with_handler, 0);
	first = session_expect(_metadata, &scene->session,
			       PREFORK_EVENT_PREFORK)->child;
	ASSERT_EQ(0, kill(scene->actor.pid, SIGUSR1));
	ASSERT_EQ(0, actor_answer(_metadata, &scene->actor));
	session_expect(_metadata, &scene->session, PREFORK_EVENT_FORK_FAILED);
	EXPECT_EQ(first, e->child);
	EXPECT_EQ(ECANCELED, e->error);

	session_expect(_metadata, &scene->session, PREFORK_EVENT_PREFORK);
	session_release(_metadata, &scene->session);
	session_expect(_metadata, &scene->session, PREFORK_EVENT_BORN);
	EXPECT_EQ(1, e->nspid);
	scene->cookie = e->cookie;
	ASSERT_NE(0, scene->cookie);
	EXPECT_FALSE(actor_speaks(&scene->actor, 50));
	release(_metadata, scene);
	EXPECT_LT(0, actor_answer(_metadata, &scene->actor));
}

/* Each stops for us where the call of its parent returns. */
#define MARKED	1000

static unsigned long marked_flags;

static long bear_marked(long n)
{
	long born;

	for (born = 0; born < n; born++)
		if (reap(clone_marked(marked_flags), CHILD_STATUS << 8) < 0)
			break;
	return born;
}

static void adopt_marked(struct __test_metadata *_metadata,
			 struct scene *scene, int sig)
{
	const struct prefork_event *e = &scene->session.event;
	const char *wrong;
	pid_t pid;

	session_await(_metadata, &scene->session, PREFORK_EVENT_BORN);
	ASSERT_NE(0, e->cookie);
	pid = e->pid;
	traces->handled = 0;
	if (sig)
		ASSERT_EQ(0, kill(pid, sig));
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, pid, 0, 0));
	ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, pid, 0, 0));
	await_stop(_metadata, pid);
	wrong = registers_wrong(pid, marked_flags);
	ASSERT_EQ(NULL, wrong) {
		TH_LOG("%s of %d", wrong, pid);
	}
	session_await(_metadata, &scene->session, PREFORK_EVENT_ADOPTED);
	ASSERT_EQ(pid, e->pid);
	EXPECT_FALSE(has_handled());
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, pid, 0, 0));
}

static void bear_and_adopt(struct __test_metadata *_metadata,
			   struct scene *scene, unsigned long flags, int sig)
{
	int i;

	/* The flags are in the actor: it has to start after this. */
	marked_flags = flags;
	actor_end(&scene->actor);
	actor_start(_metadata, &scene->actor);
	if (sig)
		actor_do(_metadata, &scene->actor, install_handler, sig);
	watch(_metadata, scene, PREFORK_WATCH_TREE, PREFORK_HOLD_BIRTH, 0);
	actor_send(_metadata, &scene->actor, bear_marked, MARKED);
	for (i = 0; i < MARKED; i++)
		adopt_marked(_metadata, scene, sig);
	EXPECT_EQ(MARKED, actor_answer(_metadata, &scene->actor));
}

TEST_F_TIMEOUT(birth, shows_the_registers_of_the_call, 400)
{
	bear_and_adopt(_metadata, &self->scene, SIGCHLD, 0);
}

TEST_F_TIMEOUT(birth, shows_the_registers_of_a_vfork, 400)
{
	bear_and_adopt(_metadata, &self->scene,
		       CLONE_VM | CLONE_VFORK | SIGCHLD, 0);
}

TEST_F_TIMEOUT(birth, shows_the_registers_with_a_signal_pending, 400)
{
	bear_and_adopt(_metadata, &self->scene, SIGCHLD, SIGUSR1);
	EXPECT_EQ(1, traces->handled);
}

/* Many at once, each ended in another way. */
#define MANY	200

static long bear_many(long n)
{
	long born = 0;

	while (born < n && clone_raw(SIGCHLD, NULL, NULL))
		born++;
	if (born < n)
		_exit(CHILD_STATUS);
	while (n--)
		waitpid(-1, NULL, 0);
	return born;
}

TEST_F_TIMEOUT(birth, of_many_ends_for_each_in_its_own_way, 120)
{
	struct scene *scene = &self->scene;
	const struct prefork_event *e = &scene->session.event;
	pid_t pids[MANY];
	uint64_t cookies[MANY];
	int i;

	watch(_metadata, scene, PREFORK_WATCH_TREE, PREFORK_HOLD_BIRTH, 0);
	actor_send(_metadata, &scene->actor, bear_many, MANY);
	for (i = 0; i < MANY; i++) {
		session_await(_metadata, &scene->session, PREFORK_EVENT_BORN);
		pids[i] = e->pid;
		cookies[i] = e->cookie;
		ASSERT_NE(0, cookies[i]);
	}
	EXPECT_TRUE(session_stat_reaches(_metadata, &scene->session,
					 PREFORK_STAT_HELD, MANY));
	for (i = 0; i < MANY; i += 4) {
		ASSERT_EQ(0, prefork_release(scene->session.pf, cookies[i]));
		ASSERT_EQ(0, kill(pids[i + 1], SIGKILL));
		ASSERT_EQ(0, kill(pids[i + 2], SIGSTOP));
	}
	ASSERT_EQ(0, prefork_unwatch_all(scene->session.pf));
	for (i = 2; i < MANY; i += 4)
		ASSERT_EQ(0, kill(pids[i], SIGCONT));
	EXPECT_EQ(MANY, actor_answer(_metadata, &scene->actor));
	EXPECT_EQ(0, session_stat(_metadata, &scene->session,
				  PREFORK_STAT_HELD));
}

TEST_HARNESS_MAIN
