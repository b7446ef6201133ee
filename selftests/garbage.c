// SPDX-License-Identifier: GPL-2.0
/*
 * garbage - messages that make no sense are refused, and do no harm
 */
#define _GNU_SOURCE
#include <linux/netlink.h>
#include <sys/utsname.h>

#include "create.h"
#include "raw.h"

#define EVERYTHING	0xffffffffu

FIXTURE(garbage)
{
	struct actor actor;
	struct raw raw;
};

FIXTURE_SETUP(garbage)
{
	actor_start(_metadata, &self->actor);
	raw_open(_metadata, &self->raw);
}

FIXTURE_TEARDOWN(garbage)
{
	if (self->raw.sk) {
		EXPECT_EQ(0, raw_ask_stats(&self->raw)) {
			TH_LOG("a good command fails now");
		}
	}
	raw_close(&self->raw);
	actor_end(&self->actor);
}

static const int commands[] = {
	PREFORK_CMD_WATCH, PREFORK_CMD_UNWATCH, PREFORK_CMD_RELEASE,
	PREFORK_CMD_GET, PREFORK_CMD_STATS,
};

/* A message of that command with one attribute of that type and size. */
static struct nl_msg *with_attr(struct raw *raw, int cmd, int type, int size)
{
	struct nl_msg *msg = raw_message(raw, cmd, 0);
	static const char zeros[64];

	nla_put(msg, type, size, zeros);
	return msg;
}

TEST_F_TIMEOUT(garbage, unknown_command_is_refused, 60)
{
	static const int unknown[] = {
		PREFORK_CMD_UNSPEC, PREFORK_CMD_STATS + 1,
		PREFORK_EVENT_PREFORK, PREFORK_EVENT_LOST, 255,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(unknown); i++) {
		EXPECT_EQ(-EOPNOTSUPP,
			  raw_ask(&self->raw, raw_message(&self->raw,
							  unknown[i], 0)));
	}
}

TEST_F_TIMEOUT(garbage, message_without_command_is_refused, 60)
{
	struct nlmsghdr nlh = {
		.nlmsg_len = sizeof(nlh),
		.nlmsg_type = self->raw.family,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
	};

	ASSERT_EQ(0, raw_send_bytes(&self->raw, &nlh, sizeof(nlh)));
	EXPECT_EQ(-EINVAL, raw_ack(&self->raw));
}

TEST_F_TIMEOUT(garbage, unknown_attribute_is_refused_and_named, 60)
{
	static const int unknown[] = { PREFORK_A_MAX + 1, 1000, 0x3fff };
	size_t i, k;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		for (k = 0; k < ARRAY_SIZE(unknown); k++) {
			EXPECT_EQ(-EINVAL,
				  raw_ask(&self->raw,
					  with_attr(&self->raw, commands[i],
						    unknown[k], 4)));
			EXPECT_STRNE("", self->raw.text);
			EXPECT_TRUE(self->raw.offset);
		}
	}
}

TEST_F_TIMEOUT(garbage, attribute_of_events_is_refused_in_a_command, 60)
{
	static const struct {
		int type, size;
	} of_events[] = {
		{ PREFORK_A_SEQ, 8 }, { PREFORK_A_TIME, 8 },
		{ PREFORK_A_STATUS, 4 }, { PREFORK_A_COUNT, 8 },
		{ PREFORK_A_DEADLINE, 8 }, { PREFORK_A_CLONE_FLAGS, 8 },
	};
	size_t i, k;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		for (k = 0; k < ARRAY_SIZE(of_events); k++) {
			EXPECT_EQ(-EINVAL,
				  raw_ask(&self->raw,
					  with_attr(&self->raw, commands[i],
						    of_events[k].type,
						    of_events[k].size))) {
				TH_LOG("attribute %d in command %d",
				       of_events[k].type, commands[i]);
			}
			EXPECT_STRNE("", self->raw.text);
		}
	}
}

