// SPDX-License-Identifier: GPL-2.0
/*
 * outcome - each announced creation has one outcome, and the announced number
 *
 * Every PREFORK is followed by exactly one BORN or FORK_FAILED for the same
 * child (session.h checks that of each event), and the number that fork
 * returns is the one announced, however busy the machine is. A creation that
 * fails does so with the errno that it has unwatched, and gives the number
 * back.
 */
#define _GNU_SOURCE
#include <sys/resource.h>

#include "capability.h"
#include "cgroup.h"
#include "create.h"
#include "session.h"
#include "storm.h"

#define SOMEBODY	54321	/* a user who runs nothing else */

/* Is @pid nobody's, and can it become somebody's? */
static bool number_is_free(pid_t pid)
{
	return kill(pid, 0) && errno == ESRCH && create_at(pid) == pid;
}

FIXTURE(creation)
{
	struct actor actor;
	struct session session;
	struct storm storm;
};

FIXTURE_VARIANT(creation)
{
	uint32_t hold;
};

FIXTURE_VARIANT_ADD(creation, reported)
{
	.hold = 0,
};

FIXTURE_VARIANT_ADD(creation, held)
{
	.hold = HOLD_ALL,
};

FIXTURE_SETUP(creation)
{
	actor_start(_metadata, &self->actor);
	session_open(_metadata, &self->session);
	ASSERT_EQ(0, session_watch(&self->session, self->actor.pid,
				   PREFORK_WATCH_THREADS, variant->hold, 0)) {
		TH_LOG("%s", prefork_message());
	}
}

FIXTURE_TEARDOWN(creation)
{
	storm_stop(&self->storm);
	session_close(&self->session);
	actor_end(&self->actor);
}

/* One creation from announcement to end, each step looked at. */
static void follow(struct __test_metadata *_metadata, struct session *s,
		   struct actor *a, enum kind kind, bool held)
{
	const struct prefork_event *e = &s->event;
	bool thread = makes_thread(kind);
	pid_t child;

	actor_send(_metadata, a, create, kind);
	session_await(_metadata, s, PREFORK_EVENT_PREFORK);
	ASSERT_EQ(a->pid, e->pid);
	ASSERT_EQ(a->pid, e->tid);
	ASSERT_EQ(thread, e->thread);
	ASSERT_EQ(held, e->cookie != 0);
	ASSERT_EQ(kind == BY_VFORK || kind == BY_SPAWN,
		  !!(e->clone_flags & CLONE_VFORK));
	ASSERT_EQ(thread, !!(e->clone_flags & CLONE_THREAD));
	child = e->child;
	ASSERT_LT(0, child);

	if (held) {
		ASSERT_EQ(-1, kill(child, 0));
		ASSERT_EQ(ESRCH, errno);
		ASSERT_FALSE(actor_speaks(a, 0));
		ASSERT_EQ(0, prefork_release(s->pf, e->cookie));
	}

	session_await(_metadata, s, PREFORK_EVENT_BORN);
	ASSERT_EQ(child, e->tid);
	ASSERT_EQ(thread ? a->pid : child, e->pid);
	ASSERT_EQ(thread, e->thread);
	if (!thread) {
		ASSERT_EQ(a->pid, e->ppid);
	}
	ASSERT_EQ(child, actor_answer(_metadata, a));
}

TEST_F_TIMEOUT(creation, child_has_the_announced_number, 120)
{
	int kind, round;

	for (round = 0; round < 3; round++) {
		for (kind = 0; kind < KINDS; kind++) {
			follow(_metadata, &self->session, &self->actor, kind,
			       variant->hold);
		}
	}
	session_finish(_metadata, &self->session, self->actor.pid);
	EXPECT_EQ(3 * KINDS, self->session.announced);
	EXPECT_EQ(3 * KINDS, self->session.born);
	EXPECT_EQ(0, self->session.failed);
}

TEST_F_TIMEOUT(creation, child_has_the_announced_number_in_a_storm, 180)
{
	int kind, round;

	storm_start(_metadata, &self->storm);
	for (round = 0; round < 10; round++) {
		for (kind = 0; kind < KINDS; kind++) {
			follow(_metadata, &self->session, &self->actor, kind,
			       variant->hold);
		}
	}
	EXPECT_LT(10, storm_stop(&self->storm)) {
		TH_LOG("that was no storm");
	}
	session_finish(_metadata, &self->session, self->actor.pid);
	EXPECT_EQ(10 * KINDS, self->session.born);
	EXPECT_EQ(0, session_pending(&self->session));
}

