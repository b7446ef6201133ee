// SPDX-License-Identifier: GPL-2.0
/*
 * trace/monitors with real processes: events are made here, and a newborn is held by the
 * gate of its subject, whose descriptor is the cookie.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>

#include <prefork.h>

#include "core/adopter.h"
#include "core/delivery.h"
#include "core/tree.h"
#include "trace/monitors.h"
#include "subject.h"

#define CROWD	50

static struct adopter *adopter;
static struct tree *tree;
static struct delivery last;
static int deliveries, refusals, refused_by;

int prefork_release(struct prefork *pf, uint64_t cookie)
{
	(void)pf;
	return write((int)cookie, "", 1) == 1 ? 0 : -ENOENT;
}

static void on_delivery(void *arg, const struct delivery *delivery)
{
	(void)arg;
	deliveries++;
	last = *delivery;
}

static void on_missed(void *arg, uint64_t count)
{
	(void)arg;
	EQUAL(0, count);
}

static void on_refused(void *arg, pid_t pid, int err)
{
	(void)arg;
	(void)pid;
	refusals++;
	refused_by = err;
}

static void begin(void)
{
	const struct monitors_listener listener = {
		.delivery = on_delivery, .missed = on_missed, .refused = on_refused,
	};

	deliveries = refusals = 0;
	tree = tree_create(false);
	adopter = monitors_create(NULL, &listener);
}

static void end(void)
{
	adopter->ops->destroy(adopter);
	tree_destroy(tree);
}

static bool tell(uint32_t type, pid_t child, uint64_t cookie)
{
	struct prefork_event event = { .type = type, .cookie = cookie };

	event.pid = event.tid = type == PREFORK_EVENT_BORN ? child : getpid();
	event.child = type == PREFORK_EVENT_BORN ? 0 : child;
	return adopter->ops->event(adopter, &event, NULL);
}

/* The parent is for the caller to release, the child is not. */
static void announce(const struct subject *subject)
{
	CHECK(!tell(PREFORK_EVENT_PREFORK, subject->pid, 1));
	CHECK(tell(PREFORK_EVENT_BORN, subject->pid, (uint64_t)subject->gate));
}

static bool is_thread_of_ours(pid_t tid)
{
	return tid > 0 && tid != getpid() && proc_number(tid, "Tgid") == getpid();
}

static bool is_traced(const struct subject *subject)
{
	return is_thread_of_ours(tracer_of(subject->pid));
}

static int turns_of(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int ready = poll(&pfd, 1, 5000);

	adopter->ops->collect(adopter, tree);
	adopter->ops->turn(adopter);
	return ready;
}

static void newborn_is_traced_before_it_runs(void)
{
	struct subject subject = SUBJECT("sh", "-c", "exit $((3 + $(grep -c 'TracerPid:.[1-9]' "
					 "/proc/$$/status)))");

	begin();
	announce(&subject);
	EQUAL(4 << 8, subject_status(&subject));
	EQUAL(1, turns_of(adopter->ops->fd(adopter)));
	EQUAL(0, refusals);
	end();
	subject_destroy(&subject);
}

static void signals_are_told(void)
{
	struct subject subject = SUBJECT("sleep", "1000");
	const struct prefork_event end_of_it = {
		.type = PREFORK_EVENT_EXIT, .pid = subject.pid, .tid = subject.pid,
	};
	struct origin origin = { .ppid = getpid(), .start = 9 };

	begin();
	tree_add(tree, subject.pid, &origin, "sleep", NULL);
	announce(&subject);
	UNTIL(is_traced(&subject));
	kill(subject.pid, SIGTERM);
	EQUAL(SIGTERM, subject_status(&subject));
	adopter->ops->collect(adopter, tree);
	tree_event(tree, &end_of_it, NULL, &origin);
	EQUAL(0, deliveries);
	adopter->ops->turn(adopter);
	EQUAL(1, deliveries);
	EQUAL(getpid(), last.origin.ppid);
	EQUAL(9, last.origin.start);
	EQUAL(SIGTERM, last.signal);
	EQUAL(subject.pid, last.pid);
	EQUAL(subject.pid, last.tid);
	EQUAL(getpid(), last.sender);
	end();
	subject_destroy(&subject);
}

