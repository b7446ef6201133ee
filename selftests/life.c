// SPDX-License-Identifier: GPL-2.0
/*
 * life - what is told of a process between its birth and its end
 */
#define _GNU_SOURCE
#include <limits.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "create.h"
#include "proc.h"
#include "session.h"

#define MS	1000000ULL	/* in nanoseconds */

FIXTURE(life)
{
	struct actor actor;
	struct session session;
};

FIXTURE_SETUP(life)
{
	actor_start(_metadata, &self->actor);
	session_open(_metadata, &self->session);
}

FIXTURE_TEARDOWN(life)
{
	session_close(&self->session);
	actor_end(&self->actor);
}

static void watch(struct __test_metadata *_metadata,
		  FIXTURE_DATA(life) *self, uint32_t flags, uint32_t hold)
{
	ASSERT_EQ(0, session_watch(&self->session, self->actor.pid, flags,
				   hold, 0)) {
		TH_LOG("%s", prefork_message());
	}
}

/* The next event of that type about a process other than the actor. */
static const struct prefork_event *
await_other(struct __test_metadata *_metadata, FIXTURE_DATA(life) *self,
	    uint32_t type)
{
	do {
		session_await(_metadata, &self->session, type);
	} while (self->session.event.pid == self->actor.pid);
	return &self->session.event;
}

/* Executing a program. */
static char program[PATH_MAX];

static long execute(long unused)
{
	pid_t pid = fork();

	if (!pid) {
		execl(program, "program", NULL);
		_exit(unused + 99);
	}
	return reap(pid, 0);
}

static void expect_exec(struct __test_metadata *_metadata,
			FIXTURE_DATA(life) *self, const char *image)
{
	const struct prefork_event *e;
	char path[PATH_MAX];
	long pid;

	ASSERT_NE(NULL, realpath(image, path));
	watch(_metadata, self, PREFORK_WATCH_TREE, 0);
	pid = actor_do(_metadata, &self->actor, execute, 0);
	ASSERT_LT(0, pid);
	e = session_await(_metadata, &self->session, PREFORK_EVENT_EXEC);
	EXPECT_EQ(pid, e->pid);
	EXPECT_EQ(pid, e->tid);
	EXPECT_EQ(pid, e->old_tid);
	EXPECT_STREQ(path, e->path);
}

TEST_F_TIMEOUT(life, exec_names_the_image, 60)
{
	strcpy(program, "/bin/true");
	/* The program is in the actor: it has to start after this. */
	actor_end(&self->actor);
	actor_start(_metadata, &self->actor);
	expect_exec(_metadata, self, program);
	EXPECT_STREQ("true", self->session.event.comm);
}

TEST_F_TIMEOUT(life, exec_of_a_script_names_its_interpreter, 60)
{
	static const char text[] = "#!/bin/sh\nexit 0\n";
	int fd;

	strcpy(program, "/tmp/prefork-script.XXXXXX");
	fd = mkstemp(program);
	ASSERT_LE(0, fd);
	ASSERT_EQ((ssize_t)strlen(text), write(fd, text, strlen(text)));
	ASSERT_EQ(0, fchmod(fd, 0755));
	close(fd);
	actor_end(&self->actor);
	actor_start(_metadata, &self->actor);
	expect_exec(_metadata, self, "/bin/sh");
	unlink(program);
}

static void *exec_true(void *unused)
{
	execl("/bin/true", "true", NULL);
	return unused;
}

static long execute_in_thread(long unused)
{
	pthread_t thread;
	pid_t pid = fork();

	if (!pid) {
		pthread_create(&thread, NULL, exec_true, NULL);
		for (;;)
			pause();
	}
	return reap(pid, 0) + unused;
}

