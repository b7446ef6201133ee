/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libprefork - hear of processes before they are created, and hold them
 *
 * A thin library over the generic netlink family "prefork". What the events,
 * flags and errors mean is written in <linux/prefork.h>; this header says how
 * to call.
 *
 * Errors
 *
 *   Functions that return int return 0 (or what they document) or a negative
 *   errno value. They do not set errno, print, exit, or touch signals. Besides
 *   the errors that <linux/prefork.h> gives for each command, any of them may
 *   return -ENOMEM, and
 *     -ENOBUFS  the answer of the kernel was lost because events filled the
 *               socket in the microseconds it took; the command may have been
 *               carried out. Events have 8 MiB where the opener has
 *               CAP_NET_ADMIN in the initial user namespace, about 50,000 of
 *               them; else what net.core.rmem_max allows, often 208 KiB, which
 *               a busy tree may well fill
 *     -EBADMSG  the kernel sent something that is not of this protocol
 *     -ENOENT   the module has been unloaded since prefork_open() (but for
 *               prefork_release() and prefork_deny() see there)
 *
 * Threads
 *
 *   Every function may be called by several threads at once on the same
 *   session: one may wait in prefork_next() while others release and watch.
 *   Each event goes to exactly one of the threads that wait. prefork_close()
 *   is the exception: nobody may be inside, or call, another function then.
 *   No function waits for another thread longer than one system call takes.
 *
 * Processes
 *
 *   A session belongs to the process that opened it. Its descriptors are
 *   close-on-exec; a child made by fork() without exec keeps the owner alive.
 */
#ifndef PREFORK_H
#define PREFORK_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/prefork.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/*
 * A session: one netlink socket, and by that one owner. What it watches and
 * holds ends with it, also when the process that opened it is killed.
 */
struct prefork;

/*
 * prefork_open - open a session
 *
 * Watches nothing yet; needs no privilege. On success *@pf is to be closed
 * with prefork_close(); on failure it is NULL.
 *   -ENOENT  the module is not loaded
 *   others   as from socket(2), epoll_create1(2), eventfd(2)
 */
int prefork_open(struct prefork **pf);

/*
 * prefork_close - end a session
 *
 * Everything held for it runs on, every watch of it ends, events not yet read
 * are gone. NULL is allowed.
 */
void prefork_close(struct prefork *pf);

/*
 * prefork_fd - a descriptor for poll(2)
 *
 * Readable (POLLIN) while prefork_next() has an event or an error to return.
 * Wait on it and call prefork_next() with timeout 0, which may find nothing
 * when another thread was faster. It belongs to the session: do not read from
 * it or close it.
 */
int prefork_fd(const struct prefork *pf);

/*
 * What to watch for. All zero is a good start: this process only, nothing is
 * held. A NULL pointer means the same.
 */
struct prefork_watch_options {
	uint32_t flags;		/* PREFORK_WATCH_... */
	uint32_t hold;		/* PREFORK_HOLD_... */
	uint32_t timeout_ms;	/* deadline of holds, 0: none; at most
				 * PREFORK_TIMEOUT_MAX */
	bool has_timeout;	/* false: PREFORK_TIMEOUT_DEFAULT */
	uint32_t events;	/* PREFORK_TELL_..., 0: all */
};

/*
 * prefork_watch, prefork_watch_pidfd - watch a process
 *
 * By number, or without the risk that the number is reused by a descriptor
 * from pidfd_open(2), which the caller keeps. When the call returns 0, every
 * creation that the process begins from now on is reported.
 */
int prefork_watch(struct prefork *pf, pid_t pid,
		  const struct prefork_watch_options *opts);
int prefork_watch_pidfd(struct prefork *pf, int pidfd,
			const struct prefork_watch_options *opts);

/*
 * prefork_watch_tree - watch a running process and all its descendants
 *
 * PREFORK_WATCH_TREE is implied. The calling process and its descendants are
 * left out. Reads /proc until nothing new is found: what is created meanwhile
 * by a process already watched inherits the watch. What a process creates that
 * cannot be watched is looked for some dozen times, not for ever.
 *
 * Returns 0, or how many descendants could not be watched (the others are;
 * prefork_message() says why for the last of them, in the words of strerror(3)
 * where the kernel has none), or -errno when @pid itself
 * cannot be watched (-EEXIST is not an error here).
 *
 * A descendant whose parent dies before it was found belongs to another parent
 * by then, and is missed.
 */
int prefork_watch_tree(struct prefork *pf, pid_t pid,
		       const struct prefork_watch_options *opts);

