// SPDX-License-Identifier: GPL-2.0
/*
 * faults - no memory means: unheld and counted, never stuck
 *
 * The kernel refuses memory, at random, to processes that are marked so. Those
 * that create are watched and held in every way; then the one that watches is
 * marked instead. Needs a kernel with fault injection.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <stddef.h>

#include "create.h"
#include "effort.h"
#include "session.h"
#include "skip.h"

#define DEBUGFS		"/sys/kernel/debug"
#define BREEDERS	3
#define EVERYTHING	(HOLD_ALL | PREFORK_HOLD_BIRTH | \
			 PREFORK_HOLD_BIRTH_THREAD | PREFORK_HOLD_EXEC)

/* --- the kernel's switches ------------------------------------------------ */

/*
 * Wherever memory is taken, without a word; nothing is spared but highmem. Only
 * every second time, twice as probably: where two attempts in a row fail, the
 * kernel's allocator of stacks warns.
 */
static struct knob {
	const char *name;
	const char *value;	/* NULL: the probability */
	char before[16];	/* empty: there is none */
} knobs[] = {
	{ .name = "task-filter", .value = "1" },
	{ .name = "interval", .value = "2" },
	{ .name = "times", .value = "-1" },
	{ .name = "space", .value = "0" },
	{ .name = "verbose", .value = "0" },
	{ .name = "ignore-gfp-wait", .value = "0" },
	{ .name = "min-order", .value = "0" },
	{ .name = "cache-filter", .value = "0" },
	{ .name = "probability" },
};

static int knob_open(const char *folder, const char *name, int flags)
{
	char path[128];

	snprintf(path, sizeof(path), DEBUGFS "/%s/%s", folder, name);
	return open(path, flags | O_CLOEXEC);
}

static bool file_set(int fd, const char *value)
{
	ssize_t n = write(fd, value, strlen(value));

	close(fd);
	return n == (ssize_t)strlen(value);
}

static bool knob_set(const char *folder, const char *name, const char *value)
{
	return file_set(knob_open(folder, name, O_WRONLY), value);
}

static void knobs_save(const char *folder)
{
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(knobs); i++) {
		fd = knob_open(folder, knobs[i].name, O_RDONLY);
		memset(knobs[i].before, 0, sizeof(knobs[i].before));
		if (fd < 0)
			continue;
		if (read(fd, knobs[i].before, sizeof(knobs[i].before) - 1) <= 0)
			knobs[i].before[0] = 0;
		close(fd);
	}
}

/* The probability first: the filter must not go before. */
static void knobs_restore(const char *folder)
{
	size_t i;

	for (i = ARRAY_SIZE(knobs); i-- > 0;)
		if (knobs[i].before[0])
			knob_set(folder, knobs[i].name, knobs[i].before);
}

static void faults_begin(struct __test_metadata *_metadata,
			 const char *folder, int probability)
{
	char text[16];
	size_t i;

	snprintf(text, sizeof(text), "%d", 2 * probability);
	for (i = 0; i < ARRAY_SIZE(knobs); i++) {
		if (!knobs[i].before[0])
			continue;
		ASSERT_TRUE(knob_set(folder, knobs[i].name,
				     knobs[i].value ?: text)) {
			TH_LOG("cannot set %s of %s", knobs[i].name, folder);
		}
	}
}

/* Of the process that opens it. Children begin as their parents are. */
static int mark_fd = -1;

static long mark_open(void)
{
	mark_fd = open("/proc/self/make-it-fail", O_WRONLY | O_CLOEXEC);
	return mark_fd < 0 ? -errno : 0;
}

/* Takes no memory itself. */
static bool mark(bool fail)
{
	return pwrite(mark_fd, fail ? "1" : "0", 1, 0) == 1;
}

/* --- a program that needs no file system ---------------------------------- */

/*
 * One that is read from disk while memory is short leaves broken state behind
 * in some file systems, and whatever runs there next fails.
 */
#define BASE	0x400000

