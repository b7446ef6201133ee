// SPDX-License-Identifier: GPL-2.0
/*
 * hold - a held task is an ordinary task
 *
 * It can be killed, stopped, continued, traced and frozen, and it takes its
 * signals; none of that loses the hold or announces the child again.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <sys/ptrace.h>
#include <sys/time.h>

#include "cgroup.h"
#include "create.h"
#include "proc.h"
#include "session.h"

#define HANDLED	(-7777)		/* what signal handlers say */

struct scene {
	struct actor actor;
	struct session session;
	uint64_t cookie;	/* of the hold in force */
	pid_t child;		/* announced with it */
};

/* What ends a process, or leaves the call, is tried on processes only. */
FIXTURE(held)
{
	struct scene scene;
};

FIXTURE(left)
{
	struct scene scene;
};

FIXTURE_VARIANT(held)
{
	enum kind kind;
};

FIXTURE_VARIANT_ADD(held, in_fork)
{
	.kind = BY_FORK,
};

FIXTURE_VARIANT_ADD(held, in_vfork)
{
	.kind = BY_VFORK,
};

FIXTURE_VARIANT_ADD(held, in_clone_of_a_thread)
{
	.kind = BY_RAW_THREAD,
};

FIXTURE_VARIANT_ADD(held, in_clone_of_a_namespace)
{
	.kind = BY_NEW_NAMESPACE,
};

FIXTURE_VARIANT(left)
{
	enum kind kind;
};

FIXTURE_VARIANT_ADD(left, in_clone)
{
	.kind = BY_CLONE,
};

FIXTURE_VARIANT_ADD(left, in_vfork)
{
	.kind = BY_VFORK,
};

static void scene_open(struct __test_metadata *_metadata,
		       struct scene *scene)
{
	actor_start(_metadata, &scene->actor);
	session_open(_metadata, &scene->session);
	ASSERT_EQ(0, session_watch(&scene->session, scene->actor.pid,
				   PREFORK_WATCH_THREADS, HOLD_ALL, 0)) {
		TH_LOG("%s", prefork_message());
	}
}

static void scene_close(struct scene *scene)
{
	session_close(&scene->session);
	actor_end(&scene->actor);
}

FIXTURE_SETUP(held)
{
	scene_open(_metadata, &self->scene);
}

FIXTURE_TEARDOWN(held)
{
	scene_close(&self->scene);
}

FIXTURE_SETUP(left)
{
	scene_open(_metadata, &self->scene);
}

FIXTURE_TEARDOWN(left)
{
	scene_close(&self->scene);
}

/* Reads on to the next hold. */
static void await_hold(struct __test_metadata *_metadata,
		       struct scene *scene)
{
	const struct prefork_event *e;

	e = session_await(_metadata, &scene->session, PREFORK_EVENT_PREFORK);
	ASSERT_NE(0, e->cookie);
	scene->cookie = e->cookie;
	scene->child = e->child;
}

static void begin_hold(struct __test_metadata *_metadata,
		       struct scene *scene, enum kind kind)
{
	actor_send(_metadata, &scene->actor, create, kind);
	await_hold(_metadata, scene);
	ASSERT_TRUE(proc_state_reaches(scene->actor.pid, 'S'));
}

/* The same hold is still there, and nothing has been said about it. */
static void expect_held(struct __test_metadata *_metadata,
			struct scene *scene)
{
	uint64_t cookie;

	EXPECT_FALSE(actor_speaks(&scene->actor, 50));
	ASSERT_EQ(1, session_held(_metadata, &scene->session, scene->actor.pid,
				  &cookie));
	EXPECT_EQ(scene->cookie, cookie);
	ASSERT_FALSE(session_next(_metadata, &scene->session, 0)) {
		TH_LOG("a hold is no news, %s is",
		       prefork_event_name(scene->session.event.type));
	}
}

/* After the answer: the announced child came, and it was announced once. */
static void expect_child(struct __test_metadata *_metadata,
			 struct scene *scene)
{
	EXPECT_EQ(scene->child, actor_answer(_metadata, &scene->actor));
	session_finish(_metadata, &scene->session, scene->actor.pid);
	EXPECT_EQ(1, scene->session.announced);
	EXPECT_EQ(1, scene->session.born);
}

