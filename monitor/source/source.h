/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where events come from: the kernel module, or ptrace(2) where there is none.
 * For one thread.
 */
#ifndef SOURCE_H
#define SOURCE_H

#include <stdbool.h>
#include <sys/types.h>

struct found;
struct prefork;
struct prefork_event;
struct prefork_watch_options;
struct source;

struct source_ops {
	/*
	 * Begin to watch, before the first event is taken: our child, or a @tree
	 * that runs. As prefork_watch() and prefork_watch_tree().
	 */
	int (*watch)(struct source *source, pid_t pid, bool tree,
		     const struct prefork_watch_options *options);

	/* Whatever runs, as prefork_watch_all(). NULL where that cannot be done. */
	int (*watch_all)(struct source *source, const struct prefork_watch_options *options);

	/* Of what is watched, parents before their children. As found_each(). */
	int (*each_found)(struct source *source, int (*fn)(const struct found *found, void *arg),
			  void *arg);

	/* Why watching failed the last time, where strerror(3) does not tell; or empty. */
	const char *(*message)(const struct source *source);

	/* For poll(2): readable when there may be events. */
	int (*fd)(const struct source *source);

	/* As prefork_next_many(), without waiting. */
	int (*next_many)(struct source *source, struct prefork_event *events, int room);

	/*
	 * Has our child ended, of which *@status is the status from wait(2) then?
	 * Returns 1, 0 while it runs, or -errno.
	 */
	int (*reap)(struct source *source, pid_t pid, int *status);

	/* All that was watched, or held, goes on. */
	void (*close)(struct source *source);
};

struct source {
	const struct source_ops *ops;
};

/* Both: -errno, and then *@source is NULL. */
int source_open_module(struct source **source);
int source_open_ptrace(struct source **source);

/* The session of the module; NULL where it is another. */
struct prefork *source_session(const struct source *source);

#endif
