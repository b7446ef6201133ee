// SPDX-License-Identifier: GPL-2.0
#include "handlers.h"

#include <linux/signal.h>

static bool is_handled(const struct k_sigaction *action)
{
	return action->sa.sa_handler != SIG_DFL &&
	       action->sa.sa_handler != SIG_IGN;
}

static void handled_signals(sigset_t *handled)
{
	struct sighand_struct *sighand = sighand_of_current();
	int sig;

	sigemptyset(handled);
	spin_lock_irq(&sighand->siglock);
	for (sig = 1; sig <= _NSIG; sig++)
		if (is_handled(&sighand->action[sig - 1]))
			sigaddset(handled, sig);
	spin_unlock_irq(&sighand->siglock);
}

void handlers_defer(void)
{
	sigset_t handled;

	handled_signals(&handled);
	if (!test_restore_sigmask()) {
		current->saved_sigmask = current->blocked;
		set_restore_sigmask();
	}
	sigprocmask(SIG_BLOCK, &handled, NULL);
}

void handlers_resume(void)
{
	if (test_and_clear_restore_sigmask())
		sigprocmask(SIG_SETMASK, &current->saved_sigmask, NULL);
}
