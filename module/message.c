// SPDX-License-Identifier: GPL-2.0
#include "message.h"
#include "event.h"
#include "hold.h"
#include "owner.h"
#include "stats.h"
#include "watch.h"

#include <linux/sched/signal.h>
#include <linux/pid_namespace.h>
#include <linux/sched/task.h>
#include <linux/timekeeping.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>
#include <net/netlink.h>

/*
 * As nla_put(), which is half a dozen calls for each of a dozen attributes, for
 * values of constant size: an event is written for each creation, exec and end.
 */
static __always_inline int put(struct sk_buff *skb, int attr, const void *value,
			       int size)
{
	struct nlattr *nla;

	BUILD_BUG_ON(size % NLA_ALIGNTO);	/* no padding to be cleared */
	if (unlikely(skb_tailroom(skb) < nla_total_size(size)))
		return -EMSGSIZE;
	nla = __skb_put(skb, nla_total_size(size));
	nla->nla_type = attr;
	nla->nla_len = nla_attr_size(size);
	memcpy(nla_data(nla), value, size);
	return 0;
}

static int put_u32(struct sk_buff *skb, int attr, u32 value)
{
	return put(skb, attr, &value, sizeof(value));
}

static int put_u64(struct sk_buff *skb, int attr, u64 value)
{
	if (nla_need_padding_for_64bit(skb))
		return nla_put_u64_64bit(skb, attr, value, PREFORK_A_PAD);
	return put(skb, attr, &value, sizeof(value));
}

static int put_pid_nr(struct sk_buff *skb, int attr, struct pid *pid,
		      struct pid_namespace *ns)
{
	return put_u32(skb, attr, pid_nr_ns(pid, ns));
}

/* The number in the namespace that it lives in, where that is not @ns. */
static int fill_nspid(struct sk_buff *skb, struct pid *pid,
		      const struct pid_namespace *ns)
{
	struct pid_namespace *own = ns_of_pid(pid);

	return own == ns ? 0 : put_pid_nr(skb, PREFORK_A_NSPID, pid, own);
}

static int fill_hold(struct sk_buff *skb, const struct event *event)
{
	return (event->cookie &&
		put_u64(skb, PREFORK_A_COOKIE, event->cookie)) ||
	       (event->deadline &&
		put_u64(skb, PREFORK_A_DEADLINE, event->deadline));
}

static int fill_prefork(struct sk_buff *skb, const struct event *event,
			struct pid_namespace *ns)
{
	return put_pid_nr(skb, PREFORK_A_CHILD, event->other, ns) ||
	       fill_nspid(skb, event->other, ns) ||
	       put_u64(skb, PREFORK_A_CLONE_FLAGS, event->clone_flags);
}

static int fill_born(struct sk_buff *skb, const struct event *event,
		     struct pid_namespace *ns)
{
	return put_pid_nr(skb, PREFORK_A_PPID, event->other, ns) ||
	       fill_nspid(skb, event->tid, ns) ||
	       put_u64(skb, PREFORK_A_CLONE_FLAGS, event->clone_flags);
}

static int fill_fork_failed(struct sk_buff *skb, const struct event *event,
			    struct pid_namespace *ns)
{
	return put_pid_nr(skb, PREFORK_A_CHILD, event->other, ns) ||
	       put_u32(skb, PREFORK_A_ERRNO, event->error);
}

/* Of a thread that executed for its process only the first number is left. */
static u32 old_tid_nr(const struct event *event, struct pid_namespace *ns)
{
	if (event->old_tid == pid_nr(event->tid))
		return pid_nr_ns(event->tid, ns);
	return ns == &init_pid_ns ? event->old_tid : 0;
}

static int fill_exec(struct sk_buff *skb, const struct event *event,
		     struct pid_namespace *ns)
{
	return (event->path &&
		nla_put_string(skb, PREFORK_A_PATH, event->path)) ||
	       put_u32(skb, PREFORK_A_OLD_TID, old_tid_nr(event, ns));
}

