// SPDX-License-Identifier: GPL-2.0
#include "account.h"
#include "limits.h"

#include <linux/atomic.h>
#include <linux/cred.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>

static unsigned int limits[ACCOUNT_ITEMS] = {
	[ACCOUNT_SOCKETS] = USER_MAX_SOCKETS,
	[ACCOUNT_WATCHES] = USER_MAX_WATCHES,
	[ACCOUNT_HOLDS] = USER_MAX_HOLDS,
};

#define LIMIT(name, item, what)						\
	module_param_named(max_user_##name, limits[item], uint, 0644);	\
	MODULE_PARM_DESC(max_user_##name, what				\
			 " that a user without CAP_SYS_PTRACE may have")

LIMIT(sockets, ACCOUNT_SOCKETS, "sockets that watch");
LIMIT(watches, ACCOUNT_WATCHES, "processes watched");
LIMIT(holds, ACCOUNT_HOLDS, "tasks held");

struct account {
	struct list_head node;		/* accounts_lock */
	kuid_t user;
	unsigned int refs;		/* accounts_lock */
	atomic_t used[ACCOUNT_ITEMS];
};

static DEFINE_MUTEX(accounts_lock);
static LIST_HEAD(accounts);

static struct account *account_find(kuid_t user)
{
	struct account *account;

	lockdep_assert_held(&accounts_lock);
	list_for_each_entry(account, &accounts, node)
		if (uid_eq(account->user, user))
			return account;
	return NULL;
}

static struct account *account_create(kuid_t user)
{
	struct account *account = kzalloc(sizeof(*account), GFP_KERNEL);

	lockdep_assert_held(&accounts_lock);
	if (!account)
		return NULL;
	account->user = user;
	list_add(&account->node, &accounts);
	return account;
}

/* Whoever has a user namespace could have as many users as it has numbers. */
static kuid_t user_behind_current(void)
{
	const struct user_namespace *ns = current_user_ns();
	kuid_t user = current_euid();

	for (; ns->parent; ns = ns->parent)
		user = ns->owner;
	return user;
}

struct account *account_of_current(void)
{
	kuid_t user = user_behind_current();
	struct account *account;

	mutex_lock(&accounts_lock);
	account = account_find(user) ?: account_create(user);
	if (account)
		account->refs++;
	mutex_unlock(&accounts_lock);
	return account;
}

void account_put(struct account *account)
{
	if (!account)
		return;
	mutex_lock(&accounts_lock);
	if (!--account->refs) {
		list_del(&account->node);
		kfree(account);
	}
	mutex_unlock(&accounts_lock);
}

/* The limit may have been lowered below what is in use. */
bool account_charge(struct account *account, enum account_item item)
{
	unsigned int limit = READ_ONCE(limits[item]);
	int used;

	if (!account)
		return true;
	used = atomic_read(&account->used[item]);
	do {
		if (used >= limit)
			return false;
	} while (!atomic_try_cmpxchg(&account->used[item], &used, used + 1));
	return true;
}

void account_uncharge(struct account *account, enum account_item item)
{
	if (account)
		atomic_dec(&account->used[item]);
}