TEST_F_TIMEOUT(life, exec_by_another_thread_names_it, 60)
{
	const struct prefork_event *e = &self->session.event;
	pid_t tid;
	long pid;

	watch(_metadata, self, PREFORK_WATCH_TREE | PREFORK_WATCH_THREADS, 0);
	pid = actor_do(_metadata, &self->actor, execute_in_thread, 0);
	ASSERT_LT(0, pid);
	do {
		session_await(_metadata, &self->session, PREFORK_EVENT_BORN);
	} while (!e->thread);
	EXPECT_EQ(pid, e->pid);
	tid = e->tid;
	EXPECT_NE(pid, tid);
	session_await(_metadata, &self->session, PREFORK_EVENT_EXEC);
	EXPECT_EQ(pid, e->pid);
	EXPECT_EQ(pid, e->tid);
	EXPECT_EQ(tid, e->old_tid);
	do {
		session_await(_metadata, &self->session, PREFORK_EVENT_EXIT);
	} while (e->thread);
	EXPECT_EQ(pid, e->pid);
	EXPECT_EQ(0, e->status);
}

/* As another user than who created it. */
static long execute_as(long uid)
{
	pid_t pid = fork();

	if (!pid) {
		if (!setresuid(-1, uid, -1))
			execl("/bin/true", "true", NULL);
		_exit(1);
	}
	return reap(pid, 0);
}

TEST_F_TIMEOUT(life, each_event_has_the_effective_user, 60)
{
	const struct prefork_event *e = &self->session.event;

	watch(_metadata, self, PREFORK_WATCH_TREE, 0);
	ASSERT_LT(0, actor_do(_metadata, &self->actor, execute_as, 60001));
	session_expect(_metadata, &self->session, PREFORK_EVENT_PREFORK);
	EXPECT_EQ(geteuid(), e->uid);
	session_expect(_metadata, &self->session, PREFORK_EVENT_BORN);
	EXPECT_EQ(geteuid(), e->uid);
	await_other(_metadata, self, PREFORK_EVENT_EXEC);
	EXPECT_EQ(60001, e->uid);
	await_other(_metadata, self, PREFORK_EVENT_EXIT);
	EXPECT_EQ(60001, e->uid);
}

/* Ending. Positive: with that code, negative: by that signal. */
static long end_with(long how)
{
	const struct rlimit none = { 0, 0 };
	int status;
	pid_t pid = fork();

	if (!pid) {
		setrlimit(RLIMIT_CORE, &none);
		if (how < 0) {
			signal(-how, SIG_DFL);
			kill(getpid(), -how);
		}
		_exit(how);
	}
	return waitpid(pid, &status, 0) == pid ? status : BROKEN;
}

TEST_F_TIMEOUT(life, exit_has_the_status_that_wait_has, 60)
{
	static const int ways[] = {
		0, 1, 42, 255, -SIGKILL, -SIGTERM, -SIGSEGV, -SIGABRT,
	};
	const struct prefork_event *e = &self->session.event;
	size_t i;
	long status;

	watch(_metadata, self, PREFORK_WATCH_TREE, 0);
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		status = actor_do(_metadata, &self->actor, end_with, ways[i]);
		ASSERT_EQ(ways[i] < 0 ? -ways[i] : ways[i] << 8, status);
		await_other(_metadata, self, PREFORK_EVENT_EXIT);
		EXPECT_EQ(status, e->status);
		EXPECT_EQ(-ESRCH, prefork_unwatch(self->session.pf, e->pid));
	}
}

/* The first thread leaves with 3, then the other one ends with 5, or all do. */
static void *outlive(void *all)
{
	while (proc_state(getpid()) != 'Z')
		pause_briefly();
	syscall(all ? SYS_exit_group : SYS_exit, 5);
	return NULL;
}

static long leave_first(long all)
{
	pthread_t thread;
	int status;
	pid_t pid = fork();

	if (!pid) {
		pthread_create(&thread, NULL, outlive, (void *)all);
		syscall(SYS_exit, 3);
	}
	return waitpid(pid, &status, 0) == pid ? status : BROKEN;
}