static void release_and_expect_child(struct __test_metadata *_metadata,
				     struct scene *scene)
{
	ASSERT_EQ(0, prefork_release(scene->session.pf, scene->cookie));
	expect_child(_metadata, scene);
}

/* The next outcome is that the announced child will not come. */
static void expect_abandoned(struct __test_metadata *_metadata,
			     struct scene *scene)
{
	const struct prefork_event *e;

	e = session_expect(_metadata, &scene->session,
			   PREFORK_EVENT_FORK_FAILED);
	EXPECT_EQ(scene->child, e->child);
	EXPECT_EQ(ECANCELED, e->error);
	EXPECT_EQ(scene->actor.pid, e->pid);
}

/* In the kernel's own call there are locks that others wait for. */
TEST_F_TIMEOUT(held, task_has_not_begun_the_call, 60)
{
	struct scene *scene = &self->scene;
	char stack[4096] = "";
	char path[64];
	int fd;

	begin_hold(_metadata, scene, variant->kind);
	snprintf(path, sizeof(path), "/proc/%d/stack", scene->actor.pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_LT(0, read(fd, stack, sizeof(stack) - 1));
	close(fd);
	EXPECT_NE(NULL, strstr(stack, "prefork_clone"));
	EXPECT_EQ(NULL, strstr(stack, "copy_process")) {
		TH_LOG("%s", stack);
	}
	release_and_expect_child(_metadata, scene);
}

TEST_F_TIMEOUT(held, task_can_be_killed, 60)
{
	struct scene *scene = &self->scene;
	const struct prefork_event *e = &scene->session.event;
	pid_t pid = scene->actor.pid;
	int status;

	begin_hold(_metadata, scene, variant->kind);
	ASSERT_EQ(0, kill(pid, SIGKILL));
	status = actor_wait(_metadata, &scene->actor);
	EXPECT_EQ(SIGKILL, status);

	session_expect(_metadata, &scene->session, PREFORK_EVENT_FORK_FAILED);
	EXPECT_EQ(scene->child, e->child);
	EXPECT_EQ(ECANCELED, e->error);
	do {
		session_expect(_metadata, &scene->session, PREFORK_EVENT_EXIT);
	} while (e->thread);
	EXPECT_EQ(pid, e->pid);
	EXPECT_EQ(SIGKILL, e->status);

	EXPECT_TRUE(session_stat_reaches(_metadata, &scene->session,
					 PREFORK_STAT_RESERVED, 0));
	EXPECT_EQ(scene->child, create_at(scene->child));
	EXPECT_EQ(-ENOENT, prefork_release(scene->session.pf, scene->cookie));
}

TEST_F_TIMEOUT(held, task_can_be_stopped_and_continued, 60)
{
	struct scene *scene = &self->scene;
	int status, round;

	begin_hold(_metadata, scene, variant->kind);
	for (round = 0; round < 2; round++) {
		ASSERT_EQ(0, kill(scene->actor.pid, SIGSTOP));
		ASSERT_EQ(scene->actor.pid, waitpid(scene->actor.pid, &status,
						   WUNTRACED));
		EXPECT_TRUE(WIFSTOPPED(status));
		EXPECT_TRUE(proc_state_reaches(scene->actor.pid, 'T'));
		expect_held(_metadata, scene);

		ASSERT_EQ(0, kill(scene->actor.pid, SIGCONT));
		EXPECT_TRUE(proc_state_reaches(scene->actor.pid, 'S'));
		expect_held(_metadata, scene);
	}
	release_and_expect_child(_metadata, scene);
}

TEST_F_TIMEOUT(held, task_keeps_an_answer_that_comes_while_it_is_stopped, 60)
{
	struct scene *scene = &self->scene;
	int ret;

	begin_hold(_metadata, scene, variant->kind);
	ASSERT_EQ(0, kill(scene->actor.pid, SIGSTOP));
	ASSERT_TRUE(proc_state_reaches(scene->actor.pid, 'T'));
	ASSERT_EQ(0, prefork_release(scene->session.pf, scene->cookie));
	EXPECT_FALSE(actor_speaks(&scene->actor, 50));
	ret = prefork_release(scene->session.pf, scene->cookie);
	EXPECT_EQ(-EALREADY, ret);

	ASSERT_EQ(0, kill(scene->actor.pid, SIGCONT));
	expect_child(_metadata, scene);
}

TEST_F_TIMEOUT(held, task_keeps_a_denial_that_comes_while_it_is_stopped, 60)
{
	struct scene *scene = &self->scene;
	begin_hold(_metadata, scene, variant->kind);
	ASSERT_EQ(0, kill(scene->actor.pid, SIGSTOP));
	ASSERT_TRUE(proc_state_reaches(scene->actor.pid, 'T'));
	ASSERT_EQ(0, prefork_deny(scene->session.pf, scene->cookie, EXDEV));
	ASSERT_EQ(0, kill(scene->actor.pid, SIGCONT));
	EXPECT_EQ(-EXDEV, actor_answer(_metadata, &scene->actor));
	session_await(_metadata, &scene->session, PREFORK_EVENT_FORK_FAILED);
	EXPECT_EQ(EXDEV, scene->session.event.error);
	EXPECT_EQ(1, scene->session.announced);
}

TEST_F_TIMEOUT(held, task_can_be_attached_to, 60)
{
	struct scene *scene = &self->scene;
	int status;

	begin_hold(_metadata, scene, variant->kind);
	ASSERT_EQ(0, ptrace(PTRACE_ATTACH, scene->actor.pid, 0, 0));
	ASSERT_EQ(scene->actor.pid, waitpid(scene->actor.pid, &status, __WALL));
	EXPECT_TRUE(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	expect_held(_metadata, scene);
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, scene->actor.pid, 0, 0));
	EXPECT_TRUE(proc_state_reaches(scene->actor.pid, 'S'));
	expect_held(_metadata, scene);
	release_and_expect_child(_metadata, scene);
}

