// SPDX-License-Identifier: GPL-2.0
#include "hold.h"
#include "account.h"
#include "owner.h"
#include "sleep.h"
#include "stats.h"
#include "watch.h"

#include <asm/barrier.h>
#include <linux/atomic.h>
#include <linux/jiffies.h>
#include <linux/timekeeping.h>

static atomic_long_t hold_last_cookie = ATOMIC_LONG_INIT(0);

/*
 * Who ends a watch first marks it gone and then releases its holds; this
 * enters the hold and then looks at the mark. Both pass through the xa_lock,
 * so that one of them sees the other.
 */
int hold_register(struct hold *hold)
{
	struct owner *owner = hold->watch->owner;
	int err;

	if (!account_charge(owner->account, ACCOUNT_HOLDS)) {
		stats_inc(PREFORK_STAT_UNHELD);
		return -ENOSPC;
	}
	init_completion(&hold->answered);
	hold->answer = (struct hold_answer){};
	hold->cookie = atomic_long_inc_return(&hold_last_cookie);
	hold->started = false;
	hold->deadline = 0;
	err = xa_insert(&owner->holds, hold->cookie, hold, GFP_KERNEL);
	if (err) {
		stats_inc(PREFORK_STAT_UNHELD);
		goto err_uncharge;
	}
	if (READ_ONCE(hold->watch->gone)) {
		xa_erase(&owner->holds, hold->cookie);
		err = -ESRCH;
		goto err_uncharge;
	}
	atomic_inc(&hold->watch->held);
	return 0;

err_uncharge:
	account_uncharge(owner->account, ACCOUNT_HOLDS);
	return err;
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

static enum hold_wait hold_outcome(long waited)
{
	if (waited < 0)
		return HOLD_INTERRUPTED;
	return waited ? HOLD_ANSWERED : HOLD_EXPIRED;
}

enum hold_wait hold_wait(struct hold *hold)
{
	return hold_outcome(
		wait_for_completion_interruptible_timeout(&hold->answered,
							  hold_remaining(hold)));
}

enum hold_wait hold_wait_killable(struct hold *hold)
{
	return hold_outcome(
		sleep_until_completed(&hold->answered, hold_remaining(hold)));
}

bool hold_end(struct hold *hold)
{
	struct owner *owner = hold->watch->owner;

	xa_erase(&owner->holds, hold->cookie);
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
	int err;

	xa_lock(&owner->holds);
	err = hold_answer_locked(xa_load(&owner->holds, cookie), answer);
	xa_unlock(&owner->holds);
	return err;
}

/* Those that have not started will not wait then. */
void hold_release_all(struct owner *owner, const struct watch *watch)
{
	unsigned long cookie;
	struct hold *hold;

	xa_lock(&owner->holds);
	xa_for_each(&owner->holds, cookie, hold)
		if ((!watch || hold->watch == watch) &&
		    !completion_done(&hold->answered))
			complete_all(&hold->answered);
	xa_unlock(&owner->holds);
}

int hold_for_each(struct watch *watch,
		  int (*visit)(const struct hold *hold, void *context),
		  void *context)
{
	struct xarray *holds = &watch->owner->holds;
	unsigned long cookie;
	struct hold *hold;
	int err = 0;

	if (!atomic_read(&watch->held))
		return 0;
	xa_lock(holds);
	xa_for_each(holds, cookie, hold)
		if (hold->watch == watch && hold_started(hold) &&
		    (err = visit(hold, context)))
			break;
	xa_unlock(holds);
	return err;
}
