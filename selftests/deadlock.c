// SPDX-License-Identifier: GPL-2.0
/*
 * deadlock - a thread for each process, and a parent in vfork
 *
 * A monitor whose threads wait for one process each deadlocks on vfork when it
 * hears of a child from the parent; the same monitor does not when prefork
 * tells it before. The former needs no module.
 */
#define _GNU_SOURCE
#include "create.h"
#include "effort.h"
#include "follower.h"
#include "proc.h"

#define ROUNDS	effort_for_kernel(100, 100)
#define DEPTH	3	/* processes in vfork at once, one in the other */
#define THREADS	4	/* in vfork at once, in one process */

/* What vfork() is to the kernel. */
#ifdef SYS_vfork
#define VFORK_CALL	SYS_vfork
#else
#define VFORK_CALL	SYS_clone
#endif

struct scene {
	struct actor root;	/* what is followed */
	struct actor monitor;
};

FIXTURE(ptrace)
{
	struct scene scene;
};

FIXTURE(prefork)
{
	struct scene scene;
};

static void scene_open(struct __test_metadata *_metadata, struct scene *scene)
{
	follower_share(_metadata);
	actor_start(_metadata, &scene->root);
}

/* The monitor first: what it has stopped could not be reaped. */
static void scene_close(struct scene *scene)
{
	actor_end(&scene->monitor);
	actor_end(&scene->root);
}

FIXTURE_SETUP(ptrace)
{
	scene_open(_metadata, &self->scene);
}

FIXTURE_TEARDOWN(ptrace)
{
	scene_close(&self->scene);
}

FIXTURE_SETUP(prefork)
{
	scene_open(_metadata, &self->scene);
}

FIXTURE_TEARDOWN(prefork)
{
	scene_close(&self->scene);
}

static void begin_to_follow_from(struct __test_metadata *_metadata,
				 struct scene *scene, enum source source)
{
	follower_start(_metadata, &scene->monitor, &scene->root, source);
}

/* ---- what is followed ---- */

static void wait_until_told(void)
{
	char byte;

	actor_say(getpid());
	recv(ACTOR_SOCK, &byte, 1, 0);
}

static long nest(long depth, bool told)
{
	pid_t pid = vfork();

	if (!pid) {
		if (depth > 1)
			_exit(nest(depth - 1, told) > 0 ? CHILD_STATUS : 1);
		if (told)
			wait_until_told();
		execl("/bin/true", "true", NULL);
		_exit(127);
	}
	return reap(pid < 0 ? -errno : pid, depth > 1 ? CHILD_STATUS << 8 : 0);
}

/* Each child is in vfork for the next one; the last executes a program. */
static long nest_vforks(long depth)
{
	return nest(depth, false);
}

/* The last one says its number first, and waits to be told. */
static long nest_vforks_until_told(long depth)
{
	return nest(depth, true);
}

static long nest_forks(long depth)
{
	pid_t pid = fork();

	if (!pid) {
		if (depth > 1)
			_exit(nest_forks(depth - 1) > 0 ? CHILD_STATUS : 1);
		execl("/bin/true", "true", NULL);
		_exit(127);
	}
	return reap(pid < 0 ? -errno : pid, depth > 1 ? CHILD_STATUS << 8 : 0);
}

static void *nest_in_thread(void *pid)
{
	*(long *)pid = nest_vforks_until_told(2);
	return NULL;
}

static long nest_in_threads(long count)
{
	pthread_t threads[THREADS];
	long pids[THREADS], i, good = 0;

	for (i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, nest_in_thread, &pids[i]))
			return BROKEN;
	for (i = 0; i < count; i++) {
		pthread_join(threads[i], NULL);
		good += pids[i] > 0;
	}
	return good;
}

/* ---- who waits for what ---- */

struct view {
	char state;
	pid_t tracer;
	long switches;		/* times that it has stopped running */
	long call;		/* the system call that it is in, */
	long arg[2];		/* with */
};

static long status_field(const char *status, const char *name)
{
	const char *found = strstr(status, name);

	return found ? atol(found + strlen(name)) : -1;
}

static bool read_of(pid_t tid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", tid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, size - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	return n > 0;
}

