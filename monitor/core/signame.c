// SPDX-License-Identifier: GPL-2.0
#include "signame.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

const char *signal_name(int sig, char *buffer, size_t size)
{
	const char *abbreviation = sigabbrev_np(sig);

	if (abbreviation)
		snprintf(buffer, size, "SIG%s", abbreviation);
	else if (sig >= SIGRTMIN && sig <= SIGRTMAX)
		snprintf(buffer, size, "SIGRTMIN+%d", sig - SIGRTMIN);
	else
		snprintf(buffer, size, "signal %d", sig);
	return buffer;
}
