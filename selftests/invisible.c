// SPDX-License-Identifier: GPL-2.0
/*
 * invisible - a program does not see that it is watched
 *
 * A table of things that programs can see of fork, vfork, clone and clone3.
 * Each line is run by three processes: one that nobody watches, one that is
 * watched, and one whose every creation is held for a moment. What it sees
 * has to be the same.
 */
#define _GNU_SOURCE
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "capability.h"
#include "cgroup.h"
#include "create.h"
#include "session.h"

/* Shared by parents and children of different memory. */
static volatile long *board;

/* The cgroup that children are created in. */
static struct cgroup cg;

/* Do all the ways to create agree? A bit for each that returns @expected. */
static long kinds_returning(long expected)
{
	long bits = 0;
	int kind;

	for (kind = 0; kind < KINDS; kind++)
		bits |= (create(kind) == expected) << kind;
	return bits;
}

static long all_kinds_create(long unused)
{
	long bits = 0;
	int kind;

	for (kind = 0; kind < KINDS; kind++)
		bits |= (create(kind) > 0) << kind;
	return bits + unused;
}

/* Does the child know itself by the number its parent was given? */
static long child_knows_its_number(long flags)
{
	long pid = clone_raw(flags | SIGCHLD, NULL, NULL);

	if (!pid) {
		*board = getpid();
		_exit(getppid() == board[1] ? 0 : 1);
	}
	if (reap(pid, 0) != pid)
		return BROKEN;
	return pid - *board;
}

static long child_has_its_parent(long unused)
{
	board[1] = getpid();
	return child_knows_its_number(0) + unused;
}

static long vfork_child_has_its_parent(long unused)
{
	board[1] = getpid();
	return child_knows_its_number(CLONE_VFORK) + unused;
}

/* A vfork child runs first, in its parent's memory. */
static long vfork_shares_and_suspends(long unused)
{
	volatile long shared = 0;
	pid_t pid = vfork();

	if (!pid) {
		nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
		shared = 11;
		_exit(0);
	}
	return reap(pid, 0) < 0 ? BROKEN : shared + unused;
}

static long spawn_of_nothing(long unused)
{
	char *argv[] = { "nothing", NULL }, *envp[] = { NULL };
	pid_t pid;

	return -posix_spawn(&pid, "/nonexistent", NULL, NULL, argv, envp) +
	       unused;
}

static long pid_max(void)
{
	FILE *f = fopen("/proc/sys/kernel/pid_max", "re");
	long max = 0;

	if (f && fscanf(f, "%ld", &max) != 1)
		max = 0;
	if (f)
		fclose(f);
	return max;
}

#define AHEAD	200		/* more than are created meanwhile */
#define LOWEST	1000		/* above those that are left out when they begin anew */

/* set_tid. A number well ahead of those in use, which begin anew behind the last one. */
static long free_number(void)
{
	long pid = create(BY_VFORK) + AHEAD;

	if (pid >= pid_max() - AHEAD)
		pid = LOWEST;
	while (!kill(pid, 0))
		pid++;
	return pid;
}

static long set_tid_free(long unused)
{
	long pid = free_number();

	return create_at(pid) - pid + unused;
}

static long set_tid_taken(long unused)
{
	return create_at(getpid()) + unused;
}

static long set_tid_impossible(long pid)
{
	return create_at(pid);
}

static long set_tid_unprivileged(long unused)
{
	drop_capability(CAP_SYS_ADMIN);
	drop_capability(CAP_CHECKPOINT_RESTORE);
	return create_at(30000) + unused;
}

static long set_tid_too_deep(long size)
{
	pid_t set_tid[40] = { 30000, 30001, 30002 };
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)set_tid,
		.set_tid_size = size,
	};

	return clone3(&args);
}

static long set_tid_taken_and_flags_bad(long unused)
{
	pid_t set_tid[] = { getpid() };
	struct clone_args args = {
		.flags = CLONE_THREAD,
		.set_tid = (uintptr_t)set_tid,
		.set_tid_size = 1,
	};

	return clone3(&args) + unused;
}

