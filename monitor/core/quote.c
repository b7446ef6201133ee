// SPDX-License-Identifier: GPL-2.0
#include "quote.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

#define COMMAND_MAX	4096

/* Text that grows up to its room and no further. */
struct line {
	char *text;
	size_t length, room;
	bool full;
};

static void append(struct line *line, const char *bytes, size_t len)
{
	if (line->full || line->length + len >= line->room) {
		line->full = true;
		return;
	}
	memcpy(line->text + line->length, bytes, len);
	line->length += len;
}

/* Control characters are those of ASCII and those from U+0080 to U+009F. */
static bool is_printable(const char *text, size_t length)
{
	unsigned char first = (unsigned char)text[0];

	if (length == 1)
		return first >= 0x20 && first < 0x7f && first != '\\';
	if (length == 2 && first == 0xc2)
		return (unsigned char)text[1] >= 0xa0;
	return length > 0;
}

/* Returns how many bytes of @text it has dealt with. */
static size_t append_character(struct line *line, const char *text, size_t max)
{
	size_t length = utf8_length(text, max);
	char octal[5];

	if (is_printable(text, length)) {
		append(line, text, length);
		return length;
	}
	if (text[0] == '\\') {
		append(line, "\\\\", 2);
		return 1;
	}
	snprintf(octal, sizeof(octal), "\\%03o", (unsigned char)text[0]);
	append(line, octal, 4);
	return 1;
}

size_t quote_name(char *to, size_t size, const char *name)
{
	struct line line = { .text = to, .room = size };
	size_t max = strlen(name);

	for (size_t i = 0; i < max;)
		i += append_character(&line, name + i, max - i);
	to[line.length] = '\0';
	return line.length;
}

static bool is_plain(const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-+=,./:@%^";

	return word[0] && !word[strspn(word, plain)];
}

static void append_word(struct line *line, const char *word)
{
	const char *mark = is_plain(word) ? "" : "'";
	size_t max = strlen(word);

	append(line, mark, strlen(mark));
	for (size_t i = 0; i < max;) {
		if (word[i] == '\'') {
			append(line, "'\\''", 4);
			i++;
		} else {
			i += append_character(line, word + i, max - i);
		}
	}
	append(line, mark, strlen(mark));
}

static void append_words(struct line *line, const char *args, size_t len)
{
	const char *end = args + len;

	for (const char *word = args; word < end; word += strlen(word) + 1) {
		if (word > args)
			append(line, " ", 1);
		append_word(line, word);
	}
}

char *quote_command(const char *args, size_t len)
{
	char text[COMMAND_MAX + sizeof("...")], *copy = malloc(len + 1);
	struct line line = { .text = text, .room = COMMAND_MAX };

	if (!copy)
		return NULL;
	memcpy(copy, args, len);
	copy[len] = '\0';	/* the last argument may be cut */
	append_words(&line, copy, len);
	free(copy);
	memcpy(text + line.length, line.full ? "..." : "", line.full ? 4 : 1);
	return strdup(text);
}
