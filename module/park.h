/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PREFORK_PARK_H
#define PREFORK_PARK_H

#include <linux/types.h>

struct announcement;
struct watch;

void park_init(void);

/*
 * Announcements whose task has left the kernel to take a signal, and will
 * restart the call. Whoever takes one out of the table owns it; the table
 * gives each to only one. Any context but park().
 */

/* Current's: hands it over to the table, or abandons it if its watch has gone. */
void park(struct announcement *announcement);

/* Takes out the one of current, or NULL. */
struct announcement *unpark(void);

/* Takes out any one of that watch, or NULL. */
struct announcement *unpark_any(const struct watch *watch);

/* For a probe: is there one of current? */
bool park_peek(void);

#endif /* PREFORK_PARK_H */
