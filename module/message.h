/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PREFORK_MESSAGE_H
#define PREFORK_MESSAGE_H

#include <linux/sched.h>
#include <linux/types.h>
#include <net/genetlink.h>

struct event;
struct pid_namespace;
struct sk_buff;
struct user_namespace;
struct watch;

/*
 * The bodies of messages: attributes put behind a header that is in place.
 * PIDs are written as seen from @ns, UIDs from @users. All return 0 or
 * -EMSGSIZE, and leave the clearing up to the one who put the header.
 */
int message_fill_event(struct sk_buff *skb, const struct event *event, u64 seq,
		       struct pid_namespace *ns,
		       struct user_namespace *users);

int message_fill_lost(struct sk_buff *skb, u64 count, u64 seq);

/*
 * How long these are with their headers, at most. Memory is cleared before it is
 * filled, and netlink copies what has far more than it needs.
 */
size_t message_event_size(const struct event *event);
size_t message_lost_size(void);

/* -ESRCH: invisible from @ns. 1: not all holds did fit. Does not sleep. */
int message_fill_watch(struct sk_buff *skb, struct watch *watch,
		       struct pid_namespace *ns);

/* @armed: are the probes armed; @missed: their skipped hits. */
int message_fill_stats(struct sk_buff *skb, bool armed, unsigned long missed);

#endif /* PREFORK_MESSAGE_H */
