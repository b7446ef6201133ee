// SPDX-License-Identifier: GPL-2.0
/*
 * cli/resync and cli/release, who ask the kernel for the state: it is made
 * here, of real processes. The library's session is made of functions of this
 * file.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <prefork.h>

#include "cli/diagnose.h"
#include "cli/resync.h"
#include "cli/verbs.h"
#include "core/clock.h"
#include "core/tree.h"
#include "tap.h"

#define OWNER		4711
#define WATCHED_MAX	8
#define SECOND		UINT64_C(1000000000)

static struct {
	struct prefork_watched watched[WATCHED_MAX];
	struct prefork_held held[WATCHED_MAX];	/* one each */
	size_t count;
	int error;			/* of the next dumps */
	int force_error;		/* of a forced release */
	int dumps;
	uint64_t released[WATCHED_MAX];
	size_t released_count;
} state;

int prefork_open(struct prefork **pf)
{
	*pf = (struct prefork *)&state;
	return 0;
}

int prefork_release(struct prefork *pf, uint64_t cookie)
{
	(void)pf;
	state.released[state.released_count++] = cookie;
	return 0;
}

int prefork_release_forced(struct prefork *pf, uint64_t cookie)
{
	return state.force_error ? state.force_error : prefork_release(pf, cookie);
}

int prefork_get(struct prefork *pf, pid_t pid, struct prefork_watched **watched)
{
	(void)pf;
	*watched = NULL;
	for (size_t i = 0; i < state.count; i++) {
		if (state.watched[i].pid != pid)
			continue;
		*watched = malloc(sizeof(**watched));
		if (!*watched)
			return -ENOMEM;
		**watched = state.watched[i];
		return 0;
	}
	return -ESRCH;
}

uint32_t prefork_owner(const struct prefork *pf)
{
	(void)pf;
	return OWNER;
}

int prefork_dump(struct prefork *pf, prefork_dump_fn fn, void *arg)
{
	int err = state.error;

	(void)pf;
	state.dumps++;
	for (size_t i = 0; !err && i < state.count; i++)
		err = fn(&state.watched[i], arg);
	return err;
}

static struct prefork_watched *watch(pid_t pid)
{
	struct prefork_watched *watched = &state.watched[state.count++];

	*watched = (struct prefork_watched){
		.pid = pid, .comm = "old", .owner = OWNER, .owner_pid = getpid(),
	};
	return watched;
}

static void hold(pid_t pid, pid_t tid, uint64_t cookie)
{
	struct prefork_watched *watched = watch(pid);
	struct prefork_held *held = &state.held[watched - state.watched];

	*held = (struct prefork_held){ .tid = tid, .child = 77, .cookie = cookie };
	watched->held = held;
	watched->held_count = 1;
}

/* A process that waits to be killed. */
static pid_t live(void)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* ---- resync ---- */

static struct {
	struct tree *tree;
	struct resync *resync;
	uint64_t answered;	/* by somebody else */
	pid_t found;		/* the last one */
	int done;
	size_t found_count, gone_count;
} scene;

static void on_found(void *arg, pid_t pid, const char *comm)
{
	CHECK(arg == &scene);
	STRING(comm, "test_state");
	scene.found = pid;
	tree_add(scene.tree, pid, &(struct origin){ .start = boottime() }, comm, NULL);
}

static bool on_answers(void *arg, uint64_t cookie)
{
	CHECK(arg == &scene);
	return cookie == scene.answered;
}

static void on_done(void *arg, uint64_t time, size_t found, size_t gone)
{
	CHECK(arg == &scene);
	CHECK(time <= boottime());
	scene.done++;
	scene.found_count = found;
	scene.gone_count = gone;
}

static void begin(void)
{
	const struct resync_listener listener = {
		.found = on_found, .answers = on_answers, .done = on_done, .arg = &scene,
	};

	memset(&state, 0, sizeof(state));
	memset(&scene, 0, sizeof(scene));
	scene.tree = tree_create(true);
	scene.resync = resync_create((struct prefork *)&state, scene.tree, &listener);
	tree_add(scene.tree, getpid(), &(struct origin){ .start = 1 }, "test_state", NULL);
	watch(getpid());
}