static const struct {
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdr;
	unsigned char code[12];
} nothing = {
	.ehdr = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
			     ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_EXEC,
#ifdef __aarch64__
		.e_machine = EM_AARCH64,
#else
		.e_machine = EM_X86_64,
#endif
		.e_version = EV_CURRENT,
		.e_entry = BASE + sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr),
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 1,
	},
	.phdr = {
		.p_type = PT_LOAD,
		.p_flags = PF_R | PF_X,
		.p_vaddr = BASE,
		.p_filesz = sizeof(nothing),
		.p_memsz = sizeof(nothing),
		.p_align = 0x1000,
	},
	.code = {	/* exit(0) */
#ifdef __aarch64__
		0x00, 0x00, 0x80, 0xd2, 0xa8, 0x0b, 0x80, 0xd2,
		0x01, 0x00, 0x00, 0xd4,
#else
		0x31, 0xff, 0xb8, 0x3c, 0x00, 0x00, 0x00, 0x0f, 0x05,
#endif
	},
};

static char nothing_path[64];

static void nothing_make(struct __test_metadata *_metadata)
{
	int fd = memfd_create("nothing", MFD_CLOEXEC);

	ASSERT_EQ(sizeof(nothing), write(fd, &nothing, sizeof(nothing)));
	snprintf(nothing_path, sizeof(nothing_path), "/proc/%d/fd/%d",
		 getpid(), fd);
}

static long spawn_nothing(void)
{
	char *argv[] = { "nothing", NULL }, *envp[] = { NULL };
	pid_t pid;
	int err;

	err = posix_spawn(&pid, nothing_path, NULL, NULL, argv, envp);
	return err ? -err : reap(pid, 0);
}

/* --- those who create ----------------------------------------------------- */

static struct {
	int stop;
	long calls;
	long born;	/* by call_and_count() */
	long rounds;	/* of single faults */
} *shared;

static bool goes_on(void)
{
	return !__atomic_load_n(&shared->stop, __ATOMIC_RELAXED);
}

/* By all ways, as far as each comes; a child may well have died of it. */
static long breed(long n)
{
	for (; goes_on(); n++) {
		if (n % KINDS == BY_SPAWN)
			spawn_nothing();
		else
			create(n % KINDS);
		__atomic_add_fetch(&shared->calls, 1, __ATOMIC_RELAXED);
	}
	return 0;
}

/*
 * All on one processor: that every second allocation succeeds is true of all
 * tasks together.
 */
static bool begin_to_fail(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	/* Nor are libraries to be read when memory is short. */
	return !sched_setaffinity(0, sizeof(set), &set) &&
	       !mlockall(MCL_CURRENT) && !mark_open() && mark(true);
}

static long breed_without_memory(long n)
{
	if (!begin_to_fail())
		return BROKEN;
	n = breed(n);
	/* The answer takes memory. */
	return mark(false) ? n : BROKEN;
}

/* As simply as can be, so that calls can be counted. */
static void call_and_count(void)
{
	long pid = clone_raw(SIGCHLD, NULL, NULL);

	if (!pid)
		_exit(CHILD_STATUS);
	__atomic_add_fetch(&shared->calls, 1, __ATOMIC_RELAXED);
	if (pid < 0)
		return;
	__atomic_add_fetch(&shared->born, 1, __ATOMIC_RELAXED);
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
}

static long breed_countably(long unused)
{
	if (!begin_to_fail())
		return BROKEN;
	while (goes_on())
		call_and_count();
	return mark(false) ? unused : BROKEN;
}

/* Lets the @nth allocation from here on fail; returns what is left of that. */
static long fail_nth(int fd, long nth)
{
	char text[24] = "";
	long left;

	if (pread(fd, text, sizeof(text) - 1, 0) <= 0)
		return BROKEN;
	left = strtol(text, NULL, 10);
	snprintf(text, sizeof(text), "%ld", nth);
	return pwrite(fd, text, strlen(text), 0) > 0 ? left : BROKEN;
}

/*
 * A round ends when a call has come to its end before the allocation that was
 * to fail.
 */
static long breed_with_single_faults(long number)
{
	int fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	long nth = 1, left = 0;

	if (number)	/* one is enough */
		return 0;
	while (goes_on() && left >= 0) {
		if (fail_nth(fd, nth))
			return BROKEN;
		call_and_count();
		left = fail_nth(fd, 0);
		nth = left ? 1 : nth + 1;
		__atomic_add_fetch(&shared->rounds, left > 0,
				   __ATOMIC_RELAXED);
	}
	return left < 0 ? BROKEN : 0;
}

