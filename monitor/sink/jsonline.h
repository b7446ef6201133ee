/* SPDX-License-Identifier: GPL-2.0 */
/* JSON objects, one a line. Without memory a member or a line is left out. */
#ifndef JSONLINE_H
#define JSONLINE_H

#include <stdint.h>
#include <stdio.h>

struct json_object;

struct json_object *json_create(void);

/* Writes the line and destroys the object. */
void json_finish(struct json_object *object, FILE *out);

void json_number(struct json_object *object, const char *key, uint64_t value);
void json_integer(struct json_object *object, const char *key, int64_t value);
void json_true(struct json_object *object, const char *key);

/* Bytes that are not UTF-8 become U+FFFD, one each. */
void json_text(struct json_object *object, const char *key, const char *value);

/* An object inside; no json_finish() for it. */
struct json_object *json_member(struct json_object *object, const char *key);

/* An array, which begins empty, and an object at its end. */
void json_array(struct json_object *object, const char *key);
struct json_object *json_element(struct json_object *object, const char *key);

#endif
