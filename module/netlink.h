/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PREFORK_NETLINK_H
#define PREFORK_NETLINK_H

int netlink_init(void);
void netlink_exit(void);

#endif /* PREFORK_NETLINK_H */
