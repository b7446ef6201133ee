/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PREFORK_HANDLERS_H
#define PREFORK_HANDLERS_H

#include <linux/sched/signal.h>

/* Current's own: it keeps it until it is dead. */
static inline struct sighand_struct *sighand_of_current(void)
{
	return rcu_dereference_protected(current->sighand, true);
}

/*
 * Signals of current that it would handle itself stay pending from the first
 * call to the second: no frame of a handler changes the registers that a
 * newborn shows, and no such signal wakes it. All others are taken.
 *
 * They are blocked, and the mask that is to be is where the kernel keeps it
 * during sigsuspend(2): so it comes back by itself when the task leaves for
 * a signal (then defer again), and ptrace shows and changes the right one.
 */
void handlers_defer(void);
void handlers_resume(void);

#endif /* PREFORK_HANDLERS_H */