static void look(pid_t tid, struct view *v)
{
	char text[4096];

	memset(v, 0, sizeof(*v));
	v->call = -1;
	v->state = proc_state(tid);
	if (read_of(tid, "status", text, sizeof(text))) {
		v->tracer = status_field(text, "TracerPid:\t");
		v->switches = status_field(text, "\nvoluntary_ctxt_switches:\t") +
			status_field(text, "\nnonvoluntary_ctxt_switches:\t");
	}
	if (read_of(tid, "syscall", text, sizeof(text)))
		sscanf(text, "%ld %lx %lx", &v->call, &v->arg[0], &v->arg[1]);
}

/* Everybody there is. */
enum { PARENT, CHILD, PARENTS_THREAD, CHILDS_THREAD, DISPATCHER, EVERYBODY };

static void look_at_all(struct scene *scene, struct view all[EVERYBODY])
{
	look(follower->followed[0].pid, &all[PARENT]);
	look(follower->followed[1].pid, &all[CHILD]);
	look(follower->followed[0].tid, &all[PARENTS_THREAD]);
	look(follower->followed[1].tid, &all[CHILDS_THREAD]);
	look(scene->monitor.pid, &all[DISPATCHER]);
}

static bool waits_for(const struct view *v, pid_t pid)
{
	return v->state == 'S' && v->call == SYS_waitid &&
		v->arg[0] == P_PID && v->arg[1] == pid;
}

/*
 * Nothing can change any more, unless somebody comes from outside:
 *
 * - The parent is in an uninterruptible wait for its child to execute or to
 *   end. No signal wakes it but SIGKILL, and it reports no event.
 * - The child is in a stop of ptrace, which ends when its tracer, and nobody
 *   else, restarts it or lets it go; or with SIGKILL.
 * - Its tracer is the parent's thread, which waits for the parent.
 * - The child's own thread waits for the parent's thread.
 * - The monitor has no other thread than the first, which waits for Ctrl-C,
 *   nobody else knows of them, and nothing here has a deadline.
 *
 * They are looked at one after the other, so twice: when nobody has run in
 * between, all that was seen was so at once.
 */
static bool deadlocked(struct scene *scene)
{
	struct view now[EVERYBODY], then[EVERYBODY];

	if (count_followed() != 2)
		return false;
	look_at_all(scene, then);
	look_at_all(scene, now);
	return !memcmp(now, then, sizeof(now)) &&
		now[PARENT].state == 'D' && now[PARENT].call == VFORK_CALL &&
		now[CHILD].state == 't' &&
		now[CHILD].tracer == follower->followed[0].tid &&
		waits_for(&now[PARENTS_THREAD], follower->followed[0].pid) &&
		now[CHILDS_THREAD].state == 'S' &&
		now[CHILDS_THREAD].call == SYS_futex &&
		now[DISPATCHER].state == 'S';
}

static bool deadlocks(struct scene *scene)
{
	long long end = now_ms() + PATIENCE_MS;

	while (!deadlocked(scene)) {
		if (actor_speaks(&scene->root, 0) || now_ms() > end)
			return false;
		pause_briefly();
	}
	return true;
}

static void log_all(struct __test_metadata *_metadata, struct scene *scene)
{
	static const char *const name[EVERYBODY] = {
		"parent", "child", "parent's thread", "child's thread",
		"dispatcher",
	};
	struct view all[EVERYBODY];
	int i;

	look_at_all(scene, all);
	for (i = 0; i < EVERYBODY; i++) {
		TH_LOG("%s: %c, traced by %d, in call %ld", name[i],
		       all[i].state ?: '-', all[i].tracer, all[i].call);
	}
}

/* ---- what was seen ---- */

/* Each child has been followed by its own thread, from birth to end. */
static void expect_followed(struct __test_metadata *_metadata, int count)
{
	int i;

	ASSERT_EQ(count + 1, follower->count);
	EXPECT_FALSE(follower->followed[0].ended);
	for (i = 1; i <= count; i++) {
		struct followed *p = &follower->followed[i];

		ASSERT_EQ(0, p->error);
		ASSERT_EQ(follower->source == FROM_PREFORK, p->cookie != 0);
		ASSERT_TRUE(p->ended);
		/* Those that create exit, the others execute. */
		ASSERT_EQ(p->execs ? 0 : CHILD_STATUS << 8, p->status);
	}
}