/* Where the kernel writes numbers and descriptors. */
static long pidfd_is_the_childs(long unused)
{
	int pidfd = -1;
	struct clone_args args = {
		.flags = CLONE_PIDFD,
		.pidfd = (uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
	};
	siginfo_t info = { .si_pid = 0 };
	long pid = clone3(&args);

	if (!pid)
		_exit(3);
	if (pid < 0 || waitid(P_PIDFD, pidfd, &info, WEXITED))
		return BROKEN;
	return (info.si_pid == pid) + (info.si_status == 3) * 2 +
	       (pidfd == ACTOR_SOCK + 1) * 4 + unused;
}

static long tids_are_written(long unused)
{
	int parent_tid = 0, child_tid = 0;
	long pid = clone_raw(CLONE_PARENT_SETTID | CLONE_CHILD_SETTID |
			     SIGCHLD, &parent_tid, &child_tid);

	if (!pid)
		_exit(child_tid != getpid());
	return reap(pid, 0) < 0 ? BROKEN : parent_tid - pid + unused;
}

static long tid_is_written_by_clone3(long unused)
{
	int parent_tid = 0, child_tid = 0;
	struct clone_args args = {
		.flags = CLONE_PARENT_SETTID | CLONE_CHILD_SETTID,
		.parent_tid = (uintptr_t)&parent_tid,
		.child_tid = (uintptr_t)&child_tid,
		.exit_signal = SIGCHLD,
	};
	long pid = clone3(&args);

	if (!pid)
		_exit(child_tid != getpid());
	return reap(pid, 0) < 0 ? BROKEN : parent_tid - pid + unused;
}

/* Whose child it is. A sibling is reaped by the common parent. */
static long clone_parent_makes_a_sibling(long unused)
{
	long pid;

	*board = 0;
	pid = clone_raw(CLONE_PARENT, NULL, NULL);
	if (!pid) {
		*board = getppid();
		_exit(0);
	}
	if (pid < 0)
		return pid;
	while (!*board)
		pause_briefly();
	return (*board == getppid()) + 2 * (waitpid(pid, NULL, __WALL) < 0) +
	       unused;
}

static long child_is_born_in_a_cgroup(long unused)
{
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD,
	};
	char line[256] = "";
	FILE *f;
	long pid;
	int fd = open(cg.path, O_RDONLY | O_DIRECTORY);

	args.cgroup = fd;
	pid = clone3(&args);
	if (!pid) {
		f = fopen("/proc/self/cgroup", "r");
		while (f && fgets(line, sizeof(line), f)) {
			if (strstr(line, strrchr(cg.path, '/')))
				_exit(0);
		}
		_exit(1);
	}
	close(fd);
	return reap(pid, 0) < 0 ? BROKEN : unused;
}

/* PID namespaces. */
static long own_number_in_child(void)
{
	pid_t pid;

	*board = 0;
	pid = fork();
	if (!pid) {
		*board = getpid();
		_exit(0);
	}
	return reap(pid, 0) < 0 ? -errno : *board;
}

static long child_in_new_namespace_is_first(long unused)
{
	long pid = clone_raw(CLONE_NEWPID | SIGCHLD, NULL, NULL);

	if (!pid) {
		/* Its own first child is the second one there. */
		_exit(getpid() == 1 ? create(BY_FORK) : 99);
	}
	return reap(pid, 2 << 8) < 0 ? BROKEN : unused;
}

static long children_after_unshare(long unused)
{
	pid_t first, second;

	if (unshare(CLONE_NEWPID))
		return -errno;
	*board = 0;
	first = fork();
	if (!first) {
		*board = getpid();
		for (;;)
			pause();
	}
	while (!*board)
		pause_briefly();
	if (*board != 1)
		return BROKEN;
	second = own_number_in_child();
	kill(first, SIGKILL);
	reap(first, SIGKILL);
	return second + unused;
}