static long clone_untraced(long unused)
{
	long pid = clone_raw(SIGCHLD | CLONE_UNTRACED, NULL, NULL);

	if (!pid)
		_exit(unused);
	return reap(pid, 0);
}

TEST_F_TIMEOUT(creation, child_hidden_from_ptrace_is_announced, 60)
{
	long pid = session_serve_order(_metadata, &self->session, &self->actor,
				       clone_untraced, 0);

	EXPECT_LT(0, pid);
	session_finish(_metadata, &self->session, self->actor.pid);
	EXPECT_EQ(1, self->session.announced);
	EXPECT_EQ(1, self->session.born);
}

/* Creations that the kernel refuses, at different depths of the call. */
static long clone_sighand(long unused)
{
	return clone_raw(CLONE_SIGHAND | SIGCHLD, NULL, NULL) + unused;
}

static long clone_newns_and_fs(long unused)
{
	return clone_raw(CLONE_NEWNS | CLONE_FS | SIGCHLD, NULL, NULL) +
	       unused;
}

static long clone_thread_alone(long unused)
{
	return clone_raw(CLONE_THREAD, NULL, NULL) + unused;
}

static long clone3_no_such_signal(long unused)
{
	struct clone_args args = { .exit_signal = 100 };

	return clone3(&args) + unused;
}

static long clone3_unwritable_pidfd(long unused)
{
	struct clone_args args = {
		.flags = CLONE_PIDFD,
		.pidfd = 16,
		.exit_signal = SIGCHLD,
	};

	return clone3(&args) + unused;
}

static long clone3_no_descriptor_left(long unused)
{
	struct rlimit none = { ACTOR_SOCK + 1, 1000 }, old;
	int pidfd;
	struct clone_args args = {
		.flags = CLONE_PIDFD,
		.pidfd = (uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
	};
	long ret;

	getrlimit(RLIMIT_NOFILE, &old);
	none.rlim_max = old.rlim_max;
	setrlimit(RLIMIT_NOFILE, &none);
	ret = clone3(&args);
	setrlimit(RLIMIT_NOFILE, &old);
	return ret + unused;
}

static long clone3_into_no_cgroup(long unused)
{
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP,
		.cgroup = ACTOR_SOCK,
		.exit_signal = SIGCHLD,
	};

	return clone3(&args) + unused;
}

static long clone3_number_taken(long unused)
{
	long ret = create_at(getpid());

	return ret + unused;
}

static const struct {
	const char *name;
	order_fn call;
	long result;
} refusals[] = {
	{ "CLONE_SIGHAND without CLONE_VM", clone_sighand, -EINVAL },
	{ "CLONE_NEWNS with CLONE_FS", clone_newns_and_fs, -EINVAL },
	{ "CLONE_THREAD alone", clone_thread_alone, -EINVAL },
	{ "no such exit signal", clone3_no_such_signal, -EINVAL },
	{ "pidfd cannot be written", clone3_unwritable_pidfd, -EFAULT },
	{ "no descriptor left", clone3_no_descriptor_left, -EMFILE },
	{ "no cgroup there", clone3_into_no_cgroup, -EBADF },
	{ "number is taken", clone3_number_taken, -EEXIST },
};

/*
 * A creation that is refused with @result: told so, if announced, and the
 * number is free again. Returns how many were announced, 0 or 1.
 */
