// SPDX-License-Identifier: GPL-2.0
/*
 * sink/timeline, sink/layout. With KEEP=FOLDER the pictures stay there, to be
 * looked at.
 */
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <prefork.h>

#include "core/tree.h"
#include "sink/layout.h"
#include "sink/timeline.h"
#include "tap.h"

#define MS	UINT64_C(1000000)

static struct prefork_event event;
static uint64_t clock_now;

static struct prefork_event *make(uint32_t type, pid_t pid)
{
	memset(&event, 0, sizeof(event));
	event.type = type;
	event.pid = pid;
	event.tid = pid;
	event.time = clock_now;
	strcpy(event.comm, "make");
	return &event;
}

static void take(struct tree *tree, const char *command)
{
	CHECK(tree_event(tree, &event, command ? strdup(command) : NULL, NULL));
}

static void begin_process(struct tree *tree, pid_t pid, pid_t ppid, const char *command)
{
	make(PREFORK_EVENT_PREFORK, ppid)->child = pid;
	event.cookie = (uint64_t)pid;
	take(tree, NULL);
	clock_now += MS;
	make(PREFORK_EVENT_BORN, pid)->ppid = ppid;
	take(tree, NULL);
	clock_now += MS;
	if (!command)
		return;
	make(PREFORK_EVENT_EXEC, pid);
	take(tree, command);
	make(PREFORK_EVENT_VFORK_DONE, ppid)->child = pid;
	event.suspended = MS;
	take(tree, NULL);
}

static void end_process(struct tree *tree, pid_t pid, int status)
{
	make(PREFORK_EVENT_EXIT, pid)->status = status;
	event.utime = 5 * MS;
	event.maxrss = 1234;
	take(tree, NULL);
}

/* Two threads of the first process are held, the one while the other is. */
static void hold_threads(struct tree *tree)
{
	for (pid_t tid = 7; tid <= 8; tid++, clock_now += MS) {
		make(PREFORK_EVENT_PREFORK, 1)->tid = tid;
		event.child = 100000 + tid;
		event.cookie = (uint64_t)tid;
		take(tree, NULL);
	}
	for (pid_t tid = 7; tid <= 8; tid++, clock_now += MS) {
		make(PREFORK_EVENT_FORK_FAILED, 1)->tid = tid;
		event.child = 100000 + tid;
		take(tree, NULL);
	}
}

/* A build of @count objects, @width at a time; each is by a shell and two that it creates. */
static struct tree *build(unsigned int count, unsigned int width)
{
	struct tree *tree = tree_create(true);
	char command[128];

	clock_now = 10 * MS;
	tree_add(tree, 1, &(struct origin){ .start = clock_now - 5 * MS }, "make", strdup("make -j4 <all> & \"more\""));
	hold_threads(tree);
	for (unsigned int i = 0; i < count + width; i++) {
		pid_t first = 10 + 3 * (pid_t)i, old = first - 3 * (pid_t)width;

		if (i >= width)
			for (pid_t pid = old + 2; pid >= old; pid--, clock_now += 3 * MS)
				end_process(tree, pid, i % 17 ? 0 : i % 2 ? 256 : SIGSEGV);
		if (i >= count)
			continue;
		snprintf(command, sizeof(command), "gcc -O2 -c -o file_%u.o file_%u.c", i, i);
		begin_process(tree, first, 1, command);
		begin_process(tree, first + 1, first, "cc1 -quiet -dumpbase \xff");
		clock_now += (i * 7919 % 23) * MS;
		begin_process(tree, first + 2, first, i % 5 ? "as -o x.o" : NULL);
	}
	clock_now += 5 * MS;
	return tree;
}

static bool overlap(const struct bar *a, const struct bar *b)
{
	return a->row == b->row && a->process->origin.start < b->end &&
	       b->process->origin.start < a->end;
}

