// SPDX-License-Identifier: GPL-2.0
/*
 * observers - bpftrace and perf look at the whole system
 *
 * They come before or after us and go before or after us, in the middle of
 * creations that are all held. They see what there is to be seen, and we lose
 * nothing.
 */
#define _GNU_SOURCE
#include <spawn.h>

#include "create.h"
#include "proc.h"
#include "session.h"
#include "tracefs.h"
#include "traffic.h"

#define TEXT_MAX	65536
#define SOME		(3 * (KINDS + 1))	/* creations */
#define RECORD		"/tmp/prefork-observers.data"
#define TOOL_PATIENCE_MS 150000

extern char **environ;

/* A program that runs beside us, and what it has printed. */
struct tool {
	pid_t pid;
	int in, out;
	char *text;		/* TEXT_MAX */
	size_t length;
};

/* What there was to be seen for one. */
struct seen {
	unsigned long creations;
	bool by_all;		/* its probes; nothing while they came, went */
};

/* How one is started, said to go, and looked at then. */
struct kind_of_tool {
	char *argv[24];
	const char *ready;	/* it prints when it sees everything */
	const char *start;	/* it is told first, or NULL */
	const char *stop;	/* it is told, or NULL: SIGTERM */
	void (*check)(struct __test_metadata *_metadata, struct tool *tool,
		      struct traffic *t, const struct seen *seen);
};

static void tool_start(struct __test_metadata *_metadata, struct tool *tool,
		       char *const argv[])
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int in[2], out[2];
	sigset_t all;

	tool->length = 0;
	ASSERT_EQ(0, pipe2(in, O_CLOEXEC));
	ASSERT_EQ(0, pipe2(out, O_CLOEXEC));
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in[0], 0);
	posix_spawn_file_actions_adddup2(&actions, out[1], 1);
	posix_spawn_file_actions_adddup2(&actions, out[1], 2);
	posix_spawnattr_init(&attributes);
	sigfillset(&all);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	ASSERT_EQ(0, posix_spawnp(&tool->pid, argv[0], &actions, &attributes,
				  argv, environ)) {
		TH_LOG("no %s", argv[0]);
	}
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	close(in[0]);
	close(out[1]);
	tool->in = in[1];
	tool->out = out[0];
}

static void tool_tell(struct __test_metadata *_metadata, struct tool *tool,
		      const char *word)
{
	ASSERT_EQ((ssize_t)strlen(word),
		  write(tool->in, word, strlen(word)));
}

/* Says where a tool is that has said nothing for so long. */
static void tool_accuse(struct __test_metadata *_metadata,
			const struct tool *tool)
{
	char path[64], stack[1024] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stack", tool->pid);
	f = fopen(path, "re");
	if (f) {
		stack[fread(stack, 1, sizeof(stack) - 1, f)] = 0;
		fclose(f);
	}
	TH_LOG("after %ld creations its state is %c, it said: %s\nit is at:\n%s",
	       traffic_made(), proc_state(tool->pid), tool->text, stack);
}

/* Holds are answered meanwhile. False: it has said its last word. */
static bool tool_listen(struct __test_metadata *_metadata, struct tool *tool,
			struct traffic *t)
{
	ssize_t n;

	ASSERT_TRUE(traffic_serve_until(_metadata, t, tool->out,
					now_ms() + TOOL_PATIENCE_MS)) {
		tool_accuse(_metadata, tool);
	}
	n = read(tool->out, tool->text + tool->length,
		 TEXT_MAX - 1 - tool->length);
	if (n <= 0)
		return false;
	tool->length += n;
	tool->text[tool->length] = 0;
	return true;
}

static void tool_await(struct __test_metadata *_metadata, struct tool *tool,
		       struct traffic *t, const char *word)
{
	tool->text[tool->length] = 0;
	while (!strstr(tool->text, word)) {
		ASSERT_TRUE(tool_listen(_metadata, tool, t)) {
			TH_LOG("it ended with: %s", tool->text);
		}
	}
}

/*
 * bpftrace ends its wait for a signal that interrupts it, and does not look for
 * one that came between two waits: it is told again until it says something. It
 * would die of a second SIGINT, not of a SIGTERM.
 */
static void tool_signal(struct __test_metadata *_metadata, struct tool *tool,
			struct traffic *t)
{
	long long end = now_ms() + TOOL_PATIENCE_MS;

	do {
		ASSERT_EQ(0, kill(tool->pid, SIGTERM));
	} while (!traffic_serve_until(_metadata, t, tool->out,
				      now_ms() + 1000) && now_ms() < end);
}