TEST_F_TIMEOUT(garbage, attribute_of_another_command_is_refused, 60)
{
	static const struct {
		int cmd, type, size;
	} rows[] = {
		{ PREFORK_CMD_WATCH, PREFORK_A_COOKIE, 8 },
		{ PREFORK_CMD_UNWATCH, PREFORK_A_HOLD, 4 },
		{ PREFORK_CMD_RELEASE, PREFORK_A_PID, 4 },
		{ PREFORK_CMD_GET, PREFORK_A_TIMEOUT, 4 },
		{ PREFORK_CMD_STATS, PREFORK_A_PID, 4 },
		{ PREFORK_CMD_STATS, PREFORK_A_PIDFD, 4 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		EXPECT_EQ(-EINVAL,
			  raw_ask(&self->raw,
				  with_attr(&self->raw, rows[i].cmd,
					    rows[i].type, rows[i].size))) {
			TH_LOG("attribute %d in command %d", rows[i].type,
			       rows[i].cmd);
		}
		EXPECT_STRNE("", self->raw.text);
		EXPECT_TRUE(self->raw.offset);
	}
}

TEST_F_TIMEOUT(garbage, attribute_of_wrong_size_is_refused, 60)
{
	static const struct {
		int cmd, type, right;
	} rows[] = {
		{ PREFORK_CMD_WATCH, PREFORK_A_PID, 4 },
		{ PREFORK_CMD_WATCH, PREFORK_A_PIDFD, 4 },
		{ PREFORK_CMD_WATCH, PREFORK_A_FLAGS, 4 },
		{ PREFORK_CMD_WATCH, PREFORK_A_HOLD, 4 },
		{ PREFORK_CMD_WATCH, PREFORK_A_TIMEOUT, 4 },
		{ PREFORK_CMD_UNWATCH, PREFORK_A_PID, 4 },
		{ PREFORK_CMD_RELEASE, PREFORK_A_COOKIE, 8 },
		{ PREFORK_CMD_RELEASE, PREFORK_A_VERDICT, 4 },
		{ PREFORK_CMD_RELEASE, PREFORK_A_ERRNO, 4 },
		{ PREFORK_CMD_GET, PREFORK_A_PID, 4 },
	};
	static const int sizes[] = { 0, 1, 2, 3, 4, 5, 7, 8, 16, 64 };
	size_t i, k;
	int ret;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		for (k = 0; k < ARRAY_SIZE(sizes); k++) {
			if (sizes[k] == rows[i].right)
				continue;
			ret = raw_ask(&self->raw,
				      with_attr(&self->raw, rows[i].cmd,
						rows[i].type, sizes[k]));
			EXPECT_TRUE(ret == -EINVAL || ret == -ERANGE) {
				TH_LOG("%d: attribute %d of size %d in %d",
				       ret, rows[i].type, sizes[k],
				       rows[i].cmd);
			}
			EXPECT_STRNE("", self->raw.text);
		}
	}
}

TEST_F_TIMEOUT(garbage, nest_where_a_number_belongs_is_refused, 60)
{
	struct nl_msg *msg = raw_message(&self->raw, PREFORK_CMD_WATCH, 0);
	struct nlattr *nest, *inner;
	int i;

	nest = nla_nest_start(msg, PREFORK_A_PID | NLA_F_NESTED);
	for (i = 0; i < 20; i++) {
		inner = nla_nest_start(msg, PREFORK_A_HELD | NLA_F_NESTED);
		nla_put_u32(msg, PREFORK_A_PID, EVERYTHING);
		nla_nest_end(msg, inner);
	}
	nla_nest_end(msg, nest);
	EXPECT_EQ(-EINVAL, raw_ask(&self->raw, msg));
	EXPECT_STRNE("", self->raw.text);
}

