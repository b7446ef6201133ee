/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PREFORK_EVENT_H
#define PREFORK_EVENT_H

#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/prefork.h>
#include <linux/sched.h>
#include <linux/uidgid.h>

struct pid;

/*
 * Something to report. It belongs to whoever allocated it until it is put into
 * a queue, which then delivers and frees it. Where memory cannot be had, or
 * not be given back, when the thing happens, the event is allocated ahead.
 */
struct event {
	union {
		struct list_head node;	/* the queue's, or the watch's */
		struct llist_node trash;
	};
	enum prefork_cmd type : 8;
	bool thread;			/* about a thread, not a process */
	kuid_t uid;			/* effective, of the task; invalid: not told */
	struct pid *pid;		/* strong references, or NULL */
	struct pid *tid;
	struct pid *other;		/* the child; BORN: the parent; ADOPTED:
					 * the tracer */
	char comm[TASK_COMM_LEN];
	u64 time;			/* CLOCK_BOOTTIME, ns */
	u64 lost;			/* events dropped just before this one */
	u64 cookie;			/* of the hold, 0: none */
	u64 deadline;
	union {
		u64 clone_flags;	/* PREFORK, BORN */
		int error;		/* FORK_FAILED, positive */
		struct {		/* EXEC */
			char *path;	/* kmalloc()ed, or NULL */
			pid_t old_tid;	/* in the initial namespace */
		};
		struct {		/* EXIT */
			u32 status;
			u64 utime;
			u64 stime;
			u64 maxrss;
		};
		u64 suspended;		/* VFORK_DONE, ns */
		enum prefork_reason reason;	/* UNWATCHED */
	};
};

int event_init(void);
void event_exit(void);

struct event *event_alloc(gfp_t gfp);
void event_free(struct event *event);
void event_free_atomic(struct event *event);	/* any context */

/*
 * (Re)labels the event: what happens now to @task, which is current or can
 * neither go away nor get another number, and which other process it concerns
 * (or NULL). Any context; keeps the union.
 */
void event_label(struct event *event, enum prefork_cmd type,
		 struct task_struct *task, struct pid *other);

/* As above, to the process of that number, whose @leader may just be another. */
void event_label_process(struct event *event, enum prefork_cmd type,
			 struct task_struct *leader, struct pid *pid);

/* Only the other process. */
void event_concern(struct event *event, struct pid *other);

#endif /* PREFORK_EVENT_H */
