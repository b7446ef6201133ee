// SPDX-License-Identifier: GPL-2.0
#include "stream.h"
#include "commands.h"
#include "event.h"
#include "message.h"
#include "owner.h"
#include "stats.h"

#include <linux/mutex.h>
#include <linux/pid_namespace.h>
#include <linux/user_namespace.h>
#include <net/genetlink.h>
#include <net/sock.h>

/*
 * Datagrams to one reader, each with as many messages as fit. Memory is
 * waited for: what has been promised to be delivered is not dropped here.
 */
struct stream {
	struct sk_buff *skb;		/* being filled, or NULL */
	u64 *seq;			/* number of the last message */
	struct pid_namespace *ns;	/* whose numbers are told */
	struct user_namespace *users;	/* and users */
	const struct owner *owner;	/* NULL: the multicast group */
	size_t rest;			/* of bytes, at most, to come */
};

/* The longest message, an EXEC with PATH_MAX bytes, fits with room to spare. */
#define STREAM_SIZE	(SKB_WITH_OVERHEAD(8192UL) - NLMSG_HDRLEN)
static_assert(STREAM_SIZE > PATH_MAX + 1024);

/* Of all messages that are to come. */
static size_t stream_size(const struct list_head *events, u64 lost)
{
	size_t size = lost ? message_lost_size() : 0;
	const struct event *event;

	list_for_each_entry(event, events, node)
		size += message_event_size(event) +
			(event->lost ? message_lost_size() : 0);
	return size;
}

/* Blocks while the reader's buffer is full, until it reads or goes. */
static void send_to_owner(const struct owner *owner, struct sk_buff *skb)
{
	/* Its port may be somebody else's by now. */
	if (sock_flag(owner->sock, SOCK_DEAD))
		nlmsg_free(skb);
	else
		netlink_unicast(owner->net->genl_sock, skb, owner->portid, 0);
}

static void stream_send(struct stream *stream)
{
	struct sk_buff *skb = stream->skb;

	stream->skb = NULL;
	if (!skb)
		return;
	stream->rest -= skb->len;
	if (stream->owner)
		send_to_owner(stream->owner, skb);
	else
		genlmsg_multicast(&prefork_family, skb, 0, 0, GFP_KERNEL);
}

/* @event or, if that is NULL, that @lost events are missing here. */
static bool stream_fill(struct stream *stream, const struct event *event,
			u64 lost)
{
	u8 type = event ? event->type : PREFORK_EVENT_LOST;
	void *header = genlmsg_put(stream->skb, 0, 0, &prefork_family, 0, type);
	int err;

	if (!header)
		return false;
	if (event)
		err = message_fill_event(stream->skb, event, *stream->seq + 1,
					 stream->ns, stream->users);
	else
		err = message_fill_lost(stream->skb, lost, *stream->seq + 1);
	if (err) {
		genlmsg_cancel(stream->skb, header);
		return false;
	}
	genlmsg_end(stream->skb, header);
	++*stream->seq;
	return true;
}

static void stream_put(struct stream *stream, const struct event *event,
		       u64 lost)
{
	if (stream->skb && stream_fill(stream, event, lost))
		return;
	stream_send(stream);
	stream->skb = nlmsg_new(min_t(size_t, stream->rest, STREAM_SIZE),
				GFP_KERNEL | __GFP_NOFAIL);
	WARN_ON_ONCE(!stream_fill(stream, event, lost));
}

static void stream_batch(struct stream *stream, struct list_head *events,
			 u64 lost)
{
	struct event *event;

	stream->rest = stream_size(events, lost);
	list_for_each_entry(event, events, node) {
		if (event->lost)
			stream_put(stream, NULL, event->lost);
		stream_put(stream, event, 0);
	}
	if (lost)
		stream_put(stream, NULL, lost);
	stream_send(stream);
}

static void deliver_copies(struct list_head *events, u64 lost)
{
	static DEFINE_MUTEX(copies_lock);	/* numbers go out in order */
	static u64 copies_seq;			/* copies_lock */
	struct stream stream = {
		.seq = &copies_seq, .ns = &init_pid_ns,
		.users = &init_user_ns,
	};

	if (!genl_has_listeners(&prefork_family, &init_net, 0))
		return;
	mutex_lock(&copies_lock);
	stream_batch(&stream, events, lost);
	mutex_unlock(&copies_lock);
}

void stream_deliver(struct queue *queue, struct list_head *events, u64 lost)
{
	struct owner *owner = container_of(queue, struct owner, queue);
	struct stream stream = {
		.seq = &owner->seq, .ns = owner->pid_ns,
		.users = owner->user_ns, .owner = owner,
	};
	u64 before = owner->seq;

	deliver_copies(events, lost);
	stream_batch(&stream, events, lost);
	stats_add(PREFORK_STAT_EVENTS, owner->seq - before);
}
