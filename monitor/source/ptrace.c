// SPDX-License-Identifier: GPL-2.0
/*
 * ptrace(2), for where there is no module: a thread that traces all that is
 * watched, and turns what it hears into the events of the module. What it
 * cannot hear of, or hold, is missing.
 *
 * The kernel lets go of all tracees when the thread ends, wherever they are.
 */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <glib.h>

#include <prefork.h>

#include "core/clock.h"
#include "core/proc.h"
#include "found.h"
#include "queue.h"
#include "source.h"
#include "trace/tracee.h"

/* How long those who are new wait for word of who created them, and between two looks. */
#define KEPT_MS		100
#define KEPT_STEP_MS	5

/* A task that is traced. */
struct task {
	pid_t tid, pid;		/* pid 0: its creation has not been told of yet, */
	struct stop first;	/* and it is kept where it stopped first, if it has */
	bool is_kept;
	uint64_t vfork_since;	/* CLOCK_BOOTTIME, ns; 0: it waits for no child */
	pid_t vfork_child;
};

struct tracer {
	struct source source;
	pthread_t thread;
	bool goes;		/* the first event has been asked for */

	/* What is asked of the thread before: a process. Its answer. */
	sem_t asked, answered;
	pid_t pid;		/* 0: to go */
	bool tree;
	int result;
	int refusal;		/* the last of a descendant, -errno */

	struct queue events;

	/* Of our own child, which the thread waits for as for all others. */
	_Atomic pid_t command;
	atomic_int command_status;
	atomic_bool command_ended;

	/* The thread's own once it goes. */
	GHashTable *tasks;	/* by TID */
	unsigned int kept;	/* of them */
	bool threads;		/* are told of */
};

static struct tracer *tracer_of(const struct source *source)
{
	return (struct tracer *)source;
}

/* ---- the thread: tasks ---- */

static struct task *find(const struct tracer *tracer, pid_t tid)
{
	return g_hash_table_lookup(tracer->tasks, GINT_TO_POINTER(tid));
}

static struct task *add(struct tracer *tracer, pid_t tid, pid_t pid)
{
	struct task *task = g_new0(struct task, 1);

	task->tid = tid;
	task->pid = pid;
	g_hash_table_insert(tracer->tasks, GINT_TO_POINTER(tid), task);
	return task;
}

static void drop(struct tracer *tracer, pid_t tid)
{
	const struct task *task = find(tracer, tid);

	tracer->kept -= task && task->is_kept;
	g_hash_table_remove(tracer->tasks, GINT_TO_POINTER(tid));
}

/* ---- the thread: events ---- */

static struct prefork_event event_of(uint32_t type, const struct task *task)
{
	struct prefork_event event = {
		.type = type,
		.time = boottime(),
		.pid = task->pid,
		.tid = task->tid,
		.thread = task->tid != task->pid,
		.uid = proc_uid(task->tid),
	};

	proc_comm(task->tid, event.comm, sizeof(event.comm));
	return event;
}

static void tell_birth(struct tracer *tracer, const struct task *task, const struct task *creator,
		       bool vfork)
{
	struct prefork_event event = event_of(PREFORK_EVENT_BORN, task);

	event.ppid = creator->pid;
	event.clone_flags = vfork ? CLONE_VFORK | CLONE_VM : event.thread ? CLONE_THREAD : 0;
	if (!event.thread || tracer->threads)
		queue_put(&tracer->events, &event);
}

static uint64_t ns_of(const struct timeval *time)
{
	return (uint64_t)time->tv_sec * 1000000000 + (uint64_t)time->tv_usec * 1000;
}

/*
 * wait4(2) adds up what the process and the children that it waited for used; its
 * clock has its own, but not in user mode alone. 0 when it is gone.
 */
