/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * prefork - follow and hold processes before they are created
 *
 * The generic netlink family "prefork" reports the creation of a process
 * before it happens, together with the PID that the child will have, and can
 * hold the parent until the listener answers. The newborn, and a process that
 * has executed a program, can be held as well, before its first instruction,
 * until the listener answers or somebody traces it.
 *
 * The socket is the owner. What it watches and holds ends with it: when the
 * socket is closed, for whatever reason, every task that was held for it runs
 * on. A process has at most one owner at a time.
 *
 * PIDs are numbers in the PID namespace that the owner was in when it sent
 * its first WATCH; in copies for the multicast group they are numbers in the
 * initial PID namespace. 0 stands for a task that has no number there. In the
 * same way UIDs are those of its user namespace; who has none there is told as
 * the overflow user (kernel.overflowuid).
 *
 * Commands (every refusal has an extended-ack text)
 *
 *   WATCH      { PIDFD | PID, [FLAGS], [HOLD], [TIMEOUT], [EVENTS] }
 *       Report what the process does from now on, and hold what HOLD names.
 *       With EVENTS only those of PREFORK, BORN, FORK_FAILED, EXEC, EXIT and
 *       VFORK_DONE are told that it names. In any case all others are, and what
 *       HOLD is about: of creations that it names PREFORK and the outcome, of
 *       births BORN, of programs EXEC.
 *       Needs the right to attach to the process with ptrace(2) and, unless
 *       the module's parameter unprivileged is 1, CAP_SYS_PTRACE in the initial
 *       user namespace. Who has not that has limits.
 *         EBUSY     another owner watches the process, or another user of
 *                   kprobes or live patching holds the functions needed
 *         EMFILE    the user watches by as many sockets as he may
 *         ENOSPC    the user watches as many processes as he may
 *         EEXIST    this socket watches it already
 *         EDEADLK   a process cannot watch itself
 *         EPERM     no permission, or a kernel thread, or TIMEOUT is none or
 *                   more than the default, which needs CAP_SYS_PTRACE
 *         ESRCH     no such process, or it is a zombie
 *         EINVAL    the PID is that of a thread, or neither or both of PIDFD
 *                   and PID were given, or HOLD holds what is not reported,
 *                   or EVENTS names one that is told in any case
 *         ERANGE    TIMEOUT is more than PREFORK_TIMEOUT_MAX
 *         EBADF     PIDFD is not a pidfd
 *         EIO       probes have no effect: see /sys/kernel/debug/kprobes/enabled
 *                   and kernel.ftrace_enabled
 *
 *   UNWATCH    { [PIDFD | PID] }
 *       End one watch of this socket or, with no target, all of them. Tasks
 *       held for it run on.
 *         ESRCH     this socket does not watch that process, or has never
 *                   watched any
 *
 *   RELEASE    { COOKIE, [VERDICT], [ERRNO], [FORCE] }
 *       Answer a hold of this socket. With FORCE it may be that of another
 *       one, which needs CAP_SYS_ADMIN in the initial user namespace; only
 *       CONTINUE can be forced.
 *         EPERM     FORCE without that capability
 *         ENOENT    no such hold: its deadline has passed, the task is gone,
 *                   or somebody traces it
 *         EALREADY  it has been answered before
 *         EINVAL    DENY without an ERRNO or another verdict with one, or a
 *                   verdict other than CONTINUE where no creation is held
 *
 *   GET        { PIDFD | PID }  or as a dump { }
 *     reply    { PID, COMM, FLAGS, HOLD, TIMEOUT, EVENTS, OWNER, OWNER_PID,
 *                HELD { TID, [CHILD], HOLD, COOKIE, SINCE, [DEADLINE] } ... }
 *       One watch, or in a dump every watch there is, with the tasks held now;
 *       without CAP_SYS_PTRACE those of this socket, and of what the sender
 *       could watch itself. A dump is no snapshot: of processes that come
 *       and go meanwhile it may have some. A newborn without a watch of its
 *       own is told of with its parent, while that is watched.
 *         EPERM     no CAP_SYS_PTRACE, and the parameter unprivileged is 0
 *         ESRCH     nobody watches that process, as far as one may know
 *
 *   STATS      { }
 *     reply    { STATS { PREFORK_STAT_... } }
 *       Needs CAP_SYS_PTRACE.
 *
 * Events, sent to the owner and copied to the multicast group "events"; all
 * carry SEQ, TIME, PID, TID, UID and COMM (LOST: only SEQ and TIME)
 *
 *   PREFORK      { CHILD, [NSPID], CLONE_FLAGS, [THREAD],
 *                  [COOKIE, [DEADLINE]] }
 *       The task is about to create CHILD. NSPID is there if the task lives
 *       in a PID namespace below that of the reader: the number that CHILD
 *       will have there. With COOKIE it is held until RELEASE names that
 *       cookie or DEADLINE passes.
 *   BORN         { PPID, [NSPID], CLONE_FLAGS, [THREAD],
 *                  [COOKIE, [DEADLINE]] }
 *       PID (or, with THREAD, the thread TID of it) now exists and has not
 *       executed an instruction yet. NSPID is its number in its own PID
 *       namespace, if that is another one than the reader's. With COOKIE it is
 *       held at birth and will not before the hold has ended; see below.
 *   FORK_FAILED  { CHILD, ERRNO, [THREAD] }
 *       The announced CHILD will not come: exactly one of BORN and
 *       FORK_FAILED follows each PREFORK, where both are told. ERRNO is
 *       ECANCELED when the call was abandoned: the task exited, executed a
 *       program, created something else or changed the PID namespace for its
 *       children from a signal handler, or is no longer watched. UID and COMM
 *       are those of the PREFORK.
 *   EXEC         { PATH, OLD_TID, [COOKIE, [DEADLINE]] }
 *       A new program image, before its first instruction. PATH is the image
 *       itself; for a script that is its interpreter. With COOKIE the process
 *       is held there; see below.
 *   EXIT         { STATUS, UTIME, STIME, MAXRSS, [THREAD] }
 *       The last thread of the process has ended and with it the watch; with
 *       THREAD, one thread of a process watched with PREFORK_WATCH_THREADS
 *       that goes on. Threads that end along with it are not told of.
 *   VFORK_DONE   { CHILD, SUSPENDED }
 *       The vfork(2) child has executed a program or ended.
 *   ADOPTED      { COOKIE, TRACER, [THREAD] }
 *       A hold at birth or after an exec has ended because TRACER traces the
 *       task and it is about to stop for it.
 *   UNWATCHED    { REASON }
 *       The watch has ended though the process lives. Of a call in progress
 *       the outcome may still follow. With REASON_ACCESS COMM is empty, there
 *       is no UID, and the process may be one that ends.
 *   TIMEOUT      { COOKIE, [CHILD], [THREAD] }
 *       The deadline of a hold has passed and the task runs on. CHILD tells
 *       whose creation was held; without it the task itself was, at birth or
 *       after an exec.
 *   LOST         { COUNT }
 *       That many events could not be delivered at this place of the stream.
 *
 * SEQ starts at 1 for each owner and has no gaps; copies for the multicast
 * group are numbered on their own. An event with a COOKIE is never dropped.
 *
 * A task that is held at birth or after an exec
 *
 *   has not executed a single instruction and shows the registers that it will
 *   begin with. It can be killed, stopped, continued and frozen, and goes on
 *   being held; signals that it has a handler for stay pending (and blocked)
 *   meanwhile. The hold ends with
 *     RELEASE   it runs, traced or not
 *     a tracer  that has it stop: PTRACE_ATTACH, or PTRACE_SEIZE with
 *               PTRACE_INTERRUPT. It stops before its first instruction, and
 *               ADOPTED tells. PTRACE_SEIZE alone does not end it: whoever
 *               needs no stop seizes, and then releases.
 *               A task that is stopped or frozen already stops for its
 *               tracer within that, and ADOPTED comes when it goes on.
 *   and with its deadline, UNWATCH, or the end of the socket. What is traced
 *   when the hold would begin, as a child that its parent's tracer follows,
 *   is not held: its BORN or EXEC has no COOKIE.
 */
