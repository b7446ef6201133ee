// SPDX-License-Identifier: GPL-2.0
/*
 * trace COMMAND ARG... - the least that a tracer can do
 *
 * Follows COMMAND and what that creates by ptrace(2): has fork, vfork, clone and
 * exec told, lets everybody go on, and stops nobody at a system call. Ends with
 * COMMAND's status when the last is gone.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define EVENTS	(PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | \
		 PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)

static _Noreturn void give_up(const char *what)
{
	perror(what);
	exit(125);
}

static pid_t begin(char **argv)
{
	pid_t pid = fork();

	if (pid < 0)
		give_up("fork");
	if (!pid) {
		raise(SIGSTOP);
		execvp(argv[0], argv);
		_exit(127);
	}
	if (waitpid(pid, NULL, WUNTRACED) != pid)
		give_up("wait");
	if (ptrace(PTRACE_SEIZE, pid, 0, EVENTS))
		give_up("seize");
	kill(pid, SIGCONT);
	return pid;
}

/* Events, and the stops of those that are new, are not for the tracee. */
static void go_on(pid_t pid, int status)
{
	int signal = status >> 16 ? 0 : WSTOPSIG(status);

	ptrace(PTRACE_CONT, pid, 0, signal);
}

int main(int argc, char **argv)
{
	int status, result = 125;
	pid_t first, pid;

	if (argc < 2)
		return 2;
	first = begin(argv + 1);
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		if (WIFSTOPPED(status))
			go_on(pid, status);
		else if (pid == first)
			result = WIFEXITED(status) ? WEXITSTATUS(status) :
						     128 + WTERMSIG(status);
	}
	return result;
}