static uint64_t cpu_time(const struct task *task)
{
	struct timespec time;
	clockid_t clock;

	if (clock_getcpuclockid(task->pid, &clock) ||
	    clock_gettime(clock, &time))
		return 0;
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void add_times(struct prefork_event *event, const struct rusage *usage, uint64_t own)
{
	uint64_t user = ns_of(&usage->ru_utime), both = user + ns_of(&usage->ru_stime);

	if (!own || own > both)
		own = both;
	event->utime = both ? (uint64_t)((double)own * ((double)user / (double)both)) : 0;
	event->stime = own - event->utime;
	event->maxrss = (uint64_t)usage->ru_maxrss;
}

/* ---- the thread: stops ---- */

/* One that is new may stop before its creator does, who tells of it: it waits for that. */
static void begin(struct tracer *tracer, const struct stop *stop)
{
	struct task *task = add(tracer, stop->tid, 0);

	task->first = *stop;
	task->is_kept = true;
	tracer->kept++;
	tracee_keep(stop);
}

static void let_go(struct tracer *tracer, struct task *task)
{
	if (task->is_kept) {
		tracer->kept--;
		tracee_resume(&task->first);
	}
	task->is_kept = false;
}

/* One that is not there any more has been killed, and waited for: nobody hears of it. */
static bool told(struct tracer *tracer, struct task *task, const struct task *creator, bool vfork)
{
	pid_t pid = (pid_t)proc_number(task->tid, "Tgid");

	if (pid <= 0) {
		drop(tracer, task->tid);
		return false;
	}
	task->pid = pid;
	tell_birth(tracer, task, creator, vfork);
	let_go(tracer, task);
	return true;
}

static struct task *any_kept(const struct tracer *tracer)
{
	GHashTableIter iter;
	gpointer task;

	g_hash_table_iter_init(&iter, tracer->tasks);
	while (tracer->kept && g_hash_table_iter_next(&iter, NULL, &task))
		if (((struct task *)task)->is_kept)
			return task;
	return NULL;
}

/*
 * Nobody who stopped has anything to tell any more, so the creators of those that are
 * kept have been killed, or were threads that ended when another executed a program.
 */
static void tell_of_kept(struct tracer *tracer)
{
	const struct task nobody = { 0 };
	struct task *task;

	while ((task = any_kept(tracer))) {
		const struct task *creator = NULL;
		struct origin origin;

		if (proc_origin(task->tid, &origin))
			creator = find(tracer, origin.ppid);
		told(tracer, task, creator ? creator : &nobody, false);
	}
}

static void created(struct tracer *tracer, struct task *creator, const struct stop *stop)
{
	bool vfork = stop->event == STOP_VFORKED;
	struct task *task;
	pid_t tid;

	if (tracee_message(stop, &tid))
		return;
	task = find(tracer, tid);
	if (!task)
		task = add(tracer, tid, 0);
	if (!task->pid && !told(tracer, task, creator, vfork))
		return;
	if (vfork) {
		creator->vfork_since = boottime();
		creator->vfork_child = task->pid;
	}
}

static void vfork_done(struct tracer *tracer, struct task *task)
{
	struct prefork_event event = event_of(PREFORK_EVENT_VFORK_DONE, task);

	if (!task->vfork_since)
		return;
	event.child = task->vfork_child;
	event.suspended = event.time - task->vfork_since;
	task->vfork_since = 0;
	queue_put(&tracer->events, &event);
}

static void executed(struct tracer *tracer, const struct task *task, const struct stop *stop)
{
	struct prefork_event event = event_of(PREFORK_EVENT_EXEC, task);

	event.old_tid = task->tid;
	tracee_message(stop, &event.old_tid);
	if (event.old_tid != task->tid)
		drop(tracer, event.old_tid);
	if (!proc_exe(task->pid, event.path, sizeof(event.path)))
		event.path[0] = '\0';
	queue_put(&tracer->events, &event);
}

static void ended(struct tracer *tracer, const struct stop *stop)
{
	struct task *task = find(tracer, stop->tid);
	struct prefork_event event;
	struct rusage usage;
	uint64_t own;
	int status;

	if (task) {
		event = event_of(PREFORK_EVENT_EXIT, task);
		own = cpu_time(task);
		if (event.thread)
			proc_times(task->pid, task->tid, &event.utime, &event.stime);
	}
	if (tracee_bury(stop, &status, &usage))
		return;
	if (task && task->pid && (!event.thread || tracer->threads)) {
		event.status = status;
		if (!event.thread)
			add_times(&event, &usage, own);
		queue_put(&tracer->events, &event);
	}
	drop(tracer, stop->tid);
	if (stop->tid != tracer->command)
		return;
	tracer->command_status = status;
	tracer->command_ended = true;
}

/* Of one that is new. One that was there already may have been missed in its folder. */
static bool is_first(const struct stop *stop)
{
	return stop->kind == STOP_GROUP ||
		(stop->kind == STOP_PASSING && stop->event == STOP_NOTHING);
}

static void take(struct tracer *tracer, const struct stop *stop)
{
	struct task *task = find(tracer, stop->tid);

	if (stop->kind == STOP_END) {
		ended(tracer, stop);
		return;
	}
	if (!task && is_first(stop)) {
		begin(tracer, stop);
		return;
	}
	if (!task)
		task = add(tracer, stop->tid, (pid_t)proc_number(stop->tid, "Tgid"));
	switch (stop->event) {
	case STOP_CREATED:
	case STOP_VFORKED:
		created(tracer, task, stop);
		break;
	case STOP_VFORK_DONE:
		vfork_done(tracer, task);
		break;
	case STOP_EXECUTED:
		executed(tracer, task, stop);
		break;
	case STOP_NOTHING:
		break;
	}
	tracee_resume(stop);
}

/* ---- the thread: what it begins with ---- */

/* All its threads, of which it may have new ones until the last has been seized. */
static void add_threads(struct tracer *tracer, pid_t pid)
{
	char path[64];
	struct dirent *thread;
	DIR *threads;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	threads = opendir(path);
	if (!threads)
		return;
	while ((thread = readdir(threads)))
		if (thread->d_name[0] != '.')
			add(tracer, (pid_t)atoi(thread->d_name), pid);
	closedir(threads);
}

static int seize(struct tracer *tracer, pid_t pid)
{
	int err = tracee_seize_process(pid, TRACEE_ALL);

	if (!err)
		add_threads(tracer, pid);
	return err;
}

/* One that its creator's tracing has brought already refuses, as does one that has ended. */
static bool is_ours(const struct tracer *tracer, pid_t pid)
{
	pid_t by = (pid_t)proc_number(pid, "TracerPid");

	return find(tracer, pid) || !proc_lives(pid) ||
	       (by > 0 && proc_number(by, "Tgid") == getpid());
}

/* Looks once through all processes. Returns how many are new; counts whom it may not have. */
static int seize_children(struct tracer *tracer, int *refused)
{
	DIR *processes = opendir("/proc");
	struct origin origin;
	struct dirent *entry;
	int count = 0, err;
	pid_t pid;

	if (!processes)
		return 0;
	*refused = 0;
	while ((entry = readdir(processes))) {
		pid = (pid_t)atoi(entry->d_name);
		if (pid <= 0 || pid == getpid() || !proc_origin(pid, &origin) ||
		    !find(tracer, origin.ppid) || is_ours(tracer, pid))
			continue;
		err = seize(tracer, pid);
		count += !err;
		if (!err || is_ours(tracer, pid))
			continue;
		tracer->refusal = err;
		++*refused;
	}
	closedir(processes);
	return count;
}

static int serve(struct tracer *tracer)
{
	int refused = 0, err;

	tracer->refusal = 0;
	if (proc_number(tracer->pid, "Tgid") != tracer->pid)
		return proc_number(tracer->pid, "Tgid") < 0 ? -ESRCH : -EINVAL;
	if (!proc_lives(tracer->pid))
		return -ESRCH;
	err = is_ours(tracer, tracer->pid) ? 0 : seize(tracer, tracer->pid);
	if (err || !tracer->tree)
		return err;
	while (seize_children(tracer, &refused))
		;
	return refused;
}

/* Returns false when it is to go. */
static bool wait_for_request(struct tracer *tracer)
{
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	while (sem_wait(&tracer->asked))
		;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	return tracer->pid;
}

/* While somebody is kept, not for ever: who would tell of him may be no more. */
static int next_stop(struct tracer *tracer, struct stop *stop)
{
	int patience_ms = KEPT_MS, err;

	while (tracer->kept) {
		err = tracee_poll(stop, patience_ms > 0 ? KEPT_STEP_MS : 0);
		if (err != -EAGAIN)
			return err;
		patience_ms -= KEPT_STEP_MS;
		if (patience_ms <= 0)
			tell_of_kept(tracer);
	}
	return tracee_wait(stop);
}

static void *run(void *arg)
{
	struct tracer *tracer = arg;
	struct stop stop;

	pthread_cleanup_push(tracee_unwound, &arg);
	while (wait_for_request(tracer)) {
		tracer->result = serve(tracer);
		sem_post(&tracer->answered);
	}
	while (!next_stop(tracer, &stop))
		take(tracer, &stop);
	pthread_cleanup_pop(0);
	return NULL;
}

/* ---- who asks ---- */

static int ask(struct tracer *tracer, pid_t pid, bool tree,
	       const struct prefork_watch_options *options)
{
	tracer->pid = pid;
	tracer->tree = tree;
	tracer->threads = options->flags & PREFORK_WATCH_THREADS;
	sem_post(&tracer->asked);
	while (sem_wait(&tracer->answered))
		;
	return tracer->result;
}

static int watch(struct source *source, pid_t pid, bool tree,
		 const struct prefork_watch_options *options)
{
	struct tracer *tracer = tracer_of(source);

	tracer->command = tree ? 0 : pid;
	return ask(tracer, pid, tree, options);
}

static struct found *list_found(const struct tracer *tracer, size_t *count)
{
	struct found *list = g_new0(struct found, g_hash_table_size(tracer->tasks) + 1);
	GHashTableIter iter;
	gpointer value;

	*count = 0;
	g_hash_table_iter_init(&iter, tracer->tasks);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const struct task *task = value;
		struct found *found = &list[*count];

		if (task->tid != task->pid || !proc_origin(task->pid, &found->origin))
			continue;
		found->pid = task->pid;
		proc_comm(task->pid, found->comm, sizeof(found->comm));
		++*count;
	}
	return list;
}