static void finish(void)
{
	resync_destroy(scene.resync);
	tree_destroy(scene.tree);
}

static void result_is(int done, size_t found, size_t gone)
{
	EQUAL(done, scene.done);
	EQUAL(found, scene.found_count);
	EQUAL(gone, scene.gone_count);
	EQUAL(false, resync_pending(scene.resync));
}

static void lose(void)
{
	resync_want(scene.resync, boottime());
	EQUAL(true, resync_pending(scene.resync));
	resync_turn(scene.resync, 0, false);
}

/* The events have been read that far, and further. */
static void settle(void)
{
	resync_turn(scene.resync, boottime() + SECOND, false);
}

static void watched_process_that_is_unknown_is_found(void)
{
	pid_t pid = live();

	begin();
	watch(pid);
	lose();
	/* Its birth may still be told of. */
	resync_turn(scene.resync, boottime(), false);
	EQUAL(0, scene.done);
	settle();
	result_is(1, 1, 0);
	EQUAL(pid, scene.found);
	CHECK(tree_find(scene.tree, pid) && tree_find(scene.tree, pid)->found);
	finish();
	end(pid);
}

static void quiet_is_as_good_as_later_events(void)
{
	pid_t pid = live();

	begin();
	watch(pid);
	lose();
	resync_turn(scene.resync, 0, true);
	result_is(1, 1, 0);
	finish();
	end(pid);
}

static struct prefork_event event;

static void tell(uint32_t type, pid_t pid)
{
	event = (struct prefork_event){
		.type = type, .pid = pid, .tid = pid, .time = boottime(), .comm = "test_state",
	};
	tree_event(scene.tree, &event, NULL, NULL);
}

static void event_on_its_way_makes_no_difference(void)
{
	pid_t pid = live(), other = live();

	begin();
	watch(pid);
	tell(PREFORK_EVENT_BORN, other);
	lose();
	tell(PREFORK_EVENT_BORN, pid);
	tell(PREFORK_EVENT_EXIT, other);
	settle();
	result_is(1, 0, 0);
	EQUAL(3, tree_count(scene.tree));
	EQUAL(PROCESS_ENDED, tree_next(tree_first(scene.tree))->state);
	finish();
	end(pid);
	end(other);
}

static void end_after_the_state_is_for_its_event(void)
{
	pid_t pid = live();

	begin();
	watch(pid);
	lose();
	state.count--;
	settle();
	result_is(1, 0, 0);
	finish();
	end(pid);
}

static void those_that_are_not_watched_are_closed(void)
{
	pid_t lives = live(), zombie = live(), newborn = live();

	begin();
	tell(PREFORK_EVENT_BORN, lives);
	tell(PREFORK_EVENT_BORN, zombie);
	kill(zombie, SIGKILL);
	waitid(P_PID, (id_t)zombie, &(siginfo_t){ 0 }, WEXITED | WNOWAIT);
	lose();
	tell(PREFORK_EVENT_BORN, newborn);
	settle();
	result_is(1, 0, 2);
	CHECK(tree_find(scene.tree, getpid()));
	CHECK(tree_find(scene.tree, newborn));
	EQUAL(PROCESS_UNWATCHED, tree_next(tree_first(scene.tree))->state);
	EQUAL(PROCESS_UNSEEN, tree_next(tree_next(tree_first(scene.tree)))->state);
	finish();
	end(lives);
	end(zombie);
	end(newborn);
}

/* A dump is no snapshot. */
static void one_that_the_state_lacks_is_asked_for(void)
{
	pid_t pid = live();

	begin();
	tell(PREFORK_EVENT_BORN, pid);
	lose();
	watch(pid);
	settle();
	result_is(1, 0, 0);
	CHECK(tree_find(scene.tree, pid));
	finish();
	end(pid);
}

