// SPDX-License-Identifier: GPL-2.0
#include "tracing.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "diagnose.h"
#include "follow.h"
#include "options.h"
#include "trace/monitors.h"

static void on_delivery(void *follow, const struct delivery *delivery)
{
	follow_signal(follow, delivery);
}

static void on_missed(void *follow, uint64_t count)
{
	follow_missed(follow, count);
}

/* What befalls one, such as a limit on threads, befalls many. */
static void on_refused(void *follow, pid_t pid, int err)
{
	static bool told;

	(void)follow;
	if (!told)
		warn("process %d runs on untraced: %s; of others that is not told", (int)pid,
		     strerror(-err));
	told = true;
}

bool tracing_begin(struct follow *follow, const struct options *options,
		   struct prefork_watch_options *watch)
{
	const struct monitors_listener listener = {
		.delivery = on_delivery,
		.missed = on_missed,
		.refused = on_refused,
		.arg = follow,
	};
	struct adopter *adopter;

	if (!options->trace)
		return true;
	/* Stopped, for a word on the terminal, it would stop all that it traces. */
	signal(SIGTTOU, SIG_IGN);
	signal(SIGTTIN, SIG_IGN);
	adopter = monitors_create(follow_session(follow), &listener);
	if (!adopter) {
		fail("cannot begin: %s", strerror(errno));
		return false;
	}
	follow_adopt(follow, adopter);
	watch->hold |= PREFORK_HOLD_VFORK | PREFORK_HOLD_FORK | PREFORK_HOLD_BIRTH;
	return true;
}