/* The thread waits to be told to go. */
static int each_found(struct source *source, int (*fn)(const struct found *found, void *arg),
		      void *arg)
{
	size_t count;
	struct found *list = list_found(tracer_of(source), &count);
	int err = 0;

	qsort(list, count, sizeof(*list), found_compare);
	for (size_t i = 0; !err && i < count; i++)
		err = fn(&list[i], arg);
	g_free(list);
	return err;
}

static const char *message(const struct source *source)
{
	const struct tracer *tracer = (const struct tracer *)source;

	return tracer->refusal ? strerror(-tracer->refusal) : "";
}

static int fd(const struct source *source)
{
	return tracer_of(source)->events.fd;
}

static int next_many(struct source *source, struct prefork_event *events, int room)
{
	struct tracer *tracer = tracer_of(source);

	if (!tracer->goes) {
		tracer->goes = true;
		tracer->pid = 0;
		sem_post(&tracer->asked);
	}
	return queue_take(&tracer->events, events, room);
}

static int reap(struct source *source, pid_t pid, int *status)
{
	struct tracer *tracer = tracer_of(source);

	(void)pid;
	if (!tracer->command_ended)
		return 0;
	*status = tracer->command_status;
	return 1;
}

static void discard(struct tracer *tracer)
{
	queue_close(&tracer->events);
	g_hash_table_destroy(tracer->tasks);
	sem_destroy(&tracer->asked);
	sem_destroy(&tracer->answered);
	free(tracer);
}

