// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Commands and events share one socket. The kernel carries out a command and
 * queues its answer before send() returns, so whoever sends finds the answer
 * without waiting: behind the events that were there before, which go to the
 * inbox. Thus nobody ever sleeps with the lock held, and those who wait for
 * events do so in poll(), without it, on socket and inbox together.
 */
#include "session.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <netlink/attr.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>

#include "channel.h"
#include "decode.h"
#include "inbox.h"
#include "message.h"

/* Datagrams read for one command at most where it need not be answered: most of a full buffer. */
#define DRAIN_MAX	4096

/*
 * With so many events in the inbox no more are read for that. What is not read stays in the
 * kernel, which lets those wait who have more to tell.
 */
#define BACKLOG_MAX	65536

struct prefork {
	int socket;
	int epoll;		/* over socket and inbox.eventfd */
	uint16_t family;	/* set by prefork_open(), then fixed */
	uint32_t group;		/* likewise */

	pthread_mutex_t lock;	/* for reading the socket, and what follows */
	struct inbox inbox;
	bool observes;		/* events of others, which may be lost */
	bool empty;		/* the socket, after the last event */
	uint32_t last_seq;	/* of requests; events have 0 */
	void *datagram;		/* CHANNEL_DATAGRAM_MAX bytes */
};

static void lock(struct prefork *pf)
{
	pthread_mutex_lock(&pf->lock);
}

static void unlock(struct prefork *pf)
{
	prefork_inbox_settle(&pf->inbox);
	pthread_mutex_unlock(&pf->lock);
}

/* A request on its way. */
struct call {
	uint32_t seq;
	bool silent;		/* is answered only where it is refused */
	prefork_reply_fn fn;
	void *arg;
	int reply_error;	/* the first one of fn */
	int result;		/* valid with done */
	bool done;
};

/*
 * The extended acknowledgement stands behind the fixed part, or where the
 * request is repeated (no NETLINK_CAP_ACK) behind that.
 */
static void take_message(const struct nlmsghdr *nlh, size_t fixed)
{
	struct nlattr *attrs[NLMSGERR_ATTR_MAX + 1], *text;
	int start = (int)NLMSG_ALIGN(fixed), len = (int)NLMSG_PAYLOAD(nlh, 0) - start;
	struct nlattr *head = (struct nlattr *)((char *)NLMSG_DATA(nlh) + start);

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS) || len <= 0 ||
	    nla_parse(attrs, NLMSGERR_ATTR_MAX, head, len, NULL) < 0)
		return;
	text = attrs[NLMSGERR_ATTR_MSG];
	if (text && nla_len(text) > 0)
		prefork_message_set(nla_data(text), (size_t)nla_len(text));
}

static int result_of_error(const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *err = NLMSG_DATA(nlh);
	size_t fixed = sizeof(*err);

	if (NLMSG_PAYLOAD(nlh, 0) < sizeof(*err) || err->error > 0)
		return -EBADMSG;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED) && err->msg.nlmsg_len > sizeof(err->msg))
		fixed += err->msg.nlmsg_len - sizeof(err->msg);
	if (err->error)
		take_message(nlh, fixed);
	return err->error;
}

/* The end of a dump. */
static int result_of_done(const struct nlmsghdr *nlh)
{
	const int *error = NLMSG_DATA(nlh);

	if (NLMSG_PAYLOAD(nlh, 0) < sizeof(*error) || *error > 0)
		return -EBADMSG;
	if (*error)
		take_message(nlh, sizeof(*error));
	return *error;
}

static void answer(struct call *call, const struct nlmsghdr *nlh)
{
	int err = 0;

	switch (nlh->nlmsg_type) {
	case NLMSG_ERROR:
		call->result = result_of_error(nlh);
		call->done = true;
		break;
	case NLMSG_DONE:
		call->result = result_of_done(nlh);
		call->done = true;
		break;
	case NLMSG_NOOP:
		break;
	default:
		err = call->fn ? call->fn(nlh, call->arg) : -EBADMSG;
	}
	if (!call->reply_error)
		call->reply_error = err;
}