TEST_F_TIMEOUT(life, exit_has_the_status_of_the_process_not_of_a_thread, 60)
{
	const struct prefork_event *e = &self->session.event;
	long all, status;

	watch(_metadata, self, PREFORK_WATCH_TREE, 0);
	for (all = 0; all < 2; all++) {
		/* Which one counts if each ends itself depends on the kernel. */
		status = actor_do(_metadata, &self->actor, leave_first, all);
		ASSERT_TRUE(status == 5 << 8 || (!all && status == 3 << 8));
		await_other(_metadata, self, PREFORK_EVENT_EXIT);
		EXPECT_EQ(status, e->status);
	}
}

/*
 * What it costs, in shared memory: to the child before it ends, and to who waits
 * for it. To end takes system time, too.
 */
static struct {
	struct rusage before, after;
} *account;

static void end_with_account(void)
{
	getrusage(RUSAGE_SELF, &account->before);
	_exit(0);
}

static long cpu_ms(const struct timeval *tv)
{
	return tv->tv_sec * 1000 + tv->tv_usec / 1000;
}

static void *burn_user(void *ms)
{
	clockid_t clock = CLOCK_THREAD_CPUTIME_ID;
	struct timespec ts;
	volatile long n;

	do {
		for (n = 0; n < 100000; n++)
			;
		clock_gettime(clock, &ts);
	} while (ts.tv_sec * 1000 + ts.tv_nsec / 1000000 < (long)ms);
	return NULL;
}

static void burn_kernel(long ms)
{
	clockid_t clock = CLOCK_THREAD_CPUTIME_ID;
	static char zeros[1 << 20];
	struct timespec ts;
	int fd = open("/dev/zero", O_RDONLY);

	do {
		if (read(fd, zeros, sizeof(zeros)) < 0)
			break;
		clock_gettime(clock, &ts);
	} while (ts.tv_sec * 1000 + ts.tv_nsec / 1000000 < ms);
}

/* A child that burns so many ms, in the kernel if negative. */
static long burn(long ms)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (ms < 0)
			burn_kernel(-ms);
		else
			burn_user((void *)ms);
		end_with_account();
	}
	return wait4(pid, &status, 0, &account->after) == pid ? pid : BROKEN;
}

/* Half of it in a thread that is gone when the process ends. */
static long burn_in_threads(long ms)
{
	pthread_t thread;
	int status;
	pid_t pid = fork();

	if (!pid) {
		pthread_create(&thread, NULL, burn_user, (void *)(ms / 2));
		pthread_join(thread, NULL);
		burn_user((void *)(ms / 2));
		end_with_account();
	}
	return wait4(pid, &status, 0, &account->after) == pid ? pid : BROKEN;
}

static void open_account(struct __test_metadata *_metadata,
			 FIXTURE_DATA(life) *self)
{
	account = mmap(NULL, sizeof(*account), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, account);
	actor_end(&self->actor);
	actor_start(_metadata, &self->actor);
	watch(_metadata, self, PREFORK_WATCH_TREE, 0);
}

static long cost_ms(const struct rusage *usage)
{
	return cpu_ms(&usage->ru_utime) + cpu_ms(&usage->ru_stime);
}

static void expect_like_account(struct __test_metadata *_metadata,
				const struct prefork_event *e)
{
	long told = (e->utime + e->stime) / MS;
	long before = cost_ms(&account->before);
	long after = cost_ms(&account->after);

	EXPECT_LE(before - before / 4 - 50, told);
	EXPECT_GE(after + after / 4 + 50, told);
}

TEST_F_TIMEOUT(life, exit_tells_the_user_time, 90)
{
	const struct prefork_event *e = &self->session.event;

	open_account(_metadata, self);
	ASSERT_LT(0, actor_do(_metadata, &self->actor, burn, 600));
	await_other(_metadata, self, PREFORK_EVENT_EXIT);
	EXPECT_LT(300 * MS, e->utime);
	expect_like_account(_metadata, e);
}

