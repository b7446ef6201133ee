// SPDX-License-Identifier: GPL-2.0
/*
 * access - no new power
 *
 * Who may watch whom, and what is said to those who may not.
 */
#define _GNU_SOURCE
#include <linux/landlock.h>

#include "capability.h"
#include "create.h"
#include "proc.h"
#include "session.h"

#define NOBODY	65534

FIXTURE(access)
{
	struct actor target;
	struct actor other;
	struct session session;
};

FIXTURE_SETUP(access)
{
	actor_start(_metadata, &self->target);
	actor_start(_metadata, &self->other);
	session_open(_metadata, &self->session);
}

FIXTURE_TEARDOWN(access)
{
	session_close(&self->session);
	actor_end(&self->target);
	actor_end(&self->other);
}

/* Orders to an actor: one command in a session of its own. */
static struct prefork *session_of_actor(void)
{
	static struct prefork *pf;

	if (!pf)
		prefork_open(&pf);
	return pf;
}

/* A refusal without a word of explanation is BROKEN. */
static long explained(long ret)
{
	return ret < 0 && !prefork_message()[0] ? BROKEN : ret;
}

static long try_watch(long pid)
{
	return explained(prefork_watch(session_of_actor(), pid, NULL));
}

static long try_unwatch(long pid)
{
	return explained(prefork_unwatch(session_of_actor(), pid));
}

static long try_get(long pid)
{
	struct prefork_watched *watched;
	long ret = prefork_get(session_of_actor(), pid, &watched);

	if (!ret)
		free(watched);
	return explained(ret);
}

static int ignore(const struct prefork_watched *watched, void *arg)
{
	(void)watched;
	(void)arg;
	return 0;
}

static long try_dump(long unused)
{
	return prefork_dump(session_of_actor(), ignore, NULL) + unused;
}

static long try_stats(long unused)
{
	struct prefork_stats stats;

	return explained(prefork_stats(session_of_actor(), &stats)) + unused;
}

static long try_release(long cookie)
{
	return explained(prefork_release(session_of_actor(), cookie));
}

static void expect_refused(struct __test_metadata *_metadata,
			   FIXTURE_DATA(access) *self)
{
	pid_t pid = self->target.pid;

	ASSERT_EQ(0, session_watch(&self->session, pid, 0, 0, 0));
	EXPECT_EQ(-EPERM, actor_do(_metadata, &self->other, try_watch, pid));
	EXPECT_EQ(-EPERM, actor_do(_metadata, &self->other, try_get, pid));
	EXPECT_EQ(-EPERM, actor_do(_metadata, &self->other, try_dump, 0));
	EXPECT_EQ(-EPERM, actor_do(_metadata, &self->other, try_stats, 0));
	ASSERT_EQ(0, prefork_unwatch(self->session.pf, pid));
	EXPECT_EQ(-EPERM, actor_do(_metadata, &self->other, try_watch, pid));
}

TEST_F_TIMEOUT(access, root_may_watch, 60)
{
	struct actor *a = &self->other;
	pid_t pid = self->target.pid;

	EXPECT_EQ(0, actor_do(_metadata, a, try_watch, pid));
	EXPECT_EQ(0, actor_do(_metadata, a, try_get, pid));
	EXPECT_EQ(0, actor_do(_metadata, a, try_dump, 0));
	EXPECT_EQ(0, actor_do(_metadata, a, try_stats, 0));
	EXPECT_EQ(0, actor_do(_metadata, a, try_unwatch, pid));
}

TEST_F_TIMEOUT(access, needs_cap_sys_ptrace, 60)
{
	ASSERT_EQ(0, actor_do(_metadata, &self->other, drop_capability,
			      CAP_SYS_PTRACE));
	expect_refused(_metadata, self);
}

TEST_F_TIMEOUT(access, ordinary_user_is_refused, 60)
{
	ASSERT_EQ(0, actor_do(_metadata, &self->other, become_user, NOBODY));
	expect_refused(_metadata, self);
}

/* One's own process is no exception yet. */
TEST_F_TIMEOUT(access, ordinary_user_is_refused_his_own_process, 60)
{
	ASSERT_EQ(0, actor_do(_metadata, &self->target, become_user, NOBODY));
	ASSERT_EQ(0, actor_do(_metadata, &self->other, become_user, NOBODY));
	expect_refused(_metadata, self);
}

static long enter_user_namespace(long unused)
{
	return unshare(CLONE_NEWUSER) ? -errno : unused;
}

TEST_F_TIMEOUT(access, capability_in_another_user_namespace_is_none, 60)
{
	ASSERT_EQ(0, actor_do(_metadata, &self->other, enter_user_namespace,
			      0));
	expect_refused(_metadata, self);
}

