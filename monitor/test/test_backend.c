// SPDX-License-Identifier: GPL-2.0
/*
 * source/ptrace, by cli/run and cli/attach with real commands. Each verb runs in
 * a child, which an alarm ends where nothing else does.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include "cli/diagnose.h"
#include "cli/verbs.h"
#include "core/proc.h"
#include "ending.h"
#include "tap.h"

/* Seconds. */
#define PATIENCE	60

static _Noreturn void run_verb(int output, char **argv)
{
	int argc = 0, nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

	dup2(output, STDOUT_FILENO);
	if (!getenv("LOUD"))
		dup2(nowhere, STDERR_FILENO);
	while (argv[argc])
		argc++;
	alarm(PATIENCE);
	_exit(!strcmp(argv[0], "run") ? verb_run(argc, argv) : verb_attach(argc, argv));
}

static pid_t start(int *output, char **argv)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		abort();
	fflush(stdout);
	pid = fork();
	if (!pid)
		run_verb(ends[1], argv);
	close(ends[1]);
	*output = ends[0];
	return pid;
}

/* Of the last verb. */
static struct json_object *events;

/* Its lines, to the end. */
static void read_events(int output)
{
	FILE *in = fdopen(output, "r");
	char *line = NULL;
	size_t size = 0;

	json_object_put(events);
	events = json_object_new_array();
	while (getline(&line, &size, in) > 0)
		json_object_array_add(events, json_tokener_parse(line));
	free(line);
	fclose(in);
}

static int run(char **argv)
{
	int output;
	pid_t pid = start(&output, argv);

	read_events(output);
	return end_of(pid);
}
#define RUN(...) \
	run((char *[]){ "run", "--backend", "ptrace", "--format", "json", __VA_ARGS__, NULL })

static struct json_object *event_at(size_t i)
{
	return json_object_array_get_idx(events, i);
}

static int64_t number(struct json_object *event, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(event, key, &value) ? json_object_get_int64(value) : -1;
}

static bool is(struct json_object *event, const char *name)
{
	struct json_object *value;

	return json_object_object_get_ex(event, "event", &value) &&
		!strcmp(json_object_get_string(value), name);
}

static size_t count(const char *name, const char *key, int64_t wanted)
{
	size_t found = 0;

	for (size_t i = 0; i < json_object_array_length(events); i++)
		found += is(event_at(i), name) && (!key || number(event_at(i), key) == wanted);
	return found;
}

/* Numbers without gap, and nobody does anything before it is born or after its end. */
static void check_order(void)
{
	for (size_t i = 0; i < json_object_array_length(events); i++) {
		struct json_object *event = event_at(i);
		size_t born = 0, ended = 0;

		EQUAL(i + 1, number(event, "seq"));
		EQUAL(geteuid(), number(event, "uid"));
		for (size_t j = 0; j < i; j++) {
			bool same = number(event_at(j), "pid") == number(event, "pid");

			born += same && is(event_at(j), "born");
			ended += same && is(event_at(j), "exit");
		}
		EQUAL(is(event, "born") ? 0 : number(event, "pid") != number(event_at(0), "pid"),
		      born);
		EQUAL(0, ended);
	}
}

static void command_ends_as_it_would(void)
{
	EQUAL(0, RUN("true"));
	EQUAL(3, RUN("sh", "-c", "exit 3"));
	EQUAL(128 + SIGKILL, RUN("sh", "-c", "kill -KILL $$"));
	EQUAL(128 + SIGUSR1, RUN("sh", "-c", "kill -USR1 $$"));
	EQUAL(4, RUN("sh", "-c", "trap 'exit 4' USR1; kill -USR1 $$"));
	EQUAL(STATUS_NOT_FOUND, RUN("/nowhere/command"));
}

static void family_is_told_of(void)
{
	EQUAL(3, RUN("sh", "-c", "/bin/true; (exit 5); /bin/false | /bin/true; exit 3"));
	check_order();
	EQUAL(4, count("born", NULL, 0));
	EQUAL(4, count("exec", NULL, 0));
	EQUAL(5, count("exit", NULL, 0));
	EQUAL(1, count("exit", "status", 3 << 8));
	EQUAL(1, count("exit", "status", 5 << 8));
	EQUAL(4, count("born", "ppid", number(event_at(0), "pid")));
	CHECK(count("vfork_done", NULL, 0) > 0);
}

static void nothing_is_missed_in_a_storm(void)
{
	EQUAL(0, RUN("sh", "-c",
		     "for i in 1 2 3 4 5 6 7 8 9 10; do"
		     " for j in 1 2 3 4 5 6 7 8 9 10; do /bin/true & (exit 3) & done; done; wait"));
	check_order();
	EQUAL(200, count("born", NULL, 0));
	EQUAL(101, count("exec", NULL, 0));
	EQUAL(201, count("exit", NULL, 0));
	EQUAL(100, count("exit", "status", 3 << 8));
}

/* Sanitizers have a thread of their own before the command begins. */
static void forget_what_was_before_the_command(void)
{
	size_t i = 0;

	while (i < json_object_array_length(events) && !is(event_at(i), "exec"))
		i++;
	json_object_array_del_idx(events, 0, i);
}

static void threads_are_told_of_on_request(void)
{
	static char threads[] = "import threading, os\n"
		"for i in range(5):\n"
		"    t = threading.Thread(target=os.getpid); t.start(); t.join()\n";

	EQUAL(0, RUN("/usr/bin/python3", "-c", threads));
	EQUAL(0, count("born", NULL, 0));
	EQUAL(1, count("exit", NULL, 0));
	EQUAL(0, RUN("--threads", "/usr/bin/python3", "-c", threads));
	forget_what_was_before_the_command();
	EQUAL(5, count("born", NULL, 0));
	EQUAL(6, count("exit", NULL, 0));
	EQUAL(6, count("exit", "pid", number(event_at(0), "pid")));
}

