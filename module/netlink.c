// SPDX-License-Identifier: GPL-2.0
/*
 * The generic netlink family: policies, parsing and calls. What the messages
 * mean is told in uapi/linux/prefork.h.
 */
#include "netlink.h"
#include "access.h"
#include "compat.h"
#include "event.h"
#include "hold.h"
#include "hooks.h"
#include "limits.h"
#include "message.h"
#include "owner.h"
#include "stats.h"
#include "symbols.h"
#include "unwatch.h"
#include "watch.h"

#include <linux/cred.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include <net/genetlink.h>
#include <net/sock.h>

static struct genl_family prefork_family;

#define WATCH_FLAGS	(PREFORK_WATCH_TREE | PREFORK_WATCH_THREADS)
#define WATCH_HOLDS	(PREFORK_HOLD_VFORK | PREFORK_HOLD_FORK | \
			 PREFORK_HOLD_THREAD | PREFORK_HOLD_BIRTH | \
			 PREFORK_HOLD_BIRTH_THREAD | PREFORK_HOLD_EXEC)
#define THREAD_HOLDS	(PREFORK_HOLD_THREAD | PREFORK_HOLD_BIRTH_THREAD)

static struct netlink_range_validation timeout_range = {
	.max = PREFORK_TIMEOUT_MAX,
};

static_assert(PREFORK_TELL_VFORK_DONE ==
	      PREFORK_TELL(PREFORK_EVENT_VFORK_DONE));

static const struct nla_policy watch_policy[PREFORK_A_MAX + 1] = {
	[PREFORK_A_PIDFD]	= { .type = NLA_U32 },
	[PREFORK_A_PID]		= { .type = NLA_U32 },
	[PREFORK_A_FLAGS]	= NLA_POLICY_MASK(NLA_U32, WATCH_FLAGS),
	[PREFORK_A_HOLD]	= NLA_POLICY_MASK(NLA_U32, WATCH_HOLDS),
	[PREFORK_A_TIMEOUT]	= NLA_POLICY_FULL_RANGE(NLA_U32, &timeout_range),
	[PREFORK_A_EVENTS]	= NLA_POLICY_MASK(NLA_U32, PREFORK_TELL_ALL),
};

static const struct nla_policy target_policy[PREFORK_A_MAX + 1] = {
	[PREFORK_A_PIDFD]	= { .type = NLA_U32 },
	[PREFORK_A_PID]		= { .type = NLA_U32 },
};

static const struct nla_policy release_policy[PREFORK_A_MAX + 1] = {
	[PREFORK_A_COOKIE]	= { .type = NLA_U64 },
	[PREFORK_A_VERDICT]	= NLA_POLICY_MAX(NLA_U32,
						 PREFORK_VERDICT_HOLD_CHILD),
	[PREFORK_A_ERRNO]	= NLA_POLICY_RANGE(NLA_U32, 1, DENY_ERRNO_MAX),
	[PREFORK_A_FORCE]	= { .type = NLA_FLAG },
};

static const struct nla_policy empty_policy[PREFORK_A_MAX + 1] = {};

/*
 * Datagrams to one reader, each with as many messages as fit. Memory is
 * waited for: what has been promised to be delivered is not dropped here.
 */
struct stream {
	struct sk_buff *skb;		/* being filled, or NULL */
	u64 *seq;			/* number of the last message */
	struct pid_namespace *ns;	/* whose numbers are told */
	struct user_namespace *users;	/* and users */
	const struct owner *owner;	/* NULL: the multicast group */
	size_t rest;			/* of bytes, at most, to come */
};

/* The longest message, an EXEC with PATH_MAX bytes, fits with room to spare. */
#define STREAM_SIZE	(SKB_WITH_OVERHEAD(8192UL) - NLMSG_HDRLEN)
static_assert(STREAM_SIZE > PATH_MAX + 1024);

/* Of all messages that are to come. */
static size_t stream_size(const struct list_head *events, u64 lost)
{
	size_t size = lost ? message_lost_size() : 0;
	const struct event *event;

	list_for_each_entry(event, events, node)
		size += message_event_size(event) +
			(event->lost ? message_lost_size() : 0);
	return size;
}