static int fill_exit(struct sk_buff *skb, const struct event *event)
{
	return put_u32(skb, PREFORK_A_STATUS, event->status) ||
	       put_u64(skb, PREFORK_A_UTIME, event->utime) ||
	       put_u64(skb, PREFORK_A_STIME, event->stime) ||
	       put_u64(skb, PREFORK_A_MAXRSS, event->maxrss);
}

static int fill_vfork_done(struct sk_buff *skb, const struct event *event,
			   struct pid_namespace *ns)
{
	return put_pid_nr(skb, PREFORK_A_CHILD, event->other, ns) ||
	       put_u64(skb, PREFORK_A_SUSPENDED, event->suspended);
}

static int fill_timeout(struct sk_buff *skb, const struct event *event,
			struct pid_namespace *ns)
{
	return event->other &&
	       put_pid_nr(skb, PREFORK_A_CHILD, event->other, ns);
}

static int fill_particulars(struct sk_buff *skb, const struct event *event,
			    struct pid_namespace *ns)
{
	switch (event->type) {
	case PREFORK_EVENT_PREFORK:
		return fill_prefork(skb, event, ns);
	case PREFORK_EVENT_BORN:
		return fill_born(skb, event, ns);
	case PREFORK_EVENT_FORK_FAILED:
		return fill_fork_failed(skb, event, ns);
	case PREFORK_EVENT_EXEC:
		return fill_exec(skb, event, ns);
	case PREFORK_EVENT_EXIT:
		return fill_exit(skb, event);
	case PREFORK_EVENT_VFORK_DONE:
		return fill_vfork_done(skb, event, ns);
	case PREFORK_EVENT_UNWATCHED:
		return put_u32(skb, PREFORK_A_REASON, event->reason);
	case PREFORK_EVENT_TIMEOUT:
		return fill_timeout(skb, event, ns);
	case PREFORK_EVENT_ADOPTED:
		return put_pid_nr(skb, PREFORK_A_TRACER, event->other, ns);
	default:
		return 0;
	}
}

#define HEADERS_SIZE	(NLMSG_HDRLEN + GENL_HDRLEN)
#define U32_SIZE	nla_total_size(sizeof(u32))
#define U64_SIZE	nla_total_size_64bit(sizeof(u64))

/* At most: not each is put for each event. */
static size_t particulars_size(const struct event *event)
{
	switch (event->type) {
	case PREFORK_EVENT_EXEC:
		return U32_SIZE +
		       (event->path ?
			nla_total_size(strlen(event->path) + 1) : 0);
	case PREFORK_EVENT_EXIT:
		return U32_SIZE + 3 * U64_SIZE;
	case PREFORK_EVENT_UNWATCHED:
	case PREFORK_EVENT_TIMEOUT:
	case PREFORK_EVENT_ADOPTED:
		return U32_SIZE;
	default:
		return 2 * U32_SIZE + U64_SIZE;
	}
}

size_t message_event_size(const struct event *event)
{
	return HEADERS_SIZE + 2 * U64_SIZE + 3 * U32_SIZE +
	       nla_total_size(sizeof(event->comm)) +
	       (event->thread ? nla_total_size(0) : 0) +
	       (event->cookie ? U64_SIZE : 0) +
	       (event->deadline ? U64_SIZE : 0) + particulars_size(event);
}

size_t message_lost_size(void)
{
	return HEADERS_SIZE + 3 * U64_SIZE;
}

int message_fill_event(struct sk_buff *skb, const struct event *event, u64 seq,
		       struct pid_namespace *ns, struct user_namespace *users)
{
	if (put_u64(skb, PREFORK_A_SEQ, seq) ||
	    put_u64(skb, PREFORK_A_TIME, event->time) ||
	    put_pid_nr(skb, PREFORK_A_PID, event->pid, ns) ||
	    put_pid_nr(skb, PREFORK_A_TID, event->tid, ns) ||
	    (uid_valid(event->uid) &&
	     put_u32(skb, PREFORK_A_UID,
		     from_kuid_munged(users, event->uid))) ||
	    nla_put_string(skb, PREFORK_A_COMM, event->comm) ||
	    (event->thread && nla_put_flag(skb, PREFORK_A_THREAD)) ||
	    fill_hold(skb, event) ||
	    fill_particulars(skb, event, ns))
		return -EMSGSIZE;
	return 0;
}

