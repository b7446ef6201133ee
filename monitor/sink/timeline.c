// SPDX-License-Identifier: GPL-2.0
#include "timeline.h"

#include <string.h>

timeline_writer *timeline_find(const char *path)
{
	const char *suffix = strrchr(path, '.');

	if (suffix && !strcmp(suffix, ".svg"))
		return timeline_svg;
	if (suffix && !strcmp(suffix, ".json"))
		return timeline_trace;
	return NULL;
}