/* Blocks while the reader's buffer is full, until it reads or goes. */
static void send_to_owner(const struct owner *owner, struct sk_buff *skb)
{
	/* Its port may be somebody else's by now. */
	if (sock_flag(owner->sock, SOCK_DEAD))
		nlmsg_free(skb);
	else
		netlink_unicast(owner->net->genl_sock, skb, owner->portid, 0);
}

static void stream_send(struct stream *stream)
{
	struct sk_buff *skb = stream->skb;

	stream->skb = NULL;
	if (!skb)
		return;
	stream->rest -= skb->len;
	if (stream->owner)
		send_to_owner(stream->owner, skb);
	else
		genlmsg_multicast(&prefork_family, skb, 0, 0, GFP_KERNEL);
}

/* @event or, if that is NULL, that @lost events are missing here. */
static bool stream_fill(struct stream *stream, const struct event *event,
			u64 lost)
{
	u8 type = event ? event->type : PREFORK_EVENT_LOST;
	void *header = genlmsg_put(stream->skb, 0, 0, &prefork_family, 0, type);
	int err;

	if (!header)
		return false;
	if (event)
		err = message_fill_event(stream->skb, event, *stream->seq + 1,
					 stream->ns, stream->users);
	else
		err = message_fill_lost(stream->skb, lost, *stream->seq + 1);
	if (err) {
		genlmsg_cancel(stream->skb, header);
		return false;
	}
	genlmsg_end(stream->skb, header);
	++*stream->seq;
	return true;
}

static void stream_put(struct stream *stream, const struct event *event,
		       u64 lost)
{
	if (stream->skb && stream_fill(stream, event, lost))
		return;
	stream_send(stream);
	stream->skb = nlmsg_new(min_t(size_t, stream->rest, STREAM_SIZE),
				GFP_KERNEL | __GFP_NOFAIL);
	WARN_ON_ONCE(!stream_fill(stream, event, lost));
}

static void stream_batch(struct stream *stream, struct list_head *events,
			 u64 lost)
{
	struct event *event;

	stream->rest = stream_size(events, lost);
	list_for_each_entry(event, events, node) {
		if (event->lost)
			stream_put(stream, NULL, event->lost);
		stream_put(stream, event, 0);
	}
	if (lost)
		stream_put(stream, NULL, lost);
	stream_send(stream);
}

static void deliver_copies(struct list_head *events, u64 lost)
{
	static DEFINE_MUTEX(copies_lock);	/* numbers go out in order */
	static u64 copies_seq;			/* copies_lock */
	struct stream stream = {
		.seq = &copies_seq, .ns = &init_pid_ns,
		.users = &init_user_ns,
	};

	if (!genl_has_listeners(&prefork_family, &init_net, 0))
		return;
	mutex_lock(&copies_lock);
	stream_batch(&stream, events, lost);
	mutex_unlock(&copies_lock);
}

/* Called by the work of the owner's queue, one call at a time. */
static void deliver(struct queue *queue, struct list_head *events, u64 lost)
{
	struct owner *owner = container_of(queue, struct owner, queue);
	struct stream stream = {
		.seq = &owner->seq, .ns = owner->pid_ns,
		.users = owner->user_ns, .owner = owner,
	};
	u64 before = owner->seq;

	deliver_copies(events, lost);
	stream_batch(&stream, events, lost);
	stats_add(PREFORK_STAT_EVENTS, owner->seq - before);
}

static struct pid *pidfd_target(struct genl_info *info)
{
	struct nlattr *attr = info->attrs[PREFORK_A_PIDFD];
	struct file *file = fget(nla_get_u32(attr));
	struct pid *pid = ERR_PTR(-EBADF);

	if (file) {
		pid = real_pidfd_pid(file);
		if (!IS_ERR(pid))
			get_pid(pid);
		fput(file);
	}
	if (IS_ERR(pid))
		NL_SET_ERR_MSG_ATTR(info->extack, attr, "not a pidfd");
	return pid;
}

static struct pid *pid_target(struct genl_info *info)
{
	struct nlattr *attr = info->attrs[PREFORK_A_PID];
	struct pid *pid = find_get_pid(nla_get_u32(attr));

	if (pid)
		return pid;
	NL_SET_ERR_MSG_ATTR(info->extack, attr, "no such process");
	return ERR_PTR(-ESRCH);
}

