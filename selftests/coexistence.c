// SPDX-License-Identifier: GPL-2.0
/*
 * coexistence - others trace the same functions
 *
 * Probes of somebody else on kernel_clone() and alloc_pid(), and the tracer
 * that replaces return addresses, come before and after ours and go before and
 * after ours. Nobody notices anybody.
 */
#define _GNU_SOURCE
#include "create.h"
#include "session.h"
#include "tracefs.h"

#define GROUP	"prefork_selftest"

#define PROBES_MAX	3

/* Somebody else's probes, p or r, and where they are. */
struct foreign {
	const char *probes[PROBES_MAX][2];
	bool graph;			/* the function graph tracer, too */
};

static long enable_probe(int i, const char *on)
{
	char path[128];

	snprintf(path, sizeof(path), TRACEFS "/events/" GROUP "/x%d/enable", i);
	return write_file(path, 0, on);
}

static long add_probe(const struct foreign *foreign, int i)
{
	char line[128];

	snprintf(line, sizeof(line), "%s:" GROUP "/x%d %s\n",
		 foreign->probes[i][0], i, foreign->probes[i][1]);
	return write_file(TRACEFS "/kprobe_events", O_APPEND, line) ?:
	       enable_probe(i, "1");
}

static long remove_probe(int i)
{
	char line[128];

	snprintf(line, sizeof(line), "-:" GROUP "/x%d\n", i);
	return enable_probe(i, "0") ?:
	       write_file(TRACEFS "/kprobe_events", O_APPEND, line);
}

static long start_graph(void)
{
	return write_file(TRACEFS "/set_ftrace_filter", O_TRUNC,
			  "kernel_clone alloc_pid copy_process\n") ?:
	       write_file(TRACEFS "/current_tracer", 0, "function_graph");
}

static long stop_graph(void)
{
	return write_file(TRACEFS "/current_tracer", 0, "nop") ?:
	       write_file(TRACEFS "/set_ftrace_filter", O_TRUNC, "\n");
}

static int probes_of(const struct foreign *foreign)
{
	int i = 0;

	while (i < PROBES_MAX && foreign->probes[i][0])
		i++;
	return i;
}

static void start(struct __test_metadata *_metadata,
		  const struct foreign *foreign)
{
	int i;

	for (i = 0; i < probes_of(foreign); i++)
		ASSERT_EQ(0, add_probe(foreign, i));
	if (foreign->graph)
		ASSERT_EQ(0, start_graph());
}

static void stop(struct __test_metadata *_metadata,
		 const struct foreign *foreign)
{
	int i;

	for (i = 0; i < probes_of(foreign); i++)
		ASSERT_EQ(0, remove_probe(i));
	if (foreign->graph)
		ASSERT_EQ(0, stop_graph());
}

/* What they have seen: one number for each probe, the last for the tracer. */
struct hits {
	unsigned long of[PROBES_MAX + 1];
};

static struct hits count_hits(struct __test_metadata *_metadata)
{
	struct hits hits = { .of = { 0 } };
	unsigned long n;
	char line[512];
	FILE *f;
	int i;

	f = fopen(TRACEFS "/kprobe_profile", "re");
	ASSERT_NE(NULL, f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, " x%d %lu", &i, &n) == 2 && i < PROBES_MAX)
			hits.of[i] = n;
	}
	fclose(f);
	f = fopen(TRACEFS "/trace", "re");
	ASSERT_NE(NULL, f);
	while (fgets(line, sizeof(line), f))
		hits.of[PROBES_MAX] += strstr(line, " copy_process()") != NULL;
	fclose(f);
	return hits;
}

/* Each of them has seen @n creations at least since @before. */
static void expect_hits(struct __test_metadata *_metadata,
			const struct foreign *foreign, struct hits before,
			unsigned long n)
{
	struct hits now = count_hits(_metadata);
	int i;

	for (i = 0; i < probes_of(foreign); i++) {
		EXPECT_LE(before.of[i] + n, now.of[i]) {
			TH_LOG("%s on %s", foreign->probes[i][0],
			       foreign->probes[i][1]);
		}
	}
	if (foreign->graph) {
		EXPECT_LE(before.of[PROBES_MAX] + n, now.of[PROBES_MAX]) {
			TH_LOG("the tracer");
		}
	}
}

