// SPDX-License-Identifier: GPL-2.0
/* adopt/template */
#include <stdio.h>
#include <string.h>

#include "adopt/template.h"
#include "tap.h"

static const struct template_values plain = {
	.pid = 102, .ppid = 101, .tid = 103, .comm = "make", .exe = "/usr/bin/make", .depth = 4,
};

/* The words, each in <>, or what is wrong. */
static const char *filled(const char *text, const struct template_values *values)
{
	static char line[1024];
	const char *problem = NULL;
	struct template *template = template_create(text, &problem);
	char **words;
	size_t len = 0;

	if (!template)
		return problem;
	words = template_fill(template, values);
	line[0] = '\0';
	for (size_t i = 0; words[i] && len < sizeof(line); i++)
		len += (size_t)snprintf(line + len, sizeof(line) - len, "<%s>", words[i]);
	template_free_words(words);
	template_destroy(template);
	return line;
}

static void words_are_split_as_in_a_shell(void)
{
	STRING(filled("strace -p 1", &plain), "<strace><-p><1>");
	STRING(filled("  a\t b \n c ", &plain), "<a><b><c>");
	STRING(filled("sh -c 'echo \"$1\"' - x", &plain), "<sh><-c><echo \"$1\"><-><x>");
	STRING(filled("a 'b c'\"d e\"f\\ g ''", &plain), "<a><b cd ef g><>");
	STRING(filled("a 'b\\' c", &plain), "<a><b\\><c>");
}

static void nothing_is_expanded(void)
{
	STRING(filled("a $HOME $(id) `id` * ~ a|b >c", &plain),
	       "<a><$HOME><$(id)><`id`><*><~><a|b><>c>");
}

static void placeholders_are_replaced(void)
{
	STRING(filled("t {pid} {ppid} {tid} {comm} {exe} {depth}", &plain),
	       "<t><102><101><103><make></usr/bin/make><4>");
	STRING(filled("t -o/tmp/{comm}.{pid}{pid}", &plain), "<t><-o/tmp/make.102102>");
	STRING(filled("t '{pid}' \"{tid}\" \\{pid}", &plain), "<t><102><103><102>");
}

static void doubled_braces_are_braces(void)
{
	STRING(filled("awk '{{print}}' {{{pid}}} {{pid}}", &plain),
	       "<awk><{print}><{102}><{pid}>");
}

static void values_stay_within_their_word(void)
{
	const struct template_values odd = {
		.comm = "a b\n'\"\\", .exe = "{pid} $(id) {{",
	};

	STRING(filled("t {comm} x{exe}", &odd), "<t><a b\n'\"\\><x{pid} $(id) {{>");
	STRING(filled("t {comm}", &(struct template_values){ .comm = "", .exe = "" }), "<t><>");
}

static void what_is_wrong_is_told(void)
{
	static const struct {
		const char *text, *problem;
	} rows[] = {
		{ "", "quoted" }, { "   ", "quoted" }, { "a 'b", "quoted" },
		{ "a \"b", "quoted" }, { "a b\\", "quoted" }, { "# a", "quoted" },
		{ "''", "name of a program" }, { "{comm}", "name of a program" },
		{ "x{{y", "name of a program" },
		{ "a {pod}", "placeholders" }, { "a {PID}", "placeholders" },
		{ "a {pid", "placeholders" }, { "a pid}", "placeholders" },
		{ "a { pid }", "placeholders" }, { "a {}", "placeholders" },
		{ "a {{pid}", "placeholders" }, { "a {", "placeholders" },
		{ "a {{{", "placeholders" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *problem = filled(rows[i].text, &plain);

		if (!CHECK(strstr(problem, rows[i].problem)))
			printf("# %s: %s\n", rows[i].text, problem);
	}
}

int main(void)
{
	static const struct tap_test tests[] = {
		{ "words are split as in a shell", words_are_split_as_in_a_shell },
		{ "nothing is expanded", nothing_is_expanded },
		{ "placeholders are replaced", placeholders_are_replaced },
		{ "doubled braces are braces", doubled_braces_are_braces },
		{ "values stay within their word", values_stay_within_their_word },
		{ "what is wrong is told", what_is_wrong_is_told },
	};

	return TAP_RUN(tests);
}