static int count_execs(void)
{
	int i, execs = 0;

	for (i = 1; i < follower->count; i++)
		execs += follower->followed[i].execs;
	return execs;
}

/* Ctrl-C when all is over: the root is left as it was found. */
static void stop_following(struct __test_metadata *_metadata,
			   struct scene *scene, int count, int execs)
{
	struct view root;

	follower_interrupt(_metadata, &scene->monitor);
	expect_followed(_metadata, count);
	ASSERT_EQ(execs, count_execs());
	look(scene->root.pid, &root);
	ASSERT_EQ(0, root.tracer);
}

static void follow_order(struct __test_metadata *_metadata,
			 struct scene *scene, enum source source, order_fn fn)
{
	begin_to_follow_from(_metadata, scene, source);
	ASSERT_LT(0, actor_do(_metadata, &scene->root, fn, DEPTH));
	stop_following(_metadata, scene, DEPTH, 1);
}

/* It works, and it is not for want of skill that it deadlocks. */
TEST_F_TIMEOUT(ptrace, follows_forks, 120)
{
	follow_order(_metadata, &self->scene, FROM_PTRACE, nest_forks);
}

static void deadlock_once(struct __test_metadata *_metadata,
			  struct scene *scene)
{
	begin_to_follow_from(_metadata, scene, FROM_PTRACE);
	actor_send(_metadata, &scene->root, nest_vforks, DEPTH);
	ASSERT_TRUE(deadlocks(scene)) {
		log_all(_metadata, scene);
	}
	EXPECT_FALSE(actor_speaks(&scene->root, 0));

	/* From outside: no tracer, and no stop between two of them. */
	actor_end(&scene->monitor);
	ASSERT_EQ(0, kill(follower->followed[1].pid, SIGCONT));
	ASSERT_LT(0, actor_answer(_metadata, &scene->root));
}

TEST_F_TIMEOUT(ptrace, deadlocks_on_vfork_each_time, 500)
{
	int round;

	for (round = 0; round < ROUNDS; round++)
		deadlock_once(_metadata, &self->scene);
}

TEST_F_TIMEOUT(prefork, follows_forks, 120)
{
	follow_order(_metadata, &self->scene, FROM_PREFORK, nest_forks);
}

TEST_F_TIMEOUT(prefork, follows_nested_vforks_each_time, 500)
{
	int round;

	for (round = 0; round < ROUNDS; round++)
		follow_order(_metadata, &self->scene, FROM_PREFORK,
			     nest_vforks);
}

/* In the middle of it: everybody waits, but for the last child, which can go. */
static void expect_no_deadlock(struct __test_metadata *_metadata,
			       struct scene *scene)
{
	struct view process, thread;
	int i;

	ASSERT_EQ(DEPTH + 1, follower->count);
	for (i = 0; i <= DEPTH; i++) {
		struct followed *p = &follower->followed[i];

		ASSERT_TRUE(proc_state_reaches(p->pid, i < DEPTH ? 'D' : 'S'));
		ASSERT_TRUE(proc_state_reaches(p->tid, 'S'));
		look(p->pid, &process);
		EXPECT_EQ(p->tid, process.tracer);
		look(p->tid, &thread);
		EXPECT_TRUE(waits_for(&thread, p->pid));
	}
	EXPECT_FALSE(actor_speaks(&scene->root, 0));
}

/* Lets @count children go on that wait until they are told. */
static void tell(struct __test_metadata *_metadata, struct actor *a, int count)
{
	while (count--)
		ASSERT_EQ(1, send(a->sock, "", 1, MSG_NOSIGNAL));
}

static void begin_nest(struct __test_metadata *_metadata, struct scene *scene)
{
	actor_send(_metadata, &scene->root, nest_vforks_until_told, DEPTH);
	ASSERT_LT(0, actor_answer(_metadata, &scene->root));
}

