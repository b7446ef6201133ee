/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where output goes. After the first failure it goes nowhere, and the failure
 * is kept: who is watched must not suffer from a full disk or a closed pipe.
 * Writing waits for a reader that is slow.
 */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

struct output;

/* To the file, or to standard output where @path is NULL. Returns -errno. */
int output_open(struct output **output, const char *path);

/* Behind what is in the file already. */
int output_append(struct output **output, const char *path);

/* If that is the file that @before, which is flushed, has left in the middle of a line. */
void output_continue(struct output *output, const struct output *before);

/* Returns as output_flush(). NULL is allowed. */
int output_close(struct output *output);

/*
 * While @fd is readable (a signalfd, say), a reader that takes nothing for half
 * a second has failed: -EINTR.
 */
void output_hurry_by(struct output *output, int fd);

/* From now on that is so whatever is readable. */
void output_hurry(struct output *output);

/* Is it a file, which nobody waits for? */
bool output_is_file(const struct output *output);

/* Is it a pipe or a socket, which some process has to read? */
bool output_has_reader(const struct output *output);

FILE *output_stream(const struct output *output);

/* The first failure so far, -EPIPE among them, or 0. */
int output_error(const struct output *output);

/* Returns as output_error(). */
int output_flush(struct output *output);

#endif
