/* SPDX-License-Identifier: GPL-2.0 */
/* By which vforkmon status asks a vforkmon daemon for its rules. */
#ifndef CONTROL_H
#define CONTROL_H

#include <stdint.h>

struct rules;

/* One of the rules, in their order. */
struct control_rule {
	uint64_t hits;
	uint32_t line;
	uint32_t count;		/* of all rules */
	char text[496];		/* cut to that */
};

/*
 * Returns a descriptor for poll(2), or -errno; -EADDRINUSE: a daemon is there already. Only
 * the same user can ask. It stands in the folder that systemd names in RUNTIME_DIRECTORY, or
 * else in /run/vforkmon.
 */
int control_open(void);
void control_close(int fd);

/* Answers who has asked. Whoever does not read gets no more than the kernel keeps for him. */
void control_answer(int fd, const struct rules *rules);

/*
 * Calls @fn for each rule. Waits for some seconds at most. Returns -errno; -ENOENT or
 * -ECONNREFUSED: there is no daemon, -EMSGSIZE: there are too many rules to tell.
 */
int control_ask(void (*fn)(const struct control_rule *rule, void *arg), void *arg);

#endif