static long namespace_survives_a_call_refused_early(long unused)
{
	if (unshare(CLONE_NEWPID))
		return -errno;
	if (clone_raw(CLONE_SIGHAND | SIGCHLD, NULL, NULL) != -EINVAL)
		return BROKEN;
	return own_number_in_child() + unused;
}

static long namespace_survives_a_process_limit(long uid)
{
	struct rlimit one = { 1, 1 }, old;

	if (unshare(CLONE_NEWPID))
		return -errno;
	getrlimit(RLIMIT_NPROC, &old);
	one.rlim_max = old.rlim_max;
	setrlimit(RLIMIT_NPROC, &one);
	become_user(uid);
	if (fork() != -1 || errno != EAGAIN)
		return BROKEN;
	setrlimit(RLIMIT_NPROC, &old);
	return own_number_in_child();
}

/*
 * The kernel's own rule: the first number given back ends the namespace, and no
 * call succeeds there, or it does not, and the next child is its init (7.2).
 */
static long namespace_after_a_call_refused_late(long unused)
{
	struct clone_args args = {
		.flags = CLONE_PIDFD,
		.pidfd = 16,
		.exit_signal = SIGCHLD,
	};
	pid_t pid;

	if (unshare(CLONE_NEWPID))
		return -errno;
	if (clone3(&args) != -EFAULT)
		return BROKEN;
	*board = unused;
	pid = fork();
	if (!pid) {
		*board = getpid();
		_exit(0);
	}
	if (pid < 0)
		return errno;
	return reap(pid, 0) < 0 ? BROKEN : *board;
}

/* One that does nothing. */
static long create_pausing(unsigned long flags)
{
	long pid = clone_raw(flags | SIGCHLD, NULL, NULL);

	if (!pid) {
		for (;;)
			pause();
	}
	return pid;
}

static void end_pausing(long pid)
{
	kill(pid, SIGKILL);
	reap(pid, SIGKILL);
}

static long child_in_entered_namespace(long unused)
{
	long first = create_pausing(CLONE_NEWPID), second;
	int pidfd;

	pidfd = open_pidfd(first);
	if (setns(pidfd, CLONE_NEWPID))
		return -errno;
	close(pidfd);
	second = own_number_in_child();
	end_pausing(first);
	return second + unused;
}

/* That the kernel has given in this namespace. */
static long last_number(void)
{
	char text[16] = "";
	int fd = open("/proc/sys/kernel/ns_last_pid", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	return n > 0 ? atol(text) : BROKEN;
}

static long first_reads_last_number(long unused)
{
	long pid = clone_raw(CLONE_NEWPID | SIGCHLD, NULL, NULL);

	if (!pid)
		_exit(last_number() == 1 ? 2 : 3);
	return reap(pid, 2 << 8) < 0 ? BROKEN : unused;
}

static long clone3_ended(struct clone_args *args)
{
	long pid = clone3(args);

	if (!pid)
		_exit(CHILD_STATUS);
	return pid < 0 ? pid : reap(pid, CHILD_STATUS << 8);
}

/* One level up another number is asked for than one level below. */
static long set_tid_of_a_second_child(long unused)
{
	pid_t set_tid[] = { 77, free_number() };
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)set_tid,
		.set_tid_size = 2,
	};
	long first, pid;

	if (unshare(CLONE_NEWPID))
		return -errno;
	first = create_pausing(0);
	if (first < 0)
		return first;
	pid = clone3_ended(&args);
	if (pid == set_tid[1]) {
		set_tid[0] = 1;		/* taken by the first */
		pid = clone3_ended(&args);
	} else {
		pid = BROKEN;
	}
	end_pausing(first);
	return pid + unused;
}

static long first_with_number(pid_t number, uid_t uid)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)&number,
		.set_tid_size = 1,
	};

	if (unshare(CLONE_NEWPID))
		return -errno;
	if (uid)
		become_user(uid);
	return clone3_ended(&args);
}