/* A caller who takes events. */
struct taker {
	struct prefork_event *events;
	int room, count;
	bool urgent;		/* some task waits for an answer */
};

static int decode_to(struct taker *taker, const struct nlmsghdr *nlh)
{
	struct prefork_event *event = &taker->events[taker->count];
	int err = prefork_decode_event(nlh, event);

	if (err)
		return err;
	taker->urgent |= prefork_event_is_hold(event);
	taker->count++;
	return 0;
}

/* To the inbox goes what nobody takes now, or what comes after what is there. */
static void take_event(struct prefork *pf, struct taker *taker, const struct nlmsghdr *nlh)
{
	int err;

	pf->empty = false;
	if (!taker || taker->count == taker->room || !prefork_inbox_is_empty(&pf->inbox)) {
		prefork_inbox_put(&pf->inbox, nlh);
		return;
	}
	err = decode_to(taker, nlh);
	if (err)
		prefork_inbox_put_error(&pf->inbox, err);
}

static void sort(struct prefork *pf, struct call *call, struct taker *taker,
		 const struct nlmsghdr *nlh)
{
	if (nlh->nlmsg_type == pf->family && prefork_decode_is_event(nlh))
		take_event(pf, taker, nlh);
	else if (call && nlh->nlmsg_seq == call->seq && !call->done)
		answer(call, nlh);
	/* else the answer to a call that gave up */
}

/*
 * Reads one datagram. Returns false when there is none. Without a call no
 * answer is expected, without a taker no event.
 */
static bool read_datagram(struct prefork *pf, struct call *call, struct taker *taker)
{
	const struct nlmsghdr *nlh = pf->datagram;
	ssize_t len = prefork_channel_receive(pf->socket, pf->datagram,
					      CHANNEL_DATAGRAM_MAX);
	int rest = (int)len;

	if (len == -EAGAIN) {
		pf->empty = true;
		return false;
	}
	/* A dump found no room to go on, and will when there is. No event is lost. */
	if (len == -ENOBUFS && !pf->observes)
		return true;
	if (len < 0)
		prefork_inbox_put_error(&pf->inbox, (int)len);
	for (; rest > 0 && NLMSG_OK(nlh, (unsigned int)rest); nlh = NLMSG_NEXT(nlh, rest))
		sort(pf, call, taker, nlh);
	return true;
}

/* Those who are watched may fill the socket as fast as it is read: not for ever. */
static void make_room(struct prefork *pf)
{
	for (int i = 0; i < DRAIN_MAX && read_datagram(pf, NULL, NULL); i++)
		;
}

/*
 * The answer stands behind what is in the socket when it is sent. A dump
 * continues itself while its parts are read, thus an empty socket is the end
 * there, too.
 */
static int await_answer(struct prefork *pf, struct call *call)
{
	for (int i = 0; !call->done && !(call->silent && i == DRAIN_MAX); i++)
		if (!read_datagram(pf, call, NULL))
			break;
	if (call->done)
		return call->result ? call->result : call->reply_error;
	return call->silent ? call->reply_error : -ENOBUFS;
}

static int converse(struct prefork *pf, struct call *call, struct nlmsghdr *nlh)
{
	bool late;
	int err;

	call->silent = !(nlh->nlmsg_flags & (NLM_F_ACK | NLM_F_DUMP));
	late = call->silent && pf->inbox.count >= BACKLOG_MAX;
	if (!late)
		make_room(pf);
	call->seq = ++pf->last_seq;
	if (!call->seq)
		call->seq = ++pf->last_seq;
	nlh->nlmsg_seq = call->seq;

	err = prefork_channel_send(pf->socket, nlh);
	return err || late ? err : await_answer(pf, call);
}

int prefork_session_call(struct prefork *pf, struct nl_msg *request,
			 prefork_reply_fn fn, void *arg)
{
	struct call call = { .fn = fn, .arg = arg };
	int err;

	prefork_message_clear();
	if (!request)
		return -ENOMEM;
	lock(pf);
	err = converse(pf, &call, nlmsg_hdr(request));
	unlock(pf);
	nlmsg_free(request);
	return err;
}

