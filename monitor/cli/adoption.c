// SPDX-License-Identifier: GPL-2.0
#include "adoption.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "adopt/adopt.h"
#include "diagnose.h"
#include "follow.h"
#include "options.h"

bool adoption_begin(struct follow *follow, const struct options *options, pid_t first,
		    struct prefork_watch_options *watch)
{
	struct adopter *adopter;

	if (!options->adopt.command)
		return true;
	/* Who ignores it hears nothing of how its children end. */
	signal(SIGCHLD, SIG_DFL);
	adopter = adopt_create(follow_session(follow), &options->adopt, first, warn);
	if (!adopter) {
		fail("cannot begin: %s", strerror(errno));
		return false;
	}
	follow_adopt(follow, adopter);
	watch->hold |= adopt_holds(&options->adopt, first);
	return true;
}