/* Returns a strong reference to what PIDFD or PID names, or ERR_PTR(). */
static struct pid *target(struct genl_info *info)
{
	if (!info->attrs[PREFORK_A_PIDFD] == !info->attrs[PREFORK_A_PID]) {
		NL_SET_ERR_MSG(info->extack,
			       "exactly one of PIDFD and PID is needed");
		return ERR_PTR(-EINVAL);
	}
	return info->attrs[PREFORK_A_PIDFD] ? pidfd_target(info) :
					      pid_target(info);
}

static bool process_has_ended(struct task_struct *task)
{
	return !atomic_read(&task->signal->live);
}

/* Returns a strong reference to the leader of the process, or ERR_PTR(). */
static struct task_struct *target_process(struct pid *pid,
					  struct netlink_ext_ack *extack)
{
	struct task_struct *task = get_pid_task(pid, PIDTYPE_TGID);
	struct task_struct *thread;

	if (task && !process_has_ended(task) && pid_vnr(pid))
		return task;
	if (task)
		put_task_struct(task);
	else if ((thread = get_pid_task(pid, PIDTYPE_PID))) {
		put_task_struct(thread);
		NL_SET_ERR_MSG(extack, "this is a thread; name its process");
		return ERR_PTR(-EINVAL);
	}
	NL_SET_ERR_MSG(extack, "no such process, or it has ended");
	return ERR_PTR(-ESRCH);
}

static u32 get_u32(struct genl_info *info, int attr, u32 otherwise)
{
	return info->attrs[attr] ? nla_get_u32(info->attrs[attr]) : otherwise;
}

/* Some holds keep a task from being frozen: not for long, by just anybody. */
static int check_timeout(struct sk_buff *skb, struct genl_info *info,
			 u32 timeout)
{
	if ((timeout && timeout <= PREFORK_TIMEOUT_DEFAULT) ||
	    access_is_privileged(skb))
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[PREFORK_A_TIMEOUT],
			    "holds without a deadline, or for more than 10 seconds, need CAP_SYS_PTRACE");
	return -EPERM;
}

static int parse_options(struct sk_buff *skb, struct genl_info *info,
			 struct watch_options *options)
{
	options->flags = get_u32(info, PREFORK_A_FLAGS, 0);
	options->hold = get_u32(info, PREFORK_A_HOLD, 0);
	options->timeout = get_u32(info, PREFORK_A_TIMEOUT,
				   PREFORK_TIMEOUT_DEFAULT);
	options->events = get_u32(info, PREFORK_A_EVENTS, PREFORK_TELL_ALL);
	if (options->hold & THREAD_HOLDS &&
	    !(options->flags & PREFORK_WATCH_THREADS)) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[PREFORK_A_HOLD],
				    "threads are held only where they are reported: FLAGS lack THREADS");
		return -EINVAL;
	}
	return check_timeout(skb, info, options->timeout);
}

static int check_target(struct task_struct *task, struct genl_info *info)
{
	if (same_thread_group(task, current)) {
		NL_SET_ERR_MSG(info->extack,
			       "a process cannot watch itself: nobody would answer its holds");
		return -EDEADLK;
	}
	return access_target(task, info->extack);
}

static int add_error(int err, struct netlink_ext_ack *extack)
{
	if (err == -EEXIST)
		NL_SET_ERR_MSG(extack, "this socket watches the process already");
	else if (err == -EBUSY)
		NL_SET_ERR_MSG(extack, "another owner watches the process");
	return err;
}

static int owner_error(int err, struct netlink_ext_ack *extack)
{
	if (err == -EMFILE)
		NL_SET_ERR_MSG(extack,
			       "this user watches through as many sockets as he may: see the module's parameter max_user_sockets");
	return err;
}

static int alloc_error(int err, struct netlink_ext_ack *extack)
{
	if (err == -ENOSPC)
		NL_SET_ERR_MSG(extack,
			       "this user watches as many processes as he may: see the module's parameter max_user_watches");
	return err;
}

/*
 * A process that ends now either finds the watch and reports the exit, or is
 * seen to have ended here: its count of threads falls before it looks. One that
 * gets privileges by executing a program finds it and ends it, or is seen to
 * have them here; an exec in another thread has replaced the task as well.
 */
static int look_again(const struct watch *watch, struct netlink_ext_ack *extack)
{
	struct task_struct *task;
	int err;

	smp_mb();	/* pairs with the atomic_dec_and_test() in do_exit() */
	task = target_process(watch->pid, extack);
	if (IS_ERR(task))
		return PTR_ERR(task);
	err = access_target(task, extack);
	put_task_struct(task);
	return err;
}