static void check_layout(const struct layout *layout)
{
	for (size_t i = 0; i < layout->count; i++) {
		const struct bar *bar = &layout->bars[i], *creator = &layout->bars[bar->creator];

		CHECK(bar->row < layout->rows);
		CHECK(bar->creator <= i);
		CHECK(bar == creator || bar->row > creator->row);
		CHECK(bar == creator || bar->process->parent == creator->process);
		for (size_t j = 0; j < i; j++)
			if (overlap(bar, &layout->bars[j]))
				CHECK(!"bars in one row at one time");
	}
}

static void bars_do_not_overlap(void)
{
	struct tree *tree = build(67, 4);
	struct layout layout;

	if (CHECK(layout_create(&layout, tree, clock_now))) {
		EQUAL(1 + 3 * 67, layout.count);
		check_layout(&layout);
		/* Four at a time have room in as many blocks; one more begins with one that ends. */
		CHECK(layout.rows <= 1 + 3 * 5);
	}
	layout_destroy(&layout);
	tree_destroy(tree);
}

/* Who outlives its creator is still below it, and nobody else. */
static void orphans_keep_their_room(void)
{
	struct tree *tree = tree_create(true);
	struct layout layout;

	clock_now = 1;
	begin_process(tree, 2, 1, NULL);
	begin_process(tree, 3, 2, NULL);
	end_process(tree, 2, 0);
	clock_now += MS;
	begin_process(tree, 4, 1, NULL);
	begin_process(tree, 5, 4, NULL);
	end_process(tree, 4, 0);
	if (CHECK(layout_create(&layout, tree, clock_now))) {
		check_layout(&layout);
		EQUAL(layout.bars[0].row, 0);
		EQUAL(layout.count, 4);
	}
	layout_destroy(&layout);
	tree_destroy(tree);
}

static void chain_is_as_high_as_it_is_long(void)
{
	struct tree *tree = tree_create(true);
	struct layout layout;

	clock_now = 1;
	for (pid_t pid = 2; pid < 20002; pid++)
		begin_process(tree, pid, pid - 1, NULL);
	if (CHECK(layout_create(&layout, tree, clock_now)))
		EQUAL(20000, layout.rows);
	layout_destroy(&layout);
	tree_destroy(tree);
}

static void nothing_is_drawn_too(void)
{
	struct tree *tree = tree_create(true);
	struct timeline timeline = { .tree = tree, .begin = 5, .end = 5 };
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	CHECK(timeline_svg(out, &timeline));
	CHECK(timeline_trace(out, &timeline));
	fclose(out);
	CHECK(strstr(text, "0 processes"));
	CHECK(strstr(text, "\"traceEvents\":[]"));
	free(text);
	tree_destroy(tree);
}

/* Writes FOLDER/NAME and has the program of Python's judge it. */
static void judge(const char *program, const char *folder, const char *name,
		  const struct tree *tree)
{
	struct timeline timeline = { .tree = tree, .begin = 10 * MS, .end = clock_now };
	char path[256], command[512];
	timeline_writer *write;
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	write = timeline_find(path);
	out = fopen(path, "w");
	if (!CHECK(write) || !CHECK(out))
		return;
	CHECK(write(out, &timeline));
	fclose(out);
	setenv("JUDGE", program, 1);
	snprintf(command, sizeof(command), "python3 -c \"$JUDGE\" %s", path);
	EQUAL(0, system(command));
	if (!getenv("KEEP"))
		unlink(path);
}

static const char svg_judge[] =
	"import sys, xml.etree.ElementTree as ET\n"
	"root = ET.parse(sys.argv[1]).getroot()\n"
	"ns = '{http://www.w3.org/2000/svg}'\n"
	"groups = root.findall(ns + 'g')\n"
	"bars = [g.find(ns + 'rect') for g in groups]\n"
	"assert all(b.get('class').startswith('bar ') for b in bars)\n"
	"width, height = float(root.get('width')), float(root.get('height'))\n"
	"for b in bars:\n"
	"    assert 0 <= float(b.get('x')) and float(b.get('x')) + float(b.get('width')) <= width\n"
	"    assert float(b.get('y')) + float(b.get('height')) <= height\n"
	"titles = [g.find(ns + 'title').text for g in groups]\n"
	"assert titles[0].startswith('make -j4 <all> & \"more\"\\n1\\nfrom -0.005000 s'), titles[0]\n"
	"assert 'suspended in vfork' in titles[0] and 'held' in titles[0]\n"
	"assert len(set(titles)) == len(titles)\n";