/*
 * prefork_watch_all - watch every running process and its descendants
 *
 * As prefork_watch_tree() of all processes there are in this process's PID namespace,
 * but for itself and its descendants, and for the kernel's threads. It is the
 * system only where the caller is in the initial namespace, with CAP_SYS_PTRACE.
 *
 * Returns 0, or how many could not be watched (such as those that another
 * session watches; the others are), or -errno when none could.
 *
 * Programs that the kernel itself starts (modprobe, what core_pattern names) have
 * no parent that is watched, and are missed; so is a process that is created while
 * this looks for others, by one that is not watched yet and ends before it is found.
 */
int prefork_watch_all(struct prefork *pf, const struct prefork_watch_options *opts);

/*
 * prefork_unwatch, prefork_unwatch_pidfd, prefork_unwatch_all - end watches
 *
 * Tasks held for them run on. Events that were queued before still come.
 */
int prefork_unwatch(struct prefork *pf, pid_t pid);
int prefork_unwatch_pidfd(struct prefork *pf, int pidfd);
int prefork_unwatch_all(struct prefork *pf);

/*
 * prefork_observe - join the multicast group of all owners' events
 *
 * Copies of everybody's events, best effort: -ENOBUFS from prefork_next() says
 * that some were lost, and the next call goes on. They have a numbering of
 * their own and PIDs of the initial PID namespace, so use a session for
 * nothing else. Needs CAP_SYS_ADMIN (-EPERM).
 */
int prefork_observe(struct prefork *pf);

/*
 * prefork_release    - let the task go on that is held under @cookie
 * prefork_deny       - let its call fail with @error (an errno value, 1 to 511)
 * prefork_hold_child - let its call go on, and hold the child at birth
 *
 * The last two answer a PREFORK only. Of all three the kernel tells no more
 * than a refusal: where that is lost, as -ENOBUFS above has it, or many events
 * that were read for commands have not been taken yet, they return 0.
 *   -ENOENT    there is no such hold: its deadline has passed, the task is
 *              gone, or somebody traces it
 *   -EALREADY  it has been answered before
 *   -EINVAL    prefork_deny(), prefork_hold_child(): no creation is held
 *              under that cookie
 */
int prefork_release(struct prefork *pf, uint64_t cookie);
int prefork_deny(struct prefork *pf, uint64_t cookie, int error);
int prefork_hold_child(struct prefork *pf, uint64_t cookie);

/*
 * prefork_release_forced - let a task go on, whoever holds it
 *
 * For the administrator, when a monitor does not answer: needs CAP_SYS_ADMIN in
 * the initial user namespace. prefork_dump() tells the cookies. The monitor is
 * not told; when it answers, that fails with -ENOENT or -EALREADY.
 *   -EPERM     without that capability
 *   others     as from prefork_release()
 */
int prefork_release_forced(struct prefork *pf, uint64_t cookie);

/*
 * An event. Members that the type of event does not have are 0 or empty; see
 * <linux/prefork.h> for which it has. Times are in nanoseconds. PIDs are 0
 * where the task has none in the owner's PID namespace.
 */
struct prefork_event {
	uint32_t type;		/* PREFORK_EVENT_..., perhaps a newer one */
	bool thread;		/* about a thread, not a process */
	uint64_t seq;		/* 1, 2, 3, ... for each owner */
	uint64_t time;		/* CLOCK_BOOTTIME */
	pid_t pid;
	pid_t tid;
	pid_t ppid;		/* BORN */
	pid_t child;		/* PREFORK, FORK_FAILED, VFORK_DONE, TIMEOUT
				 * (0: the task itself was held) */
	pid_t old_tid;		/* EXEC */
	int error;		/* FORK_FAILED: positive errno value */
	int status;		/* EXIT: as from wait(2) */
	uint32_t reason;	/* UNWATCHED: enum prefork_reason */
	uint64_t cookie;	/* of the hold, 0: not held */
	uint64_t deadline;	/* of the hold, CLOCK_BOOTTIME, 0: none */
	uint64_t clone_flags;	/* PREFORK, BORN: as in clone3(2) */
	uint64_t utime;		/* EXIT */
	uint64_t stime;		/* EXIT */
	uint64_t maxrss;	/* EXIT: KiB */
	uint64_t suspended;	/* VFORK_DONE */
	uint64_t count;		/* LOST: events lost */
	pid_t tracer;		/* ADOPTED: TID, 0: gone */
	pid_t nspid;		/* in a PID namespace below, 0: none; PREFORK:
				 * the child's in that of its parent, BORN: the
				 * newborn's in its own */
	uid_t uid;		/* effective; (uid_t)-1: LOST, or not told */
	uint64_t reserved[6];	/* room for later events, 0 */
	char comm[16];
	char path[PATH_MAX];	/* EXEC: may be empty */
};

