/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PREFORK_HOOKS_H
#define PREFORK_HOOKS_H

#include <linux/types.h>

struct netlink_ext_ack;

int hooks_init(void);
void hooks_exit(void);

/*
 * Between the two the probes are armed; afterwards they stay so while there
 * is a watch, a call or a gate. Sleeps. -EBUSY: somebody else holds a function.
 */
int hooks_get(struct netlink_ext_ack *extack);
void hooks_put(void);

bool hooks_armed(void);

/* Hits of the probes that the kernel had to skip. */
unsigned long hooks_missed(void);

#endif /* PREFORK_HOOKS_H */
