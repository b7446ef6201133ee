/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PREFORK_OWNER_H
#define PREFORK_OWNER_H

#include "hold.h"
#include "queue.h"

#include <linux/refcount.h>

struct account;
struct net;
struct pid;
struct pid_namespace;
struct sock;
struct user_namespace;

/*
 * A socket that watches.
 *
 * LIFETIME: the list of owners holds a reference until the socket is closed,
 * every watch holds one. While it is in the list, the owner keeps the module
 * from being unloaded.
 */
struct owner {
	refcount_t refs;
	struct list_head node;		/* the list of owners: its mutex */
	struct sock *sock;		/* strong reference; tells sockets that
					 * follow each other on a port apart */
	struct account *account;	/* strong, or NULL: without limits */
	struct net *net;		/* alive as long as the socket */
	u32 portid;
	struct pid_namespace *pid_ns;	/* numbers are told as seen from here */
	struct user_namespace *user_ns;	/* and users */
	struct pid *pid;		/* process of its first WATCH */
	bool dead;			/* watch.c's lock; never unset */
	struct list_head watches;	/* watch.c's lock */
	struct holds holds;
	struct queue queue;
	u64 seq;			/* the queue's work only: last number */
	struct work_struct destroy;
};

/*
 * Returns a strong reference to the owner that this socket is, made for
 * current, which then is privileged or has limits, if it has not watched before; or -ENOMEM, -EMFILE if the user has as
 * many as he may, or -ENODEV while the module is being unloaded.
 */
struct owner *owner_of_socket(struct sock *sock, struct net *net, u32 portid,
			      bool privileged,
			      void (*deliver)(struct queue *,
					      struct list_head *, u64));

/* Returns a strong reference to the owner that this socket is, or NULL. */
struct owner *owner_find(const struct sock *sock);

/*
 * Calls @ask for each owner until one has an answer other than -ENOENT, which
 * is returned.
 */
int owners_ask(int (*ask)(struct owner *owner, const void *question),
	       const void *question);

/*
 * Takes the next owner whose socket was closed at this port out of the list,
 * or returns NULL. The caller gets the list's reference, and has the module
 * pinned until owner_retire().
 */
struct owner *owner_take_closed(const struct net *net, u32 portid);
void owner_retire(struct owner *owner);

struct owner *owner_get(struct owner *owner);
void owner_put(struct owner *owner);	/* any context; NULL is fine */

#endif /* PREFORK_OWNER_H */
