// SPDX-License-Identifier: GPL-2.0
/*
 * exec - a new program runs nothing before it may
 */
#define _GNU_SOURCE
#include <limits.h>
#include <sys/ptrace.h>
#include <sys/stat.h>

#include "cgroup.h"
#include "create.h"
#include "proc.h"
#include "session.h"

enum way {
	EXECVE,
	EXECVEAT,
	FEXECVE,
	SCRIPT,
	FROM_A_THREAD,
};

/* Whose status tells that it has run to its end. */
static const char image[] = "/bin/true";
static char script[] = "/tmp/prefork-exec.XXXXXX";

struct scene {
	struct actor actor;
	struct session session;
	uint64_t cookie;	/* of the hold in force */
	pid_t pid;		/* who is held */
};

FIXTURE(program)
{
	struct scene scene;
};

FIXTURE_VARIANT(program)
{
	enum way way;
};

FIXTURE_VARIANT_ADD(program, by_execve)
{
	.way = EXECVE,
};

FIXTURE_VARIANT_ADD(program, by_execveat)
{
	.way = EXECVEAT,
};

FIXTURE_VARIANT_ADD(program, by_fexecve)
{
	.way = FEXECVE,
};

FIXTURE_VARIANT_ADD(program, by_script)
{
	.way = SCRIPT,
};

FIXTURE_VARIANT_ADD(program, by_another_thread)
{
	.way = FROM_A_THREAD,
};

static void make_script(struct __test_metadata *_metadata)
{
	static const char text[] = "#!/bin/true\n";
	int fd = mkstemp(script);

	ASSERT_LE(0, fd);
	ASSERT_EQ((ssize_t)strlen(text), write(fd, text, strlen(text)));
	ASSERT_EQ(0, fchmod(fd, 0755));
	close(fd);
}

static void scene_open(struct __test_metadata *_metadata, struct scene *scene)
{
	actor_start(_metadata, &scene->actor);
	session_open(_metadata, &scene->session);
}

static void scene_close(struct scene *scene)
{
	session_close(&scene->session);
	actor_end(&scene->actor);
}

FIXTURE_SETUP(program)
{
	make_script(_metadata);
	scene_open(_metadata, &self->scene);
}

FIXTURE_TEARDOWN(program)
{
	scene_close(&self->scene);
	unlink(script);
}

static char *no_env[] = { NULL };
static char *args[] = { "program", NULL };

static void *exec_in_thread(void *unused)
{
	execve(image, args, no_env);
	return unused;
}

static _Noreturn void run(enum way way)
{
	pthread_t thread;

	switch (way) {
	case EXECVE:
		execve(image, args, no_env);
		break;
	case EXECVEAT:
		syscall(SYS_execveat, AT_FDCWD, image, args, no_env, 0);
		break;
	case FEXECVE:
		fexecve(open(image, O_RDONLY | O_CLOEXEC), args, no_env);
		break;
	case SCRIPT:
		execve(script, args, no_env);
		break;
	case FROM_A_THREAD:
		pthread_create(&thread, NULL, exec_in_thread, NULL);
		for (;;)
			pause();
	}
	_exit(99);
}

static long execute(long way)
{
	pid_t pid = fork();

	if (!pid)
		run(way);
	return reap(pid, 0);
}

static void await_exec(struct __test_metadata *_metadata, struct scene *scene)
{
	const struct prefork_event *e = &scene->session.event;

	session_await(_metadata, &scene->session, PREFORK_EVENT_EXEC);
	ASSERT_NE(0, e->cookie);
	scene->cookie = e->cookie;
	scene->pid = e->pid;
	ASSERT_TRUE(proc_state_reaches(scene->pid, 'S'));
}

static void begin(struct __test_metadata *_metadata, struct scene *scene,
		  enum way way)
{
	ASSERT_EQ(0, session_watch(&scene->session, scene->actor.pid,
				   PREFORK_WATCH_TREE, PREFORK_HOLD_EXEC, 0));
	actor_send(_metadata, &scene->actor, execute, way);
	await_exec(_metadata, scene);
}

static void expect_held(struct __test_metadata *_metadata,
			struct scene *scene)
{
	uint64_t cookie;

