// SPDX-License-Identifier: GPL-2.0
/*
 * dying - namespaces that end while tasks are held, or with their owner in them
 *
 * A PID namespace ends with its first process. That waits until all others are
 * gone and all numbers given back; nothing here has a deadline, and the owner
 * does not answer.
 */
#define _GNU_SOURCE
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>

#include "create.h"
#include "proc.h"
#include "raw.h"
#include "session.h"

#define MEMBERS		6
#define AT_ONCE_MS	5000	/* under emulation, with all debugging */

/* A PID namespace of processes that the test started. */
struct realm {
	struct actor first;
	struct actor members[MEMBERS];
};

static void enter_pid_namespace(struct __test_metadata *_metadata, pid_t pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, setns(fd, CLONE_NEWPID));
	close(fd);
}

static long own_number(long unused)
{
	return getpid() + unused;
}

static void realm_start(struct __test_metadata *_metadata, struct realm *realm)
{
	int i;

	ASSERT_EQ(0, unshare(CLONE_NEWPID));
	actor_start(_metadata, &realm->first);
	for (i = 0; i < MEMBERS; i++)
		actor_start(_metadata, &realm->members[i]);
	enter_pid_namespace(_metadata, getpid());
	ASSERT_EQ(1, actor_do(_metadata, &realm->first, own_number, 0));
}

static void realm_end(struct realm *realm)
{
	int i;

	for (i = 0; i < MEMBERS; i++)
		actor_end(&realm->members[i]);
	actor_end(&realm->first);
}

/* Kills the first process: all the others go, and then it does. */
static void realm_dies(struct __test_metadata *_metadata, struct realm *realm)
{
	long long begin = now_ms();
	int i;

	ASSERT_EQ(0, kill(realm->first.pid, SIGKILL));
	for (i = 0; i < MEMBERS; i++) {
		EXPECT_EQ(SIGKILL, actor_wait(_metadata, &realm->members[i]));
	}
	EXPECT_EQ(SIGKILL, actor_wait(_metadata, &realm->first));
	EXPECT_GE(AT_ONCE_MS, now_ms() - begin);
}

static void nothing_left(struct __test_metadata *_metadata, struct session *s)
{
	static const int gauges[] = {
		PREFORK_STAT_WATCHES, PREFORK_STAT_CALLS, PREFORK_STAT_HELD,
		PREFORK_STAT_RESERVED, PREFORK_STAT_QUEUED,
		PREFORK_STAT_ARMED,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(gauges); i++)
		EXPECT_TRUE(session_stat_reaches(_metadata, s, gauges[i], 0));
}

/* All is told, and what was announced has its outcome. */
static void books_balance(struct __test_metadata *_metadata, struct session *s)
{
	nothing_left(_metadata, s);
	while (session_next(_metadata, s, 0))
		;
	EXPECT_EQ(0, session_pending(s));
	EXPECT_EQ(0, s->lost);
}

FIXTURE(realm)
{
	struct session session;
	struct realm realm;
};

FIXTURE_SETUP(realm)
{
	session_open(_metadata, &self->session);
	realm_start(_metadata, &self->realm);
}

FIXTURE_TEARDOWN(realm)
{
	session_close(&self->session);
	realm_end(&self->realm);
}

FIXTURE_VARIANT(realm)
{
	order_fn fn;
	long arg;
	uint32_t flags, hold;
};

FIXTURE_VARIANT_ADD(realm, of_vforks)
{
	.fn = create,
	.arg = BY_VFORK,
	.hold = PREFORK_HOLD_VFORK,
};

FIXTURE_VARIANT_ADD(realm, of_forks)
{
	.fn = create,
	.arg = BY_CLONE3,
	.flags = PREFORK_WATCH_TREE,
	.hold = PREFORK_HOLD_FORK,
};

FIXTURE_VARIANT_ADD(realm, of_thread_creations)
{
	.fn = create,
	.arg = BY_RAW_THREAD,
	.flags = PREFORK_WATCH_THREADS,
	.hold = PREFORK_HOLD_THREAD,
};