TEST_F_TIMEOUT(held, task_can_be_seized_and_interrupted, 60)
{
	struct scene *scene = &self->scene;
	int status;

	begin_hold(_metadata, scene, variant->kind);
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, scene->actor.pid, 0, 0));
	expect_held(_metadata, scene);
	ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, scene->actor.pid, 0, 0));
	ASSERT_EQ(scene->actor.pid, waitpid(scene->actor.pid, &status, __WALL));
	EXPECT_TRUE(WIFSTOPPED(status));
	EXPECT_EQ(PTRACE_EVENT_STOP, status >> 16);
	expect_held(_metadata, scene);

	/* Traced and running, it is held as before. */
	ASSERT_EQ(0, ptrace(PTRACE_CONT, scene->actor.pid, 0, 0));
	EXPECT_TRUE(proc_state_reaches(scene->actor.pid, 'S'));
	expect_held(_metadata, scene);
	ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, scene->actor.pid, 0, 0));
	ASSERT_EQ(scene->actor.pid, waitpid(scene->actor.pid, &status, __WALL));
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, scene->actor.pid, 0, 0));
	expect_held(_metadata, scene);
	release_and_expect_child(_metadata, scene);
}

TEST_F_TIMEOUT(held, task_can_be_frozen_and_thawed, 60)
{
	struct scene *scene = &self->scene;
	struct cgroup cg;

	cgroup_make(_metadata, &cg);
	begin_hold(_metadata, scene, variant->kind);
	EXPECT_EQ(0, cgroup_move(&cg, scene->actor.pid));
	EXPECT_EQ(0, cgroup_write(cg.path, "cgroup.freeze", "1"));
	EXPECT_TRUE(cgroup_frozen_reaches(&cg, 1)) {
		TH_LOG("a held task keeps its cgroup from freezing");
	}
	expect_held(_metadata, scene);
	EXPECT_EQ(0, cgroup_write(cg.path, "cgroup.freeze", "0"));
	EXPECT_TRUE(cgroup_frozen_reaches(&cg, 0));
	expect_held(_metadata, scene);
	release_and_expect_child(_metadata, scene);
	actor_end(&scene->actor);
	cgroup_remove(&cg);
}

