// SPDX-License-Identifier: GPL-2.0
/* core/match */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/match.h"
#include "tap.h"

static const struct match_subject make_job = {
	.comm = "make", .exe = "/usr/bin/make", .cgroup = "/user.slice/a.scope",
	.depth = 2, .uid = 1000,
};

/* Does the only rule @text hold for @subject? -1: it is no rule. */
static int holds_for(const struct match_subject *subject, const char *text)
{
	struct match match = { 0 };

	if (!match_add(&match, text))
		return -1;
	return match_holds(&match, subject);
}

static int holds(const char *text)
{
	return holds_for(&make_job, text);
}

static void each_key_is_compared(void)
{
	static const struct {
		const char *rule;
		int holds;
	} rows[] = {
		{ "comm=make", 1 }, { "comm=m*", 1 }, { "comm=mak", 0 }, { "comm=[n-z]*", 0 },
		{ "exe=/usr/bin/make", 1 }, { "exe=*make", 1 }, { "exe=make", 0 },
		{ "cgroup=/user.slice/*", 1 }, { "cgroup=*.scope", 1 }, { "cgroup=/", 0 },
		{ "depth=2", 1 }, { "depth=02", 1 }, { "depth=0", 0 }, { "depth=20", 0 },
		{ "unit=user.slice", 1 }, { "unit=*.scope", 1 }, { "unit=a", 0 }, { "unit=/*", 0 },
		{ "unit=", 0 }, { "uid=1000", 1 }, { "uid=0", 0 },
	};
	char negated[64];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(negated, sizeof(negated), "!%s", rows[i].rule);
		if (!EQUAL(rows[i].holds, holds(rows[i].rule)) ||
		    !EQUAL(!rows[i].holds, holds(negated)))
			printf("# rule: %s\n", rows[i].rule);
	}
}

static void what_is_no_rule_is_refused(void)
{
	static const char *const wrong[] = {
		"", "!", "comm", "make", "!!comm=a", " comm=a", "comm =a", "Comm=a", "=a",
		"depth=", "depth=-1", "depth=+1", "depth= 1", "depth=1x", "depth=0x1",
		"depth=4294967296", "depth=99999999999999999999", "uid=root", "pid=1",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (!EQUAL(-1, holds(wrong[i])))
			printf("# rule: %s\n", wrong[i]);
}

static void all_rules_have_to_hold(void)
{
	struct match match = { 0 };

	CHECK(match_holds(&match, &make_job));
	CHECK(match_add(&match, "comm=make"));
	CHECK(match_add(&match, "!uid=0"));
	CHECK(match_holds(&match, &make_job));
	CHECK(match_add(&match, "depth=3"));
	CHECK(!match_holds(&match, &make_job));
}

static void one_that_is_refused_changes_nothing(void)
{
	struct match match = { 0 };

	CHECK(match_add(&match, "comm=make"));
	CHECK(!match_add(&match, "depth=two"));
	EQUAL(1, match.count);
	CHECK(match_holds(&match, &make_job));
}

static void there_are_only_so_many(void)
{
	struct match match = { 0 };

	for (int i = 0; i < MATCH_RULES_MAX; i++)
		CHECK(match_add(&match, "depth=2"));
	CHECK(!match_add(&match, "depth=2"));
	CHECK(match_holds(&match, &make_job));
}

static void names_may_be_of_any_bytes(void)
{
	const struct match_subject odd = { .comm = "a\n*/ $(b)", .exe = "" };

	EQUAL(1, holds_for(&odd, "comm=a\n*"));
	EQUAL(1, holds_for(&odd, "comm=*\\*/*"));
	EQUAL(1, holds_for(&odd, "comm=* $(b)"));
	EQUAL(0, holds_for(&odd, "comm=a"));
	EQUAL(1, holds_for(&odd, "exe="));
	EQUAL(1, holds_for(&odd, "exe=*"));
	EQUAL(0, holds_for(&odd, "exe=?*"));
}

static bool holds_of_us(const struct match *match, const char *comm, unsigned int depth, uid_t uid)
{
	return match_process(match, getpid(), &(struct match_subject){
		.comm = comm, .depth = depth, .uid = uid,
	});
}

/* Of this process. */
static void what_is_not_given_is_looked_up(void)
{
	const uid_t unknown = (uid_t)-1, other = geteuid() + 1;
	struct match match = { 0 };
	char uid[32];

	snprintf(uid, sizeof(uid), "uid=%u", geteuid());
	CHECK(match_add(&match, uid));
	CHECK(match_add(&match, "exe=*/test_match"));
	CHECK(match_add(&match, "cgroup=/*"));
	CHECK(match_add(&match, "comm=given"));
	CHECK(match_add(&match, "depth=3"));
	CHECK(holds_of_us(&match, "given", 3, unknown));
	CHECK(holds_of_us(&match, "given", 3, geteuid()));
	CHECK(!holds_of_us(&match, "given", 3, other));
	CHECK(!holds_of_us(&match, "given", 2, unknown));
	CHECK(!holds_of_us(&match, "test_match", 3, unknown));
	snprintf(uid, sizeof(uid), "!uid=%u", geteuid());
	CHECK(match_add(&match, uid));
	CHECK(!holds_of_us(&match, "given", 3, unknown));
}

int main(void)
{
	static const struct tap_test tests[] = {
		{ "each key is compared, and negated", each_key_is_compared },
		{ "what is no rule is refused", what_is_no_rule_is_refused },
		{ "all rules have to hold", all_rules_have_to_hold },
		{ "a rule that is refused changes nothing", one_that_is_refused_changes_nothing },
		{ "there are only so many rules", there_are_only_so_many },
		{ "what is not given is looked up", what_is_not_given_is_looked_up },
		{ "names may be of any bytes", names_may_be_of_any_bytes },
	};

	return TAP_RUN(tests);
}