FIXTURE_VARIANT_ADD(realm, of_first_processes)
{
	.fn = create,
	.arg = BY_NEW_NAMESPACE,
	.hold = PREFORK_HOLD_FORK,
};

FIXTURE_VARIANT_ADD(realm, of_newborns)
{
	.fn = create,
	.arg = BY_CLONE3,
	.flags = PREFORK_WATCH_TREE,
	.hold = PREFORK_HOLD_BIRTH,
};

FIXTURE_VARIANT_ADD(realm, of_vforked_newborns)
{
	.fn = create,
	.arg = BY_VFORK,
	.hold = PREFORK_HOLD_BIRTH,
};

FIXTURE_VARIANT_ADD(realm, of_newborn_threads)
{
	.fn = create,
	.arg = BY_RAW_THREAD,
	.flags = PREFORK_WATCH_THREADS,
	.hold = PREFORK_HOLD_BIRTH_THREAD,
};

FIXTURE_VARIANT_ADD(realm, of_first_processes_newborn)
{
	.fn = create,
	.arg = BY_NEW_NAMESPACE,
	.flags = PREFORK_WATCH_TREE,
	.hold = PREFORK_HOLD_BIRTH,
};

FIXTURE_VARIANT_ADD(realm, of_programs)
{
	.fn = create,
	.arg = BY_SPAWN,
	.flags = PREFORK_WATCH_TREE,
	.hold = PREFORK_HOLD_EXEC,
};

static pid_t hold_one(struct __test_metadata *_metadata, struct session *s,
		      struct actor *actor, const FIXTURE_VARIANT(realm) *v)
{
	ASSERT_EQ(0, session_watch(s, actor->pid, v->flags, v->hold, 0));
	actor_send(_metadata, actor, v->fn, v->arg);
	do {
		ASSERT_TRUE(session_next(_metadata, s, PATIENCE_MS));
	} while (!prefork_event_is_hold(&s->event));
	return s->event.tid;
}

static void stop(struct __test_metadata *_metadata, pid_t tid)
{
	ASSERT_EQ(0, kill(tid, SIGSTOP));
	ASSERT_TRUE(proc_state_reaches(tid, 'T'));
}

/* Every second one is parked, where it can be. */
static void hold_members(struct __test_metadata *_metadata,
			 FIXTURE_DATA(realm) *self,
			 const FIXTURE_VARIANT(realm) *variant)
{
	pid_t tid;
	int i;

	for (i = 0; i < MEMBERS; i++) {
		tid = hold_one(_metadata, &self->session,
			       &self->realm.members[i], variant);
		if (i % 2)
			stop(_metadata, tid);
	}
	EXPECT_EQ(MEMBERS, session_stat(_metadata, &self->session,
					PREFORK_STAT_HELD));
}

TEST_F_TIMEOUT(realm, ends_though_its_tasks_are_held, 120)
{
	hold_members(_metadata, self, variant);
	realm_dies(_metadata, &self->realm);
	books_balance(_metadata, &self->session);
}

TEST_F_TIMEOUT(realm, ends_though_its_first_process_is_held, 120)
{
	hold_members(_metadata, self, variant);
	hold_one(_metadata, &self->session, &self->realm.first, variant);
	realm_dies(_metadata, &self->realm);
	books_balance(_metadata, &self->session);
}

/* Namespaces in it, and the tasks that are held there, end with it. */
FIXTURE(nest)
{
	struct session session;
	struct realm realm;
};

FIXTURE_SETUP(nest)
{
	session_open(_metadata, &self->session);
	realm_start(_metadata, &self->realm);
}

FIXTURE_TEARDOWN(nest)
{
	session_close(&self->session);
	realm_end(&self->realm);
}

static long create_below(long kind)
{
	long pid = clone_raw(CLONE_NEWPID | SIGCHLD, NULL, NULL);

	if (!pid)
		_exit(create(kind) > 0 ? 0 : 1);
	return reap(pid, 0);
}

