// SPDX-License-Identifier: GPL-2.0
#include "owner.h"
#include "account.h"
#include "stats.h"

#include <linux/cred.h>
#include <linux/err.h>
#include <linux/sched/signal.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pid_namespace.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include <net/sock.h>

static DEFINE_MUTEX(owners_lock);
static LIST_HEAD(owners);

static void owner_free(struct owner *owner)
{
	account_uncharge(owner->account, ACCOUNT_SOCKETS);
	account_put(owner->account);
	kfree(owner);
}

/* Last references are dropped where one may not sleep. */
static void owner_destroy(struct work_struct *work)
{
	struct owner *owner = container_of(work, struct owner, destroy);

	queue_destroy(&owner->queue);
	WARN_ON(!RB_EMPTY_ROOT(&owner->holds.by_cookie));
	put_pid(owner->pid);
	put_pid_ns(owner->pid_ns);
	put_user_ns(owner->user_ns);
	sock_put(owner->sock);
	owner_free(owner);
	stats_dec(PREFORK_STAT_OWNERS);
}

/* Charges the socket to its user; ERR_PTR() if he has as many as he may. */
static struct account *account_with_socket(void)
{
	struct account *account = account_of_current();

	if (!account)
		return ERR_PTR(-ENOMEM);
	if (!account_charge(account, ACCOUNT_SOCKETS)) {
		account_put(account);
		return ERR_PTR(-EMFILE);
	}
	return account;
}

static struct owner *owner_alloc(bool privileged)
{
	struct account *account = privileged ? NULL : account_with_socket();
	struct owner *owner;

	if (IS_ERR(account))
		return ERR_CAST(account);
	owner = kzalloc(sizeof(*owner), GFP_KERNEL_ACCOUNT);
	if (owner) {
		owner->account = account;
		return owner;
	}
	account_uncharge(account, ACCOUNT_SOCKETS);
	account_put(account);
	return ERR_PTR(-ENOMEM);
}

static struct owner *owner_create(struct sock *sock, struct net *net,
				  u32 portid, bool privileged,
				  void (*deliver)(struct queue *,
						  struct list_head *, u64))
{
	struct owner *owner = owner_alloc(privileged);

	if (IS_ERR(owner))
		return owner;
	if (!try_module_get(THIS_MODULE)) {
		owner_free(owner);
		return ERR_PTR(-ENODEV);
	}
	refcount_set(&owner->refs, 1);
	sock_hold(sock);
	owner->sock = sock;
	owner->net = net;
	owner->portid = portid;
	owner->pid_ns = get_pid_ns(task_active_pid_ns(current));
	owner->user_ns = get_user_ns(current_user_ns());
	owner->pid = get_pid(task_tgid(current));
	INIT_LIST_HEAD(&owner->watches);
	holds_init(&owner->holds);
	queue_init(&owner->queue, deliver, privileged);
	INIT_WORK(&owner->destroy, owner_destroy);
	stats_inc(PREFORK_STAT_OWNERS);
	return owner;
}

static struct owner *owner_find_locked(const struct sock *sock)
{
	struct owner *owner;

	lockdep_assert_held(&owners_lock);
	list_for_each_entry(owner, &owners, node)
		if (owner->sock == sock)
			return owner;
	return NULL;
}

struct owner *owner_find(const struct sock *sock)
{
	struct owner *owner;

	mutex_lock(&owners_lock);
	owner = owner_find_locked(sock);
	if (owner)
		owner_get(owner);
	mutex_unlock(&owners_lock);
	return owner;
}

struct owner *owner_of_socket(struct sock *sock, struct net *net, u32 portid,
			      bool privileged,
			      void (*deliver)(struct queue *,
					      struct list_head *, u64))
{
	struct owner *owner;

	mutex_lock(&owners_lock);
	owner = owner_find_locked(sock);
	if (!owner) {
		owner = owner_create(sock, net, portid, privileged,
				     deliver);
		if (IS_ERR(owner))
			goto unlock;
		list_add(&owner->node, &owners);
	}
	owner_get(owner);
unlock:
	mutex_unlock(&owners_lock);
	return owner;
}

int owners_ask(int (*ask)(struct owner *owner, const void *question),
	       const void *question)
{
	struct owner *owner;
	int answer = -ENOENT;

	mutex_lock(&owners_lock);
	list_for_each_entry(owner, &owners, node) {
		answer = ask(owner, question);
		if (answer != -ENOENT)
			break;
	}
	mutex_unlock(&owners_lock);
	return answer;
}

/*
 * A port can be bound again before its previous socket's release has been
 * told, so the number alone does not say which of two owners is meant.
 */
struct owner *owner_take_closed(const struct net *net, u32 portid)
{
	struct owner *owner, *found = NULL;

	mutex_lock(&owners_lock);
	list_for_each_entry(owner, &owners, node) {
		if (owner->portid == portid && owner->net == net &&
		    sock_flag(owner->sock, SOCK_DEAD)) {
			list_del(&owner->node);
			found = owner;
			break;
		}
	}
	mutex_unlock(&owners_lock);
	return found;
}

void owner_retire(struct owner *owner)
{
	owner_put(owner);
	module_put(THIS_MODULE);
}

struct owner *owner_get(struct owner *owner)
{
	refcount_inc(&owner->refs);
	return owner;
}

void owner_put(struct owner *owner)
{
	if (owner && refcount_dec_and_test(&owner->refs))
		queue_work(owner->queue.wq, &owner->destroy);
}