static void fill_spares(struct watch *watch)
{
	struct task_struct *task = get_pid_task(watch->pid, PIDTYPE_TGID);

	if (!task)
		return;
	watch_fill_spares(watch, task);
	put_task_struct(task);
}

static int add_watch(struct watch *watch, struct netlink_ext_ack *extack)
{
	int err;

	fill_spares(watch);
	err = watch_add(watch_get(watch), NULL);
	if (err) {
		watch_put(watch);
		return add_error(err, extack);
	}
	fill_spares(watch);	/* there may be more by now */
	err = look_again(watch, extack);
	/* Else it has told of its end itself. */
	return err && unwatch_silently(watch) ? err : 0;
}

static int check_owner(const struct owner *owner, struct pid *pid,
		       struct netlink_ext_ack *extack)
{
	if (owner->pid == pid) {
		NL_SET_ERR_MSG(extack,
			       "the process that owns this socket cannot be watched through it");
		return -EDEADLK;
	}
	if (!pid_nr_ns(pid, owner->pid_ns)) {
		NL_SET_ERR_MSG(extack,
			       "the process has no number in the PID namespace of this socket");
		return -ESRCH;
	}
	return 0;
}

static int watch_as(struct owner *owner, struct pid *pid,
		    const struct watch_options *options,
		    struct netlink_ext_ack *extack)
{
	struct watch *watch;
	int err = check_owner(owner, pid, extack);

	if (err)
		return err;
	watch = watch_alloc(owner, pid, current_cred(), options);
	if (IS_ERR(watch))
		return alloc_error(PTR_ERR(watch), extack);
	err = add_watch(watch, extack);
	watch_put(watch);
	return err;
}

static int watch_armed(struct sk_buff *skb, struct genl_info *info,
		       struct pid *pid, const struct watch_options *options)
{
	struct owner *owner;
	int err;

	owner = owner_of_socket(NETLINK_CB(skb).sk, genl_info_net(info),
				info->snd_portid, access_is_privileged(skb),
				deliver);
	if (IS_ERR(owner))
		return owner_error(PTR_ERR(owner), info->extack);
	err = watch_as(owner, pid, options, info->extack);
	owner_put(owner);
	return err;
}

static int watch_process(struct sk_buff *skb, struct genl_info *info,
			 struct pid *pid, struct task_struct *task)
{
	struct watch_options options;
	int err = parse_options(skb, info, &options) ?:
		  check_target(task, info) ?: hooks_get(info->extack);

	if (err)
		return err;
	err = watch_armed(skb, info, pid, &options);
	hooks_put();
	return err;
}

static int cmd_watch(struct sk_buff *skb, struct genl_info *info)
{
	struct task_struct *task;
	struct pid *pid;
	int err = access_sender(skb, info->extack);

	if (err)
		return err;
	pid = target(info);
	if (IS_ERR(pid))
		return PTR_ERR(pid);
	task = target_process(pid, info->extack);
	if (IS_ERR(task)) {
		err = PTR_ERR(task);
	} else {
		err = watch_process(skb, info, pid, task);
		put_task_struct(task);
	}
	put_pid(pid);
	return err;
}

static int unwatch_one(struct owner *owner, struct pid *pid)
{
	struct watch *watch = watch_find(pid);
	int err = -ESRCH;

	if (watch && watch->owner == owner &&
	    unwatch(watch, PREFORK_REASON_REQUEST))
		err = 0;
	watch_put(watch);
	return err;
}

static int unwatch_target(struct owner *owner, struct genl_info *info)
{
	struct pid *pid;
	int err;

	if (!info->attrs[PREFORK_A_PIDFD] && !info->attrs[PREFORK_A_PID]) {
		unwatch_all(owner, PREFORK_REASON_REQUEST);
		return 0;
	}
	pid = target(info);
	if (IS_ERR(pid))
		return PTR_ERR(pid);
	err = unwatch_one(owner, pid);
	if (err)
		NL_SET_ERR_MSG(info->extack,
			       "this socket does not watch that process");
	put_pid(pid);
	return err;
}

static int cmd_unwatch(struct sk_buff *skb, struct genl_info *info)
{
	struct owner *owner = owner_find(NETLINK_CB(skb).sk);
	int err;

	if (!owner) {
		NL_SET_ERR_MSG(info->extack, "this socket watches nothing");
		return -ESRCH;
	}
	err = unwatch_target(owner, info);
	owner_put(owner);
	return err;
}

