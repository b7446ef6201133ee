// SPDX-License-Identifier: GPL-2.0
/*
 * One adoption for each command that runs. It is there from the event that
 * tells of the hold until the command has ended; the hold ends before that, or
 * with it.
 */
#include "adopt.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <prefork.h>

#include "command.h"
#include "core/adopter.h"
#include "core/name.h"
#include "core/proc.h"
#include "core/quote.h"
#include "core/signame.h"
#include "core/tree.h"
#include "notify.h"
#include "template.h"

/* Commands in a row before events get a look. */
#define BURST		64

struct adoption {
	struct adoption *next;
	pid_t pid;		/* the process */
	uint64_t cookie;	/* of its hold, 0: it is known to run on */
	bool ended;		/* the process */
	struct command command;
	int notify;		/* what the command tells comes here, or -1 */
};

struct adopt {
	struct adopter adopter;
	struct prefork *pf;	/* NULL: nothing is held any more */
	const struct adopt_options *options;
	struct template *template;
	pid_t first;		/* 0: none, or it has been seen */
	adopt_warn_fn *warn;
	int epoll;		/* over what the adoptions wait for */
	struct adoption *adoptions;	/* few: so many as commands run */
};

static struct adopt *of(struct adopter *adopter)
{
	return (struct adopt *)adopter;
}

bool adopt_on_parse(enum adopt_on *on, const char *name)
{
	static const char *const names[] = {
		[ADOPT_ON_BIRTH] = "birth",
		[ADOPT_ON_EXEC] = "exec",
	};
	size_t found = NAME_FIND(names, name);

	if (found > ADOPT_ON_EXEC)
		return false;
	*on = (enum adopt_on)found;
	return true;
}

bool adopt_ready_parse(enum adopt_ready *ready, const char *name)
{
	static const char *const names[] = {
		[ADOPT_READY_PTRACE] = "ptrace",
		[ADOPT_READY_EXIT] = "exit",
		[ADOPT_READY_NOTIFY] = "notify",
	};
	size_t found = NAME_FIND(names, name);

	if (found > ADOPT_READY_NOTIFY)
		return false;
	*ready = (enum adopt_ready)found;
	return true;
}

static const char *program_of(const struct adopt *adopt, char *to, size_t size)
{
	quote_name(to, size, template_program(adopt->template));
	return to;
}

/*
 * Who is traced or past the deadline is not held any more, and the answer is
 * late. One that could not be sent is for the end of the command.
 */
static bool release(const struct adopt *adopt, struct adoption *adoption)
{
	int err;

	if (!adoption->cookie || !adopt->pf)
		return false;
	err = prefork_release(adopt->pf, adoption->cookie);
	if (!err || err == -ENOENT || err == -EALREADY)
		adoption->cookie = 0;
	return !err;
}

static const char *describe_end(int status, char *to, size_t size)
{
	char name[32];

	if (WIFSIGNALED(status))
		snprintf(to, size, "was ended by %s",
			 signal_name(WTERMSIG(status), name, sizeof(name)));
	else
		snprintf(to, size, "ended with status %d", WEXITSTATUS(status));
	return to;
}

static void warn_of_end(const struct adopt *adopt, const struct adoption *adoption, int status)
{
	char program[256], end[64];

	adopt->warn("process %d runs on: '%s' %s%s", (int)adoption->pid,
		    program_of(adopt, program, sizeof(program)),
		    describe_end(status, end, sizeof(end)),
		    adopt->options->ready == ADOPT_READY_EXIT ? "" : " before it was ready");
}

/*
 * A command that is just being started has a copy of each descriptor for a
 * moment: closing ours would not be enough.
 */
static void stop_waiting(const struct adopt *adopt, const struct adoption *adoption)
{
	epoll_ctl(adopt->epoll, EPOLL_CTL_DEL, adoption->command.pidfd, NULL);
	if (adoption->notify >= 0)
		epoll_ctl(adopt->epoll, EPOLL_CTL_DEL, adoption->notify, NULL);
}

static void forget(struct adopt *adopt, struct adoption *adoption)
{
	struct adoption **link = &adopt->adoptions;

	while (*link != adoption)
		link = &(*link)->next;
	*link = adoption->next;
	stop_waiting(adopt, adoption);
	command_forget(&adoption->command);
	if (adoption->notify >= 0)
		close(adoption->notify);
	free(adoption);
}