static void what_others_watch_is_no_matter(void)
{
	pid_t pid = live(), other = live();

	begin();
	watch(pid)->owner++;
	watch(other)->owner_pid++;
	lose();
	settle();
	result_is(1, 0, 0);
	finish();
	end(pid);
	end(other);
}

static void names_are_brought_up_to_date(void)
{
	begin();
	tree_rename(scene.tree, getpid(), "before", NULL);
	lose();
	settle();
	result_is(1, 0, 0);
	STRING(tree_find(scene.tree, getpid())->comm, "test_state");
	CHECK(strstr(tree_find(scene.tree, getpid())->command, "test_state"));
	finish();
}

static void hold_that_nobody_answers_is_answered(void)
{
	begin();
	state.count = 0;
	hold(getpid(), getpid(), 10);
	hold(getppid(), getppid(), 11);
	hold(getppid(), getppid(), 12);
	state.watched[2].owner++;
	scene.answered = 10;
	tree_add(scene.tree, getppid(), &(struct origin){ .start = 1 }, "parent", NULL);
	lose();
	EQUAL(0, state.released_count);
	settle();
	result_is(1, 0, 0);
	EQUAL(1, state.released_count);
	EQUAL(11, state.released[0]);
	finish();
}

static void state_is_asked_for_until_it_comes(void)
{
	begin();
	state.error = -ENOBUFS;
	lose();
	settle();
	EQUAL(2, state.dumps);
	state.error = 0;
	settle();
	EQUAL(0, scene.done);
	settle();
	result_is(1, 0, 0);
	finish();
}

static void refusal_is_no_reason_to_ask_for_ever(void)
{
	begin();
	state.error = -EPERM;
	lose();
	result_is(0, 0, 0);
	state.error = -ENOBUFS;
	lose();
	for (int i = 0; i < 1000; i++)
		settle();
	result_is(0, 0, 0);
	CHECK(state.dumps < 200);
	finish();
}

static void losses_before_the_state_are_in_it(void)
{
	uint64_t before = boottime();

	begin();
	lose();
	resync_want(scene.resync, before);
	settle();
	result_is(1, 0, 0);
	lose();
	resync_want(scene.resync, boottime());
	settle();
	EQUAL(2, scene.done);
	EQUAL(true, resync_pending(scene.resync));
	settle();
	result_is(3, 0, 0);
	finish();
}

/* ---- release ---- */

static struct {
	int status;
	char out[1024], err[1024];
} said;

static void take_over(int fd, FILE *file)
{
	dup2(fileno(file), fd);
}

static void read_back(FILE *file, char *to, size_t size)
{
	rewind(file);
	to[fread(to, 1, size - 1, file)] = '\0';
	fclose(file);
}

static void run(char **argv)
{
	FILE *out = tmpfile(), *err = tmpfile();
	int saved[2] = { dup(STDOUT_FILENO), dup(STDERR_FILENO) }, argc = 0;

	while (argv[argc])
		argc++;
	fflush(stdout);
	take_over(STDOUT_FILENO, out);
	take_over(STDERR_FILENO, err);
	said.status = verb_release(argc, argv);
	fflush(stdout);
	for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
		dup2(saved[fd - 1], fd);
		close(saved[fd - 1]);
	}
	read_back(out, said.out, sizeof(said.out));
	read_back(err, said.err, sizeof(said.err));
}

#define RUN(...)	run((char *[]){ "release", __VA_ARGS__, NULL })

static size_t lines(const char *text)
{
	size_t count = 0;

	while ((text = strchr(text, '\n'))) {
		text++;
		count++;
	}
	return count;
}

static void two_are_held(void)
{
	memset(&state, 0, sizeof(state));
	hold(100000001, 100000002, 10);
	hold(100000003, 100000003, 11);
	watch(100000004);
}

