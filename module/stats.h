/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PREFORK_STATS_H
#define PREFORK_STATS_H

#include <linux/prefork.h>
#include <linux/types.h>

/* Gauges and counters of the whole module; any context, no lock. */
void stats_add(enum prefork_stat stat, s64 n);
u64 stats_read(enum prefork_stat stat);

static inline void stats_inc(enum prefork_stat stat)
{
	stats_add(stat, 1);
}

static inline void stats_dec(enum prefork_stat stat)
{
	stats_add(stat, -1);
}

#endif /* PREFORK_STATS_H */