TEST_F_TIMEOUT(life, exit_tells_the_system_time, 90)
{
	const struct prefork_event *e = &self->session.event;

	open_account(_metadata, self);
	ASSERT_LT(0, actor_do(_metadata, &self->actor, burn, -600));
	await_other(_metadata, self, PREFORK_EVENT_EXIT);
	EXPECT_LT(300 * MS, e->stime);
	expect_like_account(_metadata, e);
}

TEST_F_TIMEOUT(life, exit_tells_the_time_of_all_threads, 90)
{
	const struct prefork_event *e = &self->session.event;

	open_account(_metadata, self);
	ASSERT_LT(0, actor_do(_metadata, &self->actor, burn_in_threads, 800));
	await_other(_metadata, self, PREFORK_EVENT_EXIT);
	EXPECT_LT(600 * MS, e->utime + e->stime);
	expect_like_account(_metadata, e);
}

static long use_memory(long kib)
{
	char *memory;
	int status;
	pid_t pid = fork();

	if (!pid) {
		memory = mmap(NULL, kib << 10, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1,
			      0);
		_exit(memory == MAP_FAILED ||
		      munmap(memory, kib << 10));
	}
	return wait4(pid, &status, 0, &account->after) == pid ? status : BROKEN;
}

TEST_F_TIMEOUT(life, exit_tells_the_peak_of_memory, 60)
{
	const struct prefork_event *e = &self->session.event;
	const uint64_t kib = 24 << 10;

	open_account(_metadata, self);
	ASSERT_EQ(0, actor_do(_metadata, &self->actor, use_memory, kib));
	await_other(_metadata, self, PREFORK_EVENT_EXIT);
	EXPECT_LE(kib, e->maxrss);
	EXPECT_GE(kib + (16 << 10), e->maxrss);
	EXPECT_LE((uint64_t)account->after.ru_maxrss - 1024, e->maxrss);
	EXPECT_GE((uint64_t)account->after.ru_maxrss + 1024, e->maxrss);
}

/* How long a vfork suspends. */
static long vfork_and_sleep(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * MS };
	pid_t pid = vfork();

	if (!pid) {
		nanosleep(&ts, NULL);
		_exit(0);
	}
	return reap(pid, 0);
}

TEST_F_TIMEOUT(life, vfork_tells_how_long_it_suspended, 60)
{
	const struct prefork_event *e = &self->session.event;
	long pid;

	watch(_metadata, self, 0, 0);
	pid = actor_do(_metadata, &self->actor, vfork_and_sleep, 700);
	ASSERT_LT(0, pid);
	session_await(_metadata, &self->session, PREFORK_EVENT_VFORK_DONE);
	EXPECT_EQ(self->actor.pid, e->pid);
	EXPECT_EQ(pid, e->child);
	EXPECT_LE(700 * MS, e->suspended);
	EXPECT_GE(5000 * MS, e->suspended);
}

TEST_F_TIMEOUT(life, vfork_does_not_count_the_hold_as_suspension, 60)
{
	const struct prefork_event *e = &self->session.event;

	watch(_metadata, self, 0, HOLD_PROCESSES);
	actor_send(_metadata, &self->actor, vfork_and_sleep, 0);
	session_expect(_metadata, &self->session, PREFORK_EVENT_PREFORK);
	EXPECT_FALSE(actor_speaks(&self->actor, 3000));
	session_release(_metadata, &self->session);
	session_await(_metadata, &self->session, PREFORK_EVENT_VFORK_DONE);
	EXPECT_GE(2000 * MS, e->suspended);
	EXPECT_LT(0, actor_answer(_metadata, &self->actor));
}

TEST_F_TIMEOUT(life, fork_is_no_vfork, 60)
{
	watch(_metadata, self, 0, 0);
	ASSERT_LT(0, actor_do(_metadata, &self->actor, create, BY_FORK));
	session_expect(_metadata, &self->session, PREFORK_EVENT_PREFORK);
	session_expect(_metadata, &self->session, PREFORK_EVENT_BORN);
	EXPECT_FALSE(session_next(_metadata, &self->session, 200));
}

