/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A command line with placeholders. It is split into words first, by the rules
 * of the shell for quotes and without its expansions; then values take the
 * places of {pid}, {ppid}, {tid}, {comm}, {exe} and {depth}. So a value is
 * never more than a part of one word, whatever it is made of. {{ and }} are
 * braces.
 */
#ifndef TEMPLATE_H
#define TEMPLATE_H

#include <stdbool.h>
#include <sys/types.h>

struct template;

struct template_values {
	pid_t pid, ppid, tid;
	const char *comm;
	const char *exe;
	unsigned int depth;
};

/*
 * NULL when the text is no such command: *@problem says in a few words why. The
 * first word is the program and has no placeholder.
 */
struct template *template_create(const char *text, const char **problem);
void template_destroy(struct template *template);

/* The name of the program. */
const char *template_program(const struct template *template);

/* The words, for template_free_words(). */
char **template_fill(const struct template *template, const struct template_values *values);
void template_free_words(char **words);

#endif