static void close_tracer(struct source *source)
{
	struct tracer *tracer = tracer_of(source);

	pthread_cancel(tracer->thread);
	pthread_join(tracer->thread, NULL);
	discard(tracer);
}

static const struct source_ops ops = {
	.watch = watch,
	.each_found = each_found,
	.message = message,
	.fd = fd,
	.next_many = next_many,
	.reap = reap,
	.close = close_tracer,
};

/* Signals are for who asks; SIGCHLD, which comes with each stop, is dropped unless blocked. */
static int start(struct tracer *tracer)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	sigdelset(&all, SIGCHLD);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&tracer->thread, NULL, run, tracer);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -err;
}

int source_open_ptrace(struct source **source)
{
	struct tracer *tracer = calloc(1, sizeof(*tracer));
	int err;

	*source = NULL;
	if (!tracer)
		return -ENOMEM;
	tracer->source.ops = &ops;
	/* It is readable at first, so that the first event is asked for. */
	err = queue_open(&tracer->events);
	if (err) {
		free(tracer);
		return err;
	}
	tracer->tasks = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free);
	sem_init(&tracer->asked, 0, 0);
	sem_init(&tracer->answered, 0, 0);
	err = start(tracer);
	if (err)
		discard(tracer);
	else
		*source = &tracer->source;
	return err;
}
