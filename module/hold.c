// SPDX-License-Identifier: GPL-2.0
#include "hold.h"
#include "account.h"
#include "owner.h"
#include "stats.h"
#include "watch.h"

#include <asm/barrier.h>
#include <linux/atomic.h>
#include <linux/jiffies.h>
#include <linux/timekeeping.h>

static atomic64_t hold_last_cookie = ATOMIC64_INIT(0);

void holds_init(struct holds *holds)
{
	spin_lock_init(&holds->lock);
	holds->by_cookie = RB_ROOT;
}

static struct hold *hold_of(struct rb_node *node)
{
	return rb_entry_safe(node, struct hold, node);
}

static void hold_enter(struct holds *holds, struct hold *hold)
{
	struct rb_node **link = &holds->by_cookie.rb_node, *parent = NULL;

	lockdep_assert_held(&holds->lock);
	while (*link) {
		parent = *link;
		link = hold->cookie < hold_of(parent)->cookie ?
			&parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&hold->node, parent, link);
	rb_insert_color(&hold->node, &holds->by_cookie);
}

static struct hold *hold_find(struct holds *holds, u64 cookie)
{
	struct hold *hold = hold_of(holds->by_cookie.rb_node);

	lockdep_assert_held(&holds->lock);
	while (hold && hold->cookie != cookie)
		hold = hold_of(cookie < hold->cookie ? hold->node.rb_left :
						       hold->node.rb_right);
	return hold;
}

static struct hold *hold_first(struct holds *holds)
{
	lockdep_assert_held(&holds->lock);
	return hold_of(rb_first(&holds->by_cookie));
}

static struct hold *hold_next(struct hold *hold)
{
	return hold_of(rb_next(&hold->node));
}

/*
 * Who ends a watch first marks it gone and then releases its holds; this looks
 * at the mark where it enters the hold. Both take the lock, so that one of them
 * sees the other.
 */
int hold_register(struct hold *hold)
{
	struct owner *owner = hold->watch->owner;
	struct holds *holds = &owner->holds;
	bool gone;

	if (!account_charge(owner->account, ACCOUNT_HOLDS)) {
		stats_inc(PREFORK_STAT_UNHELD);
		return -ENOSPC;
	}
	init_completion(&hold->answered);
	hold->answer = (struct hold_answer){};
	hold->cookie = atomic64_inc_return(&hold_last_cookie);
	hold->started = false;
	hold->deadline = 0;
	spin_lock(&holds->lock);
	gone = READ_ONCE(hold->watch->gone);
	if (!gone)
		hold_enter(holds, hold);
	spin_unlock(&holds->lock);
	if (gone) {
		account_uncharge(owner->account, ACCOUNT_HOLDS);
		return -ESRCH;
	}
	atomic_inc(&hold->watch->held);
	return 0;
}

void hold_start(struct hold *hold, struct pid *tid)
{
	u64 now = ktime_get_boottime_ns();
	u64 timeout = hold->watch->options.timeout;

	hold->tid = tid;
	hold->since = now;
	hold->deadline = timeout ? now + timeout * NSEC_PER_MSEC : 0;
	stats_inc(PREFORK_STAT_HELD);
	stats_inc(PREFORK_STAT_HOLDS);
	/* Pairs with hold_started(): then all the rest is there. */
	smp_store_release(&hold->started, true);
}

static bool hold_started(const struct hold *hold)
{
	return smp_load_acquire(&hold->started);
}

static long hold_remaining(const struct hold *hold)
{
	u64 now = ktime_get_boottime_ns();

	if (!hold->deadline)
		return MAX_SCHEDULE_TIMEOUT;
	if (now >= hold->deadline)
		return 0;
	/* One tick more: the current one has partly gone. */
	return nsecs_to_jiffies(hold->deadline - now) + 1;
}

enum hold_wait hold_wait(struct hold *hold)
{
	long waited = wait_for_completion_interruptible_timeout(
			&hold->answered, hold_remaining(hold));

	if (waited < 0)
		return HOLD_INTERRUPTED;
	return waited ? HOLD_ANSWERED : HOLD_EXPIRED;
}

bool hold_end(struct hold *hold)
{
	struct owner *owner = hold->watch->owner;
	struct holds *holds = &owner->holds;

	spin_lock(&holds->lock);
	rb_erase(&hold->node, &holds->by_cookie);
	spin_unlock(&holds->lock);
	account_uncharge(owner->account, ACCOUNT_HOLDS);
	atomic_dec(&hold->watch->held);
	if (hold_started(hold))
		stats_dec(PREFORK_STAT_HELD);
	return completion_done(&hold->answered);
}

/* Nobody has been told the cookie of one that has not started. */
static int hold_answer_locked(struct hold *hold,
			      const struct hold_answer *answer)
{
	if (!hold || !hold_started(hold) || !hold_remaining(hold))
		return -ENOENT;
	if (completion_done(&hold->answered))
		return -EALREADY;
	if (answer->verdict != PREFORK_VERDICT_CONTINUE && !hold->child)
		return -EINVAL;
	hold->answer = *answer;
	complete_all(&hold->answered);
	return 0;
}

int hold_answer(struct owner *owner, u64 cookie,
		const struct hold_answer *answer)
{
	struct holds *holds = &owner->holds;
	int err;

	spin_lock(&holds->lock);
	err = hold_answer_locked(hold_find(holds, cookie), answer);
	spin_unlock(&holds->lock);
	return err;
}

/*
 * That watch, or its twin, which a newborn was to inherit. Who removes the one
 * has taken the lock of watches after the other became that, and got its PID.
 */
static bool hold_is_for(const struct hold *hold, const struct watch *watch)
{
	return hold->watch == watch ||
	       (READ_ONCE(hold->watch->twin) && hold->watch->pid == watch->pid);
}

/* Those that have not started will not wait then. */
void hold_release_all(struct owner *owner, const struct watch *watch)
{
	struct holds *holds = &owner->holds;
	struct hold *hold;

	spin_lock(&holds->lock);
	for (hold = hold_first(holds); hold; hold = hold_next(hold))
		if ((!watch || hold_is_for(hold, watch)) &&
		    !completion_done(&hold->answered))
			complete_all(&hold->answered);
	spin_unlock(&holds->lock);
}

int hold_for_each(struct watch *watch,
		  int (*visit)(const struct hold *hold, void *context),
		  void *context)
{
	struct holds *holds = &watch->owner->holds;
	struct hold *hold;
	int err = 0;

	if (!atomic_read(&watch->held))
		return 0;
	spin_lock(&holds->lock);
	for (hold = hold_first(holds); hold && !err; hold = hold_next(hold))
		if (hold->watch == watch && hold_started(hold))
			err = visit(hold, context);
	spin_unlock(&holds->lock);
	return err;
}
