/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events that were read while something else was expected, in the order in
 * which they came, and an error for the next reader.
 *
 * The owner's lock guards everything here. The eventfd is readable while the
 * inbox has something; prefork_inbox_settle() makes that true again and is to
 * be called before the lock is dropped.
 */
#ifndef PREFORK_LIB_INBOX_H
#define PREFORK_LIB_INBOX_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/netlink.h>

struct letter;

struct inbox {
	struct letter *first;
	struct letter **end;	/* where the next one is hung up */
	size_t count;
	int error;		/* the first one not yet taken, or 0 */
	int eventfd;
	bool signalled;		/* what the eventfd says now */
};

int prefork_inbox_init(struct inbox *inbox);
void prefork_inbox_exit(struct inbox *inbox);

/* Copies the message. Where there is no memory for that, the error says so. */
void prefork_inbox_put(struct inbox *inbox, const struct nlmsghdr *nlh);
void prefork_inbox_put_error(struct inbox *inbox, int error);

/* Whether there is neither a message nor an error. */
bool prefork_inbox_is_empty(const struct inbox *inbox);

/* The oldest message, valid until it is dropped, or NULL. */
const struct nlmsghdr *prefork_inbox_first(const struct inbox *inbox);
void prefork_inbox_drop_first(struct inbox *inbox);

/* Returns the error and forgets it. */
int prefork_inbox_take_error(struct inbox *inbox);

void prefork_inbox_settle(struct inbox *inbox);

#endif
