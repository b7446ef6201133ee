// SPDX-License-Identifier: GPL-2.0
#include "stop.h"

#include <stdbool.h>
#include <sys/ptrace.h>

static bool stops_processes(int sig)
{
	return sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

/* Its status is the signal, and above that the kind of ptrace event. */
static enum stop_kind kind_of(int sig, int event)
{
	if (!event)
		return STOP_SIGNAL;
	return event == PTRACE_EVENT_STOP && stops_processes(sig) ? STOP_GROUP : STOP_PASSING;
}

static enum stop_event event_of(int event)
{
	switch (event) {
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_CLONE:
		return STOP_CREATED;
	case PTRACE_EVENT_VFORK:
		return STOP_VFORKED;
	case PTRACE_EVENT_VFORK_DONE:
		return STOP_VFORK_DONE;
	case PTRACE_EVENT_EXEC:
		return STOP_EXECUTED;
	default:
		return STOP_NOTHING;
	}
}

struct stop stop_of(const siginfo_t *info)
{
	struct stop stop = { .tid = info->si_pid, .kind = STOP_END };

	if (info->si_code != CLD_TRAPPED)
		return stop;
	stop.kind = kind_of(info->si_status & 0xff, info->si_status >> 8);
	stop.event = event_of(info->si_status >> 8);
	if (stop.kind == STOP_SIGNAL)
		stop.signal = info->si_status;
	return stop;
}

static bool is_about_child(const siginfo_t *info)
{
	return info->si_signo == SIGCHLD && info->si_code >= CLD_EXITED &&
	       info->si_code <= CLD_CONTINUED;
}

pid_t stop_sender(const siginfo_t *info)
{
	switch (info->si_code) {
	case SI_USER:
	case SI_TKILL:
	case SI_QUEUE:
		return info->si_pid;
	}
	return is_about_child(info) ? info->si_pid : 0;
}