/* Reads what it has to say at its end, which is a normal one. */
static void tool_finish(struct __test_metadata *_metadata, struct tool *tool,
			struct traffic *t)
{
	int status;

	while (tool_listen(_metadata, tool, t))
		;
	ASSERT_EQ(tool->pid, waitpid(tool->pid, &status, 0));
	tool->pid = 0;
	EXPECT_EQ(0, status) {
		TH_LOG("status %x: %s", status, tool->text);
	}
	close(tool->in);
	close(tool->out);
}

static void tool_kill(struct tool *tool)
{
	if (tool->pid <= 0)
		return;
	kill(tool->pid, SIGKILL);
	waitpid(tool->pid, NULL, 0);
	tool->pid = 0;
}

/* The number after @word, which stands for a count. */
static unsigned long count_of(const struct tool *tool, const char *word)
{
	const char *found = strstr(tool->text, word);

	return found ? strtoul(found + strlen(word), NULL, 10) : 0;
}

static unsigned long probe_count(const struct tool *tool, const char *type,
				 const char *function)
{
	char word[64];

	snprintf(word, sizeof(word), "@[%s:%s]: ", type, function);
	return count_of(tool, word);
}

/*
 * Each creation passes copy_process() once, and the others once or, where we
 * make the call a second time, twice. That can be told only where all probes
 * saw the same: they come and go one after the other. Of the kinds of creation
 * one takes signals; who dies in get_signal() does not return.
 */
static void check_bpftrace(struct __test_metadata *_metadata,
			   struct tool *tool, struct traffic *t,
			   const struct seen *seen)
{
	static const char *const functions[] = {
		"copy_process", "kernel_clone", "alloc_pid",
	};
	unsigned long created = probe_count(tool, "kprobe", "copy_process");
	unsigned long calls, returns;
	size_t i;

	(void)t;
	for (i = 0; i < ARRAY_SIZE(functions); i++) {
		calls = probe_count(tool, "kprobe", functions[i]);
		returns = probe_count(tool, "kretprobe", functions[i]);
		TH_LOG("%s(): %lu calls, %lu returns in %lu creations",
		       functions[i], calls, returns, seen->creations);
		EXPECT_LE(seen->creations, calls);
		EXPECT_LE(seen->creations, returns);
		if (seen->by_all) {
			EXPECT_GE(2 * created, calls);
			EXPECT_GE(2 * created, returns);
		}
	}
	calls = probe_count(tool, "kprobe", "get_signal");
	EXPECT_LE(seen->creations / (KINDS + 1) / 2, calls);
	if (seen->by_all)
		EXPECT_GE(calls, probe_count(tool, "kretprobe", "get_signal"));
}

/* perf report --stats, of each event: the number of samples. */
static unsigned long sample_count(const struct tool *tool, const char *event)
{
	static const char samples[] = "SAMPLE events:";
	const char *found = strstr(tool->text, event);

	found = found ? strstr(found, samples) : NULL;
	return found ? strtoul(found + strlen(samples), NULL, 10) : 0;
}

static void check_perf(struct __test_metadata *_metadata, struct tool *tool,
		       struct traffic *t, const struct seen *seen)
{
	char *argv[] = { "perf", "report", "--stats", "-i", RECORD, NULL };
	unsigned long forks, clocks, losses;

	tool_start(_metadata, tool, argv);
	tool_finish(_metadata, tool, t);
	forks = sample_count(tool, "sched:sched_process_fork");
	clocks = sample_count(tool, "cpu-clock");
	losses = count_of(tool, "LOST events:");
	/* perf may fall behind on a busy machine, and says so. */
	EXPECT_LE(losses ? 1 : seen->creations, forks);
	EXPECT_LT(0, clocks);
	TH_LOG("%lu forks, %lu clock samples, %lu losses in %lu creations",
	       forks, clocks, losses, seen->creations);
}

FIXTURE(observer)
{
	struct traffic traffic;
	struct tool tool;
	struct seen seen;
};

#define PROBES(type) \
	type ":kernel_clone," type ":alloc_pid," \
	type ":copy_process," type ":get_signal"

static const struct kind_of_tool bpftrace = {
	.argv = {
		"bpftrace", "-B", "line", "-e",
		"BEGIN { printf(\"ready\\n\"); } "
		PROBES("kprobe") "," PROBES("kretprobe")
		" { @[probe] = count(); }",
	},
	.ready = "ready\n",
	.check = check_bpftrace,
};

/*
 * A frequency for all events would be one of tracepoints too, which perf then
 * leaves out some of. Commands come in by its input, acknowledgements go out by
 * its output.
 */
