// SPDX-License-Identifier: GPL-2.0
/*
 * conflict - a function that a live patch holds is not for two
 *
 * Both want to say where it goes on. Who comes second is told so, and leaves
 * nothing behind; who came first does not notice. That is so where a kprobe lies
 * on ftrace. Where it is an instruction of its own, as on arm64, both have their
 * turn. A module of two dozen lines (claim/) stands for the live patch.
 */
#define _GNU_SOURCE
#include <libgen.h>

#include "create.h"
#include "module.h"
#include "session.h"
#include "skip.h"
#include "tracefs.h"

#define TEXT_MAX	65536

FIXTURE(claim)
{
	struct actor actor;
	struct session session;
	bool exclusive;
};

FIXTURE_VARIANT(claim)
{
	const char *function;
};

FIXTURE_VARIANT_ADD(claim, on_kernel_clone)
{
	.function = "kernel_clone",
};

FIXTURE_VARIANT_ADD(claim, on_alloc_pid)
{
	.function = "alloc_pid",
};

FIXTURE_VARIANT_ADD(claim, on_get_signal)
{
	.function = "get_signal",
};

static int watch(FIXTURE_DATA(claim) *self)
{
	return session_watch(&self->session, self->actor.pid,
			     PREFORK_WATCH_THREADS, HOLD_ALL, 0);
}

static void unwatch(struct __test_metadata *_metadata,
		    FIXTURE_DATA(claim) *self)
{
	session_finish(_metadata, &self->session, self->actor.pid);
	ASSERT_TRUE(session_stat_reaches(_metadata, &self->session,
					 PREFORK_STAT_ARMED, 0));
}

static int claim_load(const char *function)
{
	char path[PATH_MAX], argument[64];
	int fd, ret;

	snprintf(path, sizeof(path), "%s", module_file());
	strcat(dirname(path), "/claim/claim.ko");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(argument, sizeof(argument), "function=%s", function);
	ret = syscall(SYS_finit_module, fd, argument, 0) ? -errno : 0;
	close(fd);
	return ret;
}

static int claim_unload(void)
{
	return syscall(SYS_delete_module, "claim", O_NONBLOCK) ? -errno : 0;
}

static bool lies_on_ftrace(struct __test_metadata *_metadata,
			   FIXTURE_DATA(claim) *self)
{
	bool lies;

	ASSERT_EQ(0, watch(self)) {
		TH_LOG("%s", prefork_message());
	}
	lies = probes_lie_on_ftrace();
	unwatch(_metadata, self);
	return lies;
}

FIXTURE_SETUP(claim)
{
	int ret;

	tracefs_mount();
	ret = claim_load(variant->function);
	ASSERT_NE(-ENOENT, ret) {
		TH_LOG("no claim/claim.ko beside %s: make claim",
		       module_file());
	}
	if (ret == -EINVAL)
		SKIP_IN_SETUP("this kernel has no claims, or no %s()",
			      variant->function);
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, claim_unload());
	actor_start(_metadata, &self->actor);
	session_open(_metadata, &self->session);
	self->exclusive = lies_on_ftrace(_metadata, self);
}

FIXTURE_TEARDOWN(claim)
{
	session_close(&self->session);
	actor_end(&self->actor);
	claim_unload();
}

/* Every probe that there is, and every function that ftrace has changed. */
struct probed {
	char kprobes[TEXT_MAX];
	char functions[TEXT_MAX];
};

static void read_text(struct __test_metadata *_metadata, const char *path,
		      char text[TEXT_MAX])
{
	FILE *f = fopen(path, "re");
	size_t n;

	ASSERT_NE(NULL, f) {
		TH_LOG("%s: %m", path);
	}
	n = fread(text, 1, TEXT_MAX - 1, f);
	fclose(f);
	ASSERT_LT(n, TEXT_MAX - 1);
	text[n] = 0;
}

static void look(struct __test_metadata *_metadata, struct probed *probed)
{
	read_text(_metadata, KPROBES_LIST, probed->kprobes);
	read_text(_metadata, FTRACE_LIST, probed->functions);
}

static void expect_untouched(struct __test_metadata *_metadata,
			     const struct probed *before)
{
	static struct probed now;

	look(_metadata, &now);
	EXPECT_STREQ(before->kprobes, now.kprobes);
	EXPECT_STREQ(before->functions, now.functions);
}

