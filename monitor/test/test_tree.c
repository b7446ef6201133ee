// SPDX-License-Identifier: GPL-2.0
/* core/tree */
#include <stdlib.h>
#include <string.h>

#include <prefork.h>

#include "core/tree.h"
#include "tap.h"

static struct prefork_event event;

static struct prefork_event *make(uint32_t type, pid_t pid, uint64_t time)
{
	memset(&event, 0, sizeof(event));
	event.type = type;
	event.pid = pid;
	event.tid = pid;
	event.time = time;
	strcpy(event.comm, "name");
	return &event;
}

static void born(struct tree *tree, pid_t pid, pid_t ppid, uint64_t time)
{
	make(PREFORK_EVENT_BORN, pid, time)->ppid = ppid;
	CHECK(tree_event(tree, &event, NULL, NULL));
}

static void executes(struct tree *tree, pid_t pid, const char *command)
{
	strcpy(make(PREFORK_EVENT_EXEC, pid, 0)->path, "/bin/it");
	CHECK(tree_event(tree, &event, command ? strdup(command) : NULL, NULL));
}

static void ends(struct tree *tree, pid_t pid, uint64_t time, int status)
{
	make(PREFORK_EVENT_EXIT, pid, time)->status = status;
	CHECK(tree_event(tree, &event, NULL, NULL));
}

static const char *title(const struct process *process)
{
	static char text[8192];

	process_title(process, text, sizeof(text));
	return text;
}

static void parentage_follows_births(void)
{
	struct tree *tree = tree_create(true);
	const struct process *p;

	tree_add(tree, 1, &(struct origin){ .start = 5 }, "sh", strdup("sh -c x"));
	born(tree, 2, 1, 10);
	executes(tree, 2, "/bin/true");
	born(tree, 3, 1, 11);
	born(tree, 4, 2, 12);
	ends(tree, 2, 20, 256);
	EQUAL(4, tree_count(tree));
	EQUAL(3, tree_running(tree));

	p = tree_first(tree);
	EQUAL(1, p->pid);
	EQUAL(0, p->depth);
	p = tree_next(p);
	EQUAL(2, p->pid);
	EQUAL(PROCESS_ENDED, p->state);
	EQUAL(256, p->status);
	EQUAL(10, p->origin.start);
	EQUAL(20, p->end);
	STRING(title(p), "/bin/true");
	p = tree_next(p);
	EQUAL(4, p->pid);
	EQUAL(2, p->depth);
	EQUAL(2, p->parent->pid);
	STRING(title(p), "[name]");
	p = tree_next(p);
	EQUAL(3, p->pid);
	STRING(title(p), "[name]");
	CHECK(!tree_next(p));
	tree_destroy(tree);
}

static void reused_pid_is_another_process(void)
{
	struct tree *tree = tree_create(true);
	const struct process *p;

	born(tree, 1, 0, 1);
	born(tree, 2, 1, 2);
	executes(tree, 2, "first");
	ends(tree, 2, 3, 0);
	CHECK(!tree_find(tree, 2));
	born(tree, 2, 1, 4);
	born(tree, 3, 2, 5);
	p = tree_first(tree)->first_child;
	STRING(title(p), "first");
	CHECK(!p->first_child);
	EQUAL(3, p->next_sibling->first_child->pid);

	/* Its end was missed. */
	born(tree, 2, 1, 6);
	EQUAL(PROCESS_UNSEEN, p->next_sibling->state);
	EQUAL(6, tree_find(tree, 2)->origin.start);
	EQUAL(3, tree_running(tree));
	tree_destroy(tree);
}