#ifndef _UAPI_LINUX_PREFORK_H
#define _UAPI_LINUX_PREFORK_H

#define PREFORK_GENL_NAME	"prefork"
#define PREFORK_GENL_VERSION	1
#define PREFORK_MCGRP_EVENTS	"events"

/* The deadline of a hold when WATCH names none, and the longest, in milliseconds. */
#define PREFORK_TIMEOUT_DEFAULT	10000
#define PREFORK_TIMEOUT_MAX	86400000

enum prefork_cmd {
	PREFORK_CMD_UNSPEC,
	PREFORK_CMD_WATCH,
	PREFORK_CMD_UNWATCH,
	PREFORK_CMD_RELEASE,
	PREFORK_CMD_GET,
	PREFORK_CMD_STATS,

	/* From the kernel only. */
	PREFORK_EVENT_PREFORK = 32,
	PREFORK_EVENT_BORN,
	PREFORK_EVENT_FORK_FAILED,
	PREFORK_EVENT_EXEC,
	PREFORK_EVENT_EXIT,
	PREFORK_EVENT_VFORK_DONE,
	PREFORK_EVENT_UNWATCHED,
	PREFORK_EVENT_TIMEOUT,
	PREFORK_EVENT_LOST,
	PREFORK_EVENT_ADOPTED,
};

