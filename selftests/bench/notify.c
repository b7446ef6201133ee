// SPDX-License-Identifier: GPL-2.0
/*
 * notify COMMAND ARG... - the least that a supervisor can do by seccomp(2)
 *
 * Is asked before each call of COMMAND, and of what that creates, by which
 * a process or a thread is created, and lets it go on. It is not told a PID.
 * Ends with COMMAND's status.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const calls[] = { "vfork", "fork", "clone", "clone3" };

static _Noreturn void give_up(const char *what)
{
	perror(what);
	exit(125);
}

/* Returns the descriptor that tells of the calls. */
static int ask_before_calls(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		int number = seccomp_syscall_resolve_name(calls[i]);

		/* Negative: this processor has no such call. */
		if (number >= 0 &&
		    seccomp_rule_add(filter, SCMP_ACT_NOTIFY, number, 0))
			give_up("rule");
	}
	if (seccomp_load(filter))
		give_up("filter");
	return seccomp_notify_fd(filter);
}

/* The child says which descriptor of its own it is, and waits to be answered. */
static pid_t begin(char **argv, int *listener, int *process)
{
	int said[2], listeners_number;
	pid_t pid;

	if (pipe(said) || (pid = fork()) < 0)
		give_up("fork");
	if (!pid) {
		listeners_number = ask_before_calls();
		if (write(said[1], &listeners_number, sizeof(int)) < 0)
			_exit(125);
		raise(SIGSTOP);
		execvp(argv[0], argv);
		_exit(127);
	}
	if (read(said[0], &listeners_number, sizeof(int)) != sizeof(int) ||
	    waitpid(pid, NULL, WUNTRACED) != pid)
		give_up("child");
	*process = pidfd_open(pid, 0);
	*listener = pidfd_getfd(*process, listeners_number, 0);
	if (*listener < 0)
		give_up("listener");
	kill(pid, SIGCONT);
	return pid;
}

static void answer(int listener)
{
	static struct seccomp_notif *request;
	static struct seccomp_notif_resp *response;

	if (!request && seccomp_notify_alloc(&request, &response))
		give_up("memory");
	memset(request, 0, sizeof(*request));
	if (seccomp_notify_receive(listener, request))
		return;
	response->id = request->id;
	response->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	response->error = 0;
	response->val = 0;
	seccomp_notify_respond(listener, response);
}

int main(int argc, char **argv)
{
	enum { LISTENER, PROCESS };
	struct pollfd fds[] = { { .events = POLLIN }, { .events = POLLIN } };
	int status;
	pid_t pid;

	if (argc < 2)
		return 2;
	pid = begin(argv + 1, &fds[LISTENER].fd, &fds[PROCESS].fd);
	while (poll(fds, 2, -1) > 0 && !fds[PROCESS].revents)
		answer(fds[LISTENER].fd);
	if (waitpid(pid, &status, 0) != pid)
		give_up("wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
