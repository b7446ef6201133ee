// SPDX-License-Identifier: GPL-2.0
#include "format.h"

#include <stddef.h>
#include <string.h>

#include "sink.h"

static const struct {
	const char *name;
	const struct sink_ops *ops;
} formats[] = {
	{ "text", &sink_text },
	{ "json", &sink_json },
	{ "csv", &sink_csv },
	{ "pipe", &sink_pipe },
};

const struct sink_ops *format_find(const char *name)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (!strcmp(formats[i].name, name))
			return formats[i].ops;
	return NULL;
}