static void found_process_may_be_born_later(void)
{
	struct tree *tree = tree_create(true);

	tree_add(tree, 1, &(struct origin){ .start = 5 }, "sh", NULL);
	tree_add(tree, 2, &(struct origin){ .ppid = 1, .start = 6 }, "sub", NULL);
	CHECK(tree_find(tree, 2)->found);
	born(tree, 2, 1, 7);
	EQUAL(2, tree_count(tree));
	CHECK(!tree_find(tree, 2)->found);
	EQUAL(7, tree_find(tree, 2)->origin.start);
	/* And one that was born before it is found stays what it is. */
	tree_add(tree, 2, &(struct origin){ .ppid = 1, .start = 9 }, "sub", strdup("sub"));
	EQUAL(7, tree_find(tree, 2)->origin.start);
	tree_destroy(tree);
}

static struct origin acts_as(struct tree *tree, uint32_t type, pid_t pid, uid_t uid)
{
	struct origin origin;

	make(type, pid, 9)->uid = uid;
	CHECK(tree_event(tree, &event, NULL, &origin));
	return origin;
}

static void user_is_that_of_the_last_event(void)
{
	const uid_t unknown = (uid_t)-1;
	struct tree *tree = tree_create(true);
	struct origin origin;

	EQUAL(unknown, origin_uid(&(struct origin){ 0 }));
	origin = acts_as(tree, PREFORK_EVENT_BORN, 1, 1000);
	EQUAL(1000, origin_uid(&origin));
	origin = acts_as(tree, PREFORK_EVENT_EXEC, 1, 0);
	EQUAL(0, origin_uid(&origin));
	CHECK(origin.has_uid);
	EQUAL(0, origin_uid(&tree_find(tree, 1)->origin));
	/* Where an event does not tell it is as it was. */
	origin = acts_as(tree, PREFORK_EVENT_VFORK_DONE, 1, unknown);
	EQUAL(0, origin_uid(&origin));
	CHECK(origin.has_uid);
	/* Somebody who may not be watched is somebody else. */
	make(PREFORK_EVENT_UNWATCHED, 1, 9)->uid = unknown;
	event.reason = PREFORK_REASON_ACCESS;
	CHECK(tree_event(tree, &event, NULL, &origin));
	CHECK(!origin.has_uid);
	origin = acts_as(tree, PREFORK_EVENT_BORN, 1, 1000);
	origin = acts_as(tree, PREFORK_EVENT_UNWATCHED, 1, unknown);
	EQUAL(1000, origin_uid(&origin));
	origin = acts_as(tree, PREFORK_EVENT_BORN, 1, 1000);
	origin = acts_as(tree, PREFORK_EVENT_EXIT, 1, 33);
	EQUAL(33, origin_uid(&origin));
	/* Of one whose birth was missed. */
	origin = acts_as(tree, PREFORK_EVENT_EXEC, 2, 33);
	EQUAL(33, origin_uid(&origin));
	EQUAL(33, origin_uid(&tree_find(tree, 2)->origin));
	/* A thread that acts for somebody else does not change the process. */
	make(PREFORK_EVENT_VFORK_DONE, 2, 9)->uid = 44;
	event.tid = 3;
	CHECK(tree_event(tree, &event, NULL, &origin));
	EQUAL(44, origin_uid(&origin));
	EQUAL(33, origin_uid(&tree_find(tree, 2)->origin));
	tree_destroy(tree);
}

static const struct span *last_span(const struct tree *tree, pid_t pid)
{
	return tree_find(tree, pid)->spans.last;
}

static void announces(struct tree *tree, pid_t pid, pid_t child, uint64_t time)
{
	make(PREFORK_EVENT_PREFORK, pid, time)->child = child;
	event.cookie = 1;
	CHECK(tree_event(tree, &event, NULL, NULL));
}

