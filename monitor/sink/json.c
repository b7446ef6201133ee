// SPDX-License-Identifier: GPL-2.0
/* JSON Lines: one object an event, its fields are the members. */
#include "jsonline.h"
#include "record.h"
#include "sink.h"

struct object {
	struct fields fields;
	struct json line;
};

static struct json *line_of(struct fields *fields)
{
	return &((struct object *)fields)->line;
}

static void number(struct fields *fields, enum field field, uint64_t value)
{
	json_number(line_of(fields), field_name(field), value);
}

static void integer(struct fields *fields, enum field field, int64_t value)
{
	json_integer(line_of(fields), field_name(field), value);
}

static void text(struct fields *fields, enum field field, const char *value)
{
	json_text(line_of(fields), field_name(field), value);
}

static void truth(struct fields *fields, enum field field)
{
	json_true(line_of(fields), field_name(field));
}

static void json_write(FILE *out, const struct record *record)
{
	struct object object = { .fields = { number, integer, text, truth } };

	json_begin(&object.line, out);
	record_fields(record, &object.fields);
	json_end(&object.line);
}

const struct sink_ops sink_json = {
	RECORD_OPS,
	.write = json_write,
};