/* The first process below is let go on; what it creates is not. */
static void hold_below(struct __test_metadata *_metadata, struct session *s,
		       struct actor *actor, enum kind kind)
{
	ASSERT_EQ(0, session_watch(s, actor->pid,
				   PREFORK_WATCH_TREE | PREFORK_WATCH_THREADS,
				   HOLD_ALL, 0));
	actor_send(_metadata, actor, create_below, kind);
	session_expect(_metadata, s, PREFORK_EVENT_PREFORK);
	session_release(_metadata, s);
	session_expect(_metadata, s, PREFORK_EVENT_BORN);
	session_expect(_metadata, s, PREFORK_EVENT_PREFORK);
	ASSERT_NE(actor->pid, s->event.pid);
	ASSERT_NE(0, s->event.cookie);
}

TEST_F_TIMEOUT(nest, ends_though_tasks_are_held_below, 120)
{
	int i;

	for (i = 0; i < MEMBERS; i++) {
		hold_below(_metadata, &self->session, &self->realm.members[i],
			   i % KINDS);
	}
	realm_dies(_metadata, &self->realm);
	books_balance(_metadata, &self->session);
	EXPECT_EQ(MEMBERS, self->session.failed);
}

/* Only the namespace below ends. Its parent lives, and hears of that. */
TEST_F_TIMEOUT(nest, outlives_one_below_that_ends_while_held, 120)
{
	struct actor *parent = &self->realm.members[0];
	struct session *s = &self->session;

	hold_below(_metadata, s, parent, BY_VFORK);
	ASSERT_EQ(0, kill(s->event.pid, SIGKILL));
	EXPECT_EQ(BROKEN, actor_answer(_metadata, parent));
	session_expect(_metadata, s, PREFORK_EVENT_FORK_FAILED);
	session_expect(_metadata, s, PREFORK_EVENT_EXIT);
	EXPECT_LT(0, session_serve_order(_metadata, s, parent, create,
					 BY_FORK));
	realm_dies(_metadata, &self->realm);
	books_balance(_metadata, s);
}

/* The owner is in the namespace that ends, as whom it holds. */
FIXTURE(owner)
{
	struct session session;		/* looks on, from outside */
	struct realm realm;
};

FIXTURE_SETUP(owner)
{
	session_open(_metadata, &self->session);
	realm_start(_metadata, &self->realm);
}

FIXTURE_TEARDOWN(owner)
{
	session_close(&self->session);
	realm_end(&self->realm);
}

/* In the owner: a session of its own, never closed. */
static struct prefork *owned;

static int own_with(pid_t pid, uint32_t hold)
{
	const struct prefork_watch_options opts = {
		.flags = PREFORK_WATCH_TREE | PREFORK_WATCH_THREADS,
		.hold = hold,
		.has_timeout = true,
	};
	int ret = owned ? 0 : prefork_open(&owned);

	return ret ? ret : prefork_watch(owned, pid, &opts);
}

static long own(long pid)
{
	return own_with(pid, HOLD_ALL);
}

static long own_unheld(long pid)
{
	return own_with(pid, 0);
}