static int parse_answer(struct genl_info *info, struct hold_answer *answer)
{
	answer->verdict = get_u32(info, PREFORK_A_VERDICT,
				  PREFORK_VERDICT_CONTINUE);
	answer->error = get_u32(info, PREFORK_A_ERRNO, 0);
	if ((answer->verdict == PREFORK_VERDICT_DENY) != !!answer->error) {
		NL_SET_ERR_MSG(info->extack,
			       "DENY needs an ERRNO, others have none");
		return -EINVAL;
	}
	if (info->attrs[PREFORK_A_FORCE] &&
	    answer->verdict != PREFORK_VERDICT_CONTINUE) {
		NL_SET_ERR_MSG_ATTR(info->extack,
				    info->attrs[PREFORK_A_VERDICT],
				    "only CONTINUE can be forced");
		return -EINVAL;
	}
	return 0;
}

static void explain_answer(struct genl_info *info, int err)
{
	struct nlattr *cookie = info->attrs[PREFORK_A_COOKIE];

	if (err == -ENOENT)
		NL_SET_ERR_MSG_ATTR(info->extack, cookie,
				    "no such hold (any more), or not of this socket");
	else if (err == -EALREADY)
		NL_SET_ERR_MSG_ATTR(info->extack, cookie,
				    "this hold has been answered before");
	else if (err == -EINVAL)
		NL_SET_ERR_MSG_ATTR(info->extack,
				    info->attrs[PREFORK_A_VERDICT],
				    "it is the task itself that is held, not a creation: only CONTINUE answers it");
}

struct question {
	u64 cookie;
	const struct hold_answer *answer;
};

static int ask_owner(struct owner *owner, const void *data)
{
	const struct question *question = data;

	return hold_answer(owner, question->cookie, question->answer);
}

static int release_own(struct sk_buff *skb, const struct question *question)
{
	struct owner *owner = owner_find(NETLINK_CB(skb).sk);
	int err = owner ? ask_owner(owner, question) : -ENOENT;

	owner_put(owner);
	return err;
}

static int cmd_release(struct sk_buff *skb, struct genl_info *info)
{
	struct hold_answer answer;
	struct question question = { .answer = &answer };
	bool force = info->attrs[PREFORK_A_FORCE];
	int err;

	if (!info->attrs[PREFORK_A_COOKIE]) {
		NL_SET_ERR_MSG(info->extack, "COOKIE is missing");
		return -EINVAL;
	}
	err = parse_answer(info, &answer);
	if (!err && force)
		err = access_force(skb, info->extack);
	if (err)
		return err;
	question.cookie = nla_get_u64(info->attrs[PREFORK_A_COOKIE]);
	err = force ? owners_ask(ask_owner, &question) :
		      release_own(skb, &question);
	explain_answer(info, err);
	return err;
}

static int reply_watch(struct sk_buff *skb, struct watch *watch,
		       struct pid_namespace *ns, u32 portid, u32 seq, int flags)
{
	bool alone = !skb->len;
	void *header = genlmsg_put(skb, portid, seq, &prefork_family, flags,
				   PREFORK_CMD_GET);
	int err;

	if (!header)
		return -EMSGSIZE;
	err = message_fill_watch(skb, watch, ns);
	/* Holds were left out: more may fit where this is alone. */
	if (err > 0)
		err = alone ? 0 : -EMSGSIZE;
	if (err)
		genlmsg_cancel(skb, header);
	else
		genlmsg_end(skb, header);
	return err;
}

static int get_one(struct genl_info *info, struct watch *watch)
{
	struct sk_buff *skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	int err;

	if (!skb)
		return -ENOMEM;
	err = reply_watch(skb, watch, task_active_pid_ns(current),
			  info->snd_portid, info->snd_seq, 0);
	if (!err)
		return genlmsg_reply(skb, info);
	nlmsg_free(skb);
	return err;
}

/* May current, by way of that socket, know that the process is watched? */
static bool is_visible(const struct watch *watch, const struct sock *sock)
{
	struct task_struct *task;
	bool visible = watch->owner->sock == sock;

	if (visible)
		return true;
	rcu_read_lock();
	task = pid_task(watch->pid, PIDTYPE_TGID);
	visible = task && access_may_see(task);
	rcu_read_unlock();
	return visible;
}