struct watcher {
	const char *folder;		/* where the switches are */
	struct session session;
	struct prefork_stats before;
	struct actor breeders[BREEDERS];
	struct actor bystander;
	unsigned char *announced;	/* by PID: no outcome yet */
	uint64_t held;			/* events that told of a hold */
	uint64_t late;			/* of them: over when answered */
	uint64_t bare;			/* PREFORK and BORN without a hold */
	uint64_t unheld;		/* by the module's count */
	uint64_t executed;		/* EXEC read */
	int ended;			/* breeders that died of it */
	bool marked;			/* the one that watches is */
};

FIXTURE(faults)
{
	struct watcher watcher;
};

FIXTURE_VARIANT(faults)
{
	const char *folder;
	int probability;
	bool unheld;			/* enough of it to be seen */
};

FIXTURE_VARIANT_ADD(faults, slab_1)
{
	.folder = "failslab", .probability = 1,
};

FIXTURE_VARIANT_ADD(faults, slab_5)
{
	.folder = "failslab", .probability = 5, .unheld = true,
};

FIXTURE_VARIANT_ADD(faults, slab_20)
{
	.folder = "failslab", .probability = 20, .unheld = true,
};

FIXTURE_VARIANT_ADD(faults, pages_1)
{
	.folder = "fail_page_alloc", .probability = 1,
};

FIXTURE_VARIANT_ADD(faults, pages_5)
{
	.folder = "fail_page_alloc", .probability = 5,
};

FIXTURE_VARIANT_ADD(faults, pages_20)
{
	.folder = "fail_page_alloc", .probability = 20,
};

static bool can_fail(void)
{
	return !access(DEBUGFS "/failslab", F_OK) && !mark_open();
}

static void prepare(struct __test_metadata *_metadata, struct watcher *self,
		    const char *folder)
{
	int i;

	self->folder = folder;
	knobs_save(folder);
	nothing_make(_metadata);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, shared);
	self->announced = calloc(PID_LIMIT + 1, 1);
	ASSERT_NE(NULL, self->announced);
	/* Whose parents die of it come to us. */
	ASSERT_EQ(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
	actor_start(_metadata, &self->bystander);
	for (i = 0; i < BREEDERS; i++)
		actor_start(_metadata, &self->breeders[i]);
	session_open(_metadata, &self->session);
	ASSERT_EQ(0, prefork_stats(self->session.pf, &self->before));
}

static void clean_up(struct watcher *self)
{
	int i;

	mark(false);
	knobs_restore(self->folder);
	session_close(&self->session);
	for (i = 0; i < BREEDERS; i++)
		actor_end(&self->breeders[i]);
	actor_end(&self->bystander);
	free(self->announced);
	close(mark_fd);
}

FIXTURE_SETUP(faults)
{
	if (!can_fail())
		SKIP_IN_SETUP("no fault injection in this kernel");
	prepare(_metadata, &self->watcher, variant->folder);
}

FIXTURE_TEARDOWN(faults)
{
	clean_up(&self->watcher);
}

/* One allocation after the other, instead of some at random. */
FIXTURE(single_faults)
{
	struct watcher watcher;
};

FIXTURE_SETUP(single_faults)
{
	if (!can_fail())
		SKIP_IN_SETUP("no fault injection in this kernel");
	prepare(_metadata, &self->watcher, "failslab");
}

FIXTURE_TEARDOWN(single_faults)
{
	clean_up(&self->watcher);
}

/* --- the one that watches ------------------------------------------------- */

/* Also behind what is lost, for an announcement is lost with its outcome. */
static void check_outcome(struct __test_metadata *_metadata,
			  struct watcher *self)
{
	const struct prefork_event *e = &self->session.event;
	bool prefork = e->type == PREFORK_EVENT_PREFORK;

