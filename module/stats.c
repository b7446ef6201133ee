// SPDX-License-Identifier: GPL-2.0
#include "stats.h"

#include <linux/atomic.h>

static atomic64_t stats[__PREFORK_STAT_MAX];

void stats_add(enum prefork_stat stat, s64 n)
{
	atomic64_add(n, &stats[stat]);
}

u64 stats_read(enum prefork_stat stat)
{
	return atomic64_read(&stats[stat]);
}