/* A child that creates when it is watched. */
static long own_a_child(long kind)
{
	int go[2];
	char byte;
	pid_t pid;

	if (pipe2(go, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (!pid) {
		if (read(go[0], &byte, 1) == 1)
			create(kind);
		_exit(0);
	}
	if (own(pid) || write(go[1], "x", 1) != 1)
		return BROKEN;
	return 0;
}

static void hold_for(struct __test_metadata *_metadata,
		     FIXTURE_DATA(owner) *self, struct actor *owner)
{
	struct realm *realm = &self->realm;
	int i, held = 0;

	for (i = 0; i < MEMBERS; i++) {
		if (owner == &realm->members[i])
			continue;
		ASSERT_EQ(0, actor_do(_metadata, owner, own,
				      actor_do(_metadata, &realm->members[i],
					       own_number, 0)));
		actor_send(_metadata, &realm->members[i], create, i % KINDS);
		held++;
	}
	ASSERT_EQ(0, actor_do(_metadata, owner, own_a_child, BY_CLONE3));
	ASSERT_EQ(0, actor_do(_metadata, owner, own_a_child, BY_VFORK));
	ASSERT_TRUE(session_stat_reaches(_metadata, &self->session,
					 PREFORK_STAT_HELD, held + 2));
}

static void nothing_left_of_owner(struct __test_metadata *_metadata,
				  struct session *s)
{
	nothing_left(_metadata, s);
	EXPECT_TRUE(session_stat_reaches(_metadata, s, PREFORK_STAT_OWNERS,
					 0));
}

TEST_F_TIMEOUT(owner, ends_with_its_namespace_and_all_it_holds, 120)
{
	hold_for(_metadata, self, &self->realm.members[0]);
	realm_dies(_metadata, &self->realm);
	nothing_left_of_owner(_metadata, &self->session);
}

TEST_F_TIMEOUT(owner, can_be_the_first_process, 120)
{
	hold_for(_metadata, self, &self->realm.first);
	realm_dies(_metadata, &self->realm);
	nothing_left_of_owner(_metadata, &self->session);
}

TEST_F_TIMEOUT(owner, can_hold_the_first_process, 120)
{
	struct actor *owner = &self->realm.members[0];

	hold_for(_metadata, self, owner);
	ASSERT_EQ(0, actor_do(_metadata, owner, own, 1));
	actor_send(_metadata, &self->realm.first, create, BY_VFORK);
	ASSERT_TRUE(session_stat_reaches(_metadata, &self->session,
					 PREFORK_STAT_HELD, MEMBERS + 2));
	realm_dies(_metadata, &self->realm);
	nothing_left_of_owner(_metadata, &self->session);
}

/* Children that are put in from outside. */
struct outside {
	struct session session;
	struct actor first;
	struct actor parent;
	struct actor prober;		/* another, whom nobody watches */
};

static long put_children_into(long pid)
{
	int pidfd = open_pidfd(pid), ret;

	ret = setns(pidfd, CLONE_NEWPID) ? -errno : 0;
	close(pidfd);
	return ret;
}

static void outside_start(struct __test_metadata *_metadata,
			  struct outside *outside)
{
	session_open(_metadata, &outside->session);
	ASSERT_EQ(0, unshare(CLONE_NEWPID));
	actor_start(_metadata, &outside->first);
	enter_pid_namespace(_metadata, getpid());
	actor_start(_metadata, &outside->parent);
	actor_start(_metadata, &outside->prober);
	ASSERT_EQ(0, actor_do(_metadata, &outside->parent, put_children_into,
			      outside->first.pid));
	ASSERT_EQ(0, actor_do(_metadata, &outside->prober, put_children_into,
			      outside->first.pid));
}

static void outside_end(struct outside *outside)
{
	session_close(&outside->session);
	actor_end(&outside->parent);
	actor_end(&outside->prober);
	actor_end(&outside->first);
}

static void hold_outside(struct __test_metadata *_metadata,
			 struct outside *outside, uint32_t hold,
			 uint32_t timeout_ms)
{
	ASSERT_EQ(0, session_watch(&outside->session, outside->parent.pid,
				   PREFORK_WATCH_TREE, hold, timeout_ms));
	actor_send(_metadata, &outside->parent, create, BY_CLONE3);
	do {
		ASSERT_TRUE(session_next(_metadata, &outside->session,
					 PATIENCE_MS));
	} while (!prefork_event_is_hold(&outside->session.event));
}

/* From here on nobody gets a child into it. */
static void first_dies(struct __test_metadata *_metadata,
		       struct outside *outside)
{
	long long end = now_ms() + PATIENCE_MS;

	ASSERT_EQ(0, kill(outside->first.pid, SIGKILL));
	while (actor_do(_metadata, &outside->prober, create, BY_CLONE3) !=
	       -ENOMEM)
		ASSERT_LT(now_ms(), end);
}

/*
 * The child has no number yet in the namespace, which does not wait for the
 * parent's hold to end. There is no child then.
 */
enum ending { RELEASED, UNWATCHED, CLOSED, EXPIRED, KILLED };

FIXTURE(parent_outside)
{
	struct outside outside;
};

FIXTURE_VARIANT(parent_outside)
{
	enum ending ending;
};

FIXTURE_VARIANT_ADD(parent_outside, that_is_released)
{
	.ending = RELEASED,
};

FIXTURE_VARIANT_ADD(parent_outside, that_is_unwatched)
{
	.ending = UNWATCHED,
};

FIXTURE_VARIANT_ADD(parent_outside, whose_owner_goes)
{
	.ending = CLOSED,
};

FIXTURE_VARIANT_ADD(parent_outside, whose_deadline_passes)
{
	.ending = EXPIRED,
};

FIXTURE_VARIANT_ADD(parent_outside, that_is_killed)
{
	.ending = KILLED,
};

FIXTURE_SETUP(parent_outside)
{
	outside_start(_metadata, &self->outside);
}

FIXTURE_TEARDOWN(parent_outside)
{
	outside_end(&self->outside);
}

static void end_hold(struct __test_metadata *_metadata,
		     struct outside *outside, enum ending ending)
{
	struct session *s = &outside->session;

	switch (ending) {
	case RELEASED:
		ASSERT_EQ(0, prefork_release(s->pf, s->event.cookie));
		break;
	case UNWATCHED:
		ASSERT_EQ(0, prefork_unwatch_all(s->pf));
		break;
	case CLOSED:
		session_close(s);
		session_open(_metadata, s);
		break;
	case EXPIRED:
		session_expect(_metadata, s, PREFORK_EVENT_TIMEOUT);
		break;
	case KILLED:
		ASSERT_EQ(0, kill(outside->parent.pid, SIGKILL));
		break;
	}
}

static void expect_no_child(struct __test_metadata *_metadata,
			    struct outside *outside, enum ending ending)
{
	struct session *s = &outside->session;

	if (ending == KILLED) {
		EXPECT_EQ(SIGKILL, actor_wait(_metadata, &outside->parent));
	} else {
		EXPECT_EQ(-ENOMEM, actor_answer(_metadata, &outside->parent));
	}
	if (ending == CLOSED)
		return;
	session_await(_metadata, s, PREFORK_EVENT_FORK_FAILED);
	EXPECT_EQ(ending == KILLED ? ECANCELED : ENOMEM, s->event.error);
	if (ending != UNWATCHED && ending != KILLED)
		session_finish(_metadata, s, outside->parent.pid);
}

TEST_F_TIMEOUT(parent_outside, gets_no_child_into_what_ends, 60)
{
	struct outside *outside = &self->outside;

	hold_outside(_metadata, outside, PREFORK_HOLD_FORK,
		     variant->ending == EXPIRED ? 4000 : 0);
	first_dies(_metadata, outside);
	EXPECT_EQ(SIGKILL, actor_wait(_metadata, &outside->first));
	end_hold(_metadata, outside, variant->ending);
	expect_no_child(_metadata, outside, variant->ending);
	books_balance(_metadata, &outside->session);
}

FIXTURE(child_from_outside)
{
	struct outside outside;
};

FIXTURE_SETUP(child_from_outside)
{
	outside_start(_metadata, &self->outside);
}

FIXTURE_TEARDOWN(child_from_outside)
{
	outside_end(&self->outside);
}

TEST_F_TIMEOUT(child_from_outside, that_is_held_ends_with_the_others, 60)
{
	struct outside *outside = &self->outside;

	hold_outside(_metadata, outside, PREFORK_HOLD_BIRTH, 0);
	first_dies(_metadata, outside);
	EXPECT_EQ(SIGKILL, actor_wait(_metadata, &outside->first));
	EXPECT_EQ(BROKEN, actor_answer(_metadata, &outside->parent));
	session_finish(_metadata, &outside->session, outside->parent.pid);
	books_balance(_metadata, &outside->session);
}

/* As unshare -Urp --fork makes it. */
FIXTURE(container)
{
	struct session session;
	struct actor actor;
};

FIXTURE_SETUP(container)
{
	session_open(_metadata, &self->session);
	actor_start(_metadata, &self->actor);
}

FIXTURE_TEARDOWN(container)
{
	session_close(&self->session);
	actor_end(&self->actor);
}

static long contain(long unused)
{
	return unshare(CLONE_NEWUSER | CLONE_NEWPID) ? -errno : unused;
}

/* The first process creates, and does nothing else. */
static long create_contained(long kind)
{
	long pid = clone_raw(SIGCHLD, NULL, NULL);

	if (!pid)
		_exit(getpid() == 1 && create(kind) > 0 ? 0 : 1);
	return reap(pid, 0);
}

/* Reads on to the hold of something by @pid, or of itself. */
static void await_hold(struct __test_metadata *_metadata, struct session *s,
		       pid_t pid)
{
	do {
		ASSERT_TRUE(session_next(_metadata, s, PATIENCE_MS));
	} while (!prefork_event_is_hold(&s->event));
	EXPECT_EQ(pid, s->event.pid);
}

static pid_t begin_contained(struct __test_metadata *_metadata,
			     FIXTURE_DATA(container) *self)
{
	struct session *s = &self->session;

	ASSERT_EQ(0, actor_do(_metadata, &self->actor, contain, 0));
	ASSERT_EQ(0, session_watch(s, self->actor.pid, PREFORK_WATCH_TREE,
				   HOLD_PROCESSES | PREFORK_HOLD_BIRTH, 0));
	actor_send(_metadata, &self->actor, create_contained, BY_VFORK);
	await_hold(_metadata, s, self->actor.pid);
	return s->event.child;
}

/* A number that is given back is the end of a namespace without a process. */
TEST_F_TIMEOUT(container, dies_before_its_first_process_is_born, 60)
{
	begin_contained(_metadata, self);
	ASSERT_EQ(0, kill(self->actor.pid, SIGKILL));
	EXPECT_EQ(SIGKILL, actor_wait(_metadata, &self->actor));
	books_balance(_metadata, &self->session);
	EXPECT_EQ(1, self->session.failed);
}

TEST_F_TIMEOUT(container, dies_with_its_first_process_held_at_birth, 60)
{
	struct session *s = &self->session;
	pid_t first = begin_contained(_metadata, self);

	session_release(_metadata, s);
	await_hold(_metadata, s, first);
	ASSERT_EQ(0, kill(first, SIGKILL));
	EXPECT_EQ(BROKEN, actor_answer(_metadata, &self->actor));
	session_finish(_metadata, s, self->actor.pid);
	books_balance(_metadata, s);
}

TEST_F_TIMEOUT(container, dies_with_its_first_process_in_a_vfork, 60)
{
	struct session *s = &self->session;
	pid_t first = begin_contained(_metadata, self);

	session_release(_metadata, s);
	await_hold(_metadata, s, first);
	ASSERT_EQ(0, prefork_release(s->pf, s->event.cookie));
	await_hold(_metadata, s, first);
	EXPECT_EQ(PREFORK_EVENT_PREFORK, s->event.type);
	ASSERT_EQ(0, kill(first, SIGKILL));
	EXPECT_EQ(BROKEN, actor_answer(_metadata, &self->actor));
	session_finish(_metadata, s, self->actor.pid);
	books_balance(_metadata, s);
	EXPECT_EQ(1, s->failed);
}

TEST_F_TIMEOUT(container, dies_with_its_second_process_held_at_birth, 60)
{
	struct session *s = &self->session;
	pid_t first = begin_contained(_metadata, self);

	session_release(_metadata, s);
	await_hold(_metadata, s, first);
	ASSERT_EQ(0, prefork_release(s->pf, s->event.cookie));
	await_hold(_metadata, s, first);
	session_release(_metadata, s);
	await_hold(_metadata, s, s->event.child);
	ASSERT_EQ(0, kill(first, SIGKILL));
	EXPECT_EQ(BROKEN, actor_answer(_metadata, &self->actor));
	session_finish(_metadata, s, self->actor.pid);
	books_balance(_metadata, s);
}

/* An owner in a network namespace that nobody else is in. */
FIXTURE(network)
{
	struct session session;		/* looks on, in the initial one */
	struct actor owner;
	struct actor worker;
	struct nl_sock *route;
	int nsid;			/* what the initial one calls it */
};

static long leave_network(long unused)
{
	return unshare(CLONE_NEWNET) ? -errno : unused;
}

/* Asks the network namespace of the test about another one. */
static int ask_nsid(struct nl_sock *route, int type, int attr, int value,
		    int nsid)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, NLM_F_REQUEST |
						      NLM_F_ACK);
	struct rtgenmsg head = { .rtgen_family = AF_UNSPEC };

	nlmsg_append(msg, &head, sizeof(head), NLMSG_ALIGNTO);
	nla_put_s32(msg, attr, value);
	if (type == RTM_NEWNSID)
		nla_put_s32(msg, NETNSA_NSID, nsid);
	return nl_send_sync(route, msg);
}

