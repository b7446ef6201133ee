/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From netlink messages to the structs of the public header. Pure functions:
 * no session, no system call. Each takes a complete message (nlmsg_ok()) of
 * any content and returns -EBADMSG for one that is not of the protocol.
 */
#ifndef PREFORK_LIB_DECODE_H
#define PREFORK_LIB_DECODE_H

#include <stdbool.h>

#include <linux/netlink.h>

#include "prefork.h"

/* Whether a message of the family is an event rather than a reply. */
bool prefork_decode_is_event(const struct nlmsghdr *nlh);

int prefork_decode_event(const struct nlmsghdr *nlh, struct prefork_event *event);

/* *watched is one block for free(3). */
int prefork_decode_watched(const struct nlmsghdr *nlh,
			   struct prefork_watched **watched);

int prefork_decode_stats(const struct nlmsghdr *nlh, struct prefork_stats *stats);

#endif
