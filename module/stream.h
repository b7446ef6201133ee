/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PREFORK_STREAM_H
#define PREFORK_STREAM_H

#include <linux/types.h>

struct list_head;
struct queue;

/*
 * Sends @events, and that @lost more are missing behind them, to the owner of
 * the queue and to the multicast group. Called by the work of the queue, one
 * call at a time. Blocks while the owner's buffer is full, until he reads or goes.
 */
void stream_deliver(struct queue *queue, struct list_head *events, u64 lost);

#endif /* PREFORK_STREAM_H */
