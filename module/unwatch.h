/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PREFORK_UNWATCH_H
#define PREFORK_UNWATCH_H

#include <linux/prefork.h>
#include <linux/types.h>

struct owner;
struct watch;

/*
 * Ends a watch of a process that lives, whereof the caller has a reference:
 * all that is held for it runs on. Sleeps. Returns false if it has ended
 * already. The second form does not tell the owner.
 */
bool unwatch(struct watch *watch, enum prefork_reason reason);
bool unwatch_silently(struct watch *watch);

/*
 * Current has got out of reach of who watches it, and is the only thread of its
 * process: ends the watch. What is held for it, newborns without a watch of
 * their own, is left to its owner. Any context.
 */
void unwatch_lost(struct watch *watch);

/*
 * Ends all watches of the owner, and what is held for one that has ended.
 * Returns how many there were.
 */
unsigned int unwatch_all(struct owner *owner, enum prefork_reason reason);

#endif /* PREFORK_UNWATCH_H */