	if (!prefork && e->type != PREFORK_EVENT_BORN &&
	    e->type != PREFORK_EVENT_FORK_FAILED)
		return;
	ASSERT_EQ(!prefork, self->announced[outcome_of(e)]) {
		TH_LOG("%s of %d", prefork_event_name(e->type), outcome_of(e));
	}
	self->announced[outcome_of(e)] = prefork;
}

/* An answer of the kernel for which it had no memory is an error once. */
static bool next_event(struct __test_metadata *_metadata,
		       struct watcher *self, int ms)
{
	struct session *s = &self->session;
	int ret;

	do {
		ret = prefork_next(s->pf, &s->event, ms);
	} while (ret == -EINTR || (ret == -ENOBUFS && self->marked));
	ASSERT_LE(0, ret);
	if (!ret)
		return false;
	session_check(_metadata, s);
	check_outcome(_metadata, self);
	return true;
}

static bool wants_memory(int ret)
{
	return ret == -ENOMEM || ret == -ENOBUFS;
}

/* If it was not the command but the word of it that got lost: -EALREADY. */
static int release(struct watcher *self, uint64_t cookie)
{
	int ret;

	do {
		mark(self->marked);
		ret = prefork_release(self->session.pf, cookie);
		mark(false);
	} while (wants_memory(ret));
	return ret;
}

static void answer(struct __test_metadata *_metadata,
		   struct watcher *self)
{
	const struct prefork_event *e = &self->session.event;
	int ret;

	self->executed += e->type == PREFORK_EVENT_EXEC;
	if (!prefork_event_is_hold(e)) {
		self->bare += e->type == PREFORK_EVENT_PREFORK ||
			      e->type == PREFORK_EVENT_BORN;
		return;
	}
	self->held++;
	ret = release(self, e->cookie);
	ASSERT_TRUE(ret == 0 || ret == -ENOENT ||
		    (ret == -EALREADY && self->marked)) {
		TH_LOG("release says %d", ret);
	}
	self->late += ret == -ENOENT;
}

static void serve(struct __test_metadata *_metadata,
		  struct watcher *self, int ms)
{
	while (next_event(_metadata, self, ms)) {
		answer(_metadata, self);
		ms = 0;
	}
}

/* False when nothing has come for long. */
static bool serve_once(struct __test_metadata *_metadata, struct watcher *self)
{
	struct pollfd fds[] = {
		{ .fd = prefork_fd(self->session.pf), .events = POLLIN },
		{ .fd = self->breeders[0].sock, .events = POLLIN },
	};

	if (poll(fds, 2, PATIENCE_MS) <= 0)
		return false;
	serve(_metadata, self, 0);
	return true;
}

static void watch_all(struct __test_metadata *_metadata,
		      struct watcher *self, uint32_t flags,
		      uint32_t hold, order_fn order)
{
	int i;

	for (i = 0; i < BREEDERS; i++) {
		ASSERT_EQ(0, session_watch(&self->session,
					   self->breeders[i].pid, flags, hold,
					   PATIENCE_MS));
	}
	for (i = 0; i < BREEDERS; i++)
		actor_send(_metadata, &self->breeders[i], order, i);
}

/* It has answered, or died for want of memory. */
static bool has_ended(struct actor *a)
{
	struct pollfd fds[] = {
		{ .fd = a->sock, .events = POLLIN },
		{ .fd = a->pidfd, .events = POLLIN },
	};

	return poll(fds, 2, 0) > 0;
}

static int count_ended(struct watcher *self)
{
	int i, ended = 0;

	for (i = 0; i < BREEDERS; i++)
		ended += has_ended(&self->breeders[i]);
	return ended;
}

/* Nobody is stuck: they come to their end while memory is still short. */
static void stop_all(struct __test_metadata *_metadata,
		     struct watcher *self)
{
	long long end = now_ms() + PATIENCE_MS;

	self->ended = count_ended(self);
	__atomic_store_n(&shared->stop, 1, __ATOMIC_RELAXED);
	while (count_ended(self) < BREEDERS) {
		ASSERT_LT(now_ms(), end) {
			TH_LOG("only %d of %d come to an end",
			       count_ended(self), BREEDERS);
		}
		serve(_metadata, self, 10);
	}
}