FIXTURE(foreign)
{
	struct actor actor;
	struct session session;
};

FIXTURE_VARIANT(foreign)
{
	struct foreign foreign;
};

FIXTURE_VARIANT_ADD(foreign, kprobe_on_kernel_clone)
{
	.foreign = { .probes = { { "p", "kernel_clone" } } },
};

FIXTURE_VARIANT_ADD(foreign, kprobe_on_alloc_pid)
{
	.foreign = { .probes = { { "p", "alloc_pid" } } },
};

FIXTURE_VARIANT_ADD(foreign, kretprobe_on_kernel_clone)
{
	.foreign = { .probes = { { "r", "kernel_clone" } } },
};

FIXTURE_VARIANT_ADD(foreign, function_graph)
{
	.foreign = { .graph = true },
};

FIXTURE_VARIANT_ADD(foreign, all_at_once)
{
	.foreign = {
		.probes = {
			{ "p", "alloc_pid" },
			{ "r", "kernel_clone" },
			{ "p", "kernel_clone" },
		},
		.graph = true,
	},
};

FIXTURE_SETUP(foreign)
{
	tracefs_mount();
	ASSERT_EQ(0, access(TRACEFS "/kprobe_events", W_OK)) {
		TH_LOG("the kernel has no CONFIG_KPROBE_EVENTS");
	}
	ASSERT_EQ(0, access(TRACEFS "/set_graph_function", W_OK)) {
		TH_LOG("the kernel has no CONFIG_FUNCTION_GRAPH_TRACER");
	}
	actor_start(_metadata, &self->actor);
	session_open(_metadata, &self->session);
}

/* What a test that has failed has left behind. */
FIXTURE_TEARDOWN(foreign)
{
	int i;

	session_close(&self->session);
	actor_end(&self->actor);
	write_file(KPROBES_SWITCH, 0, "1");
	for (i = 0; i < probes_of(&variant->foreign); i++)
		remove_probe(i);
	if (variant->foreign.graph)
		stop_graph();
}

static void watch(struct __test_metadata *_metadata,
		  FIXTURE_DATA(foreign) *self)
{
	ASSERT_EQ(0, session_watch(&self->session, self->actor.pid,
				   PREFORK_WATCH_THREADS, HOLD_ALL, 0)) {
		TH_LOG("%s", prefork_message());
	}
}

/* Announced, held, released, and born with the number that was announced. */
static void follow(struct __test_metadata *_metadata,
		   FIXTURE_DATA(foreign) *self, enum kind kind)
{
	struct session *s = &self->session;
	pid_t child;

	actor_send(_metadata, &self->actor, create, kind);
	session_await(_metadata, s, PREFORK_EVENT_PREFORK);
	child = s->event.child;
	ASSERT_NE(0, s->event.cookie);
	EXPECT_EQ(1, session_held(_metadata, s, self->actor.pid, NULL));
	EXPECT_FALSE(actor_speaks(&self->actor, 0));
	session_release(_metadata, s);
	session_await(_metadata, s, PREFORK_EVENT_BORN);
	EXPECT_EQ(child, s->event.tid);
	EXPECT_EQ(child, actor_answer(_metadata, &self->actor)) {
		TH_LOG("%s", kind_name[kind]);
	}
}

static void follow_all(struct __test_metadata *_metadata,
		       FIXTURE_DATA(foreign) *self)
{
	int kind;

	for (kind = 0; kind < KINDS; kind++)
		follow(_metadata, self, kind);
	EXPECT_EQ(0, session_pending(&self->session));
	EXPECT_EQ(0, self->session.failed);
}

static void follow_together(struct __test_metadata *_metadata,
			    FIXTURE_DATA(foreign) *self,
			    const struct foreign *foreign)
{
	struct hits before = count_hits(_metadata);

	follow_all(_metadata, self);
	expect_hits(_metadata, foreign, before, KINDS);
}