static void expect_idle(struct __test_metadata *_metadata, struct session *s)
{
	static const int gauges[] = {
		PREFORK_STAT_HELD, PREFORK_STAT_CALLS, PREFORK_STAT_RESERVED,
		PREFORK_STAT_WATCHES, PREFORK_STAT_QUEUED, PREFORK_STAT_ARMED,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(gauges); i++)
		EXPECT_EQ(0, session_stat(_metadata, s, gauges[i]));
}

static void begin_creation(struct __test_metadata *_metadata,
			   FIXTURE_DATA(claim) *self, enum kind kind)
{
	actor_send(_metadata, &self->actor, create, kind);
	session_await(_metadata, &self->session, PREFORK_EVENT_PREFORK);
	ASSERT_NE(0, self->session.event.cookie);
	EXPECT_FALSE(actor_speaks(&self->actor, 0));
}

static void end_creation(struct __test_metadata *_metadata,
			 FIXTURE_DATA(claim) *self)
{
	struct session *s = &self->session;
	pid_t child = s->event.child;

	session_release(_metadata, s);
	session_await(_metadata, s, PREFORK_EVENT_BORN);
	EXPECT_EQ(child, s->event.tid);
	EXPECT_EQ(child, actor_answer(_metadata, &self->actor));
}

static void follow_all(struct __test_metadata *_metadata,
		       FIXTURE_DATA(claim) *self)
{
	int kind;

	for (kind = 0; kind < KINDS; kind++) {
		begin_creation(_metadata, self, kind);
		end_creation(_metadata, self);
	}
	EXPECT_EQ(0, self->session.failed);
}

TEST_F_TIMEOUT(claim, that_was_first_is_respected, 60)
{
	static struct probed before;
	int round;

	if (!self->exclusive)
		SKIP(return, "both have their turn here");
	ASSERT_EQ(0, claim_load(variant->function));
	look(_metadata, &before);
	EXPECT_NE(NULL, strstr(before.functions, variant->function));
	for (round = 0; round < 3; round++) {
		EXPECT_EQ(-EBUSY, watch(self));
		EXPECT_NE(NULL, strstr(prefork_message(), "live patch")) {
			TH_LOG("%s", prefork_message());
		}
		expect_untouched(_metadata, &before);
		expect_idle(_metadata, &self->session);
		EXPECT_LT(0, actor_do(_metadata, &self->actor, create,
				      BY_VFORK));
	}

	ASSERT_EQ(0, claim_unload());
	ASSERT_EQ(0, watch(self)) {
		TH_LOG("%s", prefork_message());
	}
	follow_all(_metadata, self);
	unwatch(_metadata, self);
}

TEST_F_TIMEOUT(claim, that_comes_second_is_refused, 60)
{
	if (!self->exclusive)
		SKIP(return, "both have their turn here");
	ASSERT_EQ(0, watch(self));
	EXPECT_EQ(-EBUSY, claim_load(variant->function));
	follow_all(_metadata, self);
	begin_creation(_metadata, self, BY_VFORK);
	EXPECT_EQ(-EBUSY, claim_load(variant->function));
	end_creation(_metadata, self);
	follow_all(_metadata, self);
	unwatch(_metadata, self);

	/* Its turn: we are gone. */
	EXPECT_EQ(0, claim_load(variant->function));
	EXPECT_LT(0, actor_do(_metadata, &self->actor, create, BY_VFORK));
	EXPECT_EQ(0, claim_unload());
}

TEST_F_TIMEOUT(claim, beside_probes_is_not_noticed, 60)
{
	if (self->exclusive)
		SKIP(return, "nobody may be second here");
	ASSERT_EQ(0, claim_load(variant->function));
	ASSERT_EQ(0, watch(self)) {
		TH_LOG("%s", prefork_message());
	}
	follow_all(_metadata, self);
	EXPECT_EQ(0, claim_unload());
	follow_all(_metadata, self);
	begin_creation(_metadata, self, BY_VFORK);
	EXPECT_EQ(0, claim_load(variant->function));
	end_creation(_metadata, self);
	follow_all(_metadata, self);
	unwatch(_metadata, self);
}

TEST_HARNESS_MAIN