static uint64_t since(struct __test_metadata *_metadata,
		      struct watcher *self, int stat)
{
	return session_stat(_metadata, &self->session, stat) -
	       self->before.value[stat];
}

static void nothing_left(struct __test_metadata *_metadata, struct session *s)
{
	static const int gauges[] = {
		PREFORK_STAT_HELD, PREFORK_STAT_CALLS, PREFORK_STAT_RESERVED,
		PREFORK_STAT_WATCHES, PREFORK_STAT_QUEUED, PREFORK_STAT_ARMED,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(gauges); i++)
		EXPECT_TRUE(session_stat_reaches(_metadata, s, gauges[i], 0));
}

static void read_all(struct __test_metadata *_metadata,
		     struct watcher *self)
{
	struct session *s = &self->session;

	while (s->seq < since(_metadata, self, PREFORK_STAT_EVENTS) ||
	       s->lost < since(_metadata, self, PREFORK_STAT_LOST)) {
		ASSERT_TRUE(next_event(_metadata, self, PATIENCE_MS));
		answer(_metadata, self);
	}
}

/* What was sent is what was seen, and what was not sent is counted. */
static void balance(struct __test_metadata *_metadata,
		    struct watcher *self)
{
	struct session *s = &self->session;

	EXPECT_EQ(0, session_pending(s));
	EXPECT_EQ(s->seq, since(_metadata, self, PREFORK_STAT_EVENTS));
	EXPECT_EQ(s->lost, since(_metadata, self, PREFORK_STAT_LOST));
	EXPECT_EQ(s->announced, since(_metadata, self, PREFORK_STAT_PREFORKS));
	EXPECT_EQ(s->born, since(_metadata, self, PREFORK_STAT_BORN));
	EXPECT_EQ(s->failed, since(_metadata, self, PREFORK_STAT_FAILED));
	EXPECT_EQ(self->held, since(_metadata, self, PREFORK_STAT_HOLDS));
	EXPECT_EQ(0, since(_metadata, self, PREFORK_STAT_TIMEOUTS));
}

/* All that have been created are gone. */
static void reap_all(struct __test_metadata *_metadata,
		     struct watcher *self)
{
	long long end = now_ms() + PATIENCE_MS;
	int i;

	for (i = 0; i < BREEDERS; i++)
		actor_end(&self->breeders[i]);
	actor_end(&self->bystander);
	while (waitpid(-1, NULL, WNOHANG | __WALL) >= 0) {
		ASSERT_LT(now_ms(), end);
		pause_briefly();
	}
}

/* Without that session nobody owns anything. */
static void look_again(struct __test_metadata *_metadata, struct session *s)
{
	struct prefork *pf;

	prefork_close(s->pf);
	s->pf = NULL;
	ASSERT_EQ(0, prefork_open(&pf));
	s->pf = pf;
	EXPECT_TRUE(session_stat_reaches(_metadata, s, PREFORK_STAT_OWNERS,
					 0));
}

static void finish(struct __test_metadata *_metadata,
		   struct watcher *self)
{
	struct session *s = &self->session;

	stop_all(_metadata, self);
	knobs_restore(self->folder);
	EXPECT_EQ(0, prefork_unwatch_all(s->pf));
	nothing_left(_metadata, s);
	read_all(_metadata, self);
	balance(_metadata, self);
	self->unheld = since(_metadata, self, PREFORK_STAT_UNHELD);
	reap_all(_metadata, self);
	look_again(_metadata, s);
	TH_LOG("%ld calls, %d announced, %d born, %llu held, %llu late, %llu lost, %llu unheld, %d died",
	       shared->calls, s->announced, s->born,
	       (unsigned long long)self->held, (unsigned long long)self->late,
	       (unsigned long long)s->lost,
	       (unsigned long long)self->unheld, self->ended);
}

static void serve_for(struct __test_metadata *_metadata,
		      struct watcher *self, long seconds)
{
	long long end = now_ms() + 1000 * seconds;

	while (now_ms() < end && count_ended(self) < BREEDERS)
		serve(_metadata, self, 10);
}

