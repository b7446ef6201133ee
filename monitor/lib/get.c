// SPDX-License-Identifier: LGPL-2.1-or-later
/* Ask what is watched. */
#include <errno.h>
#include <stdlib.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "decode.h"
#include "prefork.h"
#include "session.h"

static int take_one(const struct nlmsghdr *nlh, void *arg)
{
	struct prefork_watched **watched = arg;

	if (*watched)
		return -EBADMSG;
	return prefork_decode_watched(nlh, watched);
}

int prefork_get(struct prefork *pf, pid_t pid, struct prefork_watched **watched)
{
	struct nl_msg *msg = prefork_session_request(pf, PREFORK_CMD_GET, NLM_F_ACK);
	int err;

	*watched = NULL;
	if (msg && nla_put_u32(msg, PREFORK_A_PID, (uint32_t)pid) < 0) {
		nlmsg_free(msg);
		msg = NULL;
	}
	err = prefork_session_call(pf, msg, take_one, watched);
	if (!err && !*watched)
		err = -EBADMSG;
	if (err) {
		free(*watched);
		*watched = NULL;
	}
	return err;
}

/* What a dump has brought so far. */
struct collection {
	struct prefork_watched **items;
	size_t count, room;
};

static int grow(struct collection *all)
{
	size_t room = all->room ? 2 * all->room : 16;
	void *items = reallocarray(all->items, room, sizeof(*all->items));

	if (!items)
		return -ENOMEM;
	all->items = items;
	all->room = room;
	return 0;
}

static int collect(const struct nlmsghdr *nlh, void *arg)
{
	struct collection *all = arg;
	int err;

	if (all->count == all->room) {
		err = grow(all);
		if (err)
			return err;
	}
	err = prefork_decode_watched(nlh, &all->items[all->count]);
	if (!err)
		all->count++;
	return err;
}

static void drop(struct collection *all)
{
	for (size_t i = 0; i < all->count; i++)
		free(all->items[i]);
	free(all->items);
}

/* Collected first, because the session is locked while the answer is read. */
int prefork_dump(struct prefork *pf, prefork_dump_fn fn, void *arg)
{
	struct nl_msg *msg = prefork_session_request(pf, PREFORK_CMD_GET, NLM_F_DUMP);
	struct collection all = { 0 };
	int err = prefork_session_call(pf, msg, collect, &all);

	for (size_t i = 0; !err && i < all.count; i++)
		err = fn(all.items[i], arg);
	drop(&all);
	return err;
}