static void holds_last_until_they_must_be_over(void)
{
	struct tree *tree = tree_create(true);

	born(tree, 1, 0, 1);
	announces(tree, 1, 2, 5);
	announces(tree, 1, 3, 6);	/* by another thread */
	EQUAL(0, last_span(tree, 1)->end);
	make(PREFORK_EVENT_BORN, 2, 8)->ppid = 1;
	event.cookie = 2;
	CHECK(tree_event(tree, &event, NULL, NULL));
	EQUAL(0, last_span(tree, 1)->end);
	EQUAL(8, last_span(tree, 1)->next->end);
	EQUAL(8, last_span(tree, 2)->start);
	make(PREFORK_EVENT_FORK_FAILED, 1, 9)->child = 3;
	CHECK(tree_event(tree, &event, NULL, NULL));
	EQUAL(9, last_span(tree, 1)->end);
	EQUAL(1, tree_find(tree, 1)->failures);
	EQUAL(6, spans_sum(&tree_find(tree, 1)->spans, SPAN_HELD, 100));
	EQUAL(92, spans_sum(&tree_find(tree, 2)->spans, SPAN_HELD, 100));
	make(PREFORK_EVENT_VFORK_DONE, 1, 20)->child = 2;
	event.suspended = 11;
	CHECK(tree_event(tree, &event, NULL, NULL));
	EQUAL(SPAN_VFORK, last_span(tree, 1)->kind);
	EQUAL(9, last_span(tree, 1)->start);
	EQUAL(11, spans_sum(&tree_find(tree, 1)->spans, SPAN_VFORK, 100));
	executes(tree, 2, "it");
	CHECK(!tree_find(tree, 2)->spans.open);
	EQUAL(1, tree_find(tree, 2)->execs);
	tree_destroy(tree);
}

static void choose_and_bear(struct tree *tree)
{
	born(tree, 1, 0, 1);
	born(tree, 2, 1, 2);
	born(tree, 3, 2, 3);
	born(tree, 4, 1, 4);
	born(tree, 5, 4, 5);
	tree_choose(tree, 2, true);
	born(tree, 6, 2, 6);
	born(tree, 7, 6, 7);
	born(tree, 8, 1, 8);
	born(tree, 9, 0, 9);
	ends(tree, 6, 10, 0);
	ends(tree, 5, 10, 0);
}

static void what_is_created_by_one_chosen_is_chosen(void)
{
	struct tree *tree = tree_create(false);

	choose_and_bear(tree);
	CHECK(!tree_origin(tree, 1).chosen);
	CHECK(tree_origin(tree, 2).chosen);
	CHECK(!tree_origin(tree, 3).chosen);
	CHECK(tree_origin(tree, 7).chosen);
	CHECK(!tree_origin(tree, 8).chosen);
	tree_choose(tree, 7, false);
	CHECK(!tree_origin(tree, 7).chosen);
	/* Its PID says nothing of the next one who has it. */
	ends(tree, 2, 11, 0);
	born(tree, 2, 1, 12);
	CHECK(!tree_origin(tree, 2).chosen);
	tree_destroy(tree);
}

static void pruned_tree_has_what_is_chosen_and_its_ancestors(void)
{
	static const pid_t left[] = { 1, 2, 6, 7 };
	struct tree *tree = tree_create(true);
	const struct process *process = NULL;

	choose_and_bear(tree);
	tree_prune(tree);
	EQUAL(4, tree_count(tree));
	EQUAL(3, tree_running(tree));
	for (size_t i = 0; i < 4; i++) {
		process = i ? tree_next(process) : tree_first(tree);
		if (CHECK(process))
			EQUAL(left[i], process->pid);
	}
	CHECK(process && !tree_next(process));
	CHECK(!tree_find(tree, 3) && !tree_find(tree, 8) && !tree_find(tree, 9));
	CHECK(tree_find(tree, 7));
	tree_destroy(tree);
}

static void nothing_chosen_leaves_nothing(void)
{
	struct tree *tree = tree_create(true);

	for (pid_t pid = 2; pid < 30000; pid++)
		born(tree, pid, pid - 1, 1);
	tree_prune(tree);
	EQUAL(0, tree_count(tree));
	EQUAL(0, tree_running(tree));
	CHECK(!tree_first(tree));
	born(tree, 2, 1, 1);
	EQUAL(2, tree_first(tree)->pid);
	tree_destroy(tree);
}

