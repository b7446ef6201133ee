// SPDX-License-Identifier: GPL-2.0
#include "interrupt.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "core/clock.h"
#include "diagnose.h"

void interrupt_init(struct interrupt *interrupt, uint64_t duration)
{
	*interrupt = (struct interrupt){
		.signals = -1,
		.deadline = duration ? boottime() + duration : 0,
	};
}

void interrupt_close(struct interrupt *interrupt)
{
	if (interrupt->signals >= 0)
		close(interrupt->signals);
	interrupt->signals = -1;
}

static bool is_ignored(int sig)
{
	struct sigaction action;

	return !sigaction(sig, NULL, &action) && action.sa_handler == SIG_IGN;
}

bool interrupt_catch(struct interrupt *interrupt, const int *caught)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (; *caught; caught++)
		if (!is_ignored(*caught))
			sigaddset(&set, *caught);
	fd = signalfd(interrupt->signals, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0) {
		fail("cannot catch signals: %s", strerror(errno));
		return false;
	}
	interrupt->signals = fd;
	sigprocmask(SIG_BLOCK, &set, NULL);
	return true;
}

int interrupt_take(struct interrupt *interrupt)
{
	struct signalfd_siginfo info;

	if (read(interrupt->signals, &info, sizeof(info)) != sizeof(info))
		return 0;
	interrupt->signalled = (int)info.ssi_signo;
	return interrupt->signalled;
}

bool interrupt_expire(struct interrupt *interrupt)
{
	interrupt->expired = interrupt->deadline && boottime() >= interrupt->deadline;
	return interrupt->expired;
}

int interrupt_timeout(const struct interrupt *interrupt, int timeout_ms)
{
	uint64_t now = boottime(), left;

	if (!interrupt->deadline || (now >= interrupt->deadline && timeout_ms >= 0))
		return timeout_ms;
	left = now < interrupt->deadline ? (interrupt->deadline - now) / NS_PER_MS + 1 : 0;
	if (timeout_ms >= 0 && (uint64_t)timeout_ms < left)
		return timeout_ms;
	return left < INT_MAX ? (int)left : INT_MAX;
}