FIXTURE_SETUP(network)
{
	self->nsid = getpid();	/* nobody else's */
	self->route = nl_socket_alloc();
	ASSERT_EQ(0, nl_connect(self->route, NETLINK_ROUTE));
	session_open(_metadata, &self->session);
	actor_start(_metadata, &self->owner);
	actor_start(_metadata, &self->worker);
	ASSERT_EQ(0, actor_do(_metadata, &self->owner, leave_network, 0));
	ASSERT_EQ(0, ask_nsid(self->route, RTM_NEWNSID, NETNSA_PID,
			      self->owner.pid, self->nsid));
}

FIXTURE_TEARDOWN(network)
{
	session_close(&self->session);
	actor_end(&self->owner);
	actor_end(&self->worker);
	nl_socket_free(self->route);
}

static bool network_is_there(FIXTURE_DATA(network) *self)
{
	return !ask_nsid(self->route, RTM_GETNSID, NETNSA_NSID, self->nsid, 0);
}

static void network_goes(struct __test_metadata *_metadata,
			 FIXTURE_DATA(network) *self)
{
	long long end = now_ms() + PATIENCE_MS;

	while (network_is_there(self) && now_ms() < end)
		pause_briefly();
	EXPECT_FALSE(network_is_there(self));
}

/* In the owner: the number of the child that it has let be born. */
static long serve_one(long unused)
{
	struct prefork_event event;

	if (prefork_next(owned, &event, PATIENCE_MS) != 1 ||
	    event.type != PREFORK_EVENT_PREFORK || !event.cookie ||
	    event.seq != 1 || prefork_release(owned, event.cookie))
		return BROKEN;
	if (prefork_next(owned, &event, PATIENCE_MS) != 1 ||
	    event.type != PREFORK_EVENT_BORN || event.seq != 2)
		return BROKEN;
	return event.pid + unused;
}