/* We go; creations are nobody's business any more. */
static void unwatch(struct __test_metadata *_metadata,
		    FIXTURE_DATA(foreign) *self)
{
	session_finish(_metadata, &self->session, self->actor.pid);
	ASSERT_TRUE(session_stat_reaches(_metadata, &self->session,
					 PREFORK_STAT_ARMED, 0));
	EXPECT_LT(0, actor_do(_metadata, &self->actor, create, BY_FORK));
}

static void watch_again(struct __test_metadata *_metadata,
			FIXTURE_DATA(foreign) *self)
{
	watch(_metadata, self);
	follow(_metadata, self, BY_VFORK);
	unwatch(_metadata, self);
}

/* We go first: they go on. */
static void leave(struct __test_metadata *_metadata,
		  FIXTURE_DATA(foreign) *self, const struct foreign *foreign)
{
	struct hits before;

	unwatch(_metadata, self);
	before = count_hits(_metadata);
	EXPECT_LT(0, actor_do(_metadata, &self->actor, create, BY_VFORK));
	expect_hits(_metadata, foreign, before, 1);
	stop(_metadata, foreign);
	EXPECT_LT(0, actor_do(_metadata, &self->actor, create, BY_FORK));
	watch_again(_metadata, self);
}

/* They go first: we go on. */
static void stay(struct __test_metadata *_metadata,
		 FIXTURE_DATA(foreign) *self, const struct foreign *foreign)
{
	stop(_metadata, foreign);
	follow_all(_metadata, self);
	unwatch(_metadata, self);
	watch_again(_metadata, self);
}

TEST_F_TIMEOUT(foreign, comes_first_and_goes_first, 60)
{
	start(_metadata, &variant->foreign);
	watch(_metadata, self);
	follow_together(_metadata, self, &variant->foreign);
	stay(_metadata, self, &variant->foreign);
}

TEST_F_TIMEOUT(foreign, comes_first_and_goes_last, 60)
{
	start(_metadata, &variant->foreign);
	watch(_metadata, self);
	follow_together(_metadata, self, &variant->foreign);
	leave(_metadata, self, &variant->foreign);
}

TEST_F_TIMEOUT(foreign, comes_last_and_goes_first, 60)
{
	watch(_metadata, self);
	start(_metadata, &variant->foreign);
	follow_together(_metadata, self, &variant->foreign);
	stay(_metadata, self, &variant->foreign);
}

TEST_F_TIMEOUT(foreign, comes_last_and_goes_last, 60)
{
	watch(_metadata, self);
	start(_metadata, &variant->foreign);
	follow_together(_metadata, self, &variant->foreign);
	leave(_metadata, self, &variant->foreign);
}

/* We come and go while they stay. */
TEST_F_TIMEOUT(foreign, stays_while_we_come_and_go, 60)
{
	int round;

	start(_metadata, &variant->foreign);
	for (round = 0; round < 3; round++)
		watch_again(_metadata, self);
	stop(_metadata, &variant->foreign);
	watch_again(_metadata, self);
}

/* The administrator can switch off all probes, ours among them. */
TEST_F_TIMEOUT(foreign, is_switched_off_and_we_say_that_we_are, 60)
{
	start(_metadata, &variant->foreign);
	ASSERT_EQ(0, write_file(KPROBES_SWITCH, 0, "0"));
	EXPECT_EQ(-EIO, session_watch(&self->session, self->actor.pid, 0, 0,
				      0));
	EXPECT_STRNE("", prefork_message());
	EXPECT_EQ(0, session_stat(_metadata, &self->session,
				  PREFORK_STAT_ARMED));
	EXPECT_LT(0, actor_do(_metadata, &self->actor, create, BY_FORK));

	ASSERT_EQ(0, write_file(KPROBES_SWITCH, 0, "1"));
	watch(_metadata, self);
	follow_together(_metadata, self, &variant->foreign);
	leave(_metadata, self, &variant->foreign);
}

TEST_HARNESS_MAIN