/* What is stopped stays so until somebody has it go on. */
static void stops_are_left_alone(void)
{
	EQUAL(7, RUN("sh", "-c",
		     "sh -c 'kill -STOP $$; exit 6' & while kill -CONT $! 2>/dev/null;"
		     " do /bin/true; done; wait $!; [ $? = 6 ] && exit 7"));
}

static void who_gets_no_memory_of_us_goes_on(int sig, int want)
{
	int output;
	char byte;
	pid_t pid;

	/* A line once it runs; another one when the tracer has gone. */
	pid = start(&output, (char *[]){ "run", "--backend", "ptrace", "-q", "sh", "-c",
		"echo $PPID; while grep -q 'TracerPid:.[1-9]' /proc/self/status; do :; done;"
		" /bin/echo x", NULL });
	EQUAL(1, read(output, &byte, 1));
	kill(pid, sig);
	EQUAL(want, end_of(pid));
	while (read(output, &byte, 1) == 1 && byte != 'x')
		;
	EQUAL('x', byte);
	close(output);
}

static void all_goes_on_when_the_tracer_ends(void)
{
	who_gets_no_memory_of_us_goes_on(SIGKILL, -SIGKILL);
	who_gets_no_memory_of_us_goes_on(SIGTERM, 128 + SIGTERM);
}

static pid_t family(int *gate)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, 0) < 0)
		abort();
	pid = fork();
	if (!pid) {
		dup2(ends[0], STDIN_FILENO);
		close(ends[0]);
		close(ends[1]);
		execlp("sh", "sh", "-c", "exec 3<&0; (read x <&3; /bin/true; :) & wait", (char *)NULL);
		_exit(127);
	}
	close(ends[0]);
	*gate = ends[1];
	return pid;
}

static bool is_traced(pid_t pid)
{
	return proc_number(pid, "TracerPid") > 0;
}

/* Its first child, once there is one. */
static pid_t child_of(pid_t pid)
{
	char path[64], text[64] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	for (int i = 0; i < 100000 && !*text; i++) {
		file = fopen(path, "r");
		if (!file)
			return -1;
		if (!fgets(text, sizeof(text), file))
			*text = '\0';
		fclose(file);
	}
	return atoi(text);
}

/* What the terminal does to a job; stopped, it would stop what it traces. */
static void check_stops_for_nobody(pid_t verb, pid_t pid)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	siginfo_t stop = { 0 };

	while (!kill(pid, 0) && !waitid(P_PID, pid, &stop, WEXITED | WNOHANG | WNOWAIT) && !stop.si_pid) {
		nanosleep(&moment, NULL);
		if (waitid(P_PID, verb, &stop, WSTOPPED | WNOHANG) || !stop.si_pid)
			continue;
		EQUAL(0, stop.si_status);
		kill(verb, SIGCONT);
		stop.si_pid = 0;
	}
}

static void running_family_is_followed(void)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	int gate, output;
	pid_t pid = family(&gate), child = child_of(pid), verb;
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	verb = start(&output, (char *[]){ "attach", "--backend", "ptrace", "--format", "json", text,
					  NULL });
	setpgid(verb, verb);	/* with a parent in another one it can be stopped */
	for (int i = 0; i < 1000 * PATIENCE && !is_traced(child); i++)
		nanosleep(&moment, NULL);
	CHECK(is_traced(pid) && is_traced(child));
	kill(verb, SIGTSTP);
	kill(verb, SIGTTOU);
	kill(verb, SIGTTIN);
	EQUAL(1, write(gate, "\n", 1));
	check_stops_for_nobody(verb, pid);
	EQUAL(0, end_of(pid));
	close(gate);
	read_events(output);
	EQUAL(0, end_of(verb));
	EQUAL(1, count("born", "ppid", child));
	EQUAL(1, count("exit", "pid", pid));
	EQUAL(1, count("exit", "pid", child));
	EQUAL(3, count("exit", NULL, 0));
}

/* Where it is loaded it is used. */
static void without_the_module_this_is_the_way(void)
{
	EQUAL(3, run((char *[]){ "run", "--format", "json", "sh", "-c", "/bin/true; exit 3", NULL }));
	EQUAL(2, count("exit", NULL, 0));
}

static void what_needs_the_module_is_refused(void)
{
	static char *const wrong[][2] = {
		{ "--hold", "vfork" }, { "--hold", "all" }, { "--max-procs", "9" },
		{ "--max-depth", "9" }, { "--adopt", "strace -p {pid}" }, { "--trace", "--tree" }, { "--dap", "--tree" },
		{ "--backend", "none" },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		EQUAL(STATUS_FAILURE, RUN(wrong[i][0], wrong[i][1], "sh", "-c", "exit 3"));
}

int main(void)
{
	static const struct tap_test tests[] = {
		{ "the command ends as it would", command_ends_as_it_would },
		{ "a family is told of", family_is_told_of },
		{ "nothing is missed in a storm", nothing_is_missed_in_a_storm },
		{ "threads are told of on request", threads_are_told_of_on_request },
		{ "stops are left alone", stops_are_left_alone },
		{ "all goes on when the tracer ends", all_goes_on_when_the_tracer_ends },
		{ "a running family is followed", running_family_is_followed },
		{ "without the module this is the way", without_the_module_this_is_the_way },
		{ "what needs the module is refused", what_needs_the_module_is_refused },
	};
	int status = TAP_RUN(tests);

	json_object_put(events);
	return status;
}