int message_fill_lost(struct sk_buff *skb, u64 count, u64 seq)
{
	if (put_u64(skb, PREFORK_A_SEQ, seq) ||
	    put_u64(skb, PREFORK_A_TIME, ktime_get_boottime_ns()) ||
	    put_u64(skb, PREFORK_A_COUNT, count))
		return -EMSGSIZE;
	return 0;
}

struct held_context {
	struct sk_buff *skb;
	struct pid_namespace *ns;
};

static int fill_held(const struct hold *hold, void *data)
{
	struct held_context *context = data;
	struct sk_buff *skb = context->skb;
	struct nlattr *nest = nla_nest_start(skb, PREFORK_A_HELD);

	if (!nest)
		return -EMSGSIZE;
	if (put_pid_nr(skb, PREFORK_A_TID, hold->tid, context->ns) ||
	    (hold->child &&
	     put_pid_nr(skb, PREFORK_A_CHILD, hold->child, context->ns)) ||
	    put_u32(skb, PREFORK_A_HOLD, hold->kind) ||
	    put_u64(skb, PREFORK_A_COOKIE, hold->cookie) ||
	    put_u64(skb, PREFORK_A_SINCE, hold->since) ||
	    (hold->deadline &&
	     put_u64(skb, PREFORK_A_DEADLINE, hold->deadline))) {
		nla_nest_cancel(skb, nest);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

static int fill_comm(struct sk_buff *skb, struct pid *pid)
{
	char comm[TASK_COMM_LEN] = "";
	struct task_struct *task;

	rcu_read_lock();
	task = pid_task(pid, PIDTYPE_TGID);
	if (task)
		get_task_comm(comm, task);
	rcu_read_unlock();
	return nla_put_string(skb, PREFORK_A_COMM, comm);
}

int message_fill_watch(struct sk_buff *skb, struct watch *watch,
		       struct pid_namespace *ns)
{
	const struct watch_options *options = &watch->options;
	struct held_context context = { .skb = skb, .ns = ns };

	if (!pid_nr_ns(watch->pid, ns))
		return -ESRCH;
	if (put_pid_nr(skb, PREFORK_A_PID, watch->pid, ns) ||
	    fill_comm(skb, watch->pid) ||
	    put_u32(skb, PREFORK_A_FLAGS, options->flags) ||
	    put_u32(skb, PREFORK_A_HOLD, options->hold) ||
	    put_u32(skb, PREFORK_A_TIMEOUT, options->timeout) ||
	    put_u32(skb, PREFORK_A_EVENTS, options->events) ||
	    put_u32(skb, PREFORK_A_OWNER, watch->owner->portid) ||
	    put_pid_nr(skb, PREFORK_A_OWNER_PID, watch->owner->pid, ns))
		return -EMSGSIZE;
	return hold_for_each(watch, fill_held, &context) ? 1 : 0;
}

static u64 stat_value(enum prefork_stat stat, bool armed, unsigned long missed)
{
	switch (stat) {
	case PREFORK_STAT_ARMED:
		return armed;
	case PREFORK_STAT_MISSED:
		return missed;
	default:
		return stats_read(stat);
	}
}

int message_fill_stats(struct sk_buff *skb, bool armed, unsigned long missed)
{
	struct nlattr *nest = nla_nest_start(skb, PREFORK_A_STATS);
	enum prefork_stat stat;

	if (!nest)
		return -EMSGSIZE;
	for (stat = PREFORK_STAT_PAD + 1; stat <= PREFORK_STAT_MAX; stat++)
		if (nla_put_u64_64bit(skb, stat,
				      stat_value(stat, armed, missed),
				      PREFORK_STAT_PAD))
			return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}