/*
 * A hold that is over already tells that the command was ready, or too late:
 * the event that says so may still be on its way.
 */
static void command_ended(struct adopt *adopt, struct adoption *adoption, int status)
{
	bool was_held = release(adopt, adoption);

	if (was_held && (status || adopt->options->ready != ADOPT_READY_EXIT))
		warn_of_end(adopt, adoption, status);
	forget(adopt, adoption);
}

/* The end is looked for first: what the command said is there by then. */
static void look_at(struct adopt *adopt, struct adoption *adoption)
{
	int status;
	bool has_ended = command_reap(&adoption->command, &status);

	if (adoption->notify >= 0 && notify_take_ready(adoption->notify))
		release(adopt, adoption);
	if (has_ended)
		command_ended(adopt, adoption, status);
}

/* One at a time: of two descriptors of one adoption, the first may end it. */
static void turn(struct adopter *adopter)
{
	struct adopt *adopt = of(adopter);
	struct epoll_event ready;

	for (int i = 0; i < BURST && epoll_wait(adopt->epoll, &ready, 1, 0) == 1; i++)
		look_at(adopt, ready.data.ptr);
}

static int fd(const struct adopter *adopter)
{
	return ((const struct adopt *)adopter)->epoll;
}

static int wait_for(const struct adopt *adopt, struct adoption *adoption, int descriptor,
		    uint32_t events)
{
	struct epoll_event in = { .events = events, .data.ptr = adoption };

	return epoll_ctl(adopt->epoll, EPOLL_CTL_ADD, descriptor, &in) < 0 ? -errno : 0;
}

static int start(const struct adopt *adopt, struct adoption *adoption, char **words)
{
	char name[NOTIFY_NAME_MAX];
	bool notifies = adopt->options->ready == ADOPT_READY_NOTIFY;
	int err = 0;

	adoption->notify = notifies ? notify_open(name) : -1;
	if (notifies)
		err = adoption->notify < 0 ? adoption->notify :
			wait_for(adopt, adoption, adoption->notify, EPOLLIN);
	if (!err)
		err = command_start(&adoption->command, words, notifies ? name : NULL);
	if (err)
		return err;
	/* One that has a tracer ends twice, and is to be waited for after its tracer has. */
	err = wait_for(adopt, adoption, adoption->command.pidfd, EPOLLIN | EPOLLET);
	if (err)
		command_kill(&adoption->command);
	return err;
}

static int begin(struct adopt *adopt, const struct prefork_event *event,
		 const struct template_values *values)
{
	struct adoption *adoption = calloc(1, sizeof(*adoption));
	char **words;
	int err;

	if (!adoption)
		return -ENOMEM;
	adoption->command.pidfd = -1;
	adoption->pid = event->pid;
	adoption->cookie = event->cookie;
	words = template_fill(adopt->template, values);
	err = start(adopt, adoption, words);
	template_free_words(words);
	if (err) {
		stop_waiting(adopt, adoption);
		if (adoption->notify >= 0)
			close(adoption->notify);
		free(adoption);
		return err;
	}
	adoption->next = adopt->adoptions;
	adopt->adoptions = adoption;
	return 0;
}

static pid_t parent_of(const struct prefork_event *event)
{
	struct origin origin = { .ppid = event->ppid };

	if (!origin.ppid)
		proc_origin(event->pid, &origin);
	return origin.ppid;
}

/* Returns whether it is held on. */
static bool adopt_process(struct adopt *adopt, const struct prefork_event *event,
			  const struct tree *tree)
{
	const struct process *process = tree_find(tree, event->pid);
	char exe[PATH_MAX], program[256];
	struct template_values values = {
		.pid = event->pid, .ppid = parent_of(event), .tid = event->tid,
		.comm = event->comm, .exe = exe, .depth = process ? process->depth : 0,
	};
	const struct match_subject known = {
		.comm = event->comm, .depth = values.depth, .uid = event->uid,
	};
	int err;

	if (!match_process(&adopt->options->match, event->pid, &known))
		return false;
	proc_exe(event->pid, exe, sizeof(exe));
	err = begin(adopt, event, &values);
	if (err)
		adopt->warn("process %d runs on: '%s' cannot be run: %s", (int)event->pid,
			    program_of(adopt, program, sizeof(program)), strerror(-err));
	return !err;
}

