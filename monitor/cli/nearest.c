// SPDX-License-Identifier: GPL-2.0
#include "nearest.h"

#include <stdint.h>
#include <string.h>

/* Longer words are not compared. */
#define LENGTH_MAX	32

static size_t least(size_t a, size_t b, size_t c)
{
	size_t less = a < b ? a : b;

	return less < c ? less : c;
}

/* How many letters to change, to put in and to leave out make one of the other (Levenshtein). */
static size_t distance(const char *left, const char *right)
{
	size_t row[LENGTH_MAX + 1], length = strlen(right);

	if (length > LENGTH_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= length; j++)
		row[j] = j;
	for (size_t i = 1; left[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= length; j++) {
			size_t changed = diagonal + (left[i - 1] != right[j - 1]);

			diagonal = row[j];
			row[j] = least(row[j] + 1, row[j - 1] + 1, changed);
		}
	}
	return row[length];
}

const char *nearest(const char *word, const char *const *names, size_t count)
{
	size_t best = (strlen(word) + 2) / 3 + 1;	/* from there on it is another word */
	const char *found = NULL;

	for (size_t i = 0; i < count; i++) {
		size_t so_far = distance(word, names[i]);

		if (so_far >= best)
			continue;
		best = so_far;
		found = names[i];
	}
	return found;
}
