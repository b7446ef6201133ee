/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An adopter that does what rules say: of each process, when it is born and when it
 * executes a program, the first one that matches.
 */
#ifndef ENFORCE_H
#define ENFORCE_H

#include <stdbool.h>

#include "adopt/adopt.h"

struct adopter;
struct prefork;
struct process;
struct rules;

/*
 * Takes over @rules. @pf outlives it; SIGCHLD must not be ignored. NULL with errno, and
 * @rules remain the caller's.
 */
struct adopter *enforce_create(struct prefork *pf, struct rules *rules, adopt_warn_fn *warn);

/*
 * Is it to be logged? To be asked of each process right before the event of its birth, or of
 * its program, is taken.
 */
bool enforce_logs(struct adopter *adopter, const struct process *process);

/*
 * From now on these, which it takes over. Who is held by others remains so until their
 * commands are ready. False without memory, and @rules remain the caller's.
 */
bool enforce_replace(struct adopter *adopter, struct rules *rules);

/* Those in force, with their hits. */
const struct rules *enforce_rules(const struct adopter *adopter);

#endif