TEST_F_TIMEOUT(held, task_keeps_an_answer_that_comes_while_it_is_frozen, 60)
{
	struct scene *scene = &self->scene;
	struct cgroup cg;

	cgroup_make(_metadata, &cg);
	EXPECT_EQ(0, cgroup_move(&cg, scene->actor.pid));
	begin_hold(_metadata, scene, variant->kind);
	EXPECT_EQ(0, cgroup_write(cg.path, "cgroup.freeze", "1"));
	EXPECT_TRUE(cgroup_frozen_reaches(&cg, 1));
	EXPECT_EQ(0, prefork_release(scene->session.pf, scene->cookie));
	EXPECT_FALSE(actor_speaks(&scene->actor, 50));
	EXPECT_EQ(0, cgroup_write(cg.path, "cgroup.freeze", "0"));
	expect_child(_metadata, scene);
	actor_end(&scene->actor);
	cgroup_remove(&cg);
}

/* Signal handlers of the actor. */
static sigjmp_buf way_out;

static void say_handled(int sig)
{
	(void)sig;
	actor_say(HANDLED);
}

static void do_nothing(int sig)
{
	(void)sig;
}

static void jump_out(int sig)
{
	(void)sig;
	siglongjmp(way_out, 1);
}

static void exec_false(int sig)
{
	(void)sig;
	execl("/bin/false", "false", NULL);
	_exit(99);
}

static void exit_five(int sig)
{
	(void)sig;
	_exit(5);
}

static void create_another(int sig)
{
	(void)sig;
	actor_say(create(BY_SPAWN));
}

/* Without SA_RESTART: the hold goes on all the same. */
static long handle_with(long handler)
{
	struct sigaction sa = { .sa_handler = (void (*)(int))handler };

	return sigaction(SIGUSR1, &sa, NULL);
}

static long prepare(struct __test_metadata *_metadata,
		    struct scene *scene, void (*handler)(int))
{
	return actor_do(_metadata, &scene->actor, handle_with, (long)handler);
}

TEST_F_TIMEOUT(held, task_takes_its_signals, 60)
{
	struct scene *scene = &self->scene;
	uint64_t parked = session_stat(_metadata, &scene->session,
				       PREFORK_STAT_PARKED);
	int round;

	ASSERT_EQ(0, prepare(_metadata, scene, say_handled));
	begin_hold(_metadata, scene, variant->kind);
	for (round = 0; round < 3; round++) {
		ASSERT_EQ(0, kill(scene->actor.pid, SIGUSR1));
		ASSERT_EQ(HANDLED, actor_answer(_metadata, &scene->actor));
		expect_held(_metadata, scene);
	}
	EXPECT_LE(parked + 3, session_stat(_metadata, &scene->session,
					   PREFORK_STAT_PARKED));
	release_and_expect_child(_metadata, scene);
}

/* The timers of a profiler: a signal each millisecond, answered by nothing. */
static long start_timer(long which)
{
	const struct itimerval ms = {
		.it_interval.tv_usec = 1000,
		.it_value.tv_usec = 1000,
	};
	struct sigaction sa = {
		.sa_handler = do_nothing,
		.sa_flags = SA_RESTART,
	};

	sigaction(SIGALRM, &sa, NULL);
	sigaction(SIGPROF, &sa, NULL);
	return setitimer(which, &ms, NULL);
}

static void fork_under_timer(struct __test_metadata *_metadata,
			     struct scene *scene, enum kind kind,
			     int which)
{
	ASSERT_EQ(0, actor_do(_metadata, &scene->actor, start_timer, which));
	actor_send(_metadata, &scene->actor, create, kind);
	await_hold(_metadata, scene);
	ASSERT_FALSE(session_next(_metadata, &scene->session, 2000)) {
		TH_LOG("%s during the hold",
		       prefork_event_name(scene->session.event.type));
	}
	release_and_expect_child(_metadata, scene);
}

TEST_F_TIMEOUT(held, fork_under_a_profiling_timer_is_announced_once, 90)
{
	struct scene *scene = &self->scene;
	fork_under_timer(_metadata, scene, variant->kind, ITIMER_PROF);
}

