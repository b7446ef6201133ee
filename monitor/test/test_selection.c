// SPDX-License-Identifier: GPL-2.0
/* core/selection */
#include <prefork.h>

#include "core/selection.h"
#include "tap.h"

static void nothing_is_left_out_at_first(void)
{
	const struct selection all = { 0 };

	for (uint32_t type = 0; type < 100; type++)
		CHECK(selection_has(&all, type));
}

static void list_names_what_is_there(void)
{
	struct selection selection;

	if (!CHECK(selection_parse(&selection, "exec,signal,exit")))
		return;
	CHECK(selection_has(&selection, PREFORK_EVENT_EXEC));
	CHECK(selection_has(&selection, PREFORK_EVENT_EXIT));
	CHECK(selection_has(&selection, SELECTION_SIGNAL));
	CHECK(!selection_has(&selection, SELECTION_FOUND));
	CHECK(!selection_has(&selection, PREFORK_EVENT_PREFORK));
	CHECK(!selection_has(&selection, PREFORK_EVENT_ADOPTED));
	CHECK(!selection_has(&selection, PREFORK_EVENT_ADOPTED + 1));
}

static void list_names_what_is_not_there(void)
{
	struct selection selection;

	if (!CHECK(selection_parse(&selection, "!vfork_done,prefork")))
		return;
	CHECK(!selection_has(&selection, PREFORK_EVENT_VFORK_DONE));
	CHECK(!selection_has(&selection, PREFORK_EVENT_PREFORK));
	CHECK(selection_has(&selection, PREFORK_EVENT_BORN));
	CHECK(selection_has(&selection, SELECTION_SIGNAL));
	CHECK(selection_has(&selection, PREFORK_EVENT_ADOPTED + 1));
}

static void every_event_has_a_bit_of_its_own(void)
{
	for (uint32_t type = PREFORK_EVENT_PREFORK; type <= PREFORK_EVENT_ADOPTED; type++) {
		struct selection selection;

		if (type == PREFORK_EVENT_LOST)
			continue;
		CHECK(selection_parse(&selection, prefork_event_name(type)));
		for (uint32_t other = 0; other < 100; other++)
			EQUAL(other == type, selection_has(&selection, other));
	}
}

static void what_was_found_is_no_event_but_has_a_name(void)
{
	struct selection selection;

	if (!CHECK(selection_parse(&selection, "found")))
		return;
	for (uint32_t type = 0; type < 100; type++)
		EQUAL(type == SELECTION_FOUND, selection_has(&selection, type));
}

static void what_is_no_event_is_refused(void)
{
	static const char *const lists[] = {
		"", "!", ",", "exec,", ",exec", "exec,,exit", "exe", "execs", "unknown", "lost",
		"exec, exit", "EXEC", "exec,!exit", "!!exec",
	};
	struct selection selection;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		CHECK(!selection_parse(&selection, lists[i]));
}

int main(void)
{
	static const struct tap_test tests[] = {
		{ "nothing is left out at first", nothing_is_left_out_at_first },
		{ "a list names what is there", list_names_what_is_there },
		{ "a list names what is not there", list_names_what_is_not_there },
		{ "every event has a bit of its own", every_event_has_a_bit_of_its_own },
		{ "what was found is no event but has a name",
		  what_was_found_is_no_event_but_has_a_name },
		{ "what is no event is refused", what_is_no_event_is_refused },
	};

	return TAP_RUN(tests);
}