static void serve_until(struct __test_metadata *_metadata, struct watcher *self,
			bool (*is_seen)(struct __test_metadata *_metadata,
					struct watcher *self))
{
	long long end = now_ms() + PATIENCE_MS;

	while (!is_seen(_metadata, self) && now_ms() < end &&
	       count_ended(self) < BREEDERS)
		serve_for(_metadata, self, 1);
}

/* On a slow machine there are few calls in the time that there is for them. */
static bool announcement_is_seen(struct __test_metadata *_metadata,
				 struct watcher *self)
{
	return self->session.announced > 0;
}

static bool execution_is_seen(struct __test_metadata *_metadata,
			      struct watcher *self)
{
	return self->executed > 0;
}

static bool failure_is_seen(struct __test_metadata *_metadata,
			    struct watcher *self)
{
	return self->session.lost && since(_metadata, self, PREFORK_STAT_UNHELD);
}

TEST_F_TIMEOUT(faults, storm_is_unheld_and_counted_but_never_stuck, 400)
{
	struct watcher *w = &self->watcher;

	watch_all(_metadata, w, PREFORK_WATCH_TREE | PREFORK_WATCH_THREADS,
		  EVERYTHING, breed_without_memory);
	faults_begin(_metadata, w->folder, variant->probability);
	serve_for(_metadata, w, effort(2, 36));
	serve_until(_metadata, w, announcement_is_seen);
	if (variant->probability == 1)
		serve_until(_metadata, w, execution_is_seen);
	if (variant->unheld)
		serve_until(_metadata, w, failure_is_seen);
	finish(_metadata, w);
	EXPECT_LT(0, w->session.announced);
	if (variant->probability == 1)
		EXPECT_LT(0, w->executed);
	if (variant->unheld) {
		EXPECT_LT(0, w->unheld);
		EXPECT_LT(0, w->session.lost);
	}
}

/*
 * Two events for each call that was not announced, and no others are lost. All
 * are to be held, both as parents and as children.
 */
static void balance_calls(struct __test_metadata *_metadata,
			  struct watcher *self)
{
	struct session *s = &self->session;

	EXPECT_LE(self->bare + s->lost / 2, self->unheld);
	EXPECT_EQ(0, s->lost % 2);
	/* Who dies of it may have been in a call. */
	EXPECT_LE(shared->born, s->born + (long)s->lost / 2);
	EXPECT_GE(shared->calls + self->ended,
		  s->announced + (long)s->lost / 2);
	EXPECT_LE(s->born, shared->born + self->ended);
}

TEST_F_TIMEOUT(faults, what_is_not_announced_is_counted, 400)
{
	struct watcher *w = &self->watcher;

	watch_all(_metadata, w, 0, HOLD_PROCESSES | PREFORK_HOLD_BIRTH,
		  breed_countably);
	faults_begin(_metadata, w->folder, variant->probability);
	serve_for(_metadata, w, effort(1, 7));
	finish(_metadata, w);
	balance_calls(_metadata, w);
}

static long shared_rounds(void)
{
	return __atomic_load_n(&shared->rounds, __ATOMIC_RELAXED);
}

/*
 * Where one allocation fails, either the call is not announced or the child is
 * not held. Calls differ by an allocation at times, and the one that was next
 * is then passed over: until the next round.
 */
static bool each_is_seen(struct watcher *self)
{
	return shared_rounds() && self->session.lost && self->bare >= 2;
}

/* Whichever fails of a call that is held before and after, the rest works. */
TEST_F_TIMEOUT(single_faults, of_a_call_are_each_counted, 400)
{
	struct watcher *w = &self->watcher;

	watch_all(_metadata, w, 0, HOLD_PROCESSES | PREFORK_HOLD_BIRTH,
		  breed_with_single_faults);
	faults_begin(_metadata, w->folder, 0);
	while (!each_is_seen(w) && shared_rounds() < 10 &&
	       !has_ended(&w->breeders[0]))
		ASSERT_TRUE(serve_once(_metadata, w));
	finish(_metadata, w);
	balance_calls(_metadata, w);
	EXPECT_LT(0, shared->rounds);
	EXPECT_LT(50, shared->calls);
	EXPECT_LT(0, w->session.lost);
	/* By want of the gate, and of the event that it may end with. */
	EXPECT_LE(2, w->bare);
}

