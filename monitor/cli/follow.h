/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The heart of run, attach and the daemon: take events, keep the tree, answer holds, hand
 * everything to the sink.
 */
#ifndef FOLLOW_H
#define FOLLOW_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "options.h"

struct adopter;
struct delivery;
struct follow;
struct process;

/* Opens session and output. Tells what fails and returns NULL. */
struct follow *follow_create(const struct options *options);

/* Ends all watches. NULL is allowed. */
void follow_destroy(struct follow *follow);

/*
 * The signals of @caught (0 ends the list) no longer end the program but end
 * follow_until_...(), and the wait in follow_finish(); those that are ignored
 * stay so. Once more with others, it is for those. Tells what fails and returns
 * false.
 */
bool follow_catch(struct follow *follow, const int *caught);

/*
 * Watch a process or, where it is a @tree that runs, all that it has created as
 * well. As prefork_watch() and prefork_watch_tree().
 */
int follow_watch(struct follow *follow, pid_t pid, bool tree,
		 const struct prefork_watch_options *options);

/*
 * Whatever runs, as prefork_watch_all(); options_need_module(). Tells who is not watched, and
 * returns whether anybody is.
 */
bool follow_watch_all(struct follow *follow, const struct prefork_watch_options *options);

/* Why that failed the last time, where its error does not tell; or empty. */
const char *follow_message(const struct follow *follow);

/* What is watched now has been found running, and is shown. Returns -errno. */
int follow_find(struct follow *follow);

/* NULL where events come from elsewhere. */
struct prefork *follow_session(const struct follow *follow);

/*
 * The output that is appended to is opened again, since somebody has given it another name.
 * Tells what fails, and returns false; it goes on to where it went.
 */
bool follow_reopen(struct follow *follow);

/* For what is no event. */
FILE *follow_output(const struct follow *follow);

/* Who takes care of what is held; the session outlives it. Destroyed with follow. */
void follow_adopt(struct follow *follow, struct adopter *adopter);

/*
 * A process that is watched already, before follow_until_...(); parents before
 * their children. False without memory.
 */
bool follow_found(struct follow *follow, pid_t pid, const char *comm);

/* A signal that is taken; and that so many were, of which nothing is known. */
void follow_signal(struct follow *follow, const struct delivery *delivery);
void follow_missed(struct follow *follow, uint64_t count);

/*
 * Which processes are shown: asked of each when it is born, executes a program, or was
 * found; until then it is chosen as it was, or as its creator is. To be said before
 * anything is watched; --match does the same. Again: of all that run.
 */
typedef bool follow_choose_fn(void *arg, const struct process *process);
void follow_choose(struct follow *follow, follow_choose_fn *choose, void *arg);
void follow_choose_again(struct follow *follow);

/* @attend is called whenever @fd is readable. */
void follow_attend(struct follow *follow, int fd, void (*attend)(void *arg), void *arg);

enum follow_end {
	FOLLOW_DONE,
	FOLLOW_SIGNALLED,	/* by *@detail */
	FOLLOW_EXPIRED,		/* --duration is over */
	FOLLOW_FAILED,		/* with *@detail, -errno */
};

/* The last one that was taken of those to be caught, or 0. */
int follow_caught(const struct follow *follow);

/*
 * Until nothing that is watched runs or, where there are no limits and it is not appended
 * to, the output has failed.
 */
enum follow_end follow_until_all_ended(struct follow *follow, int *detail);

/*
 * Until the child @pid of this process has ended and that has been reported,
 * whatever becomes of the output.
 * It is waited for: *@detail is its wait status.
 */
enum follow_end follow_until_child_ended(struct follow *follow, pid_t pid, int *detail);

/*
 * Takes what happened before a signal or the end of --duration, if it comes soon and no other
 * signal does. Ends all watches, waits for what the adopter has still to do unless a signal
 * has ended the watching, then the footer, the output and the pictures. Tells what could
 * not be written, and returns false; a reader that closed its end of the pipe, or a
 * signal that came while it did not read, is no reason for that.
 */
bool follow_finish(struct follow *follow);

#endif
