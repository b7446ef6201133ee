// SPDX-License-Identifier: GPL-2.0
/*
 * numbers - an owner knows processes by the numbers of its own PID namespace
 */
#define _GNU_SOURCE
#include "create.h"
#include "session.h"

FIXTURE(numbers)
{
	struct actor actor;
	struct session session;
};

FIXTURE_SETUP(numbers)
{
	actor_start(_metadata, &self->actor);
	session_open(_metadata, &self->session);
}

FIXTURE_TEARDOWN(numbers)
{
	session_close(&self->session);
	actor_end(&self->actor);
}

/* In the namespace: the target, number 2 there, creates number 3. */
static void be_target(int go)
{
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (read(go, &byte, 1) == 1)
		create(BY_VFORK);
	pause();
}

/* In the namespace: number 1 owns number 2. Returns the step that failed. */
static int own_inside(void)
{
	const struct prefork_watch_options opts = {
		.hold = HOLD_PROCESSES,
		.has_timeout = true,
	};
	struct prefork_watched *watched;
	struct prefork_event e;
	struct prefork *pf;
	int go[2];

	if (getpid() != 1 || pipe2(go, O_CLOEXEC))
		return 1;
	switch (fork()) {
	case 0:
		be_target(go[0]);
		_exit(0);
	case 2:
		break;
	default:
		return 2;
	}
	if (prefork_open(&pf) || prefork_watch(pf, 2, &opts))
		return 3;
	if (write(go[1], "x", 1) != 1 ||
	    prefork_next(pf, &e, PATIENCE_MS) != 1)
		return 4;
	if (e.type != PREFORK_EVENT_PREFORK || e.pid != 2 || e.tid != 2 ||
	    e.child != 3 || e.nspid || !e.cookie)
		return 5;
	if (prefork_get(pf, 2, &watched) || watched->pid != 2 ||
	    watched->owner_pid != 1 || watched->held_count != 1 ||
	    watched->held[0].tid != 2 || watched->held[0].child != 3)
		return 6;
	if (prefork_release(pf, e.cookie) ||
	    prefork_next(pf, &e, PATIENCE_MS) != 1)
		return 7;
	if (e.type != PREFORK_EVENT_BORN || e.pid != 3 || e.tid != 3 ||
	    e.ppid != 2)
		return 8;
	prefork_close(pf);
	return 0;
}