TEST_F_TIMEOUT(held, fork_under_a_wall_clock_timer_is_announced_once, 90)
{
	struct scene *scene = &self->scene;
	uint64_t parked = session_stat(_metadata, &scene->session,
				       PREFORK_STAT_PARKED);

	fork_under_timer(_metadata, scene, variant->kind, ITIMER_REAL);
	EXPECT_LT(parked + 10, session_stat(_metadata, &scene->session,
					    PREFORK_STAT_PARKED)) {
		TH_LOG("the timer did not tick");
	}
}

TEST_F_TIMEOUT(held, deadline_passes_under_a_wall_clock_timer, 60)
{
	struct scene *scene = &self->scene;
	struct session *s = &scene->session;

	session_finish(_metadata, s, scene->actor.pid);
	ASSERT_EQ(0, session_watch(s, scene->actor.pid, PREFORK_WATCH_THREADS,
				   HOLD_ALL, 500));
	ASSERT_EQ(0, actor_do(_metadata, &scene->actor, start_timer,
			      ITIMER_REAL));
	actor_send(_metadata, &scene->actor, create, variant->kind);
	await_hold(_metadata, scene);
	session_expect(_metadata, s, PREFORK_EVENT_TIMEOUT);
	EXPECT_EQ(scene->cookie, s->event.cookie);
	expect_child(_metadata, scene);
}

/* Leaves the first call for good, from a signal handler, for another one. */
static long create_or_jump(long kind)
{
	if (!sigsetjmp(way_out, 1))
		return create(kind);
	return create(BY_SPAWN);
}

TEST_F_TIMEOUT(left, call_left_by_longjmp_is_abandoned, 60)
{
	struct scene *scene = &self->scene;
	pid_t first;

	ASSERT_EQ(0, prepare(_metadata, scene, jump_out));
	actor_send(_metadata, &scene->actor, create_or_jump, variant->kind);
	await_hold(_metadata, scene);
	first = scene->child;
	ASSERT_EQ(0, kill(scene->actor.pid, SIGUSR1));
	expect_abandoned(_metadata, scene);

	session_expect(_metadata, &scene->session, PREFORK_EVENT_PREFORK);
	EXPECT_NE(scene->cookie, scene->session.event.cookie);
	EXPECT_EQ(-ENOENT, prefork_release(scene->session.pf, scene->cookie));
	scene->child = scene->session.event.child;
	session_release(_metadata, &scene->session);
	EXPECT_EQ(scene->child, actor_answer(_metadata, &scene->actor));
	session_finish(_metadata, &scene->session, scene->actor.pid);
	EXPECT_EQ(1, scene->session.born);
	EXPECT_EQ(1, scene->session.failed);
	if (first != scene->child) {
		EXPECT_EQ(first, create_at(first));
	}
}

TEST_F_TIMEOUT(left, call_is_announced_anew_after_a_handler_that_creates, 60)
{
	struct scene *scene = &self->scene;
	ASSERT_EQ(0, prepare(_metadata, scene, create_another));
	begin_hold(_metadata, scene, variant->kind);
	ASSERT_EQ(0, kill(scene->actor.pid, SIGUSR1));
	expect_abandoned(_metadata, scene);

	/* What the handler creates... */
	await_hold(_metadata, scene);
	ASSERT_EQ(0, prefork_release(scene->session.pf, scene->cookie));
	EXPECT_EQ(scene->child, actor_answer(_metadata, &scene->actor));

	/* ... and then the interrupted call, restarted. */
	await_hold(_metadata, scene);
	ASSERT_EQ(0, prefork_release(scene->session.pf, scene->cookie));
	EXPECT_EQ(scene->child, actor_answer(_metadata, &scene->actor));
	session_finish(_metadata, &scene->session, scene->actor.pid);
	EXPECT_EQ(3, scene->session.announced);
	EXPECT_EQ(2, scene->session.born);
	EXPECT_EQ(1, scene->session.failed);
}