TEST_F_TIMEOUT(garbage, cut_attribute_is_refused, 60)
{
	static const int lengths[] = { 0, 1, 3, 5, 9, 12, 100, 65535 };
	struct nlmsghdr *nlh;
	struct nl_msg *msg;
	struct nlattr *attr;
	size_t i, k;
	int ret;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		for (k = 0; k < ARRAY_SIZE(lengths); k++) {
			msg = with_attr(&self->raw, commands[i],
					PREFORK_A_PID, 4);
			nlh = nlmsg_hdr(msg);
			attr = genlmsg_attrdata(nlmsg_data(nlh), 0);
			attr->nla_len = lengths[k];
			ret = raw_ask(&self->raw, msg);
			EXPECT_TRUE(ret == -EINVAL || ret == -ERANGE) {
				TH_LOG("%d: length %d in command %d", ret,
				       lengths[k], commands[i]);
			}
		}
	}
}

TEST_F_TIMEOUT(garbage, cut_message_is_refused, 60)
{
	char bytes[256];
	struct nl_msg *msg;
	unsigned int size, cut;
	int ret;

	msg = raw_message(&self->raw, PREFORK_CMD_GET, 0);
	nla_put_u32(msg, PREFORK_A_PID, self->actor.pid);
	size = nlmsg_hdr(msg)->nlmsg_len;
	for (cut = NLMSG_HDRLEN; cut < size; cut++) {
		memcpy(bytes, nlmsg_hdr(msg), size);
		((struct nlmsghdr *)bytes)->nlmsg_len = cut;
		ASSERT_EQ(0, raw_send_bytes(&self->raw, bytes, cut));
		ret = raw_ack(&self->raw);
		EXPECT_TRUE(ret == -EINVAL || ret == -ERANGE) {
			TH_LOG("%d after %u bytes of %u", ret, cut, size);
		}
	}
	nlmsg_free(msg);

	/* The kernel does not even answer these. */
	for (cut = 0; cut < NLMSG_HDRLEN; cut++) {
		memset(bytes, 0xff, sizeof(bytes));
		raw_send_bytes(&self->raw, bytes, cut);
	}
}

TEST_F_TIMEOUT(garbage, oversized_message_is_refused, 60)
{
	const size_t size = 65000;
	struct nl_msg *msg = nlmsg_alloc_size(size + 100);
	int i, ret;

	genlmsg_put(msg, NL_AUTO_PORT, 0, self->raw.family, 0,
		    NLM_F_REQUEST | NLM_F_ACK, PREFORK_CMD_RELEASE,
		    PREFORK_GENL_VERSION);
	for (i = 0; nlmsg_hdr(msg)->nlmsg_len < size - 1000; i++)
		nla_put_u32(msg, PREFORK_A_MAX + 1 + i % 1000, EVERYTHING);
	ret = raw_ask(&self->raw, msg);
	EXPECT_EQ(-EINVAL, ret);

	msg = nlmsg_alloc_size(size + 100);
	genlmsg_put(msg, NL_AUTO_PORT, 0, self->raw.family, 0,
		    NLM_F_REQUEST | NLM_F_ACK, PREFORK_CMD_WATCH,
		    PREFORK_GENL_VERSION);
	nla_reserve(msg, PREFORK_A_PID, size);
	ret = raw_ask(&self->raw, msg);
	EXPECT_TRUE(ret == -EINVAL || ret == -ERANGE);
	EXPECT_STRNE("", self->raw.text);
}

TEST_F_TIMEOUT(garbage, unknown_flags_are_refused, 60)
{
	static const struct {
		int type;
		uint32_t value;
	} rows[] = {
		{ PREFORK_A_FLAGS, 0x4 }, { PREFORK_A_FLAGS, EVERYTHING },
		{ PREFORK_A_HOLD, 0x40 }, { PREFORK_A_HOLD, EVERYTHING },
		/* Threads are not reported here, so they cannot be held. */
		{ PREFORK_A_HOLD, PREFORK_HOLD_THREAD },
		{ PREFORK_A_HOLD, PREFORK_HOLD_BIRTH_THREAD },
	};
	struct nl_msg *msg;
	size_t i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		msg = raw_message(&self->raw, PREFORK_CMD_WATCH, 0);
		nla_put_u32(msg, PREFORK_A_PID, self->actor.pid);
		nla_put_u32(msg, rows[i].type, rows[i].value);
		ret = raw_ask(&self->raw, msg);
		EXPECT_EQ(-EINVAL, ret) {
			TH_LOG("%#x in attribute %d", rows[i].value,
			       rows[i].type);
		}
		EXPECT_STRNE("", self->raw.text);
	}
}