static void tree_that_forgets_has_no_spans(void)
{
	struct tree *tree = tree_create(false);

	born(tree, 1, 0, 1);
	announces(tree, 1, 2, 5);
	CHECK(!last_span(tree, 1));
	born(tree, 2, 1, 6);
	tree_destroy(tree);
}

/* What is told of process 2 with an event of that type. */
static struct origin origin_with(struct tree *tree, uint32_t type, uint64_t time)
{
	struct origin origin = { .ppid = -1 };

	make(type, 2, time)->ppid = 1;
	CHECK(tree_event(tree, &event, NULL, &origin));
	return origin;
}

static void each_event_has_the_origin_of_its_process(void)
{
	static const uint32_t types[] = {
		PREFORK_EVENT_BORN, PREFORK_EVENT_PREFORK, PREFORK_EVENT_EXEC, PREFORK_EVENT_EXIT,
	};
	struct tree *tree = tree_create(false);
	struct origin origin;

	for (uint64_t life = 0; life < 2; life++)
		for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
			origin = origin_with(tree, types[i], 10 * life + i);
			EQUAL(1, origin.ppid);
			EQUAL(10 * life, origin.start);
		}
	origin = origin_with(tree, PREFORK_EVENT_PREFORK, 30);
	EQUAL(0, origin.ppid);
	EQUAL(0, origin.start);
	tree_destroy(tree);
}

static void threads_are_no_processes(void)
{
	struct tree *tree = tree_create(true);

	born(tree, 1, 0, 1);
	make(PREFORK_EVENT_BORN, 1, 2)->thread = true;
	tree_event(tree, &event, NULL, NULL);
	make(PREFORK_EVENT_EXIT, 1, 3)->thread = true;
	tree_event(tree, &event, NULL, NULL);
	EQUAL(1, tree_count(tree));
	EQUAL(PROCESS_RUNNING, tree_find(tree, 1)->state);
	tree_destroy(tree);
}

static void command_without_arguments_is_marked(void)
{
	struct tree *tree = tree_create(true);

	born(tree, 1, 0, 1);
	STRING(title(tree_find(tree, 1)), "[name]");
	executes(tree, 1, NULL);
	STRING(title(tree_find(tree, 1)), "/bin/it ...");
	strcpy(make(PREFORK_EVENT_EXEC, 1, 3)->path, "/opt/My App/it");
	tree_event(tree, &event, NULL, NULL);
	STRING(title(tree_find(tree, 1)), "'/opt/My App/it' ...");
	tree_destroy(tree);
}

static void events_of_strangers_make_roots(void)
{
	struct tree *tree = tree_create(true);

	executes(tree, 7, "seven");
	ends(tree, 8, 3, 0);
	make(PREFORK_EVENT_UNWATCHED, 7, 9);
	tree_event(tree, &event, NULL, NULL);
	EQUAL(2, tree_count(tree));
	EQUAL(0, tree_running(tree));
	EQUAL(PROCESS_UNWATCHED, tree_first(tree)->state);
	tree_destroy(tree);
}

static void forgetful_tree_knows_only_what_runs(void)
{
	struct tree *tree = tree_create(false);

	for (int round = 0; round < 3; round++) {
		for (pid_t pid = 1; pid <= 10000; pid++)
			born(tree, pid, pid - 1, 1);
		EQUAL(9999, tree_find(tree, 10000)->depth);
		executes(tree, 77, "x");
		for (pid_t pid = 1; pid < 10000; pid++)
			ends(tree, pid, 2, 0);
		EQUAL(1, tree_running(tree));
		CHECK(tree_find(tree, 10000));
		CHECK(!tree_first(tree));
		if (round < 2)
			ends(tree, 10000, 2, 0);
	}
	tree_destroy(tree);
}

