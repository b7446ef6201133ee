// SPDX-License-Identifier: GPL-2.0
/*
 * Comma-separated values as in RFC 4180, a column for each field there is.
 * Names may have any bytes: what is not UTF-8 becomes U+FFFD, as in JSON, and so
 * do control characters, which have no place there but for those that end lines.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "core/utf8.h"
#include "record.h"
#include "sink.h"

/* Longest character. */
#define CHARACTER_MAX	4

struct row {
	struct fields fields;
	FILE *out;
	enum field column;	/* whose value is to come next */
};

/* Returns where its value goes. */
static FILE *column(struct fields *fields, enum field field)
{
	struct row *row = (struct row *)fields;

	for (; row->column < field; row->column++)
		putc_unlocked(',', row->out);
	return row->out;
}

static void number(struct fields *fields, enum field field, uint64_t value)
{
	fprintf(column(fields, field), "%" PRIu64, value);
}

static void integer(struct fields *fields, enum field field, int64_t value)
{
	fprintf(column(fields, field), "%" PRId64, value);
}

static void truth(struct fields *fields, enum field field)
{
	putc_unlocked('1', column(fields, field));
}

static bool has_a_place(const char *text)
{
	unsigned char first = (unsigned char)text[0];

	if (first == 0xc2)
		return (unsigned char)text[1] >= 0xa0;
	return first >= ' ' ? first != 0x7f : memchr("\r\n\t", first, 3) != NULL;
}

/* Returns how many bytes that were. */
static size_t put_character(FILE *out, const char *text)
{
	size_t length = utf8_length(text, strnlen(text, CHARACTER_MAX));

	if (!length || !has_a_place(text)) {
		fwrite_unlocked("\xef\xbf\xbd", 1, 3, out);
		return length ? length : 1;
	}
	if (*text == '"')
		putc_unlocked('"', out);
	fwrite_unlocked(text, 1, length, out);
	return length;
}

static void text(struct fields *fields, enum field field, const char *value)
{
	FILE *out = column(fields, field);
	const char *mark = strpbrk(value, ",\"\r\n") ? "\"" : "";

	fputs_unlocked(mark, out);
	while (*value)
		value += put_character(out, value);
	fputs_unlocked(mark, out);
}

static void csv_write(FILE *out, const struct record *record)
{
	struct row row = { .fields = { number, integer, text, truth }, .out = out };

	record_fields(record, &row.fields);
	fputs_unlocked("\r\n", column(&row.fields, FIELDS - 1));
}

static void csv_header(struct sink *sink)
{
	for (enum field field = 0; field < FIELDS; field++)
		fprintf(sink->out, "%s%s", field ? "," : "", field_name(field));
	fputs_unlocked("\r\n", sink->out);
}

const struct sink_ops sink_csv = {
	.header = csv_header,
	RECORD_OPS,
	.write = csv_write,
};
