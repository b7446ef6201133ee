/* SPDX-License-Identifier: GPL-2.0 */
/*
 * follower.h - a monitor with one thread for each process
 *
 * Each thread traces one process and waits for the events of that process
 * only. There are two ways for a thread to come by its process; everything else
 * is the same for both.
 *
 * FROM_PTRACE: the fork event of the parent tells of the child. The kernel has
 * attached the child to the parent's thread by then, and only that thread can
 * let it go. So the child's thread asks for it, and as the parent's thread
 * waits for nothing but its process, it has that process report a signal. A
 * parent that runs or sleeps does so, and forks are followed to any depth. A
 * parent in vfork does not, before the child has ended: the child waits for the
 * thread of its parent, that one for the parent, and the parent for the child.
 *
 * (The ways out of that on Linux all give up that a thread has one process to
 * care for: it waits for a child in between, or for any of its tracees, or one
 * thread traces everything.)
 *
 * FROM_PREFORK: the announcement of the child gives it a thread, and only then
 * the parent goes on. The child, which nobody traces, is held at birth until
 * that thread has seized it.
 *
 * What is followed waits for its children, uses neither SIGURG nor stop
 * signals, and of its threads only the first is traced.
 */
#ifndef SELFTESTS_FOLLOWER_H
#define SELFTESTS_FOLLOWER_H

#include <semaphore.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "actor.h"
#include "prefork.h"

#define FOLLOWED_MAX	64

enum source {
	FROM_PTRACE,
	FROM_PREFORK,
};

/* A process and its thread. The test reads pid, tid, and what was seen. */
struct followed {
	pid_t pid;
	pid_t tid;			/* of its thread */
	struct followed *parent;	/* FROM_PTRACE: whose thread has it */
	pthread_t thread;
	sem_t turn;			/* posted: nobody else traces it */
	sem_t adopted;			/* posted: .error says how it went */
	bool failed;			/* FROM_PREFORK: it was never born */
	uint64_t cookie;		/* FROM_PREFORK: of its hold at birth */
	struct followed *asking;	/* children whose threads want them */
	struct followed *next;		/* in .asking of the parent */

	int error;			/* why it could not be adopted */
	int execs;
	bool ended;
	int status;			/* then */
};

/* In memory that the test shares with the monitor. */
static struct follower {
	enum source source;
	pid_t root;
	uint32_t dwell;		/* on an event of this type it stays, */
	int dwell_count;	/* when it is that many-th, */
	bool dwells;		/* and does not answer it */

	struct prefork *pf;
	pthread_mutex_t lock;	/* of .asking, and to begin to follow */
	int count;
	struct followed followed[FOLLOWED_MAX];
} *follower;

static inline void *follow(void *arg);

static inline struct followed *follow_in_thread(pid_t pid,
						struct followed *parent)
{
	struct followed *p;

	pthread_mutex_lock(&follower->lock);
	if (follower->count == FOLLOWED_MAX)
		abort();
	p = &follower->followed[follower->count];
	p->pid = pid;
	p->parent = parent;
	sem_init(&p->turn, 0, 0);
	sem_init(&p->adopted, 0, 0);
	if (pthread_create(&p->thread, NULL, follow, p))
		abort();
	__atomic_add_fetch(&follower->count, 1, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&follower->lock);
	return p;
}

/*
 * Threads are cancelled while they wait and nowhere else. Looking before taking
 * means that one which is cancelled has taken nothing away from its process.
 */
static inline bool wait_for(struct followed *p, int *status)
{
	siginfo_t info;
	int ret;

	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	ret = waitid(P_PID, p->pid, &info,
		     WEXITED | WSTOPPED | WNOWAIT | __WALL);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	return !ret && waitpid(p->pid, status, __WALL) == p->pid;
}

static inline void wait_for_turn(struct followed *p)
{
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	sem_wait(&p->turn);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
}

/* In the child's thread. The child stops between its two tracers. */
static inline void ask_parent(struct followed *p)
{
	int status;

	wait_for(p, &status);
	kill(p->pid, SIGSTOP);
	pthread_mutex_lock(&follower->lock);
	p->next = p->parent->asking;
	p->parent->asking = p;
	pthread_mutex_unlock(&follower->lock);
	kill(p->parent->pid, SIGURG);
}

/*
 * In the parent's thread, when the parent has had an event. Another look just
 * before it waits again might be in time for a child of vfork or not: that
 * would only make the deadlock a rare one.
 */
static inline void let_go_of_children(struct followed *p)
{
	struct followed *child, *next;

	pthread_mutex_lock(&follower->lock);
	child = p->asking;
	p->asking = NULL;
	pthread_mutex_unlock(&follower->lock);
	for (; child; child = next) {
		next = child->next;
		ptrace(PTRACE_DETACH, child->pid, 0, 0);
		sem_post(&child->turn);
	}
}

/* With prefork nobody needs to be told by ptrace what is created. */
static inline long trace_options(void)
{
	if (follower->source == FROM_PREFORK)
		return PTRACE_O_TRACEEXEC;
	return PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;
}

static inline bool adopt(struct followed *p)
{
	if (p->parent)
		ask_parent(p);
	wait_for_turn(p);
	if (p->failed)
		return false;
	if (ptrace(PTRACE_SEIZE, p->pid, 0, trace_options()))
		p->error = errno;
	if (p->cookie && prefork_release(follower->pf, p->cookie))
		p->error = ENOENT;
	sem_post(&p->adopted);
	return !p->error;
}

static inline pid_t created_by(struct followed *p)
{
	unsigned long pid = 0;

	ptrace(PTRACE_GETEVENTMSG, p->pid, 0, &pid);
	return pid;
}

