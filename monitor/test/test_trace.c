// SPDX-License-Identifier: GPL-2.0
/* trace/: one thread that traces, and real processes. */
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/ptrace.h>

#include "subject.h"
#include "trace/tracee.h"

#define STATUS(sig, event)	((sig) | (event) << 8)

static struct stop stop_at(int code, int status)
{
	siginfo_t info = { .si_signo = SIGCHLD, .si_code = code };

	info.si_pid = 12;
	info.si_status = status;
	return stop_of(&info);
}

static void stops_have_kinds(void)
{
	static const struct {
		int code, status;
		enum stop_kind kind;
		int signal;
	} rows[] = {
		{ CLD_EXITED, 3, STOP_END, 0 },
		{ CLD_KILLED, SIGKILL, STOP_END, 0 },
		{ CLD_DUMPED, SIGSEGV, STOP_END, 0 },
		{ CLD_TRAPPED, SIGTERM, STOP_SIGNAL, SIGTERM },
		{ CLD_TRAPPED, SIGSTOP, STOP_SIGNAL, SIGSTOP },
		{ CLD_TRAPPED, SIGTRAP, STOP_SIGNAL, SIGTRAP },
		{ CLD_TRAPPED, 64, STOP_SIGNAL, 64 },
		{ CLD_TRAPPED, STATUS(SIGSTOP, PTRACE_EVENT_STOP), STOP_GROUP, 0 },
		{ CLD_TRAPPED, STATUS(SIGTSTP, PTRACE_EVENT_STOP), STOP_GROUP, 0 },
		{ CLD_TRAPPED, STATUS(SIGTTIN, PTRACE_EVENT_STOP), STOP_GROUP, 0 },
		{ CLD_TRAPPED, STATUS(SIGTTOU, PTRACE_EVENT_STOP), STOP_GROUP, 0 },
		{ CLD_TRAPPED, STATUS(SIGTRAP, PTRACE_EVENT_STOP), STOP_PASSING, 0 },
		{ CLD_TRAPPED, STATUS(SIGTRAP, PTRACE_EVENT_CLONE), STOP_PASSING, 0 },
		{ CLD_TRAPPED, STATUS(SIGTRAP, PTRACE_EVENT_EXEC), STOP_PASSING, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct stop stop = stop_at(rows[i].code, rows[i].status);

		EQUAL(12, stop.tid);
		EQUAL(rows[i].kind, stop.kind);
		EQUAL(rows[i].signal, stop.signal);
	}
}

static pid_t sender(int sig, int code)
{
	siginfo_t info = { .si_signo = sig, .si_code = code };

	info.si_pid = 12;
	return stop_sender(&info);
}

static void senders_are_told_where_there_are(void)
{
	EQUAL(12, sender(SIGTERM, SI_USER));
	EQUAL(12, sender(SIGTERM, SI_TKILL));
	EQUAL(12, sender(SIGRTMIN, SI_QUEUE));
	EQUAL(12, sender(SIGCHLD, CLD_EXITED));
	EQUAL(12, sender(SIGCHLD, CLD_STOPPED));
	EQUAL(0, sender(SIGINT, SI_KERNEL));
	EQUAL(0, sender(SIGCHLD, SI_KERNEL));
	EQUAL(0, sender(SIGSEGV, SEGV_MAPERR));
	EQUAL(0, sender(SIGALRM, SI_TIMER));
	EQUAL(0, sender(SIGIO, POLL_IN));
}

/* A thread that traces; what it is to do stands in the test. */
struct tracer {
	struct subject subject;
	int err;
	pid_t tid;
	sem_t seized;
	int stops, last;
	atomic_int groups;
	bool leaves_signal;
	pthread_t thread;
};

static void trace(struct tracer *tracer)
{
	struct stop stop;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	tracer->tid = gettid();
	tracer->err = tracee_seize_process(tracer->subject.pid, TRACEE_THREADS);
	sem_post(&tracer->seized);
	while (!tracee_wait(&stop)) {
		tracer->stops += stop.kind == STOP_SIGNAL;
		tracer->groups += stop.kind == STOP_GROUP;
		if (stop.kind == STOP_SIGNAL)
			tracer->last = stop.signal;
		if (tracer->leaves_signal && stop.kind == STOP_SIGNAL)
			return;
		tracee_resume(&stop);
	}
}

static void *run(void *arg)
{
	pthread_cleanup_push(tracee_unwound, &arg);
	trace(arg);
	pthread_cleanup_pop(0);
	return NULL;
}

static void tracer_start(struct tracer *tracer)
{
	sem_init(&tracer->seized, 0, 0);
	pthread_create(&tracer->thread, NULL, run, tracer);
	while (sem_wait(&tracer->seized))
		;
}

static void tracer_join(struct tracer *tracer)
{
	pthread_join(tracer->thread, NULL);
	sem_destroy(&tracer->seized);
}

static void who_is_not_there_is_not_traced(void)
{
	struct tracer tracer = { .subject.pid = INT_MAX };

	tracer_start(&tracer);
	tracer_join(&tracer);
	EQUAL(-ESRCH, tracer.err);
}

static void ends_are_those_of_the_process(void)
{
	struct tracer tracer = { .subject = SUBJECT("sh", "-c", "exit 3") };

	tracer_start(&tracer);
	EQUAL(0, tracer.err);
	EQUAL(tracer.tid, tracer_of(tracer.subject.pid));
	subject_start(&tracer.subject);
	EQUAL(3 << 8, subject_status(&tracer.subject));
	tracer_join(&tracer);
	EQUAL(0, tracer.stops);
	subject_destroy(&tracer.subject);
}

static void signals_are_seen_and_taken(void)
{
	struct tracer tracer = { .subject = SUBJECT("sleep", "1000") };

	tracer_start(&tracer);
	kill(tracer.subject.pid, SIGTERM);
	EQUAL(SIGTERM, subject_status(&tracer.subject));
	tracer_join(&tracer);
	EQUAL(1, tracer.stops);
	EQUAL(SIGTERM, tracer.last);
	subject_destroy(&tracer.subject);
}

static void stopped_processes_stay_so_until_sigcont(void)
{
	struct tracer tracer = { .subject = SUBJECT("sleep", "1000") };
	int status;

	tracer_start(&tracer);
	kill(tracer.subject.pid, SIGSTOP);
	status = subject_status(&tracer.subject);
	CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	UNTIL(tracer.groups);
	kill(tracer.subject.pid, SIGCONT);
	CHECK(WIFCONTINUED(subject_status(&tracer.subject)));
	kill(tracer.subject.pid, SIGKILL);
	EQUAL(SIGKILL, subject_status(&tracer.subject));
	tracer_join(&tracer);
	CHECK(tracer.stops >= 1);
	subject_destroy(&tracer.subject);
}

/* The reason why stops are only looked at. */
static void signals_survive_a_tracer_that_ends(void)
{
	struct tracer tracer = { .subject = SUBJECT("sleep", "1000"), .leaves_signal = true };

	tracer_start(&tracer);
	kill(tracer.subject.pid, SIGTERM);
	tracer_join(&tracer);
	EQUAL(SIGTERM, subject_status(&tracer.subject));
	subject_destroy(&tracer.subject);
}

static void cancelled_tracer_lets_go(void)
{
	struct tracer tracer = { .subject = SUBJECT("sleep", "1000") };

	tracer_start(&tracer);
	pthread_cancel(tracer.thread);
	tracer_join(&tracer);
	UNTIL(!tracer_of(tracer.subject.pid));
	EQUAL(0, kill(tracer.subject.pid, 0));
	subject_destroy(&tracer.subject);
}

static void cancelled_tracer_leaves_stopped_what_is_stopped(void)
{
	struct tracer tracer = { .subject = SUBJECT("sleep", "1000") };

	tracer_start(&tracer);
	kill(tracer.subject.pid, SIGSTOP);
	CHECK(WIFSTOPPED(subject_status(&tracer.subject)));
	pthread_cancel(tracer.thread);
	tracer_join(&tracer);
	UNTIL(!tracer_of(tracer.subject.pid));
	kill(tracer.subject.pid, SIGTERM);
	kill(tracer.subject.pid, SIGCONT);
	/* The kernel may tell of the stop a second time, to its parent this time. */
	for (int status = 0; status != SIGTERM && status >= 0; )
		if (!CHECK((status = subject_status(&tracer.subject)) == SIGTERM ||
			   WIFSTOPPED(status) || WIFCONTINUED(status)))
			break;
	subject_destroy(&tracer.subject);
}

static int threads_of(pid_t pid)
{
	return proc_number(pid, "Threads");
}

static void all_threads_are_traced(void)
{
	struct tracer tracer = { .subject = SUBJECT("/proc/self/exe", "threads") };
	pid_t pid = tracer.subject.pid;

	subject_start(&tracer.subject);
	UNTIL(subject_traced(pid, 0, false) == 1);
	tracer_start(&tracer);
	EQUAL(0, tracer.err);
	EQUAL(threads_of(pid), subject_traced(pid, tracer.tid, true));
	subject_start(&tracer.subject);
	UNTIL(subject_traced(pid, tracer.tid, false) == 2);
	kill(pid, SIGKILL);
	EQUAL(SIGKILL, subject_status(&tracer.subject));
	tracer_join(&tracer);
	subject_destroy(&tracer.subject);
}

static void exec_by_another_thread_goes_through(void)
{
	struct tracer tracer = { .subject = SUBJECT("/proc/self/exe", "exec") };
	pid_t pid = tracer.subject.pid;

	subject_start(&tracer.subject);
	UNTIL(subject_traced(pid, 0, false) == 1);
	tracer_start(&tracer);
	subject_start(&tracer.subject);
	UNTIL(threads_of(pid) == 1);
	EQUAL(tracer.tid, tracer_of(pid));
	kill(pid, SIGTERM);
	EQUAL(SIGTERM, subject_status(&tracer.subject));
	tracer_join(&tracer);
	EQUAL(SIGTERM, tracer.last);
	subject_destroy(&tracer.subject);
}

static void tracer_of_another_is_respected(void)
{
	struct tracer first = { .subject = SUBJECT("sleep", "1000") };
	struct tracer second = first;

	tracer_start(&first);
	tracer_start(&second);
	EQUAL(-EPERM, second.err);
	tracer_join(&second);
	EQUAL(first.tid, tracer_of(first.subject.pid));
	kill(first.subject.pid, SIGKILL);
	tracer_join(&first);
	subject_destroy(&first.subject);
}

int main(int argc, char **argv)
{
	static const struct tap_test tests[] = {
		{ "stops have kinds", stops_have_kinds },
		{ "senders are told where there are any", senders_are_told_where_there_are },
		{ "who is not there is not traced", who_is_not_there_is_not_traced },
		{ "a process ends as it would", ends_are_those_of_the_process },
		{ "signals are seen, and taken", signals_are_seen_and_taken },
		{ "a stopped process stays so until SIGCONT",
		  stopped_processes_stay_so_until_sigcont },
		{ "a signal survives a tracer that ends", signals_survive_a_tracer_that_ends },
		{ "a tracer that is cancelled lets go", cancelled_tracer_lets_go },
		{ "what is stopped stays stopped without its tracer",
		  cancelled_tracer_leaves_stopped_what_is_stopped },
		{ "all threads are traced, later ones too", all_threads_are_traced },
		{ "an exec by another thread goes through", exec_by_another_thread_goes_through },
		{ "the tracer of another is respected", tracer_of_another_is_respected },
	};

	if (argc > 1)
		subject_main(argv[1]);
	alarm(60);
	return TAP_RUN(tests);
}
