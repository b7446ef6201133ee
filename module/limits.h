/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PREFORK_LIMITS_H
#define PREFORK_LIMITS_H

/* Events that wait for one owner before those that may be dropped are. */
#define QUEUE_MAX_EVENTS	4096

/*
 * Nor is more than that kept of what comes from tasks that cannot wait: ends
 * of processes, threads and watches; unless a parameter says otherwise.
 */
#define QUEUE_BOUND		16384

/* How long an event waits for company if no task waits for it, in jiffies. */
#define QUEUE_LINGER		1

/* How long the probes stay, in ms, when nobody needs them for now. */
#define HOOKS_LINGER_MS		100

/* Of each user without CAP_SYS_PTRACE, unless parameters say otherwise. */
#define USER_MAX_SOCKETS	8
#define USER_MAX_WATCHES	4096
#define USER_MAX_HOLDS		1024

/*
 * Events taken from a queue at once; about what one datagram holds, and more
 * than come while one waits for company.
 */
#define QUEUE_BATCH		54

/* log2 of the buckets of the table of watches, and of each table by task. */
#define WATCH_HASH_BITS		10
#define BY_TASK_HASH_BITS	8

/* Above this stand the kernel's private codes (ERESTARTSYS and friends). */
#define DENY_ERRNO_MAX		511

#endif /* PREFORK_LIMITS_H */