static void without_force_it_is_explained(void)
{
	two_are_held();
	RUN("100000001");
	EQUAL(STATUS_FAILURE, said.status);
	CHECK(strstr(said.err, "only the monitor that holds a task can answer for it; --force"));
	EQUAL(1, lines(said.err));
	RUN("--force");
	EQUAL(STATUS_FAILURE, said.status);
	RUN("--force", "--all", "100000001");
	EQUAL(STATUS_FAILURE, said.status);
	RUN("--force", "x");
	EQUAL(STATUS_FAILURE, said.status);
	EQUAL(0, state.dumps);
	EQUAL(0, state.released_count);
}

static void task_is_named_by_its_process_or_thread(void)
{
	two_are_held();
	RUN("--force", "100000001");
	EQUAL(0, said.status);
	STRING(said.err, "");
	EQUAL(1, lines(said.out));
	CHECK(strstr(said.out, "released task 100000002 ("));
	CHECK(strstr(said.out, ", about to create 77\n"));
	EQUAL(1, state.released_count);
	EQUAL(10, state.released[0]);
	RUN("--force", "100000002", "100000001", "100000003");
	EQUAL(0, said.status);
	EQUAL(2, lines(said.out));
	EQUAL(3, state.released_count);
}

static void all_are_all_that_are_held(void)
{
	two_are_held();
	RUN("--force", "--all");
	EQUAL(0, said.status);
	EQUAL(2, lines(said.out));
	state.count = 0;
	RUN("--force", "--all");
	EQUAL(0, said.status);
	STRING(said.out, "");
}

static void who_is_not_held_is_told_of(void)
{
	two_are_held();
	RUN("--force", "100000004", "100000003");
	EQUAL(STATUS_FAILURE, said.status);
	EQUAL(1, lines(said.out));
	EQUAL(1, lines(said.err));
	CHECK(strstr(said.err, "no task of process 100000004 is held; 'vforkmon status'"));
}

static void refusal_says_what_is_needed(void)
{
	two_are_held();
	state.force_error = -EPERM;
	RUN("--force", "--all");
	EQUAL(STATUS_FAILURE, said.status);
	STRING(said.out, "");
	EQUAL(1, lines(said.err));
	CHECK(strstr(said.err, "CAP_SYS_ADMIN is needed"));
}

static void who_goes_on_by_itself_is_no_failure(void)
{
	two_are_held();
	state.force_error = -ENOENT;
	RUN("--force", "100000001");
	EQUAL(0, said.status);
	STRING(said.out, "");
	STRING(said.err, "");
}

int main(void)
{
	static const struct tap_test tests[] = {
		{ "a watched process that is unknown is found",
		  watched_process_that_is_unknown_is_found },
		{ "quiet is as good as later events", quiet_is_as_good_as_later_events },
		{ "an event on its way makes no difference", event_on_its_way_makes_no_difference },
		{ "an end after the state was read is for its event",
		  end_after_the_state_is_for_its_event },
		{ "those that are not watched are closed", those_that_are_not_watched_are_closed },
		{ "one that the state lacks is asked for once more",
		  one_that_the_state_lacks_is_asked_for },
		{ "what others watch is no matter", what_others_watch_is_no_matter },
		{ "names are brought up to date", names_are_brought_up_to_date },
		{ "a hold that nobody answers is answered", hold_that_nobody_answers_is_answered },
		{ "the state is asked for until it comes", state_is_asked_for_until_it_comes },
		{ "a refusal is no reason to ask for ever", refusal_is_no_reason_to_ask_for_ever },
		{ "losses before the state was read are in it", losses_before_the_state_are_in_it },
		{ "release without --force is explained", without_force_it_is_explained },
		{ "a task is named by its process or thread",
		  task_is_named_by_its_process_or_thread },
		{ "--all are all that are held", all_are_all_that_are_held },
		{ "who is not held is told of", who_is_not_held_is_told_of },
		{ "a refusal says what is needed", refusal_says_what_is_needed },
		{ "who goes on by itself is no failure", who_goes_on_by_itself_is_no_failure },
	};

	return TAP_RUN(tests);
}