static void announced_child_that_does_not_come_is_no_loss(void)
{
	begin();
	for (pid_t pid = 1; pid <= CROWD; pid++)
		CHECK(!tell(PREFORK_EVENT_PREFORK, INT_MAX - pid, 1));
	for (pid_t pid = 1; pid <= CROWD / 2; pid++)
		CHECK(!tell(PREFORK_EVENT_FORK_FAILED, INT_MAX - pid, 0));
	/* Half of them are still expected. */
	end();
	EQUAL(0, refusals);
}

static void threads_are_nobodys_business(void)
{
	const struct prefork_event event = {
		.type = PREFORK_EVENT_BORN, .thread = true, .cookie = 1,
		.pid = getpid(), .tid = getpid(),
	};

	begin();
	CHECK(!adopter->ops->event(adopter, &event, NULL));
	end();
}

/* Its own tracer was faster, or it is gone: released all the same. */
static void newborn_that_cannot_be_traced_is_released(void)
{
	struct subject subject = SUBJECT("sh", "-c", "exit 3");

	begin();
	CHECK(tell(PREFORK_EVENT_BORN, INT_MAX, (uint64_t)subject.gate));
	EQUAL(3 << 8, subject_status(&subject));
	EQUAL(1, turns_of(adopter->ops->fd(adopter)));
	EQUAL(0, refusals);
	CHECK(tell(PREFORK_EVENT_BORN, getpid(), (uint64_t)subject.gate));
	EQUAL(1, turns_of(adopter->ops->fd(adopter)));
	EQUAL(1, refusals);
	EQUAL(-EPERM, refused_by);
	end();
	subject_destroy(&subject);
}

