// SPDX-License-Identifier: GPL-2.0
#include "jsonline.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "core/utf8.h"

struct json_object *json_create(void)
{
	return json_object_new_object();
}

void json_finish(struct json_object *object, FILE *out)
{
	const char *line;

	if (!object)
		return;
	line = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
						      JSON_C_TO_STRING_NOSLASHESCAPE);
	if (line)
		fprintf(out, "%s\n", line);
	json_object_put(object);
}

/* Keys are literals; checking for duplicates would only take time. */
static bool add(struct json_object *object, const char *key, struct json_object *value)
{
	if (!object || !value ||
	    json_object_object_add_ex(object, key, value, JSON_C_OBJECT_ADD_KEY_IS_NEW |
							  JSON_C_OBJECT_ADD_CONSTANT_KEY) < 0) {
		json_object_put(value);
		return false;
	}
	return true;
}

void json_number(struct json_object *object, const char *key, uint64_t value)
{
	add(object, key, json_object_new_uint64(value));
}

void json_integer(struct json_object *object, const char *key, int64_t value)
{
	add(object, key, json_object_new_int64(value));
}

void json_true(struct json_object *object, const char *key)
{
	add(object, key, json_object_new_boolean(1));
}

static void sanitize(char *to, const char *from)
{
	size_t left = strlen(from);

	while (left) {
		size_t length = utf8_length(from, left);

		if (length) {
			memcpy(to, from, length);
			to += length;
		} else {
			memcpy(to, "\xef\xbf\xbd", 3);
			to += 3;
			length = 1;
		}
		from += length;
		left -= length;
	}
	*to = '\0';
}

void json_text(struct json_object *object, const char *key, const char *value)
{
	char *clean = malloc(3 * strlen(value) + 1);

	if (!clean)
		return;
	sanitize(clean, value);
	add(object, key, json_object_new_string(clean));
	free(clean);
}

struct json_object *json_member(struct json_object *object, const char *key)
{
	struct json_object *member = json_object_new_object();

	return add(object, key, member) ? member : NULL;
}

void json_array(struct json_object *object, const char *key)
{
	add(object, key, json_object_new_array());
}

struct json_object *json_element(struct json_object *object, const char *key)
{
	struct json_object *array, *element;

	if (!object || !json_object_object_get_ex(object, key, &array))
		return NULL;
	element = json_object_new_object();
	if (element && json_object_array_add(array, element) < 0) {
		json_object_put(element);
		return NULL;
	}
	return element;
}