/* Threads are told of when asked for. */
TEST_F_TIMEOUT(life, threads_are_reported_when_asked_for, 60)
{
	const struct prefork_event *e = &self->session.event;
	long tid;

	watch(_metadata, self, PREFORK_WATCH_THREADS, 0);
	tid = actor_do(_metadata, &self->actor, create, BY_THREAD);
	ASSERT_LT(0, tid);
	session_expect(_metadata, &self->session, PREFORK_EVENT_PREFORK);
	EXPECT_TRUE(e->thread);
	EXPECT_EQ(tid, e->child);
	session_expect(_metadata, &self->session, PREFORK_EVENT_BORN);
	EXPECT_TRUE(e->thread);
	EXPECT_EQ(self->actor.pid, e->pid);
	EXPECT_EQ(tid, e->tid);
	session_expect(_metadata, &self->session, PREFORK_EVENT_EXIT);
	EXPECT_TRUE(e->thread);
	EXPECT_EQ(self->actor.pid, e->pid);
	EXPECT_EQ(tid, e->tid);
	EXPECT_FALSE(session_next(_metadata, &self->session, 200));

	actor_end(&self->actor);
	do {
		session_expect(_metadata, &self->session, PREFORK_EVENT_EXIT);
	} while (e->thread);
	EXPECT_EQ(SIGKILL, e->status);
}

static void *stay(void *unused)
{
	pause();
	return unused;
}

static long leave_with_threads(long threads)
{
	pthread_t thread;
	pid_t pid = fork();

	if (!pid) {
		while (threads--)
			pthread_create(&thread, NULL, stay, NULL);
		_exit(CHILD_STATUS);
	}
	return reap(pid, CHILD_STATUS << 8);
}

TEST_F_TIMEOUT(life, threads_that_end_with_their_process_are_not_reported, 60)
{
	const struct prefork_event *e = &self->session.event;
	long pid;

	watch(_metadata, self, PREFORK_WATCH_TREE | PREFORK_WATCH_THREADS, 0);
	pid = actor_do(_metadata, &self->actor, leave_with_threads, 5);
	ASSERT_LT(0, pid);
	session_await(_metadata, &self->session, PREFORK_EVENT_EXIT);
	EXPECT_EQ(pid, e->pid);
	EXPECT_FALSE(e->thread);
	EXPECT_EQ(6, self->session.born);
	EXPECT_FALSE(session_next(_metadata, &self->session, 200));
}

TEST_F_TIMEOUT(life, threads_are_not_reported_otherwise, 60)
{
	const struct prefork_event *e = &self->session.event;

	watch(_metadata, self, PREFORK_WATCH_TREE, HOLD_PROCESSES);
	ASSERT_LT(0, actor_do(_metadata, &self->actor, create, BY_THREAD));
	EXPECT_FALSE(session_next(_metadata, &self->session, 200));

	/* One end, that of the process. */
	actor_end(&self->actor);
	session_expect(_metadata, &self->session, PREFORK_EVENT_EXIT);
	EXPECT_FALSE(e->thread);
	EXPECT_FALSE(session_next(_metadata, &self->session, 200));
}

/* A thread's creations are its process's. */
static void *fork_in_thread(void *result)
{
	*(long *)result = create(BY_VFORK);
	return NULL;
}

static long thread_that_forks(long unused)
{
	pthread_t thread;
	long result = BROKEN;

	if (pthread_create(&thread, NULL, fork_in_thread, &result) ||
	    pthread_join(thread, NULL))
		return BROKEN;
	return result + unused;
}

TEST_F_TIMEOUT(life, creations_of_every_thread_are_held, 60)
{
	const struct prefork_event *e = &self->session.event;
	pid_t child;

	watch(_metadata, self, 0, HOLD_PROCESSES);
	actor_send(_metadata, &self->actor, thread_that_forks, 0);
	session_expect(_metadata, &self->session, PREFORK_EVENT_PREFORK);
	EXPECT_EQ(self->actor.pid, e->pid);
	EXPECT_NE(self->actor.pid, e->tid);
	EXPECT_NE(0, e->cookie);
	child = e->child;
	EXPECT_FALSE(actor_speaks(&self->actor, 100));
	session_release(_metadata, &self->session);
	EXPECT_EQ(child, actor_answer(_metadata, &self->actor));
}