	EXPECT_FALSE(actor_speaks(&scene->actor, 50));
	ASSERT_EQ(1, session_held(_metadata, &scene->session, scene->pid,
				  &cookie));
	EXPECT_EQ(scene->cookie, cookie);
	ASSERT_FALSE(session_next(_metadata, &scene->session, 0)) {
		TH_LOG("a hold is no news, %s is",
		       prefork_event_name(scene->session.event.type));
	}
}

static void release(struct __test_metadata *_metadata, struct scene *scene)
{
	ASSERT_EQ(0, prefork_release(scene->session.pf, scene->cookie));
}

static void expect_run(struct __test_metadata *_metadata, struct scene *scene)
{
	EXPECT_EQ(scene->pid, actor_answer(_metadata, &scene->actor));
}

TEST_F_TIMEOUT(program, waits_for_its_release, 60)
{
	struct scene *scene = &self->scene;
	struct prefork_watched *watched;

	begin(_metadata, scene, variant->way);
	expect_held(_metadata, scene);
	ASSERT_EQ(0, prefork_get(scene->session.pf, scene->pid, &watched));
	EXPECT_EQ(PREFORK_HOLD_EXEC, watched->held[0].hold);
	EXPECT_EQ(scene->pid, watched->held[0].tid);
	free(watched);
	release(_metadata, scene);
	expect_run(_metadata, scene);
	EXPECT_TRUE(session_stat_reaches(_metadata, &scene->session,
					 PREFORK_STAT_HELD, 0));
}

/* The image is there, and nothing but the kernel has touched it. */
TEST_F_TIMEOUT(program, is_the_new_one_while_it_is_held, 60)
{
	struct scene *scene = &self->scene;
	char link[64], path[PATH_MAX] = "", want[PATH_MAX];

	begin(_metadata, scene, variant->way);
	snprintf(link, sizeof(link), "/proc/%d/exe", scene->pid);
	EXPECT_LT(0, readlink(link, path, sizeof(path) - 1));
	ASSERT_NE(NULL, realpath(image, want));
	EXPECT_STREQ(want, path);
	release(_metadata, scene);
	expect_run(_metadata, scene);
}

TEST_F_TIMEOUT(program, can_be_killed, 60)
{
	struct scene *scene = &self->scene;
	const struct prefork_event *e = &scene->session.event;

	begin(_metadata, scene, variant->way);
	ASSERT_EQ(0, kill(scene->pid, SIGTERM));
	session_await(_metadata, &scene->session, PREFORK_EVENT_EXIT);
	EXPECT_EQ(scene->pid, e->pid);
	EXPECT_EQ(SIGTERM, e->status);
	EXPECT_EQ(BROKEN, actor_answer(_metadata, &scene->actor));
	EXPECT_TRUE(session_stat_reaches(_metadata, &scene->session,
					 PREFORK_STAT_HELD, 0));
}

TEST_F_TIMEOUT(program, can_be_stopped_and_continued, 60)
{
	struct scene *scene = &self->scene;
	int round;

	begin(_metadata, scene, variant->way);
	for (round = 0; round < 2; round++) {
		ASSERT_EQ(0, kill(scene->pid, SIGSTOP));
		EXPECT_TRUE(proc_state_reaches(scene->pid, 'T'));
		expect_held(_metadata, scene);
		ASSERT_EQ(0, kill(scene->pid, SIGCONT));
		EXPECT_TRUE(proc_state_reaches(scene->pid, 'S'));
		expect_held(_metadata, scene);
	}
	release(_metadata, scene);
	expect_run(_metadata, scene);
}

TEST_F_TIMEOUT(program, can_be_frozen_and_thawed, 60)
{
	struct scene *scene = &self->scene;
	struct cgroup cg;

	cgroup_make(_metadata, &cg);
	begin(_metadata, scene, variant->way);
	EXPECT_EQ(0, cgroup_move(&cg, scene->pid));
	EXPECT_EQ(0, cgroup_write(cg.path, "cgroup.freeze", "1"));
	EXPECT_TRUE(cgroup_frozen_reaches(&cg, 1));
	expect_held(_metadata, scene);
	EXPECT_EQ(0, cgroup_write(cg.path, "cgroup.freeze", "0"));
	EXPECT_TRUE(cgroup_frozen_reaches(&cg, 0));
	expect_held(_metadata, scene);
	release(_metadata, scene);
	expect_run(_metadata, scene);
	actor_end(&scene->actor);
	cgroup_remove(&cg);
}