bool adopt_wants(const struct adopt_options *options, pid_t first,
		 const struct prefork_event *event)
{
	if (!prefork_event_is_hold(event) || event->thread)
		return false;
	if (event->type == PREFORK_EVENT_EXEC)
		return options->on == ADOPT_ON_EXEC || event->pid == first;
	return event->type == PREFORK_EVENT_BORN && options->on == ADOPT_ON_BIRTH;
}

static struct adoption *find_hold(const struct adopt *adopt, uint64_t cookie)
{
	struct adoption *adoption = adopt->adoptions;

	while (adoption && adoption->cookie != cookie)
		adoption = adoption->next;
	return adoption;
}

static void hold_ended(struct adopt *adopt, const struct prefork_event *event)
{
	struct adoption *adoption = find_hold(adopt, event->cookie);
	char program[256];

	if (!adoption)
		return;
	adoption->cookie = 0;
	if (event->type == PREFORK_EVENT_TIMEOUT)
		adopt->warn("process %d runs on: '%s' was not ready in time", (int)event->pid,
			    program_of(adopt, program, sizeof(program)));
}

/* Of several programs that it has executed each may have a command. */
static void process_ended(struct adopt *adopt, const struct prefork_event *event)
{
	struct adoption *adoption;

	for (adoption = adopt->adoptions; adoption; adoption = adoption->next)
		if (adoption->pid == event->pid)
			adoption->ended = true;
}

static void take_note(struct adopt *adopt, const struct prefork_event *event)
{
	bool is_exit = event->type == PREFORK_EVENT_EXIT && !event->thread;

	if (event->type == PREFORK_EVENT_ADOPTED || event->type == PREFORK_EVENT_TIMEOUT)
		hold_ended(adopt, event);
	if (is_exit)
		process_ended(adopt, event);
	if (event->pid == adopt->first && (is_exit || event->type == PREFORK_EVENT_EXEC))
		adopt->first = 0;
}

static bool take_event(struct adopter *adopter, const struct prefork_event *event,
		       const struct tree *tree)
{
	struct adopt *adopt = of(adopter);
	bool answers = adopt_wants(adopt->options, adopt->first, event) && adopt_process(adopt, event, tree);

	take_note(adopt, event);
	return answers;
}

/* Who attends to a process that goes on is left to it. */
static bool finish(struct adopter *adopter)
{
	struct adopt *adopt = of(adopter);
	struct adoption *adoption;

	adopt->pf = NULL;
	for (adoption = adopt->adoptions; adoption; adoption = adoption->next)
		if (adoption->ended)
			return false;
	return true;
}

static void destroy(struct adopter *adopter)
{
	struct adopt *adopt = of(adopter);

	while (adopt->adoptions)
		forget(adopt, adopt->adoptions);
	if (adopt->epoll >= 0)
		close(adopt->epoll);
	template_destroy(adopt->template);
	free(adopt);
}

static bool answers(const struct adopter *adopter, uint64_t cookie)
{
	return find_hold((const struct adopt *)adopter, cookie);
}

static const struct adopter_ops ops = {
	.answers = answers,
	.event = take_event,
	.fd = fd,
	.turn = turn,
	.finish = finish,
	.destroy = destroy,
};

struct adopter *adopt_create(struct prefork *pf, const struct adopt_options *options,
			     pid_t first, adopt_warn_fn *warn)
{
	struct adopt *adopt = calloc(1, sizeof(*adopt));
	const char *problem;

	if (!adopt)
		return NULL;
	*adopt = (struct adopt){
		.adopter = { .ops = &ops },
		.pf = pf,
		.options = options,
		.template = template_create(options->command, &problem),
		.first = first,
		.warn = warn,
		.epoll = epoll_create1(EPOLL_CLOEXEC),
	};
	if (!adopt->template || adopt->epoll < 0) {
		destroy(&adopt->adopter);
		return NULL;
	}
	return &adopt->adopter;
}

bool adopt_is_idle(const struct adopter *adopter)
{
	return !((const struct adopt *)adopter)->adoptions;
}

uint32_t adopt_holds(const struct adopt_options *options, pid_t first)
{
	if (options->on == ADOPT_ON_EXEC)
		return PREFORK_HOLD_EXEC;
	return PREFORK_HOLD_BIRTH | (first ? PREFORK_HOLD_EXEC : 0);
}
