/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The session and the one way to talk to the kernel through it.
 */
#ifndef PREFORK_LIB_SESSION_H
#define PREFORK_LIB_SESSION_H

#include <stdint.h>

#include <linux/netlink.h>

#include "prefork.h"

struct nl_msg;

/*
 * A request for the family; add attributes, then give it to
 * prefork_session_call(). NULL where there is no memory.
 */
struct nl_msg *prefork_session_request(const struct prefork *pf,
				       enum prefork_cmd cmd, int flags);

/*
 * Called for each message of the answer, with the session locked. A value
 * other than 0 becomes the result of the call; the rest of the answer is still
 * handed in.
 */
typedef int (*prefork_reply_fn)(const struct nlmsghdr *nlh, void *arg);

/*
 * Sends the request, which it frees, and returns the kernel's answer: 0 or
 * -errno. @fn may be NULL where nothing but the acknowledgement is expected.
 * A NULL request gives -ENOMEM.
 */
int prefork_session_call(struct prefork *pf, struct nl_msg *request,
			 prefork_reply_fn fn, void *arg);

#endif
