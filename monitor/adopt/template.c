// SPDX-License-Identifier: GPL-2.0
#include "template.h"

#include <stdlib.h>
#include <string.h>

#include <glib.h>

struct template {
	char **words;
};

static void add_pid(GString *to, const struct template_values *values)
{
	g_string_append_printf(to, "%d", (int)values->pid);
}

static void add_ppid(GString *to, const struct template_values *values)
{
	g_string_append_printf(to, "%d", (int)values->ppid);
}

static void add_tid(GString *to, const struct template_values *values)
{
	g_string_append_printf(to, "%d", (int)values->tid);
}

static void add_comm(GString *to, const struct template_values *values)
{
	g_string_append(to, values->comm);
}

static void add_exe(GString *to, const struct template_values *values)
{
	g_string_append(to, values->exe);
}

static void add_depth(GString *to, const struct template_values *values)
{
	g_string_append_printf(to, "%u", values->depth);
}

static void add_open(GString *to, const struct template_values *values)
{
	(void)values;
	g_string_append_c(to, '{');
}

static void add_close(GString *to, const struct template_values *values)
{
	(void)values;
	g_string_append_c(to, '}');
}

/* Whatever may begin with a brace, or be a closing one. */
static const struct placeholder {
	const char *text;
	void (*add)(GString *to, const struct template_values *values);
} placeholders[] = {
	{ "{pid}", add_pid },
	{ "{ppid}", add_ppid },
	{ "{tid}", add_tid },
	{ "{comm}", add_comm },
	{ "{exe}", add_exe },
	{ "{depth}", add_depth },
	{ "{{", add_open },
	{ "}}", add_close },
};

#define PLACEHOLDERS	(sizeof(placeholders) / sizeof(placeholders[0]))

static const struct placeholder *find(const char *text)
{
	for (size_t i = 0; i < PLACEHOLDERS; i++)
		if (g_str_has_prefix(text, placeholders[i].text))
			return &placeholders[i];
	return NULL;
}

/* False where a brace is none of the placeholders. */
static bool fill_word(GString *to, const char *word, const struct template_values *values)
{
	while (*word) {
		const struct placeholder *placeholder = NULL;
		size_t plain = strcspn(word, "{}");

		g_string_append_len(to, word, (gssize)plain);
		word += plain;
		if (*word) {
			placeholder = find(word);
			if (!placeholder)
				return false;
			placeholder->add(to, values);
			word += strlen(placeholder->text);
		}
	}
	return true;
}

static bool is_understood(const char *word)
{
	static const struct template_values none = { .comm = "", .exe = "" };
	GString *filled = g_string_new(NULL);
	bool understood = fill_word(filled, word, &none);

	g_string_free(filled, TRUE);
	return understood;
}

static const char *problem_with(char *const *words)
{
	if (!words[0][0] || strpbrk(words[0], "{}"))
		return "begins with the name of a program, without braces";
	for (; *words; words++)
		if (!is_understood(*words))
			return "has for placeholders {pid}, {ppid}, {tid}, {comm}, {exe} and "
			       "{depth}, and {{ and }} for braces";
	return NULL;
}

static char **split(const char *text)
{
	char **words;

	return g_shell_parse_argv(text, NULL, &words, NULL) ? words : NULL;
}

struct template *template_create(const char *text, const char **problem)
{
	struct template *template;
	char **words = split(text);

	*problem = words ? problem_with(words) :
		"is a program and its arguments, quoted as in a shell";
	if (*problem) {
		g_strfreev(words);
		return NULL;
	}
	template = g_new(struct template, 1);
	template->words = words;
	return template;
}

void template_destroy(struct template *template)
{
	if (!template)
		return;
	g_strfreev(template->words);
	g_free(template);
}

const char *template_program(const struct template *template)
{
	return template->words[0];
}

static char *filled_word(const char *word, const struct template_values *values)
{
	GString *filled = g_string_new(NULL);

	fill_word(filled, word, values);
	return g_string_free(filled, FALSE);
}

char **template_fill(const struct template *template, const struct template_values *values)
{
	guint count = g_strv_length(template->words);
	char **words = g_new0(char *, count + 1);

	for (guint i = 0; i < count; i++)
		words[i] = filled_word(template->words[i], values);
	return words;
}

void template_free_words(char **words)
{
	g_strfreev(words);
}
