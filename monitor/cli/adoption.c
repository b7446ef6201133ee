// SPDX-License-Identifier: GPL-2.0
#include "adoption.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include <prefork.h>

#include "adopt/adopt.h"
#include "adopt/wait.h"
#include "diagnose.h"
#include "follow.h"
#include "options.h"
#include "sink/jsonline.h"

/* For VS Code and other clients of the Debug Adapter Protocol, but for its "seq". */
static void on_newborn(void *arg, const struct prefork_event *event, const char *program)
{
	struct json line;
	char name[64];

	snprintf(name, sizeof(name), "%s %d", event->comm, (int)event->pid);
	json_begin(&line, follow_output(arg));
	json_text(&line, "type", "request");
	json_text(&line, "command", "startDebugging");
	json_begin_object(&line, "arguments");
	json_text(&line, "request", "attach");
	json_begin_object(&line, "configuration");
	json_text(&line, "name", name);
	json_text(&line, "request", "attach");
	json_integer(&line, "pid", event->pid);
	json_integer(&line, "processId", event->pid);
	json_text(&line, "program", program);
	json_end_object(&line);
	json_end_object(&line);
	json_end(&line);
}

static struct adopter *begin(struct follow *follow, const struct options *options, pid_t first)
{
	/* Who ignores it hears nothing of how its children end. */
	signal(SIGCHLD, SIG_DFL);
	return adopt_create(follow_session(follow), &options->adopt, first, warn);
}

bool adoption_begin(struct follow *follow, const struct options *options, pid_t first,
		    struct prefork_watch_options *watch)
{
	struct adopter *adopter;

	if (options->dap)
		adopter = wait_create(&options->adopt, first, on_newborn, follow);
	else if (options->adopt.command)
		adopter = begin(follow, options, first);
	else
		return true;
	if (!adopter) {
		fail("cannot begin: %s", strerror(errno));
		return false;
	}
	follow_adopt(follow, adopter);
	watch->hold |= adopt_holds(&options->adopt, first);
	return true;
}