static int follow_refusal(struct __test_metadata *_metadata,
			  struct session *s, struct actor *a, order_fn call,
			  long arg, long result, const char *name)
{
	const struct prefork_event *e = &s->event;
	struct pollfd fds[] = {
		{ .fd = a->sock, .events = POLLIN },
		{ .fd = prefork_fd(s->pf), .events = POLLIN },
	};
	pid_t child = 0;

	actor_send(_metadata, a, call, arg);
	while (!actor_speaks(a, 0)) {
		ASSERT_LT(0, poll(fds, 2, PATIENCE_MS));
		while (session_next(_metadata, s, 0)) {
			if (e->type == PREFORK_EVENT_PREFORK)
				child = e->child;
			session_release(_metadata, s);
		}
	}
	ASSERT_EQ(result, actor_answer(_metadata, a)) {
		TH_LOG("%s", name);
	}

	/* Without a hold nothing need have been read yet, nor delivered. */
	ASSERT_TRUE(session_stat_reaches(_metadata, s, PREFORK_STAT_QUEUED, 0));
	while (session_next(_metadata, s, 0)) {
		if (e->type == PREFORK_EVENT_PREFORK)
			child = e->child;
		if (e->type == PREFORK_EVENT_FORK_FAILED)
			break;
	}
	if (!child)
		return 0;
	ASSERT_EQ(PREFORK_EVENT_FORK_FAILED, e->type) {
		TH_LOG("%s", name);
	}
	ASSERT_EQ(child, e->child);
	ASSERT_EQ(-result, e->error);
	ASSERT_EQ(0, session_stat(_metadata, s, PREFORK_STAT_RESERVED));
	ASSERT_TRUE(number_is_free(child)) {
		TH_LOG("%d has leaked", child);
	}
	return 1;
}

TEST_F_TIMEOUT(creation, refused_call_fails_with_its_own_errno, 120)
{
	struct actor plain;
	int announced = 0;
	size_t i;

	actor_start(_metadata, &plain);
	for (i = 0; i < ARRAY_SIZE(refusals); i++) {
		EXPECT_EQ(refusals[i].result,
			  actor_do(_metadata, &plain, refusals[i].call, 0)) {
			TH_LOG("%s, unwatched", refusals[i].name);
		}
		announced += follow_refusal(_metadata, &self->session,
					    &self->actor, refusals[i].call, 0,
					    refusals[i].result,
					    refusals[i].name);
	}
	actor_end(&plain);
	EXPECT_LE(4, announced) {
		TH_LOG("most of these get as far as an announcement");
	}
	session_finish(_metadata, &self->session, self->actor.pid);
	EXPECT_EQ(announced, self->session.failed);
	EXPECT_EQ(0, self->session.born);
}

/* root is exempt from RLIMIT_NPROC. */
static long become_somebody(long uid)
{
	struct rlimit one = { 1, 1 };

	return setrlimit(RLIMIT_NPROC, &one) ? -errno : become_user(uid);
}

TEST_F_TIMEOUT(creation, process_limit_refuses_and_leaks_nothing, 120)
{
	int kind, round;

	ASSERT_EQ(0, actor_do(_metadata, &self->actor, become_somebody,
			      SOMEBODY));
	for (round = 0; round < 2; round++) {
		for (kind = 0; kind < KINDS; kind++) {
			EXPECT_EQ(1, follow_refusal(_metadata, &self->session,
						    &self->actor, create, kind,
						    -EAGAIN, kind_name[kind]));
		}
	}
	session_finish(_metadata, &self->session, self->actor.pid);
	EXPECT_EQ(2 * KINDS, self->session.failed);
	EXPECT_EQ(0, self->session.born);
}

TEST_F_TIMEOUT(creation, pids_cgroup_refuses_and_leaks_nothing, 120)
{
	struct cgroup cg;
	int kind;

	cgroup_make(_metadata, &cg);
	EXPECT_EQ(0, cgroup_write(cg.path, "pids.max", "1"));
	EXPECT_EQ(0, cgroup_move(&cg, self->actor.pid));
	for (kind = 0; kind < KINDS; kind++) {
		EXPECT_EQ(1, follow_refusal(_metadata, &self->session,
					    &self->actor, create, kind,
					    -EAGAIN, kind_name[kind]));
	}
	EXPECT_EQ(0, cgroup_write(cg.path, "pids.max", "max"));
	EXPECT_LT(0, session_serve_order(_metadata, &self->session,
					 &self->actor, create, BY_FORK));
	actor_end(&self->actor);
	cgroup_remove(&cg);
}

/*
 * A full PID space: pid_max leaves one number above those reserved, and that
 * one is in use or free as the test wants it.
 */
#define PID_MAX		"/proc/sys/kernel/pid_max"
#define RESERVED_PIDS	300

static void set_pid_max(int max)
{
	char text[16];
	ssize_t n;
	int fd = open(PID_MAX, O_WRONLY | O_CLOEXEC);

	n = snprintf(text, sizeof(text), "%d", max);
	if (fd < 0 || write(fd, text, n) != n)
		perror(PID_MAX);
	close(fd);
}