static void what_was_missed_can_be_made_up_for(void)
{
	struct tree *tree = tree_create(true);
	const struct process *p;

	tree_add(tree, 1, &(struct origin){ .start = 5 }, "sh", NULL);
	born(tree, 2, 1, 6);
	born(tree, 3, 1, 6);
	tree_rename(tree, 2, "new", strdup("new -x"));
	STRING(tree_find(tree, 2)->comm, "new");
	STRING(title(tree_find(tree, 2)), "new -x");
	tree_rename(tree, 2, "newer", NULL);
	STRING(title(tree_find(tree, 2)), "new -x");
	tree_rename(tree, 77, "nobody", strdup("nobody"));
	tree_lose(tree, 77, PROCESS_UNSEEN, 8);
	tree_lose(tree, 2, PROCESS_UNSEEN, 8);
	tree_lose(tree, 3, PROCESS_UNWATCHED, 9);
	EQUAL(1, tree_running(tree));
	p = tree_first(tree)->first_child;
	EQUAL(PROCESS_UNSEEN, p->state);
	EQUAL(8, p->end);
	EQUAL(PROCESS_UNWATCHED, p->next_sibling->state);
	/* Its birth was missed, its end is told. */
	ends(tree, 9, 10, 0);
	STRING(p->parent->next_sibling->comm, "name");
	tree_destroy(tree);
}

static void lose(const struct process *process, void *tree)
{
	if (process->pid % 2)
		tree_lose(tree, process->pid, PROCESS_UNSEEN, 2);
}

static void those_that_run_can_be_gone_through(void)
{
	for (int remember = 0; remember <= 1; remember++) {
		struct tree *tree = tree_create(remember);

		for (pid_t pid = 1; pid <= 10000; pid++)
			born(tree, pid, pid - 1, 1);
		tree_each_running(tree, lose, tree);
		EQUAL(5000, tree_running(tree));
		tree_destroy(tree);
	}
}

static void long_chain_is_no_problem(void)
{
	struct tree *tree = tree_create(true);
	const struct process *p;
	unsigned int depth = 0;

	for (pid_t pid = 1; pid <= 50000; pid++)
		born(tree, pid, pid - 1, 1);
	for (p = tree_first(tree); p; p = tree_next(p))
		depth = p->depth;
	EQUAL(49999, depth);
	tree_destroy(tree);
}

int main(void)
{
	static const struct tap_test tests[] = {
		{ "parentage follows births", parentage_follows_births },
		{ "a reused PID is another process", reused_pid_is_another_process },
		{ "a process that was found may be born later", found_process_may_be_born_later },
		{ "the user is that of the last event", user_is_that_of_the_last_event },
		{ "holds last until they must be over", holds_last_until_they_must_be_over },
		{ "what is created by one chosen is chosen", what_is_created_by_one_chosen_is_chosen },
		{ "a pruned tree has what is chosen and its ancestors",
		  pruned_tree_has_what_is_chosen_and_its_ancestors },
		{ "nothing chosen leaves nothing", nothing_chosen_leaves_nothing },
		{ "a tree that forgets has no spans", tree_that_forgets_has_no_spans },
		{ "each event has the origin of its process",
		  each_event_has_the_origin_of_its_process },
		{ "threads are no processes", threads_are_no_processes },
		{ "a command whose arguments are unknown is marked",
		  command_without_arguments_is_marked },
		{ "events of strangers make roots", events_of_strangers_make_roots },
		{ "a forgetful tree knows only what runs", forgetful_tree_knows_only_what_runs },
		{ "what was missed can be made up for", what_was_missed_can_be_made_up_for },
		{ "those that run can be gone through", those_that_run_can_be_gone_through },
		{ "a chain of 50000 forks is no problem", long_chain_is_no_problem },
	};

	return TAP_RUN(tests);
}
