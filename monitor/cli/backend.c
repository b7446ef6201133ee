// SPDX-License-Identifier: GPL-2.0
#include "backend.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "diagnose.h"
#include "options.h"
#include "source/source.h"

static void begin_ptrace(const char *why)
{
	/* Stopped, for a word on the terminal, it would stop all that it traces. */
	signal(SIGTTOU, SIG_IGN);
	signal(SIGTTIN, SIG_IGN);
	warn("%s: what is about to be created is not told of, and nothing is held", why);
}

static struct source *use_ptrace(const char *why)
{
	struct source *source;
	int err = source_open_ptrace(&source);

	if (err)
		fail("cannot begin: %s", strerror(-err));
	else
		begin_ptrace(why);
	return source;
}

/* ptrace does, where it is not said that it is to be the module. */
static bool may_be_ptrace(const struct options *options)
{
	return options->backend == BACKEND_AUTO && !options_need_module(options);
}

struct source *backend_open(const struct options *options)
{
	struct source *source;
	int err;

	if (options->backend == BACKEND_PTRACE)
		return use_ptrace("watching with ptrace");
	err = source_open_module(&source);
	if (err == -ENOENT && may_be_ptrace(options))
		return use_ptrace("watching with ptrace since the kernel module is not loaded");
	if (err)
		fail_open(err);
	return source;
}

int backend_fall_back(struct source **source, const struct options *options, pid_t pid, bool tree,
		      const struct prefork_watch_options *watch)
{
	struct source *other;
	int err;

	if (!may_be_ptrace(options) || source_open_ptrace(&other))
		return -EPERM;
	err = other->ops->watch(other, pid, tree, watch);
	if (err < 0) {
		other->ops->close(other);
		return -EPERM;
	}
	begin_ptrace("watching with ptrace for want of CAP_SYS_PTRACE");
	*source = other;
	return err;
}