/* No right to choose where the first is born. */
static long set_tid_of_the_first_without_right(long uid)
{
	return first_with_number(1, uid);
}

static long set_tid_of_a_first_that_is_none(long uid)
{
	return -first_with_number(2, uid);
}

/* The number is the next one, however many namespaces it is chosen in. */
static long numbers_go_on_outside(long unused)
{
	long first, second;
	int tries = 20;

	if (unshare(CLONE_NEWPID))
		return -errno;
	first = create_pausing(0);
	if (first < 0)
		return first;
	do {	/* Others create, too. */
		second = create(BY_CLONE);
	} while (last_number() != second && --tries);
	end_pausing(first);
	return (tries ? 0 : BROKEN) + unused;
}

/* Of two namespaces, one in the other. */
static long hold_open(long (*inner)(void))
{
	long first;

	*board = 0;
	first = clone_raw(CLONE_NEWPID | CLONE_FILES | SIGCHLD, NULL, NULL);
	if (!first) {
		*board = inner();
		for (;;)
			pause();
	}
	while (first > 0 && !*board)
		pause_briefly();
	return first;
}

static long number_at(long first, int fd)
{
	long number = setns(fd, CLONE_NEWPID) ? -errno : own_number_in_child();

	close(fd);
	end_pausing(first);
	return number;
}

static long bear_pausing(void)
{
	long pid = create_pausing(CLONE_NEWPID);

	return pid < 0 ? -1 : open_pidfd(pid);
}

static long child_two_namespaces_down(long unused)
{
	long first = hold_open(bear_pausing);

	return first < 0 ? first : number_at(first, *board) + unused;
}

static long unshare_pids(void)
{
	return unshare(CLONE_NEWPID) ? -1 : 1;
}

/* Before 7.2 the kernel does not let it be entered. */
static long first_two_namespaces_down(long unused)
{
	long first = hold_open(unshare_pids);
	char path[64];
	int fd;

	if (first < 0)
		return first;
	snprintf(path, sizeof(path), "/proc/%ld/ns/pid_for_children", first);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		end_pausing(first);
		return ENOENT + unused;
	}
	return number_at(first, fd);
}

static long set_tid_in_two_namespaces(long unused)
{
	pid_t set_tid[] = { 1, free_number() };
	struct clone_args args = {
		.flags = CLONE_NEWPID,
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)set_tid,
		.set_tid_size = 2,
	};
	long pid = clone3(&args);

	if (!pid)
		_exit(getpid());
	return reap(pid, 1 << 8) < 0 ? BROKEN : pid - set_tid[1] + unused;
}

/* Signals and waiting. */
static volatile sig_atomic_t signals;

static void count_signal(int sig)
{
	(void)sig;
	signals++;
}

static long child_ends_with_its_signal(long sig)
{
	struct sigaction sa = { .sa_handler = count_signal };
	long pid;

	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGCHLD, &sa, NULL);
	pid = clone_raw(sig, NULL, NULL);
	if (!pid)
		_exit(0);
	/* Without __WALL it is found only if it signals by SIGCHLD. */
	while (waitid(P_PID, pid, NULL, WEXITED | WNOWAIT | __WALL)) {
		if (errno != EINTR)
			return BROKEN;
	}
	if (sig != SIGCHLD && (waitpid(pid, NULL, 0) != -1 || errno != ECHILD))
		return BROKEN;
	return reap(pid, 0) < 0 ? BROKEN : signals;
}

static long wait_sees_status_and_usage(long unused)
{
	struct timespec ts = { 0, 0 };
	struct rusage usage, children;
	int status;
	pid_t pid = fork();

	if (!pid) {
		while (ts.tv_sec == 0 && ts.tv_nsec < 100000000)
			clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
		_exit(9);
	}
	if (wait4(pid, &status, 0, &usage) != pid || status != 9 << 8)
		return BROKEN;
	getrusage(RUSAGE_CHILDREN, &children);
	return (usage.ru_utime.tv_sec + usage.ru_utime.tv_usec +
		usage.ru_stime.tv_sec + usage.ru_stime.tv_usec > 0) +
	       2 * (children.ru_maxrss >= usage.ru_maxrss) + unused;
}

