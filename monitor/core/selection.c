// SPDX-License-Identifier: GPL-2.0
#include "selection.h"

#include <string.h>

#include <prefork.h>

/* The last one that can be named; LOST, which is among them, is told in any case. */
#define LAST	PREFORK_EVENT_ADOPTED

/* Beside the bits of events. */
#define SIGNAL	UINT32_C(1)
#define FOUND	(UINT32_C(1) << 30)

/* One for all that are newer than this program. */
#define UNKNOWN	(UINT32_C(1) << 31)

static uint32_t bit_of(uint32_t type)
{
	if (type == SELECTION_SIGNAL)
		return SIGNAL;
	if (type == SELECTION_FOUND)
		return FOUND;
	return type >= PREFORK_EVENT_PREFORK && type <= LAST ?
		UINT32_C(2) << (type - PREFORK_EVENT_PREFORK) : UNKNOWN;
}

static bool is_name(const char *text, size_t length, const char *name)
{
	return strlen(name) == length && !strncmp(text, name, length);
}

/* Returns 0 for what is no name. */
static uint32_t find(const char *text, size_t length)
{
	if (is_name(text, length, "signal"))
		return SIGNAL;
	if (is_name(text, length, "found"))
		return FOUND;
	for (uint32_t type = PREFORK_EVENT_PREFORK; type <= LAST; type++)
		if (type != PREFORK_EVENT_LOST && is_name(text, length, prefork_event_name(type)))
			return bit_of(type);
	return 0;
}

bool selection_parse(struct selection *selection, const char *list)
{
	bool others = list[0] == '!';
	uint32_t named = 0, bit;

	for (list += others;; list++) {
		size_t length = strcspn(list, ",");

		bit = find(list, length);
		if (!bit)
			return false;
		named |= bit;
		list += length;
		if (!*list)
			break;
	}
	selection->left_out = others ? named : ~named;
	return true;
}

bool selection_any(const struct selection *selection)
{
	return ~selection->left_out;
}

bool selection_has(const struct selection *selection, uint32_t type)
{
	return !(selection->left_out & bit_of(type));
}