/* The right to be had when the socket was opened does not last. */
TEST_F_TIMEOUT(access, capability_is_needed_when_it_is_used, 60)
{
	ASSERT_EQ(0, actor_do(_metadata, &self->other, try_stats, 0));
	ASSERT_EQ(0, actor_do(_metadata, &self->other, drop_capability,
			      CAP_SYS_PTRACE));
	expect_refused(_metadata, self);
}

/* Nor is a socket that somebody without it opened any good to one who has it. */
TEST_F_TIMEOUT(access, capability_is_needed_to_open_the_socket, 60)
{
	struct actor *a = &self->other;

	ASSERT_EQ(0, actor_do(_metadata, a, lower_capability, CAP_SYS_PTRACE));
	EXPECT_EQ(-EPERM, actor_do(_metadata, a, try_stats, 0));
	ASSERT_EQ(0, actor_do(_metadata, a, raise_capability, CAP_SYS_PTRACE));
	expect_refused(_metadata, self);
}

/* What lies outside of its domain a process may not trace, whatever it is. */
static long enter_landlock_domain(long unused)
{
	const struct landlock_ruleset_attr attr = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_MAKE_BLOCK,
	};
	int fd = syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);

	if (fd < 0)
		return -errno;
	return syscall(SYS_landlock_restrict_self, fd, 0) ? -errno : unused;
}

TEST_F_TIMEOUT(access, process_that_may_not_be_traced_is_refused, 60)
{
	long ret = actor_do(_metadata, &self->other, enter_landlock_domain, 0);

	if (ret == -ENOSYS || ret == -EOPNOTSUPP)
		SKIP(return, "no Landlock in this kernel");
	ASSERT_EQ(0, ret);
	EXPECT_EQ(-EPERM, actor_do(_metadata, &self->other, try_watch,
				   self->target.pid));
	EXPECT_EQ(0, actor_do(_metadata, &self->other, try_stats, 0));
}

TEST_F_TIMEOUT(access, kernel_thread_cannot_be_watched, 60)
{
	/* kthreadd */
	EXPECT_EQ(-EPERM, session_watch(&self->session, 2, 0, 0, 0));
	EXPECT_STRNE("", prefork_message());
}

TEST_F_TIMEOUT(access, process_cannot_watch_itself, 60)
{
	EXPECT_EQ(-EDEADLK, session_watch(&self->session, getpid(), 0, 0, 0));
	EXPECT_STRNE("", prefork_message());
}

/* Nor the one that shares the socket, nor that one the owner. */
TEST_F_TIMEOUT(access, process_cannot_watch_itself_by_a_shared_socket, 60)
{
	struct session *s = &self->session;
	pid_t pid;

	ASSERT_EQ(0, session_watch(s, self->target.pid, 0, 0, 0));
	pid = fork();
	if (!pid)
		_exit((session_watch(s, getpid(), 0, 0, 0) != -EDEADLK) +
		      (session_watch(s, getppid(), 0, 0, 0) != -EDEADLK) * 2);
	EXPECT_EQ(pid, reap(pid, 0));
}

TEST_F_TIMEOUT(access, process_has_one_owner, 60)
{
	struct actor *a = &self->other;
	pid_t pid = self->target.pid;

	ASSERT_EQ(0, session_watch(&self->session, pid, 0, 0, 0));
	EXPECT_EQ(-EEXIST, session_watch(&self->session, pid, 0, 0, 0));
	EXPECT_STRNE("", prefork_message());
	EXPECT_EQ(-EBUSY, actor_do(_metadata, a, try_watch, pid));
	EXPECT_EQ(-ESRCH, actor_do(_metadata, a, try_unwatch, pid));

	/* One that was inherited counts as well. */
	session_finish(_metadata, &self->session, pid);
	EXPECT_EQ(0, actor_do(_metadata, a, try_watch, pid));
	EXPECT_EQ(-EBUSY, session_watch(&self->session, pid, 0, 0, 0));
}

TEST_F_TIMEOUT(access, what_is_no_living_process_cannot_be_watched, 60)
{
	struct session *s = &self->session;
	pid_t pid = fork();
	int pidfd;

	if (!pid)
		_exit(0);
	ASSERT_TRUE(proc_state_reaches(pid, 'Z'));
	pidfd = open_pidfd(pid);
	ASSERT_LE(0, pidfd);
	EXPECT_EQ(-ESRCH, session_watch(s, pid, 0, 0, 0));
	EXPECT_STRNE("", prefork_message());
	EXPECT_EQ(-ESRCH, prefork_watch_pidfd(s->pf, pidfd, NULL));
	EXPECT_STRNE("", prefork_message());

	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_EQ(-ESRCH, session_watch(s, pid, 0, 0, 0));
	EXPECT_EQ(-ESRCH, prefork_watch_pidfd(s->pf, pidfd, NULL));
	EXPECT_STRNE("", prefork_message());
	close(pidfd);
}