enum prefork_attr {
	PREFORK_A_UNSPEC,
	PREFORK_A_PAD,
	PREFORK_A_PIDFD,	/* u32: open pidfd of the sender */
	PREFORK_A_PID,		/* u32: process (thread group) */
	PREFORK_A_TID,		/* u32: thread */
	PREFORK_A_PPID,		/* u32: process that created this one */
	PREFORK_A_CHILD,	/* u32: PID, for a thread TID, to be created */
	PREFORK_A_COMM,		/* string, at most 15 bytes */
	PREFORK_A_SEQ,		/* u64: number of the event */
	PREFORK_A_TIME,		/* u64: CLOCK_BOOTTIME, ns */
	PREFORK_A_FLAGS,	/* u32: PREFORK_WATCH_... */
	PREFORK_A_HOLD,		/* u32: PREFORK_HOLD_... */
	PREFORK_A_TIMEOUT,	/* u32: deadline of holds in ms, 0: none */
	PREFORK_A_COOKIE,	/* u64: names a hold, never 0, never reused */
	PREFORK_A_DEADLINE,	/* u64: CLOCK_BOOTTIME, ns; absent: none */
	PREFORK_A_VERDICT,	/* u32: enum prefork_verdict */
	PREFORK_A_ERRNO,	/* u32: positive errno, 1 to 511 */
	PREFORK_A_CLONE_FLAGS,	/* u64: CLONE_... as in clone3(2) */
	PREFORK_A_THREAD,	/* flag: about a thread, not a process */
	PREFORK_A_PATH,		/* string: path of the image below the root of
				 * the process; absent for want of memory */
	PREFORK_A_OLD_TID,	/* u32: TID of the caller before the exec */
	PREFORK_A_STATUS,	/* u32: as from wait(2) */
	PREFORK_A_UTIME,	/* u64: user time, ns */
	PREFORK_A_STIME,	/* u64: system time, ns */
	PREFORK_A_MAXRSS,	/* u64: peak resident set size, KiB */
	PREFORK_A_SUSPENDED,	/* u64: ns from birth to end of the vfork */
	PREFORK_A_REASON,	/* u32: enum prefork_reason */
	PREFORK_A_COUNT,	/* u64: events lost */
	PREFORK_A_OWNER,	/* u32: netlink port of the owner */
	PREFORK_A_OWNER_PID,	/* u32: process that sent its first WATCH */
	PREFORK_A_HELD,		/* nest, repeated: a held task */
	PREFORK_A_SINCE,	/* u64: CLOCK_BOOTTIME, ns: held since */
	PREFORK_A_STATS,	/* nest of u64: enum prefork_stat */
	PREFORK_A_TRACER,	/* u32: TID of who traces the task, 0: it has
				 * just let it go, or has no number there */
	PREFORK_A_NSPID,	/* u32: number in a PID namespace below: the
				 * child's in that of its parent, the
				 * newborn's in its own */
	PREFORK_A_FORCE,	/* flag: though another socket holds it */
	PREFORK_A_UID,		/* u32: effective user of the task */
	PREFORK_A_EVENTS,	/* u32: PREFORK_TELL_... */

