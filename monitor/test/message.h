/* SPDX-License-Identifier: GPL-2.0 */
/* Messages as the module makes them, in a buffer. */
#ifndef TEST_MESSAGE_H
#define TEST_MESSAGE_H

#include <stdint.h>
#include <string.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>

#include <prefork.h>

#define FAMILY	0x21

struct message {
	union {
		struct nlmsghdr nlh;
		char bytes[8192];
	};
};

static inline void message_begin_as(struct message *m, uint16_t type, uint8_t cmd, uint32_t seq)
{
	struct genlmsghdr genl = { .cmd = cmd, .version = PREFORK_GENL_VERSION };

	memset(m, 0, sizeof(*m));
	m->nlh.nlmsg_len = NLMSG_LENGTH(sizeof(genl));
	m->nlh.nlmsg_type = type;
	m->nlh.nlmsg_seq = seq;
	memcpy(NLMSG_DATA(&m->nlh), &genl, sizeof(genl));
}

static inline void message_begin(struct message *m, uint8_t cmd)
{
	message_begin_as(m, FAMILY, cmd, 0);
}

/* Returns the place of the attribute, for message_end_nest(). */
static inline size_t message_put(struct message *m, int attr, const void *value, size_t len)
{
	struct nlattr nla = {
		.nla_type = (uint16_t)attr,
		.nla_len = (uint16_t)(NLA_HDRLEN + len),
	};
	size_t at = NLMSG_ALIGN(m->nlh.nlmsg_len);

	memcpy(m->bytes + at, &nla, sizeof(nla));
	if (len)
		memcpy(m->bytes + at + NLA_HDRLEN, value, len);
	m->nlh.nlmsg_len = (uint32_t)(at + NLA_ALIGN(nla.nla_len));
	return at;
}

static inline void message_u32(struct message *m, int attr, uint32_t value)
{
	message_put(m, attr, &value, sizeof(value));
}

static inline void message_u64(struct message *m, int attr, uint64_t value)
{
	message_put(m, attr, &value, sizeof(value));
}

static inline void message_string(struct message *m, int attr, const char *value)
{
	message_put(m, attr, value, strlen(value) + 1);
}

static inline size_t message_nest(struct message *m, int attr)
{
	return message_put(m, attr | NLA_F_NESTED, NULL, 0);
}

static inline void message_end_nest(struct message *m, size_t at)
{
	struct nlattr *nla = (struct nlattr *)(m->bytes + at);

	nla->nla_len = (uint16_t)(m->nlh.nlmsg_len - at);
}

/* What every event has. */
static inline void message_event(struct message *m, uint8_t type, uint64_t seq, uint32_t pid)
{
	message_begin(m, type);
	message_u64(m, PREFORK_A_SEQ, seq);
	message_u64(m, PREFORK_A_TIME, 1000 * seq);
	message_u32(m, PREFORK_A_PID, pid);
	message_u32(m, PREFORK_A_TID, pid + 1);
	message_string(m, PREFORK_A_COMM, "make");
}

static inline void message_prefork(struct message *m, uint64_t seq, uint32_t pid, uint64_t cookie)
{
	message_event(m, PREFORK_EVENT_PREFORK, seq, pid);
	message_u32(m, PREFORK_A_CHILD, pid + 100);
	message_u64(m, PREFORK_A_CLONE_FLAGS, 0x4100);
	if (cookie)
		message_u64(m, PREFORK_A_COOKIE, cookie);
}

#endif