/* Signals of the monitor's own are not for the process. */
static inline int signal_of(int status)
{
	int sig = WSTOPSIG(status);

	return sig == SIGURG || sig == SIGSTOP ? 0 : sig;
}

static inline void run_on(struct followed *p, int status)
{
	int sig = 0;

	switch (status >> 16) {
	case 0:
		sig = signal_of(status);
		break;
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
		follow_in_thread(created_by(p), p);
		break;
	case PTRACE_EVENT_EXEC:
		p->execs++;
		break;
	case PTRACE_EVENT_STOP:
		/* It had stopped before its thread could seize it. */
		if (WSTOPSIG(status) == SIGSTOP)
			kill(p->pid, SIGCONT);
		break;
	}
	ptrace(PTRACE_CONT, p->pid, 0, sig);
}

/* A monitor thread. What it still traces when it ends runs on untraced. */
static inline void *follow(void *arg)
{
	struct followed *p = arg;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	p->tid = syscall(SYS_gettid);
	if (!adopt(p))
		return NULL;
	while (wait_for(p, &p->status)) {
		let_go_of_children(p);
		if (!WIFSTOPPED(p->status)) {
			p->ended = true;
			break;
		}
		run_on(p, p->status);
	}
	return NULL;
}

static inline struct followed *find_followed(pid_t pid)
{
	int i = follower->count;

	while (i--)
		if (follower->followed[i].pid == pid)
			return &follower->followed[i];
	abort();
}

/* Is this the event that is not to be answered? */
static inline bool dwell_on(const struct prefork_event *e)
{
	if (e->type != follower->dwell || --follower->dwell_count)
		return false;
	__atomic_store_n(&follower->dwells, true, __ATOMIC_SEQ_CST);
	return true;
}

static inline void hear(const struct prefork_event *e)
{
	struct followed *p;

	if (e->thread || dwell_on(e))
		return;
	switch (e->type) {
	case PREFORK_EVENT_PREFORK:
		follow_in_thread(e->child, NULL);
		prefork_release(follower->pf, e->cookie);
		break;
	case PREFORK_EVENT_BORN:
		p = find_followed(e->pid);
		p->cookie = e->cookie;
		sem_post(&p->turn);
		break;
	case PREFORK_EVENT_FORK_FAILED:
		p = find_followed(e->child);
		p->failed = true;
		sem_post(&p->turn);
		break;
	}
}

/* In the first thread: whom to tell what, until SIGINT. */
static inline void dispatch(int interrupt)
{
	struct pollfd fds[] = {
		{ .fd = interrupt, .events = POLLIN },
		{ .fd = -1, .events = POLLIN },
	};
	struct prefork_event event;

	if (follower->pf)
		fds[1].fd = prefork_fd(follower->pf);
	while (poll(fds, 2, -1) >= 0 && !fds[0].revents) {
		if (prefork_next(follower->pf, &event, 0) == 1)
			hear(&event);
	}
}

static inline int count_followed(void)
{
	return __atomic_load_n(&follower->count, __ATOMIC_SEQ_CST);
}

/*
 * A process in vfork cannot be made to stop, and only what has stopped can be
 * detached from. But it is free as soon as its tracer has ended. Who begins to
 * follow a child comes before it in the table, and has ended when it is
 * the child's turn.
 */
static inline void end_threads(void)
{
	int i;

	for (i = 0; i < count_followed(); i++) {
		pthread_cancel(follower->followed[i].thread);
		pthread_join(follower->followed[i].thread, NULL);
	}
}

/* Without a deadline, which would end a deadlock as well. */
static inline int watch_root(void)
{
	const struct prefork_watch_options opts = {
		.flags = PREFORK_WATCH_TREE,
		.hold = PREFORK_HOLD_VFORK | PREFORK_HOLD_FORK |
			PREFORK_HOLD_BIRTH,
		.has_timeout = true,
	};
	int ret = prefork_open(&follower->pf);

	return ret ? ret : prefork_watch(follower->pf, follower->root, &opts);
}

static inline int begin_to_follow(void)
{
	struct followed *root = follow_in_thread(follower->root, NULL);

	sem_post(&root->turn);
	sem_wait(&root->adopted);
	if (root->error)
		return -root->error;
	return follower->source == FROM_PREFORK ? watch_root() : 0;
}

/* An order: says how it began, goes on until SIGINT, and ends the actor. */
static inline long be_follower(long unused)
{
	sigset_t set;
	int interrupt;

	(void)unused;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	interrupt = signalfd(-1, &set, SFD_CLOEXEC);
	pthread_mutex_init(&follower->lock, NULL);
	actor_say(begin_to_follow());
	dispatch(interrupt);
	end_threads();
	prefork_close(follower->pf);
	_exit(0);
}

/* In the test, before the actors start that are to see it. */
static inline void follower_share(struct __test_metadata *_metadata)
{
	follower = mmap(NULL, sizeof(*follower), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, follower);
}

/* In the test: @monitor follows @root and what that creates from now on. */
static inline void follower_start(struct __test_metadata *_metadata,
				  struct actor *monitor, struct actor *root,
				  enum source source)
{
	follower->source = source;
	follower->root = root->pid;
	follower->count = 0;
	follower->pf = NULL;
	memset(follower->followed, 0, sizeof(follower->followed));
	actor_start(_metadata, monitor);
	ASSERT_EQ(0, actor_do(_metadata, monitor, be_follower, 0)) {
		TH_LOG("cannot follow: is the module loaded?");
	}
}

/* In the test: Ctrl-C. */
static inline void follower_interrupt(struct __test_metadata *_metadata,
				      struct actor *monitor)
{
	ASSERT_EQ(0, kill(monitor->pid, SIGINT));
	ASSERT_EQ(0, actor_wait(_metadata, monitor));
}

#endif /* SELFTESTS_FOLLOWER_H */