/* In an actor: threads that end without a bit of memory, all at once. */
#define THREADS	20

static pthread_t threads[THREADS];
static int thread_count, gate[2];

static void *end_without_memory(void *unused)
{
	int fd = open("/proc/thread-self/make-it-fail", O_WRONLY | O_CLOEXEC);
	char none;

	if (read(gate[0], &none, 1) || pwrite(fd, "1", 1, 0) != 1)
		abort();
	/* Nor does libc need any. */
	syscall(SYS_exit, 0);
	return unused;
}

static long begin_threads(long n)
{
	if (!thread_count && pipe2(gate, O_CLOEXEC))
		return -errno;
	while (n--)
		if (pthread_create(&threads[thread_count++], NULL,
				   end_without_memory, NULL))
			return BROKEN;
	return 0;
}

static long end_threads(long unused)
{
	close(gate[1]);
	while (thread_count)
		pthread_join(threads[--thread_count], NULL);
	return unused;
}

/* Those that were there before, too. */
TEST_F_TIMEOUT(single_faults, of_threads_that_end_is_none, 100)
{
	struct watcher *w = &self->watcher;
	struct session *s = &w->session;
	int ended = 0;

	ASSERT_EQ(0, actor_do(_metadata, &w->bystander, begin_threads,
			      THREADS / 2));
	ASSERT_EQ(0, session_watch(s, w->bystander.pid, PREFORK_WATCH_THREADS,
				   0, 0));
	ASSERT_EQ(0, actor_do(_metadata, &w->bystander, begin_threads,
			      THREADS / 2));
	faults_begin(_metadata, w->folder, 50);
	ASSERT_TRUE(knob_set(w->folder, "interval", "1"));
	ASSERT_EQ(0, actor_do(_metadata, &w->bystander, end_threads, 0));
	knobs_restore(w->folder);
	while (ended < THREADS) {
		ASSERT_TRUE(session_next(_metadata, s, PATIENCE_MS));
		ASSERT_NE(PREFORK_EVENT_LOST, s->event.type);
		ended += s->event.type == PREFORK_EVENT_EXIT;
	}
	EXPECT_EQ(0, prefork_unwatch_all(s->pf));
}

/* Each command either is obeyed or is not; and it is as if never sent then. */
static void command(struct __test_metadata *_metadata,
		    struct watcher *self, int round)
{
	struct prefork *pf = self->session.pf;
	pid_t pid = self->bystander.pid;
	struct prefork_watched *watched = NULL;
	struct prefork_stats stats;
	int ret;

	mark(true);
	switch (round % 5) {
	case 0:
		ret = session_watch(&self->session, pid, 0, HOLD_PROCESSES, 0);
		break;
	case 1:
		ret = prefork_get(pf, pid, &watched);
		break;
	case 2:
		ret = prefork_unwatch(pf, pid);
		break;
	case 3:
		ret = prefork_stats(pf, &stats);
		break;
	default:
		ret = prefork_get(pf, self->breeders[0].pid, &watched);
	}
	mark(false);
	free(watched);
	ASSERT_TRUE(ret == 0 || wants_memory(ret) || ret == -EEXIST ||
		    ret == -ESRCH) {
		TH_LOG("command %d says %d", round % 5, ret);
	}
}

TEST_F_TIMEOUT(faults, commands_without_memory_fail_and_do_nothing, 400)
{
	long long end = now_ms() + 1000 * effort(1, 7);
	struct watcher *w = &self->watcher;
	int round;

	/* These are not short of it, nor is what arms the probes for them. */
	watch_all(_metadata, w, PREFORK_WATCH_TREE, HOLD_PROCESSES, breed);
	faults_begin(_metadata, w->folder, variant->probability);
	w->marked = true;
	for (round = 0; now_ms() < end || !w->session.born; round++) {
		serve(_metadata, w, 1);
		command(_metadata, w, round);
	}
	finish(_metadata, w);
	EXPECT_LT(0, w->session.born);
	EXPECT_EQ(0, w->unheld);
}

TEST_HARNESS_MAIN