/* A child inherits what its parent had, nothing more. */
static long child_has_no_signal_pending(long unused)
{
	sigset_t set;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR2);
	pid = fork();
	if (!pid) {
		sigpending(&set);
		_exit(sigismember(&set, SIGUSR2));
	}
	return reap(pid, 0) < 0 ? BROKEN : unused;
}

static long thread_has_its_own_number(long unused)
{
	long tid = create(BY_THREAD);

	return (tid > 0) + 2 * (tid != getpid()) + unused;
}

/* ptrace: what the tracer of a creating process is told. */
static long tracer_sees(enum kind kind, long option)
{
	unsigned long message = 0;
	int status, events = 0;
	pid_t pid, child;

	pid = fork();
	if (!pid) {
		raise(SIGSTOP);
		*board = create(kind);
		_exit(0);
	}
	if (waitpid(pid, &status, WUNTRACED) != pid ||
	    ptrace(PTRACE_SEIZE, pid, 0, option) || kill(pid, SIGCONT))
		return BROKEN;

	for (;;) {
		child = waitpid(-1, &status, __WALL);
		if (child < 0 || (child == pid && WIFEXITED(status)))
			break;
		if (!WIFSTOPPED(status))
			continue;
		if (child == pid && status >> 16 &&
		    status >> 16 != PTRACE_EVENT_STOP) {
			events = events * 8 + (status >> 16);
			ptrace(PTRACE_GETEVENTMSG, pid, 0, &message);
		}
		ptrace(PTRACE_CONT, child, 0, 0);
	}
	return (long)message == *board ? events : BROKEN;
}

static long tracer_sees_fork(long unused)
{
	return tracer_sees(BY_FORK, PTRACE_O_TRACEFORK) + unused;
}

static long tracer_sees_vfork(long unused)
{
	return tracer_sees(BY_VFORK, PTRACE_O_TRACEVFORK |
			   PTRACE_O_TRACEVFORKDONE) + unused;
}

static long tracer_sees_clone(long unused)
{
	return tracer_sees(BY_THREAD, PTRACE_O_TRACECLONE) + unused;
}

/* How often a process stops in system calls that create three others. */
static long tracer_counts_calls(long unused)
{
	int status, stops = 0;
	pid_t pid = fork();

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		create(BY_FORK);
		create(BY_VFORK);
		create(BY_CLONE3);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		stops += WSTOPSIG(status) == SIGTRAP;
		ptrace(PTRACE_SYSCALL, pid, 0, 0);
	}
	return stops + unused;
}

static long filter_denies(long unused)
{
	struct sock_filter rules[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 2, 0),
#ifdef SYS_vfork
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_vfork, 1, 0),
#else
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
#endif
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EXDEV),
	};
	struct sock_fprog filter = { ARRAY_SIZE(rules), rules };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
		return -errno;
	return kinds_returning(-EXDEV) + unused;
}

#define ALL_KINDS	((1 << KINDS) - 1)
#define AS_UNWATCHED	(-9997)		/* depends on library or kernel */

