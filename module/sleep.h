/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PREFORK_SLEEP_H
#define PREFORK_SLEEP_H

#include "compat.h"

#include <linux/sched.h>
#include <linux/wait.h>

/*
 * A sleep that only a fatal signal interrupts, but that does not keep the
 * machine from suspending: without locks, and where the kernel needs nothing of
 * the task meanwhile. As wait_event_killable_timeout(), which has no such form.
 */
#define sleep_until(queue, condition, timeout)				\
({									\
	long __ret = (timeout);						\
									\
	might_sleep();							\
	compat_freezer_do_not_count();					\
	if (!___wait_cond_timeout(condition))				\
		__ret = ___wait_event(queue,				\
				      ___wait_cond_timeout(condition),	\
				      COMPAT_TASK_FREEZABLE, 0, timeout, \
				      __ret = schedule_timeout(__ret));	\
	compat_freezer_count();						\
	__ret;								\
})

#endif /* PREFORK_SLEEP_H */
