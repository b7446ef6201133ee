/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PREFORK_HOLD_H
#define PREFORK_HOLD_H

#include <linux/completion.h>
#include <linux/prefork.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct owner;
struct pid;
struct watch;

/* Those of an owner. */
struct holds {
	spinlock_t lock;
	struct rb_root by_cookie;	/* lock */
};

/*
 * A task that waits for its owner's word.
 *
 *   registered -> started, waiting <-> interrupted -> ended
 *
 * A signal interrupts the wait, not the hold: an answer that comes meanwhile
 * is kept, and waiting goes on until the deadline that was set at the start.
 * docs/model/hold.pml is the model of these states.
 *
 * LIFETIME: part of what is held. Found by cookie, under the lock of its
 * owner's holds, from hold_register() to hold_end(); so whoever finds it need
 * not hold a reference.
 */
struct hold {
	struct rb_node node;		/* the owner's: holds->lock */
	u64 cookie;
	bool started;			/* then since, deadline and tid are set */
	u64 since;			/* CLOCK_BOOTTIME, ns */
	u64 deadline;			/* the same; 0: none */
	struct watch *watch;		/* borrowed from what is held */
	struct pid *tid;		/* likewise */
	struct pid *child;		/* likewise, or NULL: not its creation
					 * is held, but the task itself */
	u32 kind;			/* PREFORK_HOLD_... */
	struct completion answered;
	struct hold_answer {		/* holds->lock, until answered */
		enum prefork_verdict verdict;
		int error;		/* of a DENY, else 0 */
	} answer;
};

enum hold_wait {
	HOLD_ANSWERED,
	HOLD_EXPIRED,
	HOLD_INTERRUPTED,
};

void holds_init(struct holds *holds);

/*
 * Registers it: fill the borrowed members first. Fails if the user holds as
 * many as he may, or if the watch has gone; then there is nothing to wait for.
 * Process context.
 */
int hold_register(struct hold *hold);

/* It counts from now on, for that task. Any context. */
void hold_start(struct hold *hold, struct pid *tid);

/* Any signal interrupts it. */
enum hold_wait hold_wait(struct hold *hold);

/*
 * Nobody finds it any more. Returns whether it had been answered: this, not
 * what hold_wait() saw, is final, since an answer may come at the deadline.
 */
bool hold_end(struct hold *hold);

/*
 * Answers the hold with that cookie.
 *   -ENOENT    there is none, or its deadline has passed
 *   -EALREADY  it has been answered
 *   -EINVAL    the verdict is one on a creation, and none is held there
 */
int hold_answer(struct owner *owner, u64 cookie,
		const struct hold_answer *answer);

/* Lets go on what is held for this watch, or (NULL) for any of the owner. */
void hold_release_all(struct owner *owner, const struct watch *watch);

/*
 * Calls @visit, which may not sleep, for each started hold of the watch until
 * it returns nonzero.
 */
int hold_for_each(struct watch *watch,
		  int (*visit)(const struct hold *hold, void *context),
		  void *context);

#endif /* PREFORK_HOLD_H */
