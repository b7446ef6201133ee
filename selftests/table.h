/* SPDX-License-Identifier: GPL-2.0 */
/*
 * table.h - tables of docs/ that tests run row by row
 */
#ifndef SELFTESTS_TABLE_H
#define SELFTESTS_TABLE_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define TABLE_CELLS	8
#define TABLE_CELL	64

struct row {
	int cells;
	char cell[TABLE_CELLS][TABLE_CELL];
};

/* Splits "| a | b |"; no cells if the line is none of a table. */
static inline void row_parse(struct row *row, const char *line)
{
	const char *end, *last;

	row->cells = 0;
	while (*line == '|' && row->cells < TABLE_CELLS) {
		line += 1 + strspn(line + 1, " ");
		end = strchr(line, '|');
		if (!end)
			return;
		for (last = end; last > line && last[-1] == ' '; last--)
			;
		snprintf(row->cell[row->cells++], TABLE_CELL, "%.*s",
			 (int)(last - line), line);
		line = end;
	}
}

/*
 * Calls @visit for each row of the table in that file whose first two headings
 * are these, and returns how many rows there were.
 */
static inline int table_for_each(const char *path, const char *first,
				 const char *second,
				 void (*visit)(const struct row *, void *),
				 void *context)
{
	FILE *file = fopen(path, "re");
	int rows = 0, line_in_table = 0;
	char line[512];
	struct row row;

	while (file && fgets(line, sizeof(line), file)) {
		row_parse(&row, line);
		if (row.cells < 2)
			line_in_table = 0;
		else if (line_in_table || (!strcmp(row.cell[0], first) &&
					   !strcmp(row.cell[1], second)))
			line_in_table++;
		if (line_in_table <= 2)	/* headings, and the rule below */
			continue;
		visit(&row, context);
		rows++;
	}
	if (file)
		fclose(file);
	return rows;
}

#endif /* SELFTESTS_TABLE_H */
