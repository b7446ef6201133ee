// SPDX-License-Identifier: LGPL-2.1-or-later
/* Answer a hold. */
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "prefork.h"
#include "session.h"

/* No acknowledgement, only a refusal: to make, queue and read one takes a fifteenth of a hold. */
static struct nl_msg *request(struct prefork *pf, uint64_t cookie, uint32_t verdict)
{
	struct nl_msg *msg = prefork_session_request(pf, PREFORK_CMD_RELEASE, 0);

	if (msg && (nla_put_u64(msg, PREFORK_A_COOKIE, cookie) < 0 ||
		    nla_put_u32(msg, PREFORK_A_VERDICT, verdict) < 0)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static int answer(struct prefork *pf, uint64_t cookie, uint32_t verdict)
{
	return prefork_session_call(pf, request(pf, cookie, verdict), NULL, NULL);
}

int prefork_release(struct prefork *pf, uint64_t cookie)
{
	return answer(pf, cookie, PREFORK_VERDICT_CONTINUE);
}

int prefork_hold_child(struct prefork *pf, uint64_t cookie)
{
	return answer(pf, cookie, PREFORK_VERDICT_HOLD_CHILD);
}

int prefork_deny(struct prefork *pf, uint64_t cookie, int error)
{
	struct nl_msg *msg = request(pf, cookie, PREFORK_VERDICT_DENY);

	if (msg && nla_put_u32(msg, PREFORK_A_ERRNO, (uint32_t)error) < 0) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return prefork_session_call(pf, msg, NULL, NULL);
}