/* Descent. Returns how many generations there were. */
static long descend(long generations)
{
	int status = 0;
	pid_t pid;

	if (!generations)
		return 0;
	pid = fork();
	if (!pid)
		_exit(descend(generations - 1));
	if (waitpid(pid, &status, 0) != pid)
		return BROKEN;
	return 1 + WEXITSTATUS(status);
}

TEST_F_TIMEOUT(life, descendants_are_watched_and_held_as_their_ancestor, 60)
{
	const struct prefork_event *e = &self->session.event;
	struct prefork_watched *watched;
	pid_t parent = self->actor.pid, child;
	int generation;

	watch(_metadata, self, PREFORK_WATCH_TREE, HOLD_PROCESSES);
	actor_send(_metadata, &self->actor, descend, 4);
	for (generation = 0; generation < 4; generation++) {
		session_expect(_metadata, &self->session,
			       PREFORK_EVENT_PREFORK);
		EXPECT_EQ(parent, e->pid);
		EXPECT_NE(0, e->cookie);
		EXPECT_EQ(0, e->deadline);
		child = e->child;
		session_release(_metadata, &self->session);
		session_expect(_metadata, &self->session, PREFORK_EVENT_BORN);
		EXPECT_EQ(child, e->pid);
		EXPECT_EQ(parent, e->ppid);
		if (generation < 3) {
			ASSERT_EQ(0, prefork_get(self->session.pf, child,
						 &watched));
			EXPECT_EQ(PREFORK_WATCH_TREE, watched->flags);
			EXPECT_EQ(HOLD_PROCESSES, watched->hold);
			EXPECT_EQ(getpid(), watched->owner_pid);
			free(watched);
		}
		parent = child;
	}
	EXPECT_EQ(4, actor_answer(_metadata, &self->actor));
	for (generation = 0; generation < 4; generation++)
		session_expect(_metadata, &self->session, PREFORK_EVENT_EXIT);
	EXPECT_FALSE(session_next(_metadata, &self->session, 200));
}

TEST_F_TIMEOUT(life, descendants_are_left_alone_otherwise, 60)
{
	const struct prefork_event *e = &self->session.event;
	struct prefork_watched *watched;

	watch(_metadata, self, 0, HOLD_PROCESSES);
	actor_send(_metadata, &self->actor, descend, 3);
	session_expect(_metadata, &self->session, PREFORK_EVENT_PREFORK);
	session_release(_metadata, &self->session);
	session_expect(_metadata, &self->session, PREFORK_EVENT_BORN);
	EXPECT_EQ(-ESRCH, prefork_get(self->session.pf, e->pid, &watched));
	EXPECT_EQ(3, actor_answer(_metadata, &self->actor));
	EXPECT_FALSE(session_next(_metadata, &self->session, 200));
}

/* A child whose parent is gone creates a process; ends when it has. */
static long leave_orphan(long unused)
{
	pid_t pid, parent;
	int line[2];
	char byte;

	if (pipe(line))
		return BROKEN;
	pid = fork();
	if (!pid) {
		parent = getpid();
		if (fork())
			_exit(0);
		while (getppid() == parent)
			pause_briefly();
		_exit(create(BY_FORK) < 0);
	}
	close(line[1]);
	if (reap(pid, 0) < 0)
		return BROKEN;
	return read(line[0], &byte, 1) + unused;
}

TEST_F_TIMEOUT(life, orphans_stay_watched, 60)
{
	watch(_metadata, self, PREFORK_WATCH_TREE, HOLD_PROCESSES);
	EXPECT_EQ(0, session_serve_order(_metadata, &self->session,
					 &self->actor, leave_orphan, 0));
	session_settle(_metadata, &self->session);
	EXPECT_EQ(3, self->session.born);
}

TEST_HARNESS_MAIN