FIXTURE(crowd)
{
	struct actor watched;
	struct actor plain;
	struct session session;
	int pid_max;		/* before */
	pid_t last;		/* the only free number */
};

/* Gives the machine its numbers back even when this process is killed. */
static void guard_pid_max(struct __test_metadata *_metadata, int pid_max)
{
	int line[2];
	char byte;
	pid_t pid;

	ASSERT_EQ(0, pipe2(line, O_CLOEXEC));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		setpgid(0, 0);
		close(line[1]);
		if (read(line[0], &byte, 1) <= 0)
			set_pid_max(pid_max);
		_exit(0);
	}
	close(line[0]);
}

FIXTURE_SETUP(crowd)
{
	FILE *f = fopen(PID_MAX, "re");
	pid_t pid;
	int i;

	ASSERT_NE(NULL, f);
	ASSERT_EQ(1, fscanf(f, "%d", &self->pid_max));
	fclose(f);

	actor_start(_metadata, &self->watched);
	actor_start(_metadata, &self->plain);
	session_open(_metadata, &self->session);
	guard_pid_max(_metadata, self->pid_max);

	/* Numbers up to RESERVED_PIDS are for the first round only. */
	for (i = 0; i < 2 * RESERVED_PIDS; i++) {
		if (create(BY_VFORK) > RESERVED_PIDS)
			break;
	}
	ASSERT_GT(2 * RESERVED_PIDS, i);
	for (pid = RESERVED_PIDS; !self->last; pid++) {
		if (create_at(pid) == pid)
			self->last = pid;
	}
	set_pid_max(self->last + 1);
}

FIXTURE_TEARDOWN(crowd)
{
	set_pid_max(self->pid_max);
	session_close(&self->session);
	actor_end(&self->watched);
	actor_end(&self->plain);
}

TEST_F_TIMEOUT(crowd, last_number_is_reserved_and_given_back, 90)
{
	const struct prefork_event *e = &self->session.event;

	ASSERT_EQ(0, session_watch(&self->session, self->watched.pid, 0,
				   HOLD_PROCESSES, 0));
	ASSERT_EQ(self->last, actor_do(_metadata, &self->plain, create,
				       BY_FORK));

	actor_send(_metadata, &self->watched, create, BY_FORK);
	session_expect(_metadata, &self->session, PREFORK_EVENT_PREFORK);
	EXPECT_EQ(self->last, e->child);
	EXPECT_EQ(-EAGAIN, actor_do(_metadata, &self->plain, create, BY_FORK));
	EXPECT_EQ(0, prefork_deny(self->session.pf, e->cookie, EPERM));
	EXPECT_EQ(-EPERM, actor_answer(_metadata, &self->watched));

	EXPECT_EQ(self->last, actor_do(_metadata, &self->plain, create,
				       BY_FORK));
	EXPECT_EQ(self->last, session_serve_order(_metadata, &self->session,
						  &self->watched, create,
						  BY_VFORK));
}

static long leave_child(long unused)
{
	pid_t pid = fork();

	if (!pid) {
		pause();
		_exit(unused);
	}
	return pid;
}

static long end_child(long pid)
{
	kill(pid, SIGKILL);
	return reap(pid, SIGKILL);
}

TEST_F_TIMEOUT(crowd, full_machine_refuses_as_it_does_unwatched, 90)
{
	int kind;

	ASSERT_EQ(0, session_watch(&self->session, self->watched.pid,
				   PREFORK_WATCH_THREADS, HOLD_ALL, 0));
	ASSERT_EQ(self->last, actor_do(_metadata, &self->plain, leave_child,
				       0));
	for (kind = 0; kind < KINDS; kind++) {
		EXPECT_EQ(-EAGAIN, actor_do(_metadata, &self->plain, create,
					    kind));
		EXPECT_EQ(-EAGAIN, session_serve_order(_metadata,
						       &self->session,
						       &self->watched, create,
						       kind));
	}
	ASSERT_EQ(self->last, actor_do(_metadata, &self->plain, end_child,
				       self->last));
	EXPECT_EQ(self->last, session_serve_order(_metadata, &self->session,
						  &self->watched, create,
						  BY_FORK));
	session_finish(_metadata, &self->session, self->watched.pid);
	EXPECT_EQ(0, session_pending(&self->session));
}

TEST_HARNESS_MAIN