TEST_F_TIMEOUT(access, descriptor_has_to_be_a_pidfd, 60)
{
	struct session *s = &self->session;

	EXPECT_EQ(-EBADF, prefork_watch_pidfd(s->pf, STDERR_FILENO, NULL));
	EXPECT_STRNE("", prefork_message());
	EXPECT_EQ(-EBADF, prefork_watch_pidfd(s->pf, 999, NULL));
	EXPECT_STRNE("", prefork_message());
	EXPECT_EQ(0, prefork_watch_pidfd(s->pf, self->target.pidfd, NULL));
	EXPECT_EQ(0, prefork_unwatch_pidfd(s->pf, self->target.pidfd));
	EXPECT_EQ(-ESRCH, prefork_unwatch_pidfd(s->pf, self->target.pidfd));
}

static long start_thread(long unused)
{
	static long tid;
	pthread_t thread;

	if (pthread_create(&thread, NULL, tell_tid, &tid))
		return BROKEN;
	/* One that stays. */
	pthread_join(thread, NULL);
	return tid + unused;
}

static void *stay(void *tid)
{
	__atomic_store_n((long *)tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	pause();
	return NULL;
}

static long start_lasting_thread(long unused)
{
	static long tid;
	pthread_t thread;

	if (pthread_create(&thread, NULL, stay, &tid))
		return BROKEN;
	while (!__atomic_load_n(&tid, __ATOMIC_ACQUIRE))
		pause_briefly();
	return tid + unused;
}

TEST_F_TIMEOUT(access, thread_is_not_a_process, 60)
{
	struct session *s = &self->session;
	long tid;

	tid = actor_do(_metadata, &self->target, start_lasting_thread, 0);
	ASSERT_LT(0, tid);
	EXPECT_EQ(-EINVAL, session_watch(s, tid, 0, 0, 0));
	EXPECT_STRNE("", prefork_message());

	/* One that has ended is nothing, as soon as the kernel has let it go,
	 * which is some time after pthread_join().
	 */
	tid = actor_do(_metadata, &self->target, start_thread, 0);
	ASSERT_LT(0, tid);
	while (session_watch(s, tid, 0, 0, 0) == -EINVAL)
		sched_yield();
	EXPECT_EQ(-ESRCH, session_watch(s, tid, 0, 0, 0));
}

TEST_F_TIMEOUT(access, options_that_make_no_sense_are_refused, 60)
{
	struct session *s = &self->session;
	pid_t pid = self->target.pid;

	EXPECT_EQ(-EINVAL, session_watch(s, pid, 0, PREFORK_HOLD_THREAD, 0));
	EXPECT_STRNE("", prefork_message());
	EXPECT_EQ(-EINVAL, session_watch(s, pid, 0x80, 0, 0));
	EXPECT_STRNE("", prefork_message());
	EXPECT_EQ(-EINVAL, session_watch(s, pid, 0, 0x80, 0));
	EXPECT_STRNE("", prefork_message());

	/* A deadline is at most a day. */
	EXPECT_EQ(-ERANGE, session_watch(s, pid, 0, 0, 86400001));
	EXPECT_STRNE("", prefork_message());
	EXPECT_EQ(0, session_watch(s, pid, 0, 0, PREFORK_TIMEOUT_MAX));
}

TEST_F_TIMEOUT(access, hold_is_answered_by_its_owner_only, 60)
{
	struct session *s = &self->session;
	uint64_t cookie;

	ASSERT_EQ(0, session_watch(s, self->target.pid, 0, HOLD_PROCESSES,
				   0));
	actor_send(_metadata, &self->target, create, BY_FORK);
	session_expect(_metadata, s, PREFORK_EVENT_PREFORK);
	cookie = s->event.cookie;
	EXPECT_EQ(-ENOENT, actor_do(_metadata, &self->other, try_release,
				    cookie));
	/* An owner itself, it still is not this one's. */
	EXPECT_EQ(0, actor_do(_metadata, &self->other, try_watch, getpid()));
	EXPECT_EQ(-ENOENT, actor_do(_metadata, &self->other, try_release,
				    cookie));
	EXPECT_FALSE(actor_speaks(&self->target, 100));
	EXPECT_EQ(0, prefork_release(s->pf, cookie));
	EXPECT_LT(0, actor_answer(_metadata, &self->target));
}

TEST_F_TIMEOUT(access, hold_is_answered_once, 60)
{
	struct session *s = &self->session;
	uint64_t cookie;
	int ret;

	ASSERT_EQ(0, session_watch(s, self->target.pid, 0, HOLD_PROCESSES,
				   0));
	actor_send(_metadata, &self->target, create, BY_FORK);
	session_expect(_metadata, s, PREFORK_EVENT_PREFORK);
	cookie = s->event.cookie;
	EXPECT_EQ(0, prefork_release(s->pf, cookie));
	ret = prefork_release(s->pf, cookie);
	EXPECT_TRUE(ret == -EALREADY || ret == -ENOENT);
	EXPECT_STRNE("", prefork_message());
	EXPECT_LT(0, actor_answer(_metadata, &self->target));
	EXPECT_EQ(-ENOENT, prefork_release(s->pf, cookie));
	EXPECT_STRNE("", prefork_message());
}

TEST_F_TIMEOUT(access, watch_says_who_owns_it, 60)
{
	struct session *s = &self->session;
	struct prefork_watched *watched;
	uint64_t cookie;
	pid_t child;

	EXPECT_EQ(-ESRCH, prefork_get(s->pf, self->target.pid, &watched));
	EXPECT_STRNE("", prefork_message());
	ASSERT_EQ(0, session_watch(s, self->target.pid, PREFORK_WATCH_TREE,
				   PREFORK_HOLD_FORK, 12345));
	actor_send(_metadata, &self->target, create, BY_FORK);
	session_expect(_metadata, s, PREFORK_EVENT_PREFORK);
	cookie = s->event.cookie;
	child = s->event.child;

	ASSERT_EQ(0, prefork_get(s->pf, self->target.pid, &watched));
	EXPECT_EQ(self->target.pid, watched->pid);
	EXPECT_STREQ(s->event.comm, watched->comm);
	EXPECT_EQ(PREFORK_WATCH_TREE, watched->flags);
	EXPECT_EQ(PREFORK_HOLD_FORK, watched->hold);
	EXPECT_EQ(12345, watched->timeout_ms);
	EXPECT_EQ(getpid(), watched->owner_pid);
	ASSERT_EQ(1, watched->held_count);
	EXPECT_EQ(self->target.pid, watched->held[0].tid);
	EXPECT_EQ(child, watched->held[0].child);
	EXPECT_EQ(cookie, watched->held[0].cookie);
	EXPECT_EQ(s->event.deadline, watched->held[0].deadline);
	EXPECT_GE(watched->held[0].deadline, watched->held[0].since);
	free(watched);
	EXPECT_EQ(0, prefork_release(s->pf, cookie));
	EXPECT_LT(0, actor_answer(_metadata, &self->target));
}

/* What is not asked to be held is not. */
TEST_F_TIMEOUT(access, only_the_kinds_named_are_held, 60)
{
	static const struct {
		uint32_t hold;
		enum kind kind;
		bool held;
	} rows[] = {
		{ PREFORK_HOLD_VFORK, BY_VFORK, true },
		{ PREFORK_HOLD_VFORK, BY_SPAWN, true },
		{ PREFORK_HOLD_VFORK, BY_FORK, false },
		{ PREFORK_HOLD_VFORK, BY_CLONE3, false },
		{ PREFORK_HOLD_VFORK, BY_THREAD, false },
		{ PREFORK_HOLD_FORK, BY_VFORK, false },
		{ PREFORK_HOLD_FORK, BY_FORK, true },
		{ PREFORK_HOLD_FORK, BY_CLONE3, true },
		{ PREFORK_HOLD_FORK, BY_THREAD, false },
		{ PREFORK_HOLD_THREAD, BY_VFORK, false },
		{ PREFORK_HOLD_THREAD, BY_FORK, false },
		{ PREFORK_HOLD_THREAD, BY_THREAD, true },
	};
	struct session *s = &self->session;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		ASSERT_EQ(0, session_watch(s, self->target.pid,
					   PREFORK_WATCH_THREADS, rows[i].hold,
					   0));
		actor_send(_metadata, &self->target, create, rows[i].kind);
		session_await(_metadata, s, PREFORK_EVENT_PREFORK);
		EXPECT_EQ(rows[i].held, s->event.cookie != 0) {
			TH_LOG("%s with %#x", kind_name[rows[i].kind],
			       rows[i].hold);
		}
		session_release(_metadata, s);
		EXPECT_LT(0, actor_answer(_metadata, &self->target));
		session_finish(_metadata, s, self->target.pid);
	}
}

TEST_HARNESS_MAIN
