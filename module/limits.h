/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PREFORK_LIMITS_H
#define PREFORK_LIMITS_H

/* Events that wait for one owner before those that may be dropped are. */
#define QUEUE_MAX_EVENTS	4096

/* Events taken from a queue at once; about what one datagram holds. */
#define QUEUE_BATCH		32

/* log2 of the buckets of the table of watches, and of each table by task. */
#define WATCH_HASH_BITS		10
#define BY_TASK_HASH_BITS	8

/* A day: deadlines are for tasks that wait, not for calendars. */
#define TIMEOUT_MAX_MS		86400000

/* Above this stand the kernel's private codes (ERESTARTSYS and friends). */
#define DENY_ERRNO_MAX		511

#endif /* PREFORK_LIMITS_H */
