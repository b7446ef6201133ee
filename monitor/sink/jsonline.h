/* SPDX-License-Identifier: GPL-2.0 */
/*
 * JSON objects, one a line, written as they grow: events may be very many, and
 * a library that builds an object first takes ten times as long for each.
 */
#ifndef JSONLINE_H
#define JSONLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* A line that is being written. Nobody else may write to @out meanwhile. */
struct json {
	FILE *out;
	bool first;		/* nothing stands before the next member */
	size_t size;		/* of what has not been handed on yet */
	char bytes[512];
};

void json_begin(struct json *line, FILE *out);
void json_end(struct json *line);

/* Keys are written as they are: letters, digits and _. */
void json_number(struct json *line, const char *key, uint64_t value);
void json_integer(struct json *line, const char *key, int64_t value);
void json_true(struct json *line, const char *key);

/* Bytes that are not UTF-8 become U+FFFD, one each. */
void json_text(struct json *line, const char *key, const char *value);

/* What follows is a member of an object, which is a member itself. */
void json_begin_object(struct json *line, const char *key);
void json_end_object(struct json *line);

/* What follows are objects in an array, each begun as an element. */
void json_begin_array(struct json *line, const char *key);
void json_begin_element(struct json *line);
void json_end_array(struct json *line);

#endif
