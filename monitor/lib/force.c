// SPDX-License-Identifier: LGPL-2.1-or-later
/* Release what another session holds. */
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "prefork.h"
#include "session.h"

/* Without a verdict, which is CONTINUE then: no other can be forced. */
int prefork_release_forced(struct prefork *pf, uint64_t cookie)
{
	struct nl_msg *msg = prefork_session_request(pf, PREFORK_CMD_RELEASE, NLM_F_ACK);

	if (msg && (nla_put_u64(msg, PREFORK_A_COOKIE, cookie) < 0 ||
		    nla_put_flag(msg, PREFORK_A_FORCE) < 0)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return prefork_session_call(pf, msg, NULL, NULL);
}
