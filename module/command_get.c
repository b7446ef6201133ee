// SPDX-License-Identifier: GPL-2.0
/* GET, of one watch, and as a dump. */
#include "access.h"
#include "commands.h"
#include "message.h"
#include "owner.h"
#include "target.h"
#include "watch.h"

#include <linux/cred.h>
#include <linux/err.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <net/genetlink.h>

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

int command_get(struct sk_buff *skb, struct genl_info *info)
{
	struct watch *watch;
	struct pid *pid;
	int err = access_sender(skb, info->extack);

	if (err)
		return err;
	pid = target_pid(info);
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
int command_get_start(struct netlink_callback *cb)
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

int command_get_done(struct netlink_callback *cb)
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

int command_get_dump(struct sk_buff *skb, struct netlink_callback *cb)
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
