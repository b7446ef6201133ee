// SPDX-License-Identifier: GPL-2.0
/* The kernel module, by libprefork. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <prefork.h>

#include "found.h"
#include "source.h"

struct module {
	struct source source;
	struct prefork *pf;
};

static struct prefork *session(const struct source *source)
{
	return ((const struct module *)source)->pf;
}

static int watch(struct source *source, pid_t pid, bool tree,
		 const struct prefork_watch_options *options)
{
	return tree ? prefork_watch_tree(session(source), pid, options) :
		      prefork_watch(session(source), pid, options);
}

static int watch_all(struct source *source, const struct prefork_watch_options *options)
{
	return prefork_watch_all(session(source), options);
}

static int each_found(struct source *source, int (*fn)(const struct found *found, void *arg),
		      void *arg)
{
	return found_each(session(source), fn, arg);
}

static const char *message(const struct source *source)
{
	(void)source;
	return prefork_message();
}

static int fd(const struct source *source)
{
	return prefork_fd(session(source));
}

static int next_many(struct source *source, struct prefork_event *events, int room)
{
	return prefork_next_many(session(source), events, room, 0);
}

/* Of a child that is traced by a thread of ours, its stops show here as well. */
static bool goes_on(pid_t pid)
{
	siginfo_t info = { 0 };

	if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
		return false;
	return !info.si_pid || info.si_code == CLD_TRAPPED;
}

static int reap(struct source *source, pid_t pid, int *status)
{
	pid_t reaped = goes_on(pid) ? 0 : waitpid(pid, status, WNOHANG);

	(void)source;
	return reaped < 0 ? -errno : reaped == pid;
}

static void close_module(struct source *source)
{
	prefork_close(session(source));
	free(source);
}

static const struct source_ops ops = {
	.watch = watch,
	.watch_all = watch_all,
	.each_found = each_found,
	.message = message,
	.fd = fd,
	.next_many = next_many,
	.reap = reap,
	.close = close_module,
};

int source_open_module(struct source **source)
{
	struct module *module = calloc(1, sizeof(*module));
	int err;

	*source = NULL;
	if (!module)
		return -ENOMEM;
	module->source.ops = &ops;
	err = prefork_open(&module->pf);
	if (err)
		free(module);
	else
		*source = &module->source;
	return err;
}

struct prefork *source_session(const struct source *source)
{
	return source->ops == &ops ? session(source) : NULL;
}
