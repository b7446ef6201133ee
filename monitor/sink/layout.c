// SPDX-License-Identifier: GPL-2.0
#include "layout.h"

#include <stdlib.h>

#include "core/tree.h"

/* The block of rows of a process and all that it created. */
struct block {
	size_t first, last, next;	/* blocks of what it created, in their order */
	unsigned int height;
	unsigned int offset;		/* below the first row of its creator's */
	uint64_t end;			/* of the last of them */
};

/* No block. */
#define NONE	SIZE_MAX

/* Until when each row is taken. */
struct rows {
	uint64_t *until;
	size_t room;
};

static bool make_room(struct rows *rows, size_t count)
{
	size_t room = rows->room ? rows->room : 64;
	uint64_t *until;

	while (room < count)
		room *= 2;
	if (room == rows->room)
		return true;
	until = reallocarray(rows->until, room, sizeof(*until));
	if (!until)
		return false;
	rows->until = until;
	rows->room = room;
	return true;
}

/* The first of @height rows that are free at @start, of @used that have been used. */
static unsigned int find_rows(const struct rows *rows, unsigned int used, unsigned int height,
			      uint64_t start)
{
	unsigned int row, free_rows = 0;

	for (row = 0; row < used && free_rows < height; row++)
		free_rows = rows->until[row] <= start ? free_rows + 1 : 0;
	return row - free_rows;
}

/* Puts the blocks of a list below each other. Returns their height, or -1 without memory. */
static long place(const struct layout *layout, struct block *blocks, size_t first,
		  struct rows *rows)
{
	unsigned int used = 0;

	for (size_t i = first; i != NONE; i = blocks[i].next) {
		uint64_t start = layout->bars[i].process->origin.start;
		unsigned int row = find_rows(rows, used, blocks[i].height, start);
		unsigned int below = row + blocks[i].height;

		if (!make_room(rows, below))
			return -1;
		for (unsigned int at = row; at < below; at++)
			rows->until[at] = blocks[i].end;
		blocks[i].offset = row;
		used = below > used ? below : used;
	}
	return used;
}

static void append(struct block *blocks, size_t *first, size_t *last, size_t i)
{
	if (*first == NONE)
		*first = i;
	else
		blocks[*last].next = i;
	*last = i;
}

/*
 * One bar for each, and who was created by whom. A process knows its depth, so
 * the last one of each depth so far is the creator of what follows. Returns the
 * first of those without a creator, by blocks[].next.
 */
static size_t list(struct layout *layout, struct block *blocks, size_t *path,
		   const struct tree *tree, uint64_t end)
{
	size_t first = NONE, last = NONE, i = 0;

	for (const struct process *process = tree_first(tree); process;
	     process = tree_next(process), i++) {
		size_t creator = process->parent ? path[process->depth - 1] : i;
		uint64_t its_end = process_end(process, end);

		layout->bars[i] = (struct bar){ process, creator, 0, its_end };
		blocks[i] = (struct block){ NONE, NONE, NONE, 1, 0, its_end };
		if (process->parent)
			append(blocks, &blocks[creator].first, &blocks[creator].last, i);
		else
			append(blocks, &first, &last, i);
		path[process->depth] = i;
	}
	return first;
}

/* From the last one up, so that all that it created has its place when it is one's turn. */
static bool place_all(struct layout *layout, struct block *blocks, size_t first,
		      struct rows *rows)
{
	long height;

	for (size_t i = layout->count; i-- > 0;) {
		struct block *creator = &blocks[layout->bars[i].creator];

		height = place(layout, blocks, blocks[i].first, rows);
		if (height < 0)
			return false;
		blocks[i].height = 1 + (unsigned int)height;
		if (creator->end < blocks[i].end)
			creator->end = blocks[i].end;
	}
	height = place(layout, blocks, first, rows);
	layout->rows = (unsigned int)height;
	return height >= 0;
}

static void number_rows(struct layout *layout, const struct block *blocks)
{
	for (size_t i = 0; i < layout->count; i++) {
		struct bar *bar = &layout->bars[i];

		bar->row = blocks[i].offset;
		if (bar->creator != i)
			bar->row += layout->bars[bar->creator].row + 1;
	}
}

bool layout_create(struct layout *layout, const struct tree *tree, uint64_t end)
{
	size_t count = tree_count(tree);
	struct block *blocks = calloc(count + 1, sizeof(*blocks));
	size_t *path = calloc(count + 1, sizeof(*path));
	struct rows rows = { 0 };
	bool done = false;

	*layout = (struct layout){ .count = count, .bars = calloc(count + 1, sizeof(struct bar)) };
	if (blocks && path && layout->bars)
		done = place_all(layout, blocks, list(layout, blocks, path, tree, end), &rows);
	if (done)
		number_rows(layout, blocks);
	else
		layout_destroy(layout);
	free(rows.until);
	free(path);
	free(blocks);
	return done;
}

void layout_destroy(struct layout *layout)
{
	free(layout->bars);
	*layout = (struct layout){ 0 };
}
