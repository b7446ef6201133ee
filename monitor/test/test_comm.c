// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/comm.h"
#include "tap.h"

static char name[16];

static void named(struct comm *comm, pid_t tid, const char *is)
{
	comm_read(comm, tid, name, sizeof(name));
	STRING(name, is);
}

static pid_t create_sleeper(void)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	for (;;)
		pause();
}

static void end_sleeper(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void name_is_the_one_of_now(void)
{
	struct comm comm = { 0 };

	prctl(PR_SET_NAME, "one");
	named(&comm, getpid(), "one");
	EQUAL(getpid(), comm.tid);
	prctl(PR_SET_NAME, "another");
	named(&comm, getpid(), "another");
	prctl(PR_SET_NAME, "with\nline");
	named(&comm, getpid(), "with");
	comm_close(&comm);
	EQUAL(0, comm.tid);
}

static void file_is_opened_once_for_each(void)
{
	struct comm comm = { 0 };
	pid_t pid = create_sleeper();
	int fd;

	prctl(PR_SET_NAME, "creator");
	named(&comm, getpid(), "creator");
	fd = comm.fd;
	named(&comm, getpid(), "creator");
	EQUAL(fd, comm.fd);
	comm_read(&comm, pid, name, sizeof(name));
	EQUAL(pid, comm.tid);
	end_sleeper(pid);
	named(&comm, pid, "?");
	EQUAL(0, comm.tid);
	named(&comm, getpid(), "creator");
	comm_close(&comm);
}

static void number_of_nobody_is_no_descriptor(void)
{
	struct comm comm = { 0 };
	int input = dup(STDIN_FILENO);

	CHECK(dup2(open("/proc/version", O_RDONLY | O_CLOEXEC), STDIN_FILENO) == STDIN_FILENO);
	named(&comm, 0, "?");
	dup2(input, STDIN_FILENO);
	close(input);
}

static void few_files_are_kept(void)
{
	struct comm comm = { 0 };
	int fds[64], i;

	prctl(PR_SET_NAME, "many");
	for (i = 0; i < 64; i++)
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	named(&comm, getpid(), "many");
	EQUAL(0, comm.tid);
	while (i-- > 0)
		close(fds[i]);
}

int main(void)
{
	static const struct tap_test tests[] = {
		{ "a name is the one of now", name_is_the_one_of_now },
		{ "the file is opened once for each task", file_is_opened_once_for_each },
		{ "the number of nobody is no descriptor", number_of_nobody_is_no_descriptor },
		{ "few files are kept", few_files_are_kept },
	};

	return TAP_RUN(tests);
}
