// SPDX-License-Identifier: GPL-2.0
/* RELEASE. */
#include "access.h"
#include "commands.h"
#include "hold.h"
#include "owner.h"

#include <net/genetlink.h>

static int parse_answer(struct genl_info *info, struct hold_answer *answer)
{
	answer->verdict = command_u32(info, PREFORK_A_VERDICT,
				      PREFORK_VERDICT_CONTINUE);
	answer->error = command_u32(info, PREFORK_A_ERRNO, 0);
	if ((answer->verdict == PREFORK_VERDICT_DENY) != !!answer->error) {
		NL_SET_ERR_MSG(info->extack,
			       "DENY needs an ERRNO, others have none");
		return -EINVAL;
	}
	if (info->attrs[PREFORK_A_FORCE] &&
	    answer->verdict != PREFORK_VERDICT_CONTINUE) {
		NL_SET_ERR_MSG_ATTR(info->extack,
				    info->attrs[PREFORK_A_VERDICT],
				    "only CONTINUE can be forced");
		return -EINVAL;
	}
	return 0;
}

static void explain_answer(struct genl_info *info, int err)
{
	struct nlattr *cookie = info->attrs[PREFORK_A_COOKIE];

	if (err == -ENOENT)
		NL_SET_ERR_MSG_ATTR(info->extack, cookie,
				    "no such hold (any more), or not of this socket");
	else if (err == -EALREADY)
		NL_SET_ERR_MSG_ATTR(info->extack, cookie,
				    "this hold has been answered before");
	else if (err == -EINVAL)
		NL_SET_ERR_MSG_ATTR(info->extack,
				    info->attrs[PREFORK_A_VERDICT],
				    "it is the task itself that is held, not a creation: only CONTINUE answers it");
}

struct question {
	u64 cookie;
	const struct hold_answer *answer;
};

static int ask_owner(struct owner *owner, const void *data)
{
	const struct question *question = data;

	return hold_answer(owner, question->cookie, question->answer);
}

static int release_own(struct sk_buff *skb, const struct question *question)
{
	struct owner *owner = owner_find(NETLINK_CB(skb).sk);
	int err = owner ? ask_owner(owner, question) : -ENOENT;

	owner_put(owner);
	return err;
}

int command_release(struct sk_buff *skb, struct genl_info *info)
{
	struct hold_answer answer;
	struct question question = { .answer = &answer };
	bool force = info->attrs[PREFORK_A_FORCE];
	int err;

	if (!info->attrs[PREFORK_A_COOKIE]) {
		NL_SET_ERR_MSG(info->extack, "COOKIE is missing");
		return -EINVAL;
	}
	err = parse_answer(info, &answer);
	if (!err && force)
		err = access_force(skb, info->extack);
	if (err)
		return err;
	question.cookie = nla_get_u64(info->attrs[PREFORK_A_COOKIE]);
	err = force ? owners_ask(ask_owner, &question) :
		      release_own(skb, &question);
	explain_answer(info, err);
	return err;
}
