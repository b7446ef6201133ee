// SPDX-License-Identifier: GPL-2.0
/* core/quote and core/utf8 */
#include <stdlib.h>
#include <string.h>

#include "core/quote.h"
#include "core/utf8.h"
#include "tap.h"

static const char *name(const char *text)
{
	static char quoted[256];

	quote_name(quoted, sizeof(quoted), text);
	return quoted;
}

static void names_stay_on_one_line(void)
{
	STRING(name("make"), "make");
	STRING(name("a\nb\033[1m"), "a\\012b\\033[1m");
	STRING(name("back\\slash"), "back\\\\slash");
	STRING(name("na\xc3\xafve"), "na\xc3\xafve");
	STRING(name("\xc2\x9b" "1m"), "\\302\\2331m");
	STRING(name("\xff\xc3"), "\\377\\303");
}

static void names_are_cut_at_a_character(void)
{
	char four[4];

	EQUAL(2, quote_name(four, sizeof(four), "ab\xc3\xaf" "c"));
	STRING(four, "ab");
	EQUAL(0, quote_name(four, sizeof(four), "\001"));
	STRING(four, "");
}

static void command_is(const char *args, size_t len, const char *wanted)
{
	char *command = quote_command(args, len);

	STRING(command, wanted);
	free(command);
}
#define COMMAND(args, wanted)	command_is(args, sizeof(args) - 1, wanted)

static void commands_are_quoted_for_a_shell(void)
{
	COMMAND("gcc\0-c\0a.c\0", "gcc -c a.c");
	COMMAND("sh\0-c\0for i in 1; do :; done\0", "sh -c 'for i in 1; do :; done'");
	COMMAND("echo\0it's\0\0", "echo 'it'\\''s' ''");
	COMMAND("no\0end", "no end");
	COMMAND("a\nb\0", "'a\\012b'");
}

static void long_commands_are_cut(void)
{
	char args[9000], *command;

	memset(args, 'x', sizeof(args));
	for (size_t i = 9; i < sizeof(args); i += 10)
		args[i] = '\0';
	command = quote_command(args, sizeof(args));
	if (!CHECK(command))
		return;
	CHECK(strlen(command) < 4200);
	STRING(command + strlen(command) - 3, "...");
	free(command);
}

static void utf8_is_told_from_other_bytes(void)
{
	EQUAL(1, utf8_length("a", 1));
	EQUAL(2, utf8_length("\xc3\xa4", 2));
	EQUAL(3, utf8_length("\xe2\x82\xac", 3));
	EQUAL(4, utf8_length("\xf0\x9f\x98\x80", 4));
	EQUAL(0, utf8_length("\xc3\xa4", 1));
	EQUAL(0, utf8_length("\xc0\x80", 2));
	EQUAL(0, utf8_length("\xe0\x80\x80", 3));
	EQUAL(0, utf8_length("\xed\xa0\x80", 3));
	EQUAL(0, utf8_length("\xf4\x90\x80\x80", 4));
	EQUAL(0, utf8_length("\x80", 1));
	EQUAL(0, utf8_length("", 0));
}

int main(void)
{
	static const struct tap_test tests[] = {
		{ "names stay on one line without control characters", names_stay_on_one_line },
		{ "names are cut at a character", names_are_cut_at_a_character },
		{ "commands are quoted for a shell", commands_are_quoted_for_a_shell },
		{ "long commands are cut", long_commands_are_cut },
		{ "UTF-8 is told from other bytes", utf8_is_told_from_other_bytes },
	};

	return TAP_RUN(tests);
}