/*
 * prefork_next - wait for the next event
 *
 * At most @timeout_ms milliseconds: 0 does not wait, a negative number waits
 * for ever. Returns 1 and fills *@event, or 0 when there was none in time. On
 * a failure *@event is undefined:
 *   -EINTR    a signal handler ran in this thread
 *   -EBADMSG  an event was not understood and has been skipped
 *   -ENOBUFS  only after prefork_observe(). Events of what this session
 *             watches cannot be lost that way: the kernel waits until they
 *             have been read, and holds the watched tasks back meanwhile. So
 *             keep reading.
 */
int prefork_next(struct prefork *pf, struct prefork_event *event,
		 int timeout_ms);

/*
 * prefork_next_many - wait for events, and take all that are there
 *
 * Fills up to @room elements of @events, in their order, with far fewer system
 * calls than as many calls of prefork_next(). Waits at most @timeout_ms, as that
 * does, for the first; does not wait for more, nor where there is no room. Returns
 * how many there were. Less than @room: more have not come so far, or some task
 * waits for an answer to one of these. A failure, see prefork_next(), is told
 * when all events before it have been taken.
 */
int prefork_next_many(struct prefork *pf, struct prefork_event *events,
		      int room, int timeout_ms);

/*
 * prefork_event_name - "prefork", "born", "fork_failed", ...
 *
 * "unknown" for a type that this library does not know. Static storage.
 */
const char *prefork_event_name(uint32_t type);

/*
 * prefork_reason_name - "request", "access", why a watch has ended
 *
 * "unknown" for a reason that this library does not know. Static storage.
 */
const char *prefork_reason_name(uint32_t reason);

/*
 * prefork_event_is_hold - does a task wait for an answer to this event?
 *
 * Its .cookie is to be given to prefork_release() or its like then. TIMEOUT and
 * ADOPTED have a cookie, too, but tell that its hold is over.
 */
bool prefork_event_is_hold(const struct prefork_event *event);

/* A task held now. */
struct prefork_held {
	pid_t tid;
	pid_t child;		/* the PID that its child will have, 0: it is
				 * held at birth or after an exec */
	uint32_t hold;		/* PREFORK_HOLD_...: why */
	uint64_t cookie;
	uint64_t since;		/* CLOCK_BOOTTIME, ns */
	uint64_t deadline;	/* CLOCK_BOOTTIME, ns, 0: none */
};

/* A watched process, whoever watches it. */
struct prefork_watched {
	pid_t pid;
	char comm[16];
	uint32_t flags;		/* PREFORK_WATCH_... */
	uint32_t hold;		/* PREFORK_HOLD_... */
	uint32_t timeout_ms;	/* 0: none */
	uint32_t events;	/* PREFORK_TELL_... */
	uint32_t owner;		/* netlink port */
	pid_t owner_pid;
	size_t held_count;
	const struct prefork_held *held;
};

/*
 * prefork_owner - the netlink port of this session
 *
 * What it watches has that as .owner, and this process as .owner_pid (ports are
 * numbered in each network namespace). Returns 0 where it cannot be had.
 */
uint32_t prefork_owner(const struct prefork *pf);

/*
 * prefork_get - one watched process
 *
 * On success *@watched is to be freed with free(3), which frees .held with it.
 */
int prefork_get(struct prefork *pf, pid_t pid,
		struct prefork_watched **watched);

/*
 * prefork_dump - every watched process of every owner
 *
 * Calls @fn for each when all have been read; @fn may call the library, and
 * may not keep the pointer. A watch that begins or ends meanwhile may be in or
 * out. A value other than 0 from @fn ends the dump and is
 * returned.
 */
typedef int (*prefork_dump_fn)(const struct prefork_watched *watched,
			       void *arg);
int prefork_dump(struct prefork *pf, prefork_dump_fn fn, void *arg);

/* Counters of the module: .value[PREFORK_STAT_...], 0 where it has none. */
#define PREFORK_STATS_ROOM	64
struct prefork_stats {
	uint64_t value[PREFORK_STATS_ROOM];
};

int prefork_stats(struct prefork *pf, struct prefork_stats *stats);

/*
 * prefork_stat_name - "owners", "watches", ... or NULL where there is none
 */
const char *prefork_stat_name(unsigned int stat);

/*
 * prefork_message - the kernel's words for the last refusal
 *
 * About the last call of this thread that took a session or opened one: empty
 * when it succeeded or the kernel gave no reason. Valid until the next such
 * call of the thread.
 */
const char *prefork_message(void);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* PREFORK_H */