static const struct line {
	const char *name;
	order_fn order;
	long arg;
	long result;
} table[] = {
	{ "every way to create works", all_kinds_create, 0, ALL_KINDS },
	{ "parent and child agree", child_has_its_parent, 0, 0 },
	{ "vfork parent and child agree", vfork_child_has_its_parent, 0, 0 },
	{ "vfork shares and suspends", vfork_shares_and_suspends, 0, 11 },
	{ "posix_spawn of nothing", spawn_of_nothing, 0, -ENOENT },

	{ "set_tid", set_tid_free, 0, 0 },
	{ "set_tid of one taken", set_tid_taken, 0, -EEXIST },
	{ "set_tid 0", set_tid_impossible, 0, -EINVAL },
	{ "set_tid -1", set_tid_impossible, -1, -EINVAL },
	{ "set_tid beyond pid_max", set_tid_impossible, 0x7ffffff, -EINVAL },
	{ "set_tid without right", set_tid_unprivileged, 0, -EPERM },
	{ "set_tid one level too deep", set_tid_too_deep, 2, -EINVAL },
	{ "set_tid too deep for any", set_tid_too_deep, 40, -EINVAL },
	{ "set_tid of one taken with bad flags", set_tid_taken_and_flags_bad,
	  0, -EINVAL },

	{ "CLONE_PIDFD", pidfd_is_the_childs, 0, 7 },
	{ "CLONE_PARENT_SETTID and CHILD_SETTID", tids_are_written, 0, 0 },
	{ "the same by clone3", tid_is_written_by_clone3, 0, 0 },
	{ "CLONE_PARENT", clone_parent_makes_a_sibling, 0, 3 },
	{ "CLONE_INTO_CGROUP", child_is_born_in_a_cgroup, 0, 0 },

	{ "CLONE_NEWPID", child_in_new_namespace_is_first, 0, 0 },
	{ "unshare(CLONE_NEWPID)", children_after_unshare, 0, 2 },
	{ "namespace after an early refusal",
	  namespace_survives_a_call_refused_early, 0, 1 },
	{ "namespace after a process limit",
	  namespace_survives_a_process_limit, 54321, 1 },
	{ "namespace after a late refusal",
	  namespace_after_a_call_refused_late, 0, AS_UNWATCHED },
	{ "setns", child_in_entered_namespace, 0, 2 },
	{ "set_tid in two namespaces", set_tid_in_two_namespaces, 0, 0 },
	{ "set_tid of a second child", set_tid_of_a_second_child, 0, -EEXIST },
	{ "set_tid of the first without right",
	  set_tid_of_the_first_without_right, 54321, -EPERM },
	{ "set_tid of a first that is none",
	  set_tid_of_a_first_that_is_none, 0, EINVAL },
	{ "the same without right",
	  set_tid_of_a_first_that_is_none, 54321, AS_UNWATCHED },
	{ "ns_last_pid inside", first_reads_last_number, 0, 0 },
	{ "ns_last_pid outside", numbers_go_on_outside, 0, 0 },
	{ "setns of two namespaces", child_two_namespaces_down, 0, 2 },
	{ "setns of two namespaces, the first", first_two_namespaces_down, 0,
	  AS_UNWATCHED },

	{ "exit signal SIGCHLD", child_ends_with_its_signal, SIGCHLD, 1 },
	{ "exit signal SIGUSR1", child_ends_with_its_signal, SIGUSR1, 1 },
	{ "no exit signal", child_ends_with_its_signal, 0, 0 },
	{ "wait status and usage", wait_sees_status_and_usage, 0, 3 },
	{ "pending signals", child_has_no_signal_pending, 0, 0 },
	{ "thread", thread_has_its_own_number, 0, 3 },

	{ "PTRACE_EVENT_FORK", tracer_sees_fork, 0, PTRACE_EVENT_FORK },
	{ "PTRACE_EVENT_VFORK and DONE", tracer_sees_vfork, 0,
	  PTRACE_EVENT_VFORK * 8 + PTRACE_EVENT_VFORK_DONE },
	{ "PTRACE_EVENT_CLONE", tracer_sees_clone, 0, PTRACE_EVENT_CLONE },
	{ "system calls under ptrace", tracer_counts_calls, 0,
	  AS_UNWATCHED },
	{ "seccomp filter", filter_denies, 0, ALL_KINDS },
};

FIXTURE(program)
{
	struct actor actor;
	struct session session;
};

FIXTURE_VARIANT(program)
{
	bool watched;
	uint32_t hold;
};

FIXTURE_VARIANT_ADD(program, unwatched)
{
	.watched = false,
};

