// SPDX-License-Identifier: GPL-2.0
/*
 * A datagram of any content goes the way of one from the kernel: through the
 * decoder to the tree and to each sink. What the sanitizers cannot see is
 * checked here: members that are not set, strings without an end, lines that
 * are not one line, JSON that is none.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>
#include <netlink/msg.h>

#include "core/tree.h"
#include "core/utf8.h"
#include "lib/decode.h"
#include "sink/sink.h"
#include "sink/timeline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool held, const char *what)
{
	if (held)
		return;
	fprintf(stderr, "not so: %s\n", what);
	abort();
}

#define DEMAND(condition)	demand(condition, #condition)

static bool ends_within(const char *text, size_t size)
{
	return memchr(text, '\0', size);
}

/* Whole lines of valid UTF-8. */
static void check_lines(const char *text, size_t size)
{
	DEMAND(!size || text[size - 1] == '\n');
	while (size) {
		size_t length = *text == '\n' ? 1 : utf8_length(text, size);

		DEMAND(length);
		DEMAND(*text == '\n' || (unsigned char)*text >= ' ');
		text += length;
		size -= length;
	}
}

/* With nothing that a terminal would obey. */
static void check_plain_lines(const char *text, size_t size)
{
	check_lines(text, size);
	DEMAND(!memchr(text, '\x7f', size));
	for (size_t i = 0; i + 1 < size; i++)
		DEMAND(text[i] != '\xc2' || (unsigned char)text[i + 1] >= 0xa0);
}

static bool is_one_line(const char *text, size_t size)
{
	return size && memchr(text, '\n', size) == text + size - 1;
}

static void check_text(const char *line, size_t size)
{
	check_plain_lines(line, size);
	DEMAND(is_one_line(line, size));
}

static void check_json(const char *line, size_t size)
{
	struct json_object *object;

	check_lines(line, size);
	DEMAND(is_one_line(line, size));
	object = json_tokener_parse(line);
	DEMAND(json_object_is_type(object, json_type_object));
	DEMAND(json_object_object_get_ex(object, "event", NULL));
	DEMAND(json_object_object_get_ex(object, "time", NULL));
	json_object_put(object);
}

static void check_csv(const char *row, size_t size)
{
	DEMAND(size > 2 && !memcmp(row + size - 2, "\r\n", 2));
	for (size_t i = 0, length; i < size; i += length) {
		length = utf8_length(row + i, size - i);
		DEMAND(length);
		DEMAND((unsigned char)row[i] >= ' ' || memchr("\r\n\t", row[i], 3));
	}
}

/* What @ops writes about it. */
static void show(const struct sink_ops *ops, const struct prefork_event *event,
		 void (*check)(const char *line, size_t size))
{
	const struct origin origin = { .ppid = event->ppid, .start = event->seq };
	struct sink sink = { .ops = ops };
	char *line = NULL;
	size_t size = 0;

	sink.out = open_memstream(&line, &size);
	if (event->type == PREFORK_EVENT_LOST)
		ops->lost(&sink, event, event->count);
	else
		ops->event(&sink, event, &origin);
	fclose(sink.out);
	check(line, size);
	free(line);
}

static void show_tree(const struct sink_ops *ops, const struct tree *tree,
		      void (*check)(const char *lines, size_t size))
{
	struct sink sink = { .ops = ops };
	char *lines = NULL;
	size_t size = 0;

	sink.out = open_memstream(&lines, &size);
	ops->footer(&sink, tree, 1);
	for (const struct process *process = tree_first(tree); process;
	     process = tree_next(process))
		ops->found(&sink, 1, process);
	fclose(sink.out);
	check(lines, size);
	free(lines);
}

static void draw_tree(const struct tree *tree)
{
	const struct timeline timeline = { .tree = tree, .begin = 1, .end = 2 };
	char *lines = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&lines, &size);

	DEMAND(timeline_svg(out, &timeline));
	DEMAND(timeline_trace(out, &timeline));
	fclose(out);
	check_plain_lines(lines, size);
	free(lines);
}

/* Over two backgrounds: what is not set differs. */
static void decode_event(const struct nlmsghdr *nlh, struct tree *trees[2])
{
	static struct prefork_event event, again;

	memset(&event, 0, sizeof(event));
	memset(&again, 0xff, sizeof(again));
	if (prefork_decode_event(nlh, &event)) {
		DEMAND(prefork_decode_event(nlh, &again));
		return;
	}
	DEMAND(!prefork_decode_event(nlh, &again));
	DEMAND(prefork_decode_is_event(nlh));
	DEMAND(!memcmp(&event, &again, offsetof(struct prefork_event, path)));
	DEMAND(!strcmp(event.path, again.path));
	DEMAND(ends_within(event.comm, sizeof(event.comm)));
	DEMAND(ends_within(again.path, sizeof(again.path)));
	DEMAND(event.cookie || !prefork_event_is_hold(&event));

	show(&sink_text, &event, check_text);
	show(&sink_json, &event, check_json);
	show(&sink_pipe, &event, check_text);
	show(&sink_csv, &event, check_csv);
	tree_event(trees[0], &event, NULL, NULL);
	tree_event(trees[1], &event, NULL, NULL);
}

static void decode_watched(const struct nlmsghdr *nlh)
{
	struct prefork_watched *watched, *again;

	if (prefork_decode_watched(nlh, &watched))
		return;
	DEMAND(!prefork_decode_watched(nlh, &again));
	DEMAND(ends_within(watched->comm, sizeof(watched->comm)));
	DEMAND(watched->held_count == again->held_count);
	DEMAND(!memcmp(watched->held, again->held,
		       watched->held_count * sizeof(*watched->held)));
	free(watched);
	free(again);
}

static void decode_stats(const struct nlmsghdr *nlh)
{
	struct prefork_stats stats, again;

	memset(&stats, 0, sizeof(stats));
	memset(&again, 0xff, sizeof(again));
	if (!prefork_decode_stats(nlh, &stats)) {
		DEMAND(!prefork_decode_stats(nlh, &again));
		DEMAND(!memcmp(&stats, &again, sizeof(stats)));
	}
}

/* In a block of exactly its size, for ASan. */
static void decode(const struct nlmsghdr *nlh, struct tree *trees[2])
{
	struct nlmsghdr *alone = malloc(nlh->nlmsg_len);

	if (!alone)
		abort();
	memcpy(alone, nlh, nlh->nlmsg_len);
	decode_event(alone, trees);
	decode_watched(alone);
	decode_stats(alone);
	free(alone);
}

static void decode_all(void *bytes, int size, struct tree *trees[2])
{
	struct nlmsghdr *nlh;

	for (nlh = bytes; nlmsg_ok(nlh, size); nlh = nlmsg_next(nlh, &size))
		decode(nlh, trees);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tree *trees[] = { tree_create(false), tree_create(true) };
	void *bytes = malloc(size + 1);

	if (!trees[0] || !trees[1] || !bytes)
		abort();
	memcpy(bytes, data, size);
	decode_all(bytes, (int)size, trees);
	show_tree(&sink_text, trees[1], check_plain_lines);
	show_tree(&sink_json, trees[1], check_lines);
	show_tree(&sink_pipe, trees[1], check_plain_lines);
	draw_tree(trees[1]);
	DEMAND(tree_running(trees[0]) == tree_running(trees[1]));
	tree_destroy(trees[0]);
	tree_destroy(trees[1]);
	free(bytes);
	return 0;
}