TEST_F_TIMEOUT(garbage, target_named_twice_or_not_at_all_is_refused, 60)
{
	struct nl_msg *msg;

	msg = raw_message(&self->raw, PREFORK_CMD_WATCH, 0);
	EXPECT_EQ(-EINVAL, raw_ask(&self->raw, msg));
	EXPECT_STRNE("", self->raw.text);

	msg = raw_message(&self->raw, PREFORK_CMD_WATCH, 0);
	nla_put_u32(msg, PREFORK_A_PID, self->actor.pid);
	nla_put_u32(msg, PREFORK_A_PIDFD, self->actor.pidfd);
	EXPECT_EQ(-EINVAL, raw_ask(&self->raw, msg));
	EXPECT_STRNE("", self->raw.text);

	msg = raw_message(&self->raw, PREFORK_CMD_GET, 0);
	EXPECT_EQ(-EINVAL, raw_ask(&self->raw, msg));
	EXPECT_STRNE("", self->raw.text);

	msg = raw_message(&self->raw, PREFORK_CMD_RELEASE, 0);
	EXPECT_EQ(-EINVAL, raw_ask(&self->raw, msg));
	EXPECT_STRNE("", self->raw.text);
}

TEST_F_TIMEOUT(garbage, number_that_names_no_process_is_refused, 60)
{
	static const uint32_t nobody[] = {
		0, 0x7fffffff, 0x80000000, EVERYTHING,
	};
	struct nl_msg *msg;
	size_t i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(nobody); i++) {
		msg = raw_message(&self->raw, PREFORK_CMD_WATCH, 0);
		nla_put_u32(msg, PREFORK_A_PID, nobody[i]);
		ret = raw_ask(&self->raw, msg);
		EXPECT_TRUE(ret == -ESRCH || ret == -EINVAL ||
			    ret == -ERANGE) {
			TH_LOG("%d for %#x", ret, nobody[i]);
		}
		EXPECT_STRNE("", self->raw.text);

		msg = raw_message(&self->raw, PREFORK_CMD_WATCH, 0);
		nla_put_u32(msg, PREFORK_A_PIDFD, nobody[i] + 4096);
		ret = raw_ask(&self->raw, msg);
		EXPECT_TRUE(ret == -EBADF || ret == -EINVAL ||
			    ret == -ERANGE) {
			TH_LOG("%d for descriptor %#x", ret, nobody[i] + 4096);
		}
		EXPECT_STRNE("", self->raw.text);
	}
}

TEST_F_TIMEOUT(garbage, dump_of_what_cannot_be_dumped_is_refused, 60)
{
	static const int others[] = {
		PREFORK_CMD_WATCH, PREFORK_CMD_UNWATCH, PREFORK_CMD_RELEASE,
		PREFORK_CMD_STATS,
	};
	struct nl_msg *msg;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(others); i++) {
		EXPECT_NE(0, raw_ask(&self->raw,
				     raw_message(&self->raw, others[i],
						 NLM_F_DUMP)));
	}
	msg = raw_message(&self->raw, PREFORK_CMD_GET, NLM_F_DUMP);
	nla_put_u64(msg, PREFORK_A_COOKIE, 1);
	EXPECT_EQ(-EINVAL, raw_ask(&self->raw, msg));
	/* All or one. */
	msg = raw_message(&self->raw, PREFORK_CMD_GET, NLM_F_DUMP);
	nla_put_u32(msg, PREFORK_A_PID, self->actor.pid);
	EXPECT_EQ(-EINVAL, raw_ask(&self->raw, msg));
	EXPECT_STRNE("", self->raw.text);
	EXPECT_EQ(0, raw_ask(&self->raw, raw_message(&self->raw,
						     PREFORK_CMD_GET,
						     NLM_F_DUMP)));
}