TEST_F_TIMEOUT(left, call_is_abandoned_by_a_handler_that_executes, 60)
{
	struct scene *scene = &self->scene;
	ASSERT_EQ(0, prepare(_metadata, scene, exec_false));
	begin_hold(_metadata, scene, variant->kind);
	ASSERT_EQ(0, kill(scene->actor.pid, SIGUSR1));
	expect_abandoned(_metadata, scene);
	session_expect(_metadata, &scene->session, PREFORK_EVENT_EXEC);
	session_expect(_metadata, &scene->session, PREFORK_EVENT_EXIT);
	EXPECT_EQ(1 << 8, scene->session.event.status);
	EXPECT_EQ(1 << 8, actor_wait(_metadata, &scene->actor));
}

TEST_F_TIMEOUT(left, call_is_abandoned_by_a_handler_that_exits, 60)
{
	struct scene *scene = &self->scene;
	ASSERT_EQ(0, prepare(_metadata, scene, exit_five));
	begin_hold(_metadata, scene, variant->kind);
	ASSERT_EQ(0, kill(scene->actor.pid, SIGUSR1));
	expect_abandoned(_metadata, scene);
	session_expect(_metadata, &scene->session, PREFORK_EVENT_EXIT);
	EXPECT_EQ(5 << 8, scene->session.event.status);
	EXPECT_EQ(5 << 8, actor_wait(_metadata, &scene->actor));
}

/* A thread ends, and its process does not. */
static void exit_thread(int sig)
{
	syscall(SYS_exit, sig);
}

static void *create_in_thread(void *kind)
{
	create((long)kind);
	return NULL;
}

static long start_thread_that_creates(long kind)
{
	pthread_t thread;

	return -pthread_create(&thread, NULL, create_in_thread, (void *)kind);
}

TEST_F_TIMEOUT(left, call_is_abandoned_by_a_handler_that_ends_its_thread, 60)
{
	struct scene *scene = &self->scene;
	struct session *s = &scene->session;
	pid_t tid;

	ASSERT_EQ(0, prepare(_metadata, scene, exit_thread));
	actor_send(_metadata, &scene->actor, start_thread_that_creates,
		   variant->kind);
	session_expect(_metadata, s, PREFORK_EVENT_PREFORK);
	session_release(_metadata, s);
	session_expect(_metadata, s, PREFORK_EVENT_BORN);
	EXPECT_EQ(0, actor_answer(_metadata, &scene->actor));
	await_hold(_metadata, scene);
	tid = s->event.tid;
	ASSERT_NE(scene->actor.pid, tid);
	ASSERT_EQ(0, syscall(SYS_tgkill, scene->actor.pid, tid, SIGUSR1));
	expect_abandoned(_metadata, scene);
	session_expect(_metadata, s, PREFORK_EVENT_EXIT);
	EXPECT_TRUE(s->event.thread);
	EXPECT_EQ(tid, s->event.tid);
}

/* While the first thread is held another one takes the next order. */
static void *exit_six(void *unused)
{
	struct order order;

	if (recv(ACTOR_SOCK, &order, sizeof(order), 0) > 0)
		_exit(6);
	return unused;
}

static long create_beside_a_thread(long kind)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, exit_six, NULL))
		return BROKEN;
	return create(kind);
}

TEST_F_TIMEOUT(left, call_is_abandoned_when_another_thread_exits_all, 60)
{
	struct scene *scene = &self->scene;

	actor_send(_metadata, &scene->actor, create_beside_a_thread,
		   variant->kind);
	session_await(_metadata, &scene->session, PREFORK_EVENT_PREFORK);
	session_release(_metadata, &scene->session);
	session_await(_metadata, &scene->session, PREFORK_EVENT_BORN);
	await_hold(_metadata, scene);
	actor_send(_metadata, &scene->actor, NULL, 0);
	session_await(_metadata, &scene->session, PREFORK_EVENT_FORK_FAILED);
	EXPECT_EQ(scene->child, scene->session.event.child);
	EXPECT_EQ(ECANCELED, scene->session.event.error);
	do {
		session_await(_metadata, &scene->session, PREFORK_EVENT_EXIT);
	} while (scene->session.event.thread);
	EXPECT_EQ(6 << 8, scene->session.event.status);
	EXPECT_EQ(6 << 8, actor_wait(_metadata, &scene->actor));
}

TEST_HARNESS_MAIN
