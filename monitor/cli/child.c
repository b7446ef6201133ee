// SPDX-License-Identifier: GPL-2.0
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "diagnose.h"

/* In the child. End of file means that nobody will watch: the command does not run. */
static _Noreturn void wait_and_execute(int gate, char **argv)
{
	ssize_t got;
	int error;
	char go;

	do
		got = read(gate, &go, 1);
	while (got < 0 && errno == EINTR);
	if (got != 1)
		_exit(STATUS_FAILURE);
	execvp(argv[0], argv);
	error = errno;
	warn("cannot run '%s': %s", argv[0], strerror(error));
	_exit(error == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE);
}

int child_create(struct child *child, char **argv)
{
	int gate[2], err;

	if (pipe2(gate, O_CLOEXEC) < 0)
		return -errno;
	child->pid = fork();
	if (child->pid < 0) {
		err = -errno;
		close(gate[0]);
		close(gate[1]);
		return err;
	}
	if (!child->pid) {
		close(gate[1]);
		wait_and_execute(gate[0], argv);
	}
	close(gate[0]);
	child->gate = gate[1];
	return 0;
}

static void close_gate(struct child *child)
{
	if (child->gate >= 0)
		close(child->gate);
	child->gate = -1;
}

int child_start(struct child *child)
{
	ssize_t written = write(child->gate, "", 1);
	int err = written < 0 ? -errno : 0;

	close_gate(child);
	/* Killed while it waited: that is how it has ended, and no error here. */
	return err == -EPIPE ? 0 : err;
}

void child_cancel(struct child *child)
{
	close_gate(child);
	while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int child_exit_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
