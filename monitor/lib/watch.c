// SPDX-License-Identifier: LGPL-2.1-or-later
/* Begin and end watches. */
#include <errno.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "prefork.h"
#include "session.h"

/* Frees the request when it does not fit, as one page always does. */
static struct nl_msg *add_u32(struct nl_msg *msg, int attr, uint32_t value)
{
	if (msg && nla_put_u32(msg, attr, value) < 0) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static struct nl_msg *add_options(struct nl_msg *msg,
				  const struct prefork_watch_options *opts)
{
	if (!opts)
		return msg;
	if (opts->flags)
		msg = add_u32(msg, PREFORK_A_FLAGS, opts->flags);
	if (opts->hold)
		msg = add_u32(msg, PREFORK_A_HOLD, opts->hold);
	if (opts->has_timeout)
		msg = add_u32(msg, PREFORK_A_TIMEOUT, opts->timeout_ms);
	/* Which is what a module does that does not know of it. */
	if (opts->events && opts->events != PREFORK_TELL_ALL)
		msg = add_u32(msg, PREFORK_A_EVENTS, opts->events);
	return msg;
}

static int watch(struct prefork *pf, int attr, uint32_t target,
		 const struct prefork_watch_options *opts)
{
	struct nl_msg *msg = prefork_session_request(pf, PREFORK_CMD_WATCH, NLM_F_ACK);

	msg = add_u32(msg, attr, target);
	return prefork_session_call(pf, add_options(msg, opts), NULL, NULL);
}

static int unwatch(struct prefork *pf, int attr, uint32_t target)
{
	struct nl_msg *msg = prefork_session_request(pf, PREFORK_CMD_UNWATCH, NLM_F_ACK);

	return prefork_session_call(pf, add_u32(msg, attr, target), NULL, NULL);
}

int prefork_watch(struct prefork *pf, pid_t pid, const struct prefork_watch_options *opts)
{
	return watch(pf, PREFORK_A_PID, (uint32_t)pid, opts);
}

int prefork_watch_pidfd(struct prefork *pf, int pidfd,
			const struct prefork_watch_options *opts)
{
	return watch(pf, PREFORK_A_PIDFD, (uint32_t)pidfd, opts);
}

int prefork_unwatch(struct prefork *pf, pid_t pid)
{
	return unwatch(pf, PREFORK_A_PID, (uint32_t)pid);
}

int prefork_unwatch_pidfd(struct prefork *pf, int pidfd)
{
	return unwatch(pf, PREFORK_A_PIDFD, (uint32_t)pidfd);
}

int prefork_unwatch_all(struct prefork *pf)
{
	struct nl_msg *msg = prefork_session_request(pf, PREFORK_CMD_UNWATCH, NLM_F_ACK);

	return prefork_session_call(pf, msg, NULL, NULL);
}
