// SPDX-License-Identifier: GPL-2.0
#include "utf8.h"

#include <stdbool.h>

static size_t length_by_lead(unsigned char lead)
{
	if (lead < 0x80)
		return 1;
	if (lead >= 0xc2 && lead < 0xe0)
		return 2;
	if (lead >= 0xe0 && lead < 0xf0)
		return 3;
	if (lead >= 0xf0 && lead < 0xf5)
		return 4;
	return 0;
}

/* Overlong forms, surrogates, and what is beyond U+10FFFF. */
static bool second_is_valid(unsigned char lead, unsigned char second)
{
	switch (lead) {
	case 0xe0:
		return second >= 0xa0;
	case 0xed:
		return second < 0xa0;
	case 0xf0:
		return second >= 0x90;
	case 0xf4:
		return second < 0x90;
	default:
		return true;
	}
}

size_t utf8_length(const char *text, size_t max)
{
	const unsigned char *byte = (const unsigned char *)text;
	size_t length = max ? length_by_lead(byte[0]) : 0;

	if (length > max)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((byte[i] & 0xc0) != 0x80)
			return 0;
	if (length > 1 && !second_is_valid(byte[0], byte[1]))
		return 0;
	return length;
}