static const char trace_judge[] =
	"import json, sys\n"
	"events = json.load(open(sys.argv[1]))['traceEvents']\n"
	"slices = [e for e in events if e['ph'] == 'X']\n"
	"lives = {e['pid']: e for e in slices if 'ppid' in e['args']}\n"
	"names = [e for e in events if e['ph'] == 'M' and e['name'] == 'process_name']\n"
	"assert len(lives) == len(names) > 0\n"
	"for e in events:\n"
	"    if e['ph'] == 'M': continue\n"
	"    life = lives[e['pid']]\n"
	"    assert life['ts'] <= e['ts'] and e['ts'] + e.get('dur', 0) <= life['ts'] + life['dur'], e\n"
	"assert {e['args']['tid'] for e in slices if e['tid'] != e['pid']} == {7, 8}\n"
	"tracks = {}\n"
	"for e in slices: tracks.setdefault((e['pid'], e['tid']), []).append(e)\n"
	"for track in tracks.values():\n"
	"    ends = []\n"
	"    for e in sorted(track, key=lambda e: (e['ts'], -e['dur'])):\n"
	"        while ends and ends[-1] <= e['ts']: ends.pop()\n"
	"        ends.append(e['ts'] + e['dur'])\n"
	"        assert ends == sorted(ends, reverse=True), e\n"
	"arrows = {p: {e['id']: e for e in events if e['ph'] == p} for p in 'sf'}\n"
	"assert arrows['s'].keys() == arrows['f'].keys() and len(arrows['s']) == len(lives) - 1\n"
	"for i, s in arrows['s'].items():\n"
	"    f = arrows['f'][i]\n"
	"    assert lives[f['pid']]['args']['ppid'] == lives[s['pid']]['args']['pid']\n"
	"    assert s['ts'] == f['ts'] == lives[f['pid']]['ts']\n";

static void pictures_are_what_they_should_be(void)
{
	static const struct {
		unsigned int count, width;
		const char *svg, *trace;
	} builds[] = {
		{ 1, 1, "few.svg", "few.json" },
		{ 67, 4, "some.svg", "some.json" },
		{ 667, 4, "many.svg", "many.json" },
	};
	char folder[] = "/tmp/test_timeline.XXXXXX";
	const char *kept = getenv("KEEP");

	if (!kept && !CHECK(mkdtemp(folder)))
		return;
	for (size_t i = 0; i < sizeof(builds) / sizeof(builds[0]); i++) {
		struct tree *tree = build(builds[i].count, builds[i].width);

		judge(svg_judge, kept ? kept : folder, builds[i].svg, tree);
		judge(trace_judge, kept ? kept : folder, builds[i].trace, tree);
		tree_destroy(tree);
	}
	if (!kept)
		rmdir(folder);
}

static void names_tell_the_kind(void)
{
	CHECK(timeline_find("a.svg") == timeline_svg);
	CHECK(timeline_find("/x.y/a.json") == timeline_trace);
	CHECK(!timeline_find("svg"));
	CHECK(!timeline_find("a.png"));
	CHECK(!timeline_find("a.svg/b"));
	CHECK(!timeline_find(""));
}

int main(void)
{
	static const struct tap_test tests[] = {
		{ "names tell the kind", names_tell_the_kind },
		{ "bars do not overlap", bars_do_not_overlap },
		{ "orphans keep their room", orphans_keep_their_room },
		{ "a chain is as high as it is long", chain_is_as_high_as_it_is_long },
		{ "nothing is drawn, too", nothing_is_drawn_too },
		{ "pictures are what they should be", pictures_are_what_they_should_be },
	};

	return TAP_RUN(tests);
}