/* More than any request takes: libnl would have, and clear, a page. */
#define REQUEST_SIZE	256

static struct nl_msg *create_request(uint16_t family, uint8_t cmd, uint8_t version,
				     int flags)
{
	struct nl_msg *msg = nlmsg_alloc_size(REQUEST_SIZE);

	if (!msg)
		return NULL;
	if (!genlmsg_put(msg, 0, 0, family, 0, NLM_F_REQUEST | flags, cmd, version)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

struct nl_msg *prefork_session_request(const struct prefork *pf,
				       enum prefork_cmd cmd, int flags)
{
	return create_request(pf->family, (uint8_t)cmd, PREFORK_GENL_VERSION, flags);
}

static void take_group(struct prefork *pf, struct nlattr *nest)
{
	struct nlattr *attrs[CTRL_ATTR_MCAST_GRP_MAX + 1], *group;
	int rest;

	nla_for_each_nested(group, nest, rest) {
		if (nla_parse_nested(attrs, CTRL_ATTR_MCAST_GRP_MAX, group, NULL) < 0 ||
		    !attrs[CTRL_ATTR_MCAST_GRP_NAME] || !attrs[CTRL_ATTR_MCAST_GRP_ID])
			continue;
		if (!nla_strcmp(attrs[CTRL_ATTR_MCAST_GRP_NAME], PREFORK_MCGRP_EVENTS))
			pf->group = nla_get_u32(attrs[CTRL_ATTR_MCAST_GRP_ID]);
	}
}

static int take_family(const struct nlmsghdr *nlh, void *arg)
{
	struct nlattr *attrs[CTRL_ATTR_MAX + 1];
	struct prefork *pf = arg;

	if (genlmsg_parse((struct nlmsghdr *)(uintptr_t)nlh, 0, attrs, CTRL_ATTR_MAX, NULL) < 0 ||
	    !attrs[CTRL_ATTR_FAMILY_ID])
		return -EBADMSG;
	pf->family = nla_get_u16(attrs[CTRL_ATTR_FAMILY_ID]);
	if (attrs[CTRL_ATTR_MCAST_GROUPS])
		take_group(pf, attrs[CTRL_ATTR_MCAST_GROUPS]);
	return 0;
}

/* Asking for the family by name also lets the kernel load the module. */
static int find_family(struct prefork *pf)
{
	struct nl_msg *msg = create_request(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 2, NLM_F_ACK);

	if (msg && nla_put_string(msg, CTRL_ATTR_FAMILY_NAME, PREFORK_GENL_NAME) < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return prefork_session_call(pf, msg, take_family, pf);
}

static int poll_both(const struct prefork *pf)
{
	struct epoll_event in = { .events = EPOLLIN };

	if (epoll_ctl(pf->epoll, EPOLL_CTL_ADD, pf->socket, &in) < 0 ||
	    epoll_ctl(pf->epoll, EPOLL_CTL_ADD, pf->inbox.eventfd, &in) < 0)
		return -errno;
	return 0;
}

static int init(struct prefork *pf)
{
	int err;

	pf->datagram = malloc(CHANNEL_DATAGRAM_MAX);
	if (!pf->datagram)
		return -ENOMEM;
	err = prefork_inbox_init(&pf->inbox);
	if (err)
		goto err_free_datagram;
	pf->epoll = epoll_create1(EPOLL_CLOEXEC);
	err = pf->epoll < 0 ? -errno : 0;
	if (err)
		goto err_exit_inbox;
	pf->socket = prefork_channel_open();
	err = pf->socket < 0 ? pf->socket : 0;
	if (err)
		goto err_close_epoll;
	err = poll_both(pf);
	if (err)
		goto err_close_socket;
	pthread_mutex_init(&pf->lock, NULL);
	return 0;

err_close_socket:
	close(pf->socket);
err_close_epoll:
	close(pf->epoll);
err_exit_inbox:
	prefork_inbox_exit(&pf->inbox);
err_free_datagram:
	free(pf->datagram);
	return err;
}

int prefork_open(struct prefork **pf)
{
	struct prefork *new = calloc(1, sizeof(*new));
	int err;

	*pf = NULL;
	prefork_message_clear();
	if (!new)
		return -ENOMEM;
	err = init(new);
	if (err) {
		free(new);
		return err;
	}
	err = find_family(new);
	if (err) {
		prefork_close(new);
		return err;
	}
	*pf = new;
	return 0;
}

void prefork_close(struct prefork *pf)
{
	if (!pf)
		return;
	pthread_mutex_destroy(&pf->lock);
	close(pf->socket);
	close(pf->epoll);
	prefork_inbox_exit(&pf->inbox);
	free(pf->datagram);
	free(pf);
}

int prefork_fd(const struct prefork *pf)
{
	return pf->epoll;
}

uint32_t prefork_owner(const struct prefork *pf)
{
	return prefork_channel_port(pf->socket);
}

int prefork_observe(struct prefork *pf)
{
	prefork_message_clear();
	lock(pf);
	pf->observes = true;
	unlock(pf);
	return prefork_channel_join(pf->socket, pf->group);
}

/* Of what had been read before it was asked for. */
static void take_from_inbox(struct prefork *pf, struct taker *taker)
{
	const struct nlmsghdr *nlh;
	int err;

	while (taker->count < taker->room && !pf->inbox.error &&
	       (nlh = prefork_inbox_first(&pf->inbox))) {
		err = decode_to(taker, nlh);
		if (err)
			prefork_inbox_put_error(&pf->inbox, err);
		prefork_inbox_drop_first(&pf->inbox);
	}
}

/*
 * Without @look only where there may be something: to find out costs as much
 * as to wait for it. Returns how many, or -errno where that comes before the
 * first.
 */
static int try_next(struct prefork *pf, struct prefork_event *events, int room, bool look)
{
	struct taker taker = { .events = events, .room = room };
	int err = 0;

	lock(pf);
	take_from_inbox(pf, &taker);
	while (taker.count < room && !taker.urgent && !pf->inbox.error &&
	       (look || taker.count || !pf->empty) && read_datagram(pf, NULL, &taker))
		;
	/* Kept for the next call where events come before it. */
	if (room > 0 && !taker.count)
		err = prefork_inbox_take_error(&pf->inbox);
	unlock(pf);
	return taker.count ? taker.count : err;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * Not by way of the descriptor over both, which would be looked through once
 * more, and not with epoll_wait(), which a stop and a tracer interrupt. Returns
 * 1 when there may be something, 0 when the time is up, -errno.
 */
static int wait_until(const struct prefork *pf, int64_t end, bool forever, bool looked)
{
	struct pollfd pfds[] = {
		{ .fd = pf->socket, .events = POLLIN },
		{ .fd = pf->inbox.eventfd, .events = POLLIN },
	};
	int64_t left = forever ? -1 : end - now_ms();
	int ready;

	if (!forever && left <= 0) {
		if (looked)
			return 0;
		left = 0;
	}
	ready = poll(pfds, 2, (int)left);
	return ready < 0 ? -errno : ready > 0;
}

int prefork_next_many(struct prefork *pf, struct prefork_event *events, int room,
		      int timeout_ms)
{
	bool forever = timeout_ms < 0;
	int64_t end = timeout_ms > 0 ? now_ms() + timeout_ms : 0;
	bool look = !timeout_ms;
	int got;

	prefork_message_clear();
	if (room <= 0)
		return 0;
	for (;; look = true) {
		got = try_next(pf, events, room, look);
		if (got || !timeout_ms)
			return got;
		got = wait_until(pf, end, forever, look);
		if (got <= 0)
			return got;
	}
}

int prefork_next(struct prefork *pf, struct prefork_event *event, int timeout_ms)
{
	return prefork_next_many(pf, event, 1, timeout_ms);
}