TEST_F_TIMEOUT(program, can_be_adopted, 60)
{
	struct scene *scene = &self->scene;
	const struct prefork_event *e = &scene->session.event;
	int status;

	begin(_metadata, scene, variant->way);
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, scene->pid, 0, 0));
	expect_held(_metadata, scene);
	ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, scene->pid, 0, 0));
	ASSERT_EQ(scene->pid, waitpid(scene->pid, &status, __WALL));
	EXPECT_EQ(PTRACE_EVENT_STOP, status >> 16);
	session_await(_metadata, &scene->session, PREFORK_EVENT_ADOPTED);
	EXPECT_EQ(scene->cookie, e->cookie);
	EXPECT_EQ(syscall(SYS_gettid), e->tracer);
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, scene->pid, 0, 0));
	expect_run(_metadata, scene);
}

TEST_F_TIMEOUT(program, runs_when_its_owner_goes, 60)
{
	struct scene *scene = &self->scene;

	begin(_metadata, scene, variant->way);
	session_close(&scene->session);
	expect_run(_metadata, scene);
}

TEST_F_TIMEOUT(program, runs_when_it_is_unwatched, 60)
{
	struct scene *scene = &self->scene;

	begin(_metadata, scene, variant->way);
	ASSERT_EQ(0, prefork_unwatch(scene->session.pf, scene->pid));
	expect_run(_metadata, scene);
}

TEST_F_TIMEOUT(program, runs_when_its_deadline_passes, 60)
{
	struct scene *scene = &self->scene;
	const struct prefork_event *e = &scene->session.event;

	ASSERT_EQ(0, session_watch(&scene->session, scene->actor.pid,
				   PREFORK_WATCH_TREE, PREFORK_HOLD_EXEC, 200));
	actor_send(_metadata, &scene->actor, execute, variant->way);
	session_await(_metadata, &scene->session, PREFORK_EVENT_EXEC);
	scene->cookie = e->cookie;
	scene->pid = e->pid;
	session_await(_metadata, &scene->session, PREFORK_EVENT_TIMEOUT);
	EXPECT_EQ(scene->cookie, e->cookie);
	EXPECT_EQ(0, e->child);
	expect_run(_metadata, scene);
}

#define DEBUGFS	"/sys/kernel/debug"

static int switch_kprobes(const char *state)
{
	int fd, ret;

	if (access(DEBUGFS "/kprobes", X_OK))
		mount("none", DEBUGFS, "debugfs", 0, NULL);
	fd = open(DEBUGFS "/kprobes/enabled", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = write(fd, state, 1) == 1 ? 0 : -errno;
	close(fd);
	return ret;
}

FIXTURE(exec)
{
	struct scene scene;
};

FIXTURE_SETUP(exec)
{
	scene_open(_metadata, &self->scene);
}

FIXTURE_TEARDOWN(exec)
{
	switch_kprobes("1");	/* should a test have failed meanwhile */
	scene_close(&self->scene);
}

/* env executes itself and then true: one program after the other. */
static long execute_twice(long unused)
{
	char *chain[] = { "env", "env", "true", NULL };
	pid_t pid = fork();

	if (!pid) {
		execve("/usr/bin/env", chain, environ);
		_exit(99 + unused);
	}
	return reap(pid, 0);
}

TEST_F_TIMEOUT(exec, is_held_each_time, 60)
{
	struct scene *scene = &self->scene;
	uint64_t last = 0;
	int round;

	ASSERT_EQ(0, session_watch(&scene->session, scene->actor.pid,
				   PREFORK_WATCH_TREE, PREFORK_HOLD_EXEC, 0));
	actor_send(_metadata, &scene->actor, execute_twice, 0);
	for (round = 0; round < 3; round++) {
		await_exec(_metadata, scene);
		EXPECT_NE(last, scene->cookie);
		last = scene->cookie;
		expect_held(_metadata, scene);
		release(_metadata, scene);
	}
	expect_run(_metadata, scene);
}

TEST_F_TIMEOUT(exec, of_what_is_traced_is_not_held, 60)
{
	struct scene *scene = &self->scene;
	const struct prefork_event *e = &scene->session.event;
	int status;

	ASSERT_EQ(0, session_watch(&scene->session, scene->actor.pid,
				   PREFORK_WATCH_TREE, PREFORK_HOLD_EXEC |
				   PREFORK_HOLD_BIRTH, 0));
	actor_send(_metadata, &scene->actor, execute, EXECVE);
	session_await(_metadata, &scene->session, PREFORK_EVENT_BORN);
	scene->pid = e->pid;
	scene->cookie = e->cookie;
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, scene->pid, 0, 0));
	release(_metadata, scene);
	session_await(_metadata, &scene->session, PREFORK_EVENT_EXEC);
	EXPECT_EQ(0, e->cookie);
	ASSERT_EQ(scene->pid, waitpid(scene->pid, &status, __WALL));
	EXPECT_TRUE(WIFEXITED(status));
	expect_run(_metadata, scene);
}

