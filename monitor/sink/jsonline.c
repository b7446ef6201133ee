// SPDX-License-Identifier: GPL-2.0
#include "jsonline.h"

#include <string.h>

#include "core/utf8.h"

/* Digits of the largest number, and bytes of the longest character. */
#define DIGITS		20
#define CHARACTER_MAX	4

static void hand_on(struct json *line)
{
	fwrite_unlocked(line->bytes, 1, line->size, line->out);
	line->size = 0;
}

static void put(struct json *line, const char *bytes, size_t size)
{
	if (size > sizeof(line->bytes) - line->size)
		hand_on(line);
	if (size > sizeof(line->bytes)) {
		fwrite_unlocked(bytes, 1, size, line->out);
		return;
	}
	memcpy(line->bytes + line->size, bytes, size);
	line->size += size;
}

static void put_byte(struct json *line, char byte)
{
	put(line, &byte, 1);
}

static void put_string(struct json *line, const char *text)
{
	put(line, text, strlen(text));
}

static void open_with(struct json *line, char bracket)
{
	put_byte(line, bracket);
	line->first = true;
}

static void close_with(struct json *line, char bracket)
{
	put_byte(line, bracket);
	line->first = false;
}

static void separate(struct json *line)
{
	if (!line->first)
		put_byte(line, ',');
	line->first = false;
}

static void put_key(struct json *line, const char *key)
{
	separate(line);
	put_byte(line, '"');
	put_string(line, key);
	put(line, "\":", 2);
}

static void put_number(struct json *line, uint64_t value)
{
	char digits[DIGITS], *first = digits + DIGITS;

	do {
		*--first = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	put(line, first, (size_t)(digits + DIGITS - first));
}

void json_begin(struct json *line, FILE *out)
{
	line->out = out;
	line->size = 0;
	open_with(line, '{');
}

void json_end(struct json *line)
{
	put(line, "}\n", 2);
	hand_on(line);
}

void json_number(struct json *line, const char *key, uint64_t value)
{
	put_key(line, key);
	put_number(line, value);
}

void json_integer(struct json *line, const char *key, int64_t value)
{
	put_key(line, key);
	if (value < 0)
		put_byte(line, '-');
	put_number(line, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void json_true(struct json *line, const char *key)
{
	put_key(line, key);
	put(line, "true", 4);
}

static void put_escaped(struct json *line, unsigned char byte)
{
	static const char hex[] = "0123456789abcdef";

	switch (byte) {
	case '"':
		put(line, "\\\"", 2);
		break;
	case '\\':
		put(line, "\\\\", 2);
		break;
	case '\n':
		put(line, "\\n", 2);
		break;
	case '\t':
		put(line, "\\t", 2);
		break;
	default:
		put(line, "\\u00", 4);
		put_byte(line, hex[byte >> 4]);
		put_byte(line, hex[byte & 15]);
	}
}

static bool needs_escape(unsigned char byte)
{
	return byte < ' ' || byte == '"' || byte == '\\';
}

static void put_character(struct json *line, const char *text, size_t length)
{
	if (!length)
		put(line, "\xef\xbf\xbd", 3);
	else if (needs_escape((unsigned char)*text))
		put_escaped(line, (unsigned char)*text);
	else
		put(line, text, length);
}

static bool is_plain(unsigned char byte)
{
	return byte < 0x80 && !needs_escape(byte);
}

static size_t count_plain(const char *text)
{
	const char *end = text;

	while (is_plain((unsigned char)*end))
		end++;
	return (size_t)(end - text);
}

void json_text(struct json *line, const char *key, const char *value)
{
	put_key(line, key);
	put_byte(line, '"');
	for (;;) {
		size_t plain = count_plain(value), length;

		put(line, value, plain);
		value += plain;
		if (!*value)
			break;
		length = utf8_length(value, strnlen(value, CHARACTER_MAX));
		put_character(line, value, length);
		value += length ? length : 1;
	}
	put_byte(line, '"');
}

void json_begin_object(struct json *line, const char *key)
{
	put_key(line, key);
	open_with(line, '{');
}

void json_end_object(struct json *line)
{
	close_with(line, '}');
}

void json_begin_array(struct json *line, const char *key)
{
	put_key(line, key);
	open_with(line, '[');
}

void json_begin_element(struct json *line)
{
	separate(line);
	open_with(line, '{');
}

void json_end_array(struct json *line)
{
	close_with(line, ']');
}
