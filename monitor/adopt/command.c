// SPDX-License-Identifier: GPL-2.0
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>

/*
 * What this program does to signals is not for others: it ignores some and
 * blocks those it reads from a descriptor. Whatever else it was given itself,
 * as SIGHUP by nohup(1), is passed on.
 */
static int set_signals(posix_spawnattr_t *attr)
{
	sigset_t set;

	sigemptyset(&set);
	posix_spawnattr_setsigmask(attr, &set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGPIPE);
	sigaddset(&set, SIGTSTP);
	posix_spawnattr_setsigdefault(attr, &set);
	posix_spawnattr_setpgroup(attr, 0);
	return posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
					POSIX_SPAWN_SETPGROUP);
}

/* Returns 0 or a positive errno, as posix_spawn(3). */
static int spawn(pid_t *pid, char **words, char **environment)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int error;

	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	error = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (!error)
		error = set_signals(&attr);
	if (!error)
		error = posix_spawnp(pid, words[0], &actions, &attr, words, environment);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

static char **environment_with(const char *notify)
{
	char **environment = g_get_environ();

	return notify ? g_environ_setenv(environment, "NOTIFY_SOCKET", notify, TRUE) : environment;
}

/* Nobody else reaps it, so that it is still the one under its number. */
static int open_pidfd(struct command *command)
{
	int err;

	command->pidfd = pidfd_open(command->pid, 0);
	if (command->pidfd >= 0)
		return 0;
	err = -errno;
	command_kill(command);
	return err;
}

int command_start(struct command *command, char **words, const char *notify)
{
	char **environment = environment_with(notify);
	int error = spawn(&command->pid, words, environment);

	g_strfreev(environment);
	return error ? -error : open_pidfd(command);
}

bool command_reap(const struct command *command, int *status)
{
	return waitpid(command->pid, status, WNOHANG) == command->pid;
}

void command_forget(struct command *command)
{
	close(command->pidfd);
	command->pidfd = -1;
}

void command_kill(struct command *command)
{
	kill(command->pid, SIGKILL);
	while (waitpid(command->pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (command->pidfd >= 0)
		command_forget(command);
}