static void newborn_that_has_ended_is_no_failure(void)
{
	siginfo_t info;
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	EQUAL(0, waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
	begin();
	tell(PREFORK_EVENT_BORN, pid, 0);
	EQUAL(1, turns_of(adopter->ops->fd(adopter)));
	EQUAL(0, refusals);
	end();
	EQUAL(pid, waitpid(pid, NULL, 0));
}

static void process_that_is_ours_already_is_no_failure(void)
{
	struct subject subject = SUBJECT("sleep", "1000");
	pid_t tracer;

	begin();
	adopter->ops->found(adopter, subject.pid);
	UNTIL(is_traced(&subject));
	tracer = tracer_of(subject.pid);
	announce(&subject);
	EQUAL(1, turns_of(adopter->ops->fd(adopter)));
	EQUAL(0, refusals);
	EQUAL(tracer, tracer_of(subject.pid));
	end();
	subject_destroy(&subject);
}

static void each_has_a_thread_of_its_own_and_goes_on_without(void)
{
	struct subject crowd[CROWD];

	begin();
	for (int i = 0; i < CROWD; i++)
		crowd[i] = SUBJECT("sleep", "1000");
	for (int i = 0; i < CROWD; i++)
		announce(&crowd[i]);
	for (int i = 0; i < CROWD; i++)
		UNTIL(is_traced(&crowd[i]));
	for (int i = 1; i < CROWD; i++)
		CHECK(tracer_of(crowd[i].pid) != tracer_of(crowd[i - 1].pid));
	end();
	for (int i = 0; i < CROWD; i++) {
		UNTIL(!tracer_of(crowd[i].pid));
		EQUAL(0, kill(crowd[i].pid, 0));
	}
	for (int i = 0; i < CROWD; i++) {
		kill(crowd[i].pid, SIGTERM);
		EQUAL(SIGTERM, subject_status(&crowd[i]));
		subject_destroy(&crowd[i]);
	}
}

/* One after the other, and one that does not come between them. */
static void thread_serves_another_one(void)
{
	struct subject first = SUBJECT("sleep", "1000"), second = SUBJECT("sleep", "1000");
	pid_t tracer;

	begin();
	announce(&first);
	UNTIL(is_traced(&first));
	tracer = tracer_of(first.pid);
	kill(first.pid, SIGKILL);
	EQUAL(SIGKILL, subject_status(&first));
	EQUAL(1, turns_of(adopter->ops->fd(adopter)));

	CHECK(!tell(PREFORK_EVENT_PREFORK, INT_MAX, 1));
	CHECK(!tell(PREFORK_EVENT_FORK_FAILED, INT_MAX, 0));
	EQUAL(1, turns_of(adopter->ops->fd(adopter)));

	announce(&second);
	UNTIL(is_traced(&second));
	EQUAL(tracer, tracer_of(second.pid));
	kill(second.pid, SIGTERM);
	EQUAL(SIGTERM, subject_status(&second));
	EQUAL(1, turns_of(adopter->ops->fd(adopter)));
	EQUAL(1, deliveries);
	EQUAL(second.pid, last.pid);
	end();
	subject_destroy(&first);
	subject_destroy(&second);
}

/* It stops and goes on all the time while it is let go. */
static void busy_one_is_let_go(void)
{
	struct subject subject = SUBJECT("sh", "-c", "trap : USR1; trap 'exit 3' TERM; "
					 "while :; do kill -USR1 $$; done");

	begin();
	announce(&subject);
	for (int i = 0; i < 10; i++)
		turns_of(adopter->ops->fd(adopter));
	CHECK(deliveries);
	end();
	UNTIL(!tracer_of(subject.pid));
	kill(subject.pid, SIGTERM);
	EQUAL(3 << 8, subject_status(&subject));
	subject_destroy(&subject);
}

static void threads_that_are_found_are_traced(void)
{
	struct subject subject = SUBJECT("/proc/self/exe", "threads");

	subject_start(&subject);
	UNTIL(subject_traced(subject.pid, 0, false) == 1);
	begin();
	adopter->ops->found(adopter, subject.pid);
	UNTIL(is_traced(&subject));
	subject_start(&subject);
	UNTIL(subject_traced(subject.pid, tracer_of(subject.pid), false) == 2);
	kill(subject.pid, SIGKILL);
	EQUAL(SIGKILL, subject_status(&subject));
	end();
	subject_destroy(&subject);
}

static void end_of_our_own_child_is_for_us(void)
{
	int status, gate[2];
	pid_t pid;

	CHECK(!pipe(gate));
	pid = fork();
	if (!pid)
		subject_begin(gate[0], (char *[]){ "sh", "-c", "exit 3", NULL });
	begin();
	adopter->ops->found(adopter, pid);
	CHECK(is_thread_of_ours(tracer_of(pid)));
	CHECK(write(gate[1], "", 1) == 1);
	EQUAL(1, turns_of(adopter->ops->fd(adopter)));
	EQUAL(pid, waitpid(pid, &status, 0));
	EQUAL(3 << 8, status);
	end();
	close(gate[0]);
	close(gate[1]);
}

int main(int argc, char **argv)
{
	static const struct tap_test tests[] = {
		{ "a newborn is traced before it runs", newborn_is_traced_before_it_runs },
		{ "signals are told", signals_are_told },
		{ "an announced child that does not come is no loss",
		  announced_child_that_does_not_come_is_no_loss },
		{ "threads are nobody's business", threads_are_nobodys_business },
		{ "a newborn that cannot be traced is released",
		  newborn_that_cannot_be_traced_is_released },
		{ "a newborn that has ended is no failure", newborn_that_has_ended_is_no_failure },
		{ "a process that is ours already is no failure",
		  process_that_is_ours_already_is_no_failure },
		{ "each has a thread of its own, and goes on without",
		  each_has_a_thread_of_its_own_and_goes_on_without },
		{ "a thread serves another one", thread_serves_another_one },
		{ "one that takes signals all the time is let go", busy_one_is_let_go },
		{ "threads that are found are traced", threads_that_are_found_are_traced },
		{ "the end of our own child is for us", end_of_our_own_child_is_for_us },
	};

	if (argc > 1)
		subject_main(argv[1]);
	alarm(100);
	return TAP_RUN(tests);
}