static long own_in_new_namespace(long unused)
{
	long pid = clone_raw(CLONE_NEWPID | SIGCHLD, NULL, NULL);
	int status;

	if (!pid) {
		alarm(2 * PATIENCE_MS / 1000);
		_exit(own_inside());
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return BROKEN;
	return status + unused;
}

TEST_F_TIMEOUT(numbers, are_the_inner_ones_for_an_inner_owner, 90)
{
	EXPECT_EQ(0, actor_do(_metadata, &self->actor, own_in_new_namespace,
			      0));
}

/* In a namespace: number 1 creates number 2. Returns what it was told. */
static long create_inside(long unused)
{
	long pid = clone_raw(CLONE_NEWPID | SIGCHLD, NULL, NULL);

	if (!pid)
		_exit(create(BY_VFORK));
	return reap(pid, 2 << 8) + unused;
}

TEST_F_TIMEOUT(numbers, are_the_outer_ones_for_an_outer_owner, 90)
{
	const struct prefork_event *e = &self->session.event;
	pid_t first, second;

	ASSERT_EQ(0, session_watch(&self->session, self->actor.pid,
				   PREFORK_WATCH_TREE, HOLD_PROCESSES, 0));
	actor_send(_metadata, &self->actor, create_inside, 0);
	session_expect(_metadata, &self->session, PREFORK_EVENT_PREFORK);
	first = e->child;
	EXPECT_EQ(0, e->nspid);
	session_release(_metadata, &self->session);
	session_expect(_metadata, &self->session, PREFORK_EVENT_BORN);
	EXPECT_EQ(first, e->pid);
	EXPECT_EQ(1, e->nspid);
	EXPECT_EQ(self->actor.pid, e->ppid);

	session_expect(_metadata, &self->session, PREFORK_EVENT_PREFORK);
	EXPECT_EQ(first, e->pid);
	second = e->child;
	EXPECT_LT(2, second);
	EXPECT_EQ(2, e->nspid);
	EXPECT_EQ(-1, kill(second, 0));
	session_release(_metadata, &self->session);
	session_expect(_metadata, &self->session, PREFORK_EVENT_BORN);
	EXPECT_EQ(second, e->pid);
	EXPECT_EQ(2, e->nspid);
	EXPECT_EQ(first, e->ppid);
	EXPECT_EQ(first, actor_answer(_metadata, &self->actor));
}

/* In a namespace: number 1 creates number 2, which is number 1 further below. */
static long create_further_below(long unused)
{
	long pid = clone_raw(CLONE_NEWPID | SIGCHLD, NULL, NULL);

	if (!pid)
		_exit(create(BY_NEW_NAMESPACE));
	return reap(pid, 2 << 8) + unused;
}

/* Ahead there is only the number that its parent sees. */
TEST_F_TIMEOUT(numbers, of_a_child_further_below_are_told, 90)
{
	const struct prefork_event *e = &self->session.event;
	pid_t second;

	ASSERT_EQ(0, session_watch(&self->session, self->actor.pid,
				   PREFORK_WATCH_TREE, HOLD_PROCESSES, 0));
	actor_send(_metadata, &self->actor, create_further_below, 0);
	session_expect(_metadata, &self->session, PREFORK_EVENT_PREFORK);
	session_release(_metadata, &self->session);
	session_expect(_metadata, &self->session, PREFORK_EVENT_BORN);

	session_expect(_metadata, &self->session, PREFORK_EVENT_PREFORK);
	second = e->child;
	EXPECT_EQ(2, e->nspid);
	session_release(_metadata, &self->session);
	session_expect(_metadata, &self->session, PREFORK_EVENT_BORN);
	EXPECT_EQ(second, e->pid);
	EXPECT_EQ(1, e->nspid);
	EXPECT_LT(0, actor_answer(_metadata, &self->actor));
}

/* A process that the owner's namespace cannot see has no number there. */
static long watch_from_inside(long target)
{
	long pid = clone_raw(CLONE_NEWPID | SIGCHLD, NULL, NULL);
	struct prefork *pf;
	int status;

	if (!pid) {
		if (prefork_open(&pf))
			_exit(0);
		_exit(-prefork_watch(pf, target, NULL));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return BROKEN;
	return -WEXITSTATUS(status);
}

TEST_F_TIMEOUT(numbers, of_processes_outside_mean_nothing_inside, 60)
{
	struct actor target;

	actor_start(_metadata, &target);
	EXPECT_EQ(-ESRCH, actor_do(_metadata, &self->actor, watch_from_inside,
				   target.pid));
	EXPECT_EQ(0, session_watch(&self->session, target.pid, 0, 0, 0));
	actor_end(&target);
}

/* In a namespace: makes its parent's session see things as from inside. */
static int use_inside(struct prefork *pf)
{
	pid_t child = fork();
	int ret;

	if (!child) {
		pause();
		_exit(0);
	}
	ret = prefork_watch(pf, child, NULL);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return -ret;
}

static long watch_by_socket_from_inside(long target)
{
	struct prefork *pf;
	long pid;

	if (prefork_open(&pf))
		return BROKEN;
	pid = clone_raw(CLONE_NEWPID | SIGCHLD, NULL, NULL);
	if (!pid)
		_exit(use_inside(pf));
	if (reap(pid, 0) < 0)
		return BROKEN;
	return prefork_watch(pf, target, NULL);
}

/* Nor for the socket, wherever it is used from. */
TEST_F_TIMEOUT(numbers, of_processes_outside_mean_nothing_to_a_socket_inside,
	       60)
{
	struct actor target;

	actor_start(_metadata, &target);
	EXPECT_EQ(-ESRCH, actor_do(_metadata, &self->actor,
				   watch_by_socket_from_inside, target.pid));
	EXPECT_EQ(0, session_watch(&self->session, target.pid, 0, 0, 0));
	actor_end(&target);
}

TEST_HARNESS_MAIN