	__PREFORK_A_MAX,
	PREFORK_A_MAX = __PREFORK_A_MAX - 1
};

/* PREFORK_A_FLAGS */
#define PREFORK_WATCH_TREE	0x1	/* what it creates is watched, too */
#define PREFORK_WATCH_THREADS	0x2	/* report threads, too */

/* PREFORK_A_HOLD: who waits for RELEASE */
#define PREFORK_HOLD_VFORK	0x1	/* who creates a process by CLONE_VFORK:
					 * vfork, posix_spawn */
#define PREFORK_HOLD_FORK	0x2	/* ... by any other call */
#define PREFORK_HOLD_THREAD	0x4	/* who creates a thread; needs
					 * PREFORK_WATCH_THREADS */
#define PREFORK_HOLD_BIRTH	0x8	/* every process that it creates */
#define PREFORK_HOLD_BIRTH_THREAD 0x10	/* every thread that it creates; needs
					 * PREFORK_WATCH_THREADS */
#define PREFORK_HOLD_EXEC	0x20	/* who has executed a program */

/* PREFORK_A_EVENTS: what is told of though nobody is held */
#define PREFORK_TELL_PREFORK	0x1
#define PREFORK_TELL_BORN	0x2
#define PREFORK_TELL_FORK_FAILED 0x4
#define PREFORK_TELL_EXEC	0x8
#define PREFORK_TELL_EXIT	0x10
#define PREFORK_TELL_VFORK_DONE	0x20

#define PREFORK_TELL(event)	(1U << ((event) - PREFORK_EVENT_PREFORK))
#define PREFORK_TELL_ALL	(PREFORK_TELL_PREFORK | PREFORK_TELL_BORN | \
				 PREFORK_TELL_FORK_FAILED | PREFORK_TELL_EXEC | \
				 PREFORK_TELL_EXIT | PREFORK_TELL_VFORK_DONE)

enum prefork_verdict {
	PREFORK_VERDICT_CONTINUE,	/* go on (the default) */
	PREFORK_VERDICT_DENY,		/* the call fails with ERRNO */
	PREFORK_VERDICT_HOLD_CHILD,	/* go on; the child is held at birth */
};

enum prefork_reason {
	PREFORK_REASON_REQUEST,		/* UNWATCH */
	PREFORK_REASON_ACCESS,		/* the process has got privileges, and
					 * may not be watched any more */
};

/* Attributes of PREFORK_A_STATS; gauges first, then counts since load. */
enum prefork_stat {
	PREFORK_STAT_UNSPEC,
	PREFORK_STAT_PAD,
	PREFORK_STAT_OWNERS,		/* sockets that have watched */
	PREFORK_STAT_WATCHES,		/* processes watched */
	PREFORK_STAT_CALLS,		/* tasks inside a reported clone */
	PREFORK_STAT_HELD,		/* holds without an end, parked ones too */
	PREFORK_STAT_RESERVED,		/* PIDs announced, not yet born */
	PREFORK_STAT_QUEUED,		/* events not yet delivered */
	PREFORK_STAT_ARMED,		/* 1 while the probes are armed */
	PREFORK_STAT_PREFORKS,		/* creations announced, told of or not */
	PREFORK_STAT_BORN,		/* of them: born */
	PREFORK_STAT_FAILED,		/* of them: failed, denied or abandoned */
	PREFORK_STAT_HOLDS,		/* holds begun */
	PREFORK_STAT_PARKED,		/* times a signal interrupted a hold */
	PREFORK_STAT_TIMEOUTS,		/* holds ended by their deadline */
	PREFORK_STAT_DENIED,		/* holds answered with DENY */
	PREFORK_STAT_EVENTS,		/* events delivered to owners */
	PREFORK_STAT_LOST,		/* events lost */
	PREFORK_STAT_UNHELD,		/* holds left out: no memory, the user
					 * holds as many as he may, or the owner
					 * did not read or was just going */
	PREFORK_STAT_MISSED,		/* probe hits that the kernel skipped */
	PREFORK_STAT_ADOPTED,		/* holds ended by a tracer */

	__PREFORK_STAT_MAX,
	PREFORK_STAT_MAX = __PREFORK_STAT_MAX - 1
};

#endif /* _UAPI_LINUX_PREFORK_H */