TEST_F_TIMEOUT(prefork, lets_each_thread_wait_for_its_own, 120)
{
	struct scene *scene = &self->scene;

	begin_to_follow_from(_metadata, scene, FROM_PREFORK);
	begin_nest(_metadata, scene);
	expect_no_deadlock(_metadata, scene);
	tell(_metadata, &scene->root, 1);
	EXPECT_LT(0, actor_answer(_metadata, &scene->root));
	stop_following(_metadata, scene, DEPTH, 1);
}

TEST_F_TIMEOUT(prefork, follows_vforks_of_several_threads_at_once, 120)
{
	struct scene *scene = &self->scene;
	int i;

	begin_to_follow_from(_metadata, scene, FROM_PREFORK);
	actor_send(_metadata, &scene->root, nest_in_threads, THREADS);
	for (i = 0; i < THREADS; i++)
		ASSERT_LT(0, actor_answer(_metadata, &scene->root));
	tell(_metadata, &scene->root, THREADS);
	EXPECT_EQ(THREADS, actor_answer(_metadata, &scene->root));
	stop_following(_metadata, scene, 2 * THREADS, THREADS);
}

/* The monitor ends while DEPTH processes are in vfork, or are about to be. */
FIXTURE(window)
{
	struct scene scene;
};

FIXTURE_VARIANT(window)
{
	uint32_t dwell;		/* not to be answered for the last child */
};

FIXTURE_VARIANT_ADD(window, with_the_parent_held)
{
	.dwell = PREFORK_EVENT_PREFORK,
};

FIXTURE_VARIANT_ADD(window, with_the_child_held)
{
	.dwell = PREFORK_EVENT_BORN,
};

FIXTURE_VARIANT_ADD(window, with_nobody_held)
{
	.dwell = 0,
};

FIXTURE_SETUP(window)
{
	scene_open(_metadata, &self->scene);
	follower->dwell = variant->dwell;
	follower->dwell_count = DEPTH;
}

FIXTURE_TEARDOWN(window)
{
	scene_close(&self->scene);
}

static bool dwells(void)
{
	long long end = now_ms() + PATIENCE_MS;

	while (!__atomic_load_n(&follower->dwells, __ATOMIC_SEQ_CST)) {
		if (now_ms() > end)
			return false;
		pause_briefly();
	}
	return true;
}

/* The last process that has been born: held, or it holds the others up. */
static pid_t last_born(void)
{
	return follower->followed[follower->count - 1].pid;
}

static void enter_window(struct __test_metadata *_metadata,
			 struct scene *scene)
{
	begin_to_follow_from(_metadata, scene, FROM_PREFORK);
	if (!follower->dwell) {
		begin_nest(_metadata, scene);
		return;
	}
	actor_send(_metadata, &scene->root, nest_vforks_until_told, DEPTH);
	ASSERT_TRUE(dwells());
	ASSERT_TRUE(proc_state_reaches(last_born(), 'S'));
	EXPECT_EQ('D', proc_state(scene->root.pid));
	EXPECT_FALSE(actor_speaks(&scene->root, 50));
}

/* Untraced, and as if there had never been a monitor. */
static void run_on_without_monitor(struct __test_metadata *_metadata,
				   struct scene *scene)
{
	struct view root;

	if (follower->dwell)
		ASSERT_LT(0, actor_answer(_metadata, &scene->root));
	EXPECT_EQ('D', proc_state(scene->root.pid));
	look(scene->root.pid, &root);
	EXPECT_EQ(0, root.tracer);
	EXPECT_FALSE(actor_speaks(&scene->root, 0));
	tell(_metadata, &scene->root, 1);
	EXPECT_LT(0, actor_answer(_metadata, &scene->root));
	EXPECT_LT(0, actor_do(_metadata, &scene->root, nest_vforks, DEPTH));
}

TEST_F_TIMEOUT(window, monitor_can_be_interrupted, 120)
{
	struct scene *scene = &self->scene;

	enter_window(_metadata, scene);
	follower_interrupt(_metadata, &scene->monitor);
	run_on_without_monitor(_metadata, scene);
}

TEST_F_TIMEOUT(window, monitor_can_be_killed, 120)
{
	struct scene *scene = &self->scene;

	enter_window(_metadata, scene);
	actor_end(&scene->monitor);
	run_on_without_monitor(_metadata, scene);
}

TEST_HARNESS_MAIN
