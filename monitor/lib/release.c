// SPDX-License-Identifier: LGPL-2.1-or-later
/* Answer a hold. */
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "prefork.h"
#include "session.h"

static struct nl_msg *request(struct prefork *pf, uint64_t cookie)
{
	struct nl_msg *msg = prefork_session_request(pf, PREFORK_CMD_RELEASE, NLM_F_ACK);

	if (msg && nla_put_u64(msg, PREFORK_A_COOKIE, cookie) < 0) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

int prefork_release(struct prefork *pf, uint64_t cookie)
{
	return prefork_session_call(pf, request(pf, cookie), NULL, NULL);
}

int prefork_deny(struct prefork *pf, uint64_t cookie, int error)
{
	struct nl_msg *msg = request(pf, cookie);

	if (msg && (nla_put_u32(msg, PREFORK_A_VERDICT, PREFORK_VERDICT_DENY) < 0 ||
		    nla_put_u32(msg, PREFORK_A_ERRNO, (uint32_t)error) < 0)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return prefork_session_call(pf, msg, NULL, NULL);
}