/* A shell that executes a program. */
static long execute_after_another(long unused)
{
	char *shell[] = { "sh", "-c", "exec /bin/true", NULL };
	pid_t pid = fork();

	if (!pid) {
		execve("/bin/sh", shell, no_env);
		_exit(99 + unused);
	}
	return reap(pid, 0);
}

/*
 * With all kprobes switched off nobody brings it back from a signal: it gets
 * by. When it comes to a gate again it is held as it was, and nothing is
 * spoilt.
 */
TEST_F_TIMEOUT(exec, that_gets_by_is_held_at_the_next, 60)
{
	struct scene *scene = &self->scene;

	ASSERT_EQ(0, session_watch(&scene->session, scene->actor.pid,
				   PREFORK_WATCH_TREE, PREFORK_HOLD_EXEC, 0));
	actor_send(_metadata, &scene->actor, execute_after_another, 0);
	await_exec(_metadata, scene);
	ASSERT_EQ(0, switch_kprobes("0"));
	EXPECT_EQ(0, kill(scene->pid, SIGSTOP));
	EXPECT_TRUE(proc_state_reaches(scene->pid, 'T'));
	EXPECT_EQ(0, kill(scene->pid, SIGCONT));
	session_await(_metadata, &scene->session, PREFORK_EVENT_LOST);
	ASSERT_EQ(0, switch_kprobes("1"));
	EXPECT_EQ(1, scene->session.lost);
	EXPECT_TRUE(proc_state_reaches(scene->pid, 'S'));
	expect_held(_metadata, scene);
	release(_metadata, scene);
	expect_run(_metadata, scene);
	EXPECT_TRUE(session_stat_reaches(_metadata, &scene->session,
					 PREFORK_STAT_HELD, 0));
}

/* Who waits for the end of file does not wait for the held program. */
static long read_from_an_exec(long unused)
{
	int line[2];
	char byte;
	pid_t pid;

	if (pipe2(line, O_CLOEXEC))
		return BROKEN;
	pid = fork();
	if (!pid)
		run(EXECVE);
	close(line[1]);
	actor_say(read(line[0], &byte, 1));
	close(line[0]);
	return reap(pid, 0) + unused;
}

TEST_F_TIMEOUT(exec, that_is_held_has_closed_what_it_was_to_close, 60)
{
	struct scene *scene = &self->scene;

	ASSERT_EQ(0, session_watch(&scene->session, scene->actor.pid,
				   PREFORK_WATCH_TREE, PREFORK_HOLD_EXEC, 0));
	actor_send(_metadata, &scene->actor, read_from_an_exec, 0);
	await_exec(_metadata, scene);
	EXPECT_EQ(0, actor_answer(_metadata, &scene->actor));
	expect_held(_metadata, scene);
	release(_metadata, scene);
	expect_run(_metadata, scene);
}

/* The vfork is over with the exec, whoever holds the child there. */
static long vfork_and_exec(long unused)
{
	pid_t pid = vfork();

	if (!pid) {
		execve(image, args, no_env);
		_exit(99 + unused);
	}
	actor_say(-pid);
	return reap(pid, 0);
}

TEST_F_TIMEOUT(exec, that_is_held_lets_the_vfork_end, 60)
{
	struct scene *scene = &self->scene;

	ASSERT_EQ(0, session_watch(&scene->session, scene->actor.pid,
				   PREFORK_WATCH_TREE, PREFORK_HOLD_EXEC, 0));
	actor_send(_metadata, &scene->actor, vfork_and_exec, 0);
	await_exec(_metadata, scene);
	EXPECT_EQ(-scene->pid, actor_answer(_metadata, &scene->actor));
	EXPECT_EQ(1, session_held(_metadata, &scene->session, scene->pid,
				  NULL));
	release(_metadata, scene);
	expect_run(_metadata, scene);
}

TEST_HARNESS_MAIN