/* What may not be seen is not there: so it says nothing of who is watched. */
static struct watch *find_visible(struct sk_buff *skb, struct pid *pid)
{
	struct watch *watch = watch_find(pid);

	if (!watch || access_is_privileged(skb) ||
	    is_visible(watch, NETLINK_CB(skb).sk))
		return watch;
	watch_put(watch);
	return NULL;
}

static int cmd_get(struct sk_buff *skb, struct genl_info *info)
{
	struct watch *watch;
	struct pid *pid;
	int err = access_sender(skb, info->extack);

	if (err)
		return err;
	pid = target(info);
	if (IS_ERR(pid))
		return PTR_ERR(pid);
	watch = find_visible(skb, pid);
	err = watch ? get_one(info, watch) : -ESRCH;
	if (err == -ESRCH)
		NL_SET_ERR_MSG(info->extack, "nobody watches that process");
	watch_put(watch);
	put_pid(pid);
	return err;
}

/*
 * A dump in progress. Its later parts are made in whichever task reads, which
 * may be one with more rights than who asked.
 */
struct dump {
	const struct cred *cred;	/* strong; of who asked */
	struct pid_namespace *ns;	/* strong; likewise */
	struct pid *asker;		/* strong; his process */
	bool everything;		/* he may see */
	int error;			/* he is refused, */
	const char *refusal;		/* with these words */
	int bucket;			/* to go on with; -1: none */
	int skip;			/* so many of it were dumped */
};

struct dump_context {
	struct sk_buff *skb;
	struct netlink_callback *cb;
	const struct dump *dump;
};

static struct dump *dump_of(struct netlink_callback *cb)
{
	return (struct dump *)cb->args[0];
}

static int dump_check(struct netlink_callback *cb,
		      struct netlink_ext_ack *extack)
{
	const struct nlmsghdr *nlh = cb->nlh;

	if (nlmsg_find_attr(nlh, GENL_HDRLEN, PREFORK_A_PIDFD) ||
	    nlmsg_find_attr(nlh, GENL_HDRLEN, PREFORK_A_PID)) {
		NL_SET_ERR_MSG(extack, "a dump takes no PIDFD or PID");
		return -EINVAL;
	}
	return access_sender(cb->skb, extack);
}

/*
 * In who asks, whatever the state of his socket. A refusal is left to the first
 * part, since up to 6.1 at least it could have no words here.
 */
static int dump_start(struct netlink_callback *cb)
{
	struct netlink_ext_ack extack = {};
	struct dump *dump = kzalloc(sizeof(*dump), GFP_KERNEL);

	if (!dump)
		return -ENOMEM;
	dump->cred = get_current_cred();
	dump->ns = get_pid_ns(task_active_pid_ns(current));
	dump->asker = get_pid(task_tgid(current));
	dump->everything = access_is_privileged(cb->skb);
	dump->error = dump_check(cb, &extack);
	dump->refusal = extack._msg;
	cb->args[0] = (long)dump;
	return 0;
}

static int dump_done(struct netlink_callback *cb)
{
	struct dump *dump = dump_of(cb);

	put_cred(dump->cred);
	put_pid_ns(dump->ns);
	put_pid(dump->asker);
	kfree(dump);
	return 0;
}

/* Another process has its own ideas of whom it may trace: of itself, say. */
static bool may_be_dumped(const struct dump *dump, const struct watch *watch,
			  const struct sock *sock)
{
	if (dump->everything || watch->owner->sock == sock)
		return true;
	return dump->asker == task_tgid(current) && is_visible(watch, sock);
}

static int dump_visit(struct watch *watch, void *data)
{
	struct dump_context *context = data;
	const struct netlink_skb_parms *asked = &NETLINK_CB(context->cb->skb);
	int err;

	if (!may_be_dumped(context->dump, watch, asked->sk))
		return 0;
	err = reply_watch(context->skb, watch, context->dump->ns,
			  asked->portid, context->cb->nlh->nlmsg_seq,
			  NLM_F_MULTI);
	return err == -ESRCH ? 0 : err;
}