TEST_F_TIMEOUT(network, can_be_one_s_own_and_goes_with_the_owner, 60)
{
	long child;

	ASSERT_EQ(0, actor_do(_metadata, &self->owner, own, self->worker.pid));
	actor_send(_metadata, &self->worker, create, BY_CLONE3);
	child = actor_do(_metadata, &self->owner, serve_one, 0);
	EXPECT_LT(0, child);
	EXPECT_EQ(child, actor_answer(_metadata, &self->worker));

	actor_send(_metadata, &self->worker, create, BY_VFORK);
	ASSERT_TRUE(session_stat_reaches(_metadata, &self->session,
					 PREFORK_STAT_HELD, 1));
	EXPECT_TRUE(network_is_there(self));
	actor_end(&self->owner);
	EXPECT_LT(0, actor_answer(_metadata, &self->worker));
	nothing_left_of_owner(_metadata, &self->session);
	network_goes(_metadata, self);
}

/* A vfork of long standing keeps its watch, and by that its owner. */
TEST_F_TIMEOUT(network, goes_at_the_latest_with_the_last_call, 60)
{
	ASSERT_EQ(0, actor_do(_metadata, &self->owner, own_unheld,
			      self->worker.pid));
	EXPECT_LT(0, actor_do(_metadata, &self->worker, vfork_until_told, 0));
	actor_end(&self->owner);
	ASSERT_EQ(1, send(self->worker.sock, "x", 1, 0));
	EXPECT_LT(0, actor_answer(_metadata, &self->worker));
	nothing_left_of_owner(_metadata, &self->session);
	network_goes(_metadata, self);
}

TEST_HARNESS_MAIN
