/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What vforkmon can do. Each verb gets its arguments with its own name first,
 * and returns the exit status.
 */
#ifndef VERBS_H
#define VERBS_H

int verb_run(int argc, char **argv);
int verb_attach(int argc, char **argv);
int verb_daemon(int argc, char **argv);
int verb_status(int argc, char **argv);
int verb_release(int argc, char **argv);

#endif
