/* SPDX-License-Identifier: GPL-2.0 */
/*
 * raw.h - the netlink family without libprefork
 *
 * For messages that the library would never send, and for a socket that is
 * not read. An error comes with the kernel's words about it.
 */
#ifndef SELFTESTS_RAW_H
#define SELFTESTS_RAW_H

#include <linux/genetlink.h>
#include <linux/prefork.h>
#include <netlink/attr.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include "actor.h"

struct raw {
	struct nl_sock *sk;
	int fd;
	int family;
	uint32_t seq;		/* of the last request */
	char text[256];		/* of the last extended ack */
	bool offset;		/* the last extended ack names a place */
	union {			/* the last message read */
		struct nlmsghdr nlh;
		char bytes[65536];
	};
};

static inline void raw_open(struct __test_metadata *_metadata, struct raw *raw)
{
	const int one = 1;

	memset(raw, 0, sizeof(*raw));
	raw->sk = nl_socket_alloc();
	ASSERT_NE(NULL, raw->sk);
	ASSERT_EQ(0, genl_connect(raw->sk));
	raw->family = genl_ctrl_resolve(raw->sk, PREFORK_GENL_NAME);
	ASSERT_LT(0, raw->family) {
		TH_LOG("no such family: is the module loaded?");
	}
	raw->fd = nl_socket_get_fd(raw->sk);
	ASSERT_EQ(0, setsockopt(raw->fd, SOL_NETLINK, NETLINK_EXT_ACK, &one,
				sizeof(one)));
	ASSERT_EQ(0, setsockopt(raw->fd, SOL_NETLINK, NETLINK_CAP_ACK, &one,
				sizeof(one)));
}

static inline void raw_close(struct raw *raw)
{
	nl_socket_free(raw->sk);
	raw->sk = NULL;
}

/* A message to add attributes to. */
static inline struct nl_msg *raw_message(struct raw *raw, int cmd, int flags)
{
	struct nl_msg *msg = nlmsg_alloc();

	genlmsg_put(msg, NL_AUTO_PORT, 0, raw->family, 0,
		    NLM_F_REQUEST | NLM_F_ACK | flags, cmd,
		    PREFORK_GENL_VERSION);
	return msg;
}

/* Sends the bytes as they are, but for the number of the request. */
static inline int raw_send_bytes(struct raw *raw, void *bytes, size_t size)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct nlmsghdr *nlh = bytes;

	if (size >= sizeof(*nlh)) {
		nlh->nlmsg_seq = ++raw->seq + 1000;
		nlh->nlmsg_pid = 0;
	}
	return sendto(raw->fd, bytes, size, 0, (const void *)&kernel,
		      sizeof(kernel)) < 0 ? -errno : 0;
}

/* Reads one datagram; false when none came in time. */
static inline ssize_t raw_read(struct raw *raw, int ms)
{
	struct pollfd fd = { .fd = raw->fd, .events = POLLIN };
	ssize_t n;

	if (poll(&fd, 1, ms) != 1)
		return 0;
	n = recv(raw->fd, raw->bytes, sizeof(raw->bytes), MSG_DONTWAIT);
	return n < 0 ? -errno : n;
}

/* How much stands before the words: of the end of a dump only its verdict. */
static inline int raw_ack_size(struct nlmsghdr *nlh)
{
	struct nlmsgerr *err = nlmsg_data(nlh);

	if (nlh->nlmsg_type == NLMSG_DONE)
		return sizeof(err->error);
	if (nlh->nlmsg_flags & NLM_F_CAPPED)
		return sizeof(*err);
	return sizeof(*err) + NLMSG_ALIGN(err->msg.nlmsg_len) -
	       sizeof(err->msg);
}

static inline void raw_note_ack(struct raw *raw, struct nlmsghdr *nlh)
{
	struct nlattr *attr;
	int skip, left;

	raw->text[0] = 0;
	raw->offset = false;
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	skip = raw_ack_size(nlh);
	nlmsg_for_each_attr(attr, nlh, skip, left) {
		if (nla_type(attr) == NLMSGERR_ATTR_MSG)
			nla_strlcpy(raw->text, attr, sizeof(raw->text));
		if (nla_type(attr) == NLMSGERR_ATTR_OFFS)
			raw->offset = true;
	}
}

/*
 * The kernel's verdict on the last request: 0 or -errno. Anything else that
 * comes meanwhile is passed over. BROKEN_ACK when there is none.
 */
#define BROKEN_ACK	(-9998)

static inline int raw_ack(struct raw *raw)
{
	struct nlmsgerr *err;
	struct nlmsghdr *nlh;
	ssize_t n;
	int left;

	for (;;) {
		n = raw_read(raw, PATIENCE_MS);
		if (n <= 0)
			return BROKEN_ACK;
		left = n;
		for (nlh = &raw->nlh; nlmsg_ok(nlh, left);
		     nlh = nlmsg_next(nlh, &left)) {
			if (nlh->nlmsg_seq != raw->seq + 1000)
				continue;
			if (nlh->nlmsg_type != NLMSG_DONE &&
			    nlh->nlmsg_type != NLMSG_ERROR)
				continue;
			raw_note_ack(raw, nlh);
			err = nlmsg_data(nlh);
			return err->error;
		}
	}
}

/* Sends and frees the message, and returns the verdict on it. */
static inline int raw_ask(struct raw *raw, struct nl_msg *msg)
{
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	int ret = raw_send_bytes(raw, nlh, nlh->nlmsg_len);

	nlmsg_free(msg);
	return ret ? ret : raw_ack(raw);
}

/* A command that is in order, to see that the module still is. */
static inline int raw_ask_stats(struct raw *raw)
{
	return raw_ask(raw, raw_message(raw, PREFORK_CMD_STATS, 0));
}

#endif /* SELFTESTS_RAW_H */
