/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PREFORK_ACCOUNT_H
#define PREFORK_ACCOUNT_H

#include <linux/types.h>

/*
 * What one user has of the module's, through all his sockets together, so that
 * nobody can use it up for others. NULL is the account of those who have
 * CAP_SYS_PTRACE: it has no limits.
 */
struct account;

enum account_item {
	ACCOUNT_SOCKETS,		/* owners */
	ACCOUNT_WATCHES,
	ACCOUNT_HOLDS,
	ACCOUNT_ITEMS
};

/*
 * Returns a strong reference to that of the user behind current, who is found
 * also behind user namespaces; or NULL without memory. Sleeps.
 */
struct account *account_of_current(void);
void account_put(struct account *account);	/* sleeps; NULL is fine */

/* False: the user is at his limit. Any context. */
bool account_charge(struct account *account, enum account_item item);
void account_uncharge(struct account *account, enum account_item item);

#endif /* PREFORK_ACCOUNT_H */
