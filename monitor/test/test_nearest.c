// SPDX-License-Identifier: GPL-2.0
/* cli/nearest */
#include "cli/nearest.h"
#include "tap.h"

static const char *find(const char *word)
{
	static const char *const names[] = {
		"output", "format", "hold", "timeout", "tree", "threads", "timeline", "match",
	};

	return nearest(word, names, sizeof(names) / sizeof(names[0]));
}

static void slips_are_understood(void)
{
	STRING(find("formt"), "format");
	STRING(find("fromat"), "format");
	STRING(find("ouptut"), "output");
	STRING(find("treee"), "tree");
	STRING(find("thread"), "threads");
	STRING(find("time-line"), "timeline");
	STRING(find("match"), "match");
}

static void other_words_are_other_words(void)
{
	CHECK(!find("xyz"));
	CHECK(!find("verbose"));
	CHECK(!find(""));
	CHECK(!find("a-word-that-is-so-long-that-nobody-can-have-meant-any-of-these"));
	CHECK(!nearest("format", NULL, 0));
}

int main(void)
{
	static const struct tap_test tests[] = {
		{ "slips are understood", slips_are_understood },
		{ "other words are other words", other_words_are_other_words },
	};

	return TAP_RUN(tests);
}