static int dump_watches(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct dump *dump = dump_of(cb);
	struct dump_context context = { .skb = skb, .cb = cb, .dump = dump };
	const struct cred *reader;

	if (dump->error) {
		if (cb->extack)
			cb->extack->_msg = dump->refusal;
		return dump->error;
	}
	if (dump->bucket < 0)
		return 0;
	reader = override_creds(dump->cred);
	dump->bucket = watch_for_each(dump->bucket, &dump->skip, dump_visit,
				      &context);
	revert_creds(reader);
	return skb->len;
}

static int cmd_stats(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *reply;
	void *header;
	int err = access_all(skb, info->extack);

	if (err)
		return err;
	reply = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	header = genlmsg_put_reply(reply, info, &prefork_family, 0,
				   PREFORK_CMD_STATS);
	if (!header || message_fill_stats(reply, hooks_armed(),
					  hooks_missed())) {
		nlmsg_free(reply);
		return -EMSGSIZE;
	}
	genlmsg_end(reply, header);
	return genlmsg_reply(reply, info);
}

static const struct genl_ops prefork_ops[] = {
	{
		.cmd = PREFORK_CMD_WATCH,
		.doit = cmd_watch,
		.policy = watch_policy,
	}, {
		.cmd = PREFORK_CMD_UNWATCH,
		.doit = cmd_unwatch,
		.policy = target_policy,
	}, {
		.cmd = PREFORK_CMD_RELEASE,
		.doit = cmd_release,
		.policy = release_policy,
	}, {
		.cmd = PREFORK_CMD_GET,
		.doit = cmd_get,
		.start = dump_start,
		.dumpit = dump_watches,
		.done = dump_done,
		.policy = target_policy,
	}, {
		.cmd = PREFORK_CMD_STATS,
		.doit = cmd_stats,
		.policy = empty_policy,
	},
};

static const struct genl_multicast_group prefork_groups[] = {
	{ .name = PREFORK_MCGRP_EVENTS, COMPAT_MCGRP_SYS_ADMIN },
};

static struct genl_family prefork_family __ro_after_init = {
	.name		= PREFORK_GENL_NAME,
	.version	= PREFORK_GENL_VERSION,
	.maxattr	= PREFORK_A_MAX,
	.module		= THIS_MODULE,
	.netnsok	= true,
	.ops		= prefork_ops,
	.n_ops		= ARRAY_SIZE(prefork_ops),
	.mcgrps		= prefork_groups,
	.n_mcgrps	= ARRAY_SIZE(prefork_groups),
	/* An answer must not wait behind other families' commands. */
	.parallel_ops	= true,
	COMPAT_GENL_STRICT_HEADERS
};

static void owner_died(struct owner *owner)
{
	watch_bar_owner(owner);
	queue_close(&owner->queue);
	unwatch_all(owner, PREFORK_REASON_REQUEST);
	owner_retire(owner);
}

/* Called in the task that closes the socket, or dies with it. */
static int socket_event(struct notifier_block *notifier, unsigned long event,
			void *data)
{
	struct netlink_notify *notify = data;
	struct owner *owner;

	if (event != NETLINK_URELEASE || notify->protocol != NETLINK_GENERIC)
		return NOTIFY_DONE;
	while ((owner = owner_take_closed(notify->net, notify->portid)))
		owner_died(owner);
	return NOTIFY_DONE;
}

static struct notifier_block socket_notifier = {
	.notifier_call = socket_event,
};

static void dismiss_members(void)
{
	if (!genl_has_listeners(&prefork_family, &init_net, 0))
		return;
	real_netlink_table_grab();
	real_netlink_clear_multicast_users(init_net.genl_sock,
					   prefork_family.mcgrp_offset);
	real_netlink_table_ungrab();
}

/*
 * Everybody may join a group that is nobody's yet, and stays in it when a family
 * gets its number. From now on capabilities are asked for; who was let in before
 * but is not entered yet is so after the grace period, unless he has slept, or
 * the kernel is one without preemption.
 */
static void dismiss_early_members(void)
{
	dismiss_members();
	synchronize_rcu_tasks();
	dismiss_members();
}

int netlink_init(void)
{
	int err = netlink_register_notifier(&socket_notifier);

	if (err)
		return err;
	err = genl_register_family(&prefork_family);
	if (err)
		netlink_unregister_notifier(&socket_notifier);
	else
		dismiss_early_members();
	return err;
}

/* There is no owner: it would pin the module. */
void netlink_exit(void)
{
	genl_unregister_family(&prefork_family);
	netlink_unregister_notifier(&socket_notifier);
}