static const struct kind_of_tool perf = {
	.argv = {
		"perf", "record", "-q", "-a", "-g", "-m", "4M",
		"-e", "cpu-clock/freq=199/", "-e", "task-clock/freq=199/",
		"-e", "sched:*",
		"-o", RECORD, "-D", "-1", "--control", "fd:0,1",
	},
	.start = "enable\n",
	.ready = "ack\n",
	.stop = "stop\n",
	.check = check_perf,
};

FIXTURE_SETUP(observer)
{
	tracefs_mount();
	traffic_open(_metadata, &self->traffic);
	self->tool.text = malloc(TEXT_MAX);
	ASSERT_NE(NULL, self->tool.text);
}

FIXTURE_TEARDOWN(observer)
{
	tool_kill(&self->tool);
	free(self->tool.text);
	unlink(RECORD);
	traffic_close(&self->traffic);
}

static void come(struct __test_metadata *_metadata,
		 FIXTURE_DATA(observer) *self, const struct kind_of_tool *kind,
		 int makers)
{
	tool_start(_metadata, &self->tool, kind->argv);
	if (kind->start)
		tool_tell(_metadata, &self->tool, kind->start);
	tool_await(_metadata, &self->tool, &self->traffic, kind->ready);
	/* What was on its way already it has seen in part. */
	self->seen.creations = -(traffic_made() + makers);
}

static void go(struct __test_metadata *_metadata, FIXTURE_DATA(observer) *self,
	       const struct kind_of_tool *kind)
{
	self->seen.creations += traffic_made();
	if (kind->stop)
		tool_tell(_metadata, &self->tool, kind->stop);
	else
		tool_signal(_metadata, &self->tool, &self->traffic);
	tool_finish(_metadata, &self->tool, &self->traffic);
}

/* One of us begins, and the other has to find its place beside that. */
static void begin(struct __test_metadata *_metadata,
		  FIXTURE_DATA(observer) *self,
		  const struct kind_of_tool *kind, bool first)
{
	struct traffic *t = &self->traffic;

	if (first)
		come(_metadata, self, kind, 0);
	traffic_watch(_metadata, t);
	traffic_start(_metadata, t);
	traffic_serve_some(_metadata, t, SOME);
	if (!first)
		come(_metadata, self, kind, MAKERS);
	traffic_serve_some(_metadata, t, SOME);
}

static void leave(struct __test_metadata *_metadata,
		  FIXTURE_DATA(observer) *self)
{
	traffic_stop(_metadata, &self->traffic);
	traffic_expect_all(_metadata, &self->traffic);
	traffic_unwatch(_metadata, &self->traffic);
}

static void create_unwatched(struct __test_metadata *_metadata,
			     FIXTURE_DATA(observer) *self)
{
	EXPECT_LT(0, actor_do(_metadata, &self->traffic.makers[0], create,
			      BY_VFORK));
}

static void observe(struct __test_metadata *_metadata,
		    FIXTURE_DATA(observer) *self,
		    const struct kind_of_tool *kind, bool comes_first,
		    bool goes_first)
{
	self->seen.by_all = comes_first && !goes_first;
	begin(_metadata, self, kind, comes_first);
	if (goes_first) {
		go(_metadata, self, kind);
		traffic_serve_some(_metadata, &self->traffic, SOME);
	}
	leave(_metadata, self);
	create_unwatched(_metadata, self);
	if (!goes_first)
		go(_metadata, self, kind);
	kind->check(_metadata, &self->tool, &self->traffic,
		    &self->seen);
	create_unwatched(_metadata, self);
}

TEST_F_TIMEOUT(observer, bpftrace_comes_first_and_goes_first, 300)
{
	observe(_metadata, self, &bpftrace, true, true);
}

TEST_F_TIMEOUT(observer, bpftrace_comes_first_and_goes_last, 300)
{
	observe(_metadata, self, &bpftrace, true, false);
}

TEST_F_TIMEOUT(observer, bpftrace_comes_last_and_goes_first, 300)
{
	observe(_metadata, self, &bpftrace, false, true);
}

TEST_F_TIMEOUT(observer, bpftrace_comes_last_and_goes_last, 300)
{
	observe(_metadata, self, &bpftrace, false, false);
}

TEST_F_TIMEOUT(observer, perf_comes_first_and_goes_last, 300)
{
	observe(_metadata, self, &perf, true, false);
}

TEST_F_TIMEOUT(observer, perf_comes_last_and_goes_first, 300)
{
	observe(_metadata, self, &perf, false, true);
}

TEST_HARNESS_MAIN