/* Refused or not, whatever comes must not hurt; the numbers repeat. */
static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

static void put_random_attr(struct nl_msg *msg, uint32_t *state)
{
	int type = next_random(state) % (PREFORK_A_MAX + 3);
	int size = next_random(state) % 40;
	char bytes[40];
	int i;

	/* Mostly a size that is right for something. */
	if (next_random(state) % 3)
		size = size % 2 ? 4 : 8;
	for (i = 0; i < size; i++)
		bytes[i] = next_random(state) % 2 ? 0 : next_random(state);
	if (next_random(state) % 16 == 0)
		type |= NLA_F_NESTED;
	nla_put(msg, type, size, bytes);
}

TEST_F_TIMEOUT(garbage, random_messages_do_no_harm, 120)
{
	uint32_t state = 1;
	struct nlmsghdr *nlh;
	struct nl_msg *msg;
	int i, attrs, refused = 0;

	for (i = 0; i < 1500; i++) {
		msg = raw_message(&self->raw, next_random(&state) % 8,
				  next_random(&state) % 8 ? 0 : NLM_F_DUMP);
		attrs = next_random(&state) % 4;
		while (attrs--)
			put_random_attr(msg, &state);
		nlh = nlmsg_hdr(msg);
		if (next_random(&state) % 8 == 0 &&
		    nlh->nlmsg_len > NLMSG_HDRLEN + GENL_HDRLEN)
			((char *)nlh)[NLMSG_HDRLEN + GENL_HDRLEN +
				      next_random(&state) % 4] ^=
				1 << next_random(&state) % 8;
		refused += raw_ask(&self->raw, msg) != 0;
	}
	EXPECT_LT(500, refused);
	/* Some of them may have been WATCH of somebody. */
	raw_ask(&self->raw, raw_message(&self->raw, PREFORK_CMD_UNWATCH, 0));
	EXPECT_LT(0, actor_do(_metadata, &self->actor, create, BY_FORK));
}

/* The kernel does not look at a header's reserved bits before 6.1. */
static bool headers_are_checked(void)
{
	unsigned int major = 0, minor = 0;
	struct utsname uts;

	uname(&uts);
	sscanf(uts.release, "%u.%u", &major, &minor);
	return major > 6 || (major == 6 && minor >= 1);
}

TEST_F_TIMEOUT(garbage, reserved_bits_are_refused, 60)
{
	struct genlmsghdr *genl;
	struct nl_msg *msg;

	if (!headers_are_checked())
		SKIP(return, "this kernel does not check them");
	msg = raw_message(&self->raw, PREFORK_CMD_STATS, 0);
	genl = nlmsg_data(nlmsg_hdr(msg));
	genl->reserved = 1;
	EXPECT_EQ(-EINVAL, raw_ask(&self->raw, msg));
}

/* The family has one version; another one is not understood better. */
TEST_F_TIMEOUT(garbage, other_version_changes_nothing, 60)
{
	static const int versions[] = { 0, 2, 255 };
	struct genlmsghdr *genl;
	struct nl_msg *msg;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(versions); i++) {
		msg = raw_message(&self->raw, PREFORK_CMD_RELEASE, 0);
		genl = nlmsg_data(nlmsg_hdr(msg));
		genl->version = versions[i];
		nla_put_u64(msg, PREFORK_A_COOKIE, 12345678);
		EXPECT_NE(0, raw_ask(&self->raw, msg));
	}
}

TEST_HARNESS_MAIN