FIXTURE_VARIANT_ADD(program, watched)
{
	.watched = true,
};

FIXTURE_VARIANT_ADD(program, held)
{
	.watched = true,
	.hold = HOLD_ALL,
};

FIXTURE_SETUP(program)
{
	board = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, board);
	cgroup_make(_metadata, &cg);
	session_open(_metadata, &self->session);
}

FIXTURE_TEARDOWN(program)
{
	session_close(&self->session);
	actor_end(&self->actor);
	cgroup_remove(&cg);
}

static void start(struct __test_metadata *_metadata,
		  FIXTURE_DATA(program) *self,
		  const FIXTURE_VARIANT(program) *variant)
{
	actor_start(_metadata, &self->actor);
	if (!variant->watched)
		return;
	ASSERT_EQ(0, session_watch(&self->session, self->actor.pid,
				   PREFORK_WATCH_TREE | PREFORK_WATCH_THREADS,
				   variant->hold, 0));
}

TEST_F_TIMEOUT(program, sees_what_the_table_says, 240)
{
	const struct line *line;
	struct actor plain;
	long expected, result;

	for (line = table; line < table + ARRAY_SIZE(table); line++) {
		expected = line->result;
		if (expected == AS_UNWATCHED) {
			actor_start(_metadata, &plain);
			expected = actor_do(_metadata, &plain, line->order,
					    line->arg);
			actor_end(&plain);
			EXPECT_LT(0, expected);
		}
		start(_metadata, self, variant);
		result = session_serve_order(_metadata, &self->session,
					     &self->actor, line->order,
					     line->arg);
		EXPECT_EQ(expected, result) {
			TH_LOG("%s", line->name);
		}
		actor_end(&self->actor);
	}
	if (!variant->watched)
		return;

	/* And each creation had its outcome. */
	EXPECT_TRUE(session_stat_reaches(_metadata, &self->session,
					 PREFORK_STAT_WATCHES, 0));
	while (session_next(_metadata, &self->session, 200))
		;
	EXPECT_LT(40, self->session.announced);
	EXPECT_EQ(0, session_pending(&self->session));
	EXPECT_TRUE(session_stat_reaches(_metadata, &self->session,
					 PREFORK_STAT_RESERVED, 0));
}

static long create_after_unshare(long unused)
{
	pid_t pid;

	if (unshare(CLONE_NEWPID))
		return -errno;
	pid = fork();
	if (!pid)
		_exit(getpid() == 1 ? 0 : 1);
	return reap(pid, 0) + unused;
}

/* Announced and born under the number that the owner knows it by. */
static void expect_outer_number(struct __test_metadata *_metadata,
				FIXTURE_DATA(program) *self, order_fn order,
				long arg)
{
	const struct prefork_event *e = &self->session.event;
	pid_t child;

	actor_send(_metadata, &self->actor, order, arg);
	session_await(_metadata, &self->session, PREFORK_EVENT_PREFORK);
	EXPECT_EQ(self->actor.pid, e->pid);
	child = e->child;
	session_release(_metadata, &self->session);
	session_expect(_metadata, &self->session, PREFORK_EVENT_BORN);
	EXPECT_EQ(child, e->pid);
	EXPECT_EQ(child, e->tid);
	EXPECT_EQ(child, actor_answer(_metadata, &self->actor));
}

TEST_F_TIMEOUT(program, in_a_new_namespace_has_its_outer_number_in_events, 60)
{
	start(_metadata, self, variant);
	if (!variant->watched) {
		EXPECT_LT(0, actor_do(_metadata, &self->actor,
				      create, BY_NEW_NAMESPACE));
		return;
	}
	expect_outer_number(_metadata, self, create, BY_NEW_NAMESPACE);
	expect_outer_number(_metadata, self, create, BY_NEW_NAMESPACE);
	actor_end(&self->actor);
	start(_metadata, self, variant);
	expect_outer_number(_metadata, self, create_after_unshare, 0);
}

TEST_HARNESS_MAIN
