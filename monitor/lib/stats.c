// SPDX-License-Identifier: LGPL-2.1-or-later
/* The counters of the module. */
#include "decode.h"
#include "prefork.h"
#include "session.h"

static int take(const struct nlmsghdr *nlh, void *arg)
{
	return prefork_decode_stats(nlh, arg);
}

int prefork_stats(struct prefork *pf, struct prefork_stats *stats)
{
	*stats = (struct prefork_stats){ 0 };
	return prefork_session_call(pf, prefork_session_request(pf, PREFORK_CMD_STATS, NLM_F_ACK),
				    take, stats);
}

static const char *const names[PREFORK_STAT_MAX + 1] = {
	[PREFORK_STAT_OWNERS] = "owners",
	[PREFORK_STAT_WATCHES] = "watches",
	[PREFORK_STAT_CALLS] = "calls",
	[PREFORK_STAT_HELD] = "held",
	[PREFORK_STAT_RESERVED] = "reserved",
	[PREFORK_STAT_QUEUED] = "queued",
	[PREFORK_STAT_ARMED] = "armed",
	[PREFORK_STAT_PREFORKS] = "preforks",
	[PREFORK_STAT_BORN] = "born",
	[PREFORK_STAT_FAILED] = "failed",
	[PREFORK_STAT_HOLDS] = "holds",
	[PREFORK_STAT_PARKED] = "parked",
	[PREFORK_STAT_TIMEOUTS] = "timeouts",
	[PREFORK_STAT_DENIED] = "denied",
	[PREFORK_STAT_EVENTS] = "events",
	[PREFORK_STAT_LOST] = "lost",
	[PREFORK_STAT_UNHELD] = "unheld",
	[PREFORK_STAT_MISSED] = "missed",
	[PREFORK_STAT_ADOPTED] = "adopted",
};

const char *prefork_stat_name(unsigned int stat)
{
	return stat <= PREFORK_STAT_MAX ? names[stat] : NULL;
}
