// SPDX-License-Identifier: GPL-2.0
/* sink/: what people and programs read. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-c/json.h>

#include <prefork.h>

#include "core/delivery.h"
#include "core/summary.h"
#include "core/tree.h"
#include "sink/format.h"
#include "sink/jsonline.h"
#include "sink/output.h"
#include "sink/sink.h"
#include "tap.h"

#define SECOND	UINT64_C(1000000000)

/* What one call of a sink writes. */
static char *text;
static size_t size;
static struct sink sink;

static void begin(const char *format)
{
	free(text);
	text = NULL;
	sink = (struct sink){
		.ops = format_find(format),
		.out = open_memstream(&text, &size),
		.epoch = 10 * SECOND,
	};
}

static const char *end(void)
{
	fclose(sink.out);
	return text;
}

/* Of all events. */
static const struct origin origin = { .ppid = 77, .start = 9, .uid = 1000, .has_uid = true };

static const char *show_of(const char *format, const struct prefork_event *event,
			   const struct origin *of)
{
	begin(format);
	sink.ops->event(&sink, event, of);
	return end();
}

static const char *show(const char *format, const struct prefork_event *event)
{
	return show_of(format, event, &origin);
}

static struct prefork_event event;

static struct prefork_event *make(uint32_t type)
{
	memset(&event, 0, sizeof(event));
	event.type = type;
	event.seq = 3;
	event.time = 10 * SECOND + 12345000;
	event.pid = 1234;
	event.tid = 1234;
	strcpy(event.comm, "make");
	return &event;
}

static void formats_have_names(void)
{
	CHECK(format_find("text") == &sink_text);
	CHECK(format_find("json") == &sink_json);
	CHECK(format_find("csv") == &sink_csv);
	CHECK(format_find("pipe") == &sink_pipe);
	CHECK(!format_find("xml"));
}

static void text_is_aligned_and_plain(void)
{
	make(PREFORK_EVENT_PREFORK)->child = 1240;
	event.clone_flags = CLONE_VFORK | CLONE_VM;
	event.cookie = 9;
	STRING(show("text", &event),
	       "   0.012345    1234 make            prefork     -> 1240 (vfork, held)\n");
	event.cookie = 0;
	event.clone_flags = 0;
	strcpy(event.comm, "a\033b");
	STRING(show("text", &event),
	       "   0.012345    1234 a\\033b          prefork     -> 1240 (fork)\n");
	make(PREFORK_EVENT_EXIT)->status = SIGKILL;
	event.utime = SECOND / 2;
	event.maxrss = 77;
	STRING(show("text", &event), "   0.012345    1234 make            exit        "
	       "SIGKILL, user 0.500 s, system 0.000 s, 77 KiB\n");
	make(PREFORK_EVENT_FORK_FAILED)->error = EAGAIN;
	event.child = 1240;
	STRING(show("text", &event), "   0.012345    1234 make            fork_failed "
	       "-> 1240 not created: EAGAIN (Resource temporarily unavailable)\n");
	strcpy(make(PREFORK_EVENT_EXEC)->path, "/bin/\n");
	event.old_tid = 1235;
	STRING(show("text", &event), "   0.012345    1234 make            exec        "
	       "/bin/\\012 (by thread 1235)\n");
}

static void json_has_the_keys_of_the_uapi(void)
{
	make(PREFORK_EVENT_PREFORK)->child = 1240;
	event.clone_flags = 0x4100;
	event.cookie = UINT64_MAX;
	event.deadline = 5;
	STRING(show("json", &event),
	       "{\"event\":\"prefork\",\"seq\":3,\"time\":10012345000,\"pid\":1234,\"tid\":1234,"
	       "\"ppid\":77,\"start\":9,\"uid\":1000,\"comm\":\"make\",\"child\":1240,\"clone_flags\":16640,"
	       "\"cookie\":18446744073709551615,\"deadline\":5}\n");
	make(PREFORK_EVENT_BORN)->ppid = 1;
	event.thread = true;
	strcpy(event.comm, "a\"\n\xff");
	STRING(show("json", &event),
	       "{\"event\":\"born\",\"seq\":3,\"time\":10012345000,\"pid\":1234,\"tid\":1234,"
	       "\"ppid\":77,\"start\":9,\"uid\":1000,\"comm\":\"a\\\"\\n\xef\xbf\xbd\",\"clone_flags\":0,\"thread\":true}\n");
	strcpy(make(PREFORK_EVENT_EXEC)->path, "/bin/true");
	event.old_tid = 1234;
	STRING(show("json", &event),
	       "{\"event\":\"exec\",\"seq\":3,\"time\":10012345000,\"pid\":1234,\"tid\":1234,"
	       "\"ppid\":77,\"start\":9,\"uid\":1000,\"comm\":\"make\",\"path\":\"/bin/true\",\"old_tid\":1234}\n");
	make(PREFORK_EVENT_EXIT)->status = 256;
	event.utime = 1;
	event.stime = 2;
	event.maxrss = 3;
	STRING(show("json", &event),
	       "{\"event\":\"exit\",\"seq\":3,\"time\":10012345000,\"pid\":1234,\"tid\":1234,"
	       "\"ppid\":77,\"start\":9,\"uid\":1000,\"comm\":\"make\",\"status\":256,\"utime\":1,\"stime\":2,\"maxrss\":3}\n");
}

/* The value of a line with nothing but that text, as a parser understands it. */
static void is_read_as(const char *written, const char *want)
{
	struct json_object *line, *value;
	struct json json;

	begin("json");
	json_begin(&json, sink.out);
	json_text(&json, "name", written);
	json_end(&json);
	line = json_tokener_parse(end());
	if (CHECK(line) && CHECK(json_object_object_get_ex(line, "name", &value)))
		STRING(json_object_get_string(value), want);
	json_object_put(line);
}

static void json_keeps_any_text(void)
{
	char all[128];

	for (int i = 0; i < 127; i++)
		all[i] = (char)(i + 1);
	all[127] = '\0';
	is_read_as(all, all);
	is_read_as("", "");
	is_read_as("h\xc3\xa9 \xf0\x9f\x90\xa7", "h\xc3\xa9 \xf0\x9f\x90\xa7");
	is_read_as("\xff\"\xc3", "\xef\xbf\xbd\"\xef\xbf\xbd");
	is_read_as("\xc3\n\xa9", "\xef\xbf\xbd\n\xef\xbf\xbd");
}

static void json_keeps_any_number(void)
{
	struct json json;

	begin("json");
	json_begin(&json, sink.out);
	json_number(&json, "zero", 0);
	json_number(&json, "most", UINT64_MAX);
	json_integer(&json, "least", INT64_MIN);
	json_integer(&json, "less", -1);
	json_true(&json, "yes");
	json_end(&json);
	STRING(end(), "{\"zero\":0,\"most\":18446744073709551615,"
	       "\"least\":-9223372036854775808,\"less\":-1,\"yes\":true}\n");
}

static void json_has_objects_and_arrays(void)
{
	struct json json;

	begin("json");
	json_begin(&json, sink.out);
	json_begin_object(&json, "a");
	json_number(&json, "b", 1);
	json_end_object(&json);
	json_begin_array(&json, "none");
	json_end_array(&json);
	json_begin_array(&json, "c");
	for (int i = 0; i < 2; i++) {
		json_begin_element(&json);
		json_integer(&json, "d", i);
		json_end_object(&json);
	}
	json_end_array(&json);
	json_true(&json, "e");
	json_end(&json);
	STRING(end(), "{\"a\":{\"b\":1},\"none\":[],\"c\":[{\"d\":0},{\"d\":1}],\"e\":true}\n");
}

/* One of each type, with a name that needs care in every format. */
static void write_all_types(void)
{
	for (uint32_t type = PREFORK_EVENT_PREFORK; type <= PREFORK_EVENT_ADOPTED; type++) {
		if (type == PREFORK_EVENT_LOST)
			continue;
		make(type)->child = 1240;
		strcpy(event.comm, "a|b,\"\\\r\n\xff");
		strcpy(event.path, "/bin/\"x\",|\ny");
		event.old_tid = event.pid;
		event.ppid = origin.ppid;
		event.nspid = 1;
		event.status = 256;
		event.error = EAGAIN;
		event.thread = type == PREFORK_EVENT_TIMEOUT;
		event.cookie = UINT64_MAX;
		sink.ops->event(&sink, &event, &origin);
	}
}

static struct tree *small_tree(void)
{
	struct tree *tree = tree_create(true);
	struct origin top = origin;

	top.start = 10 * SECOND;
	tree_add(tree, 1, &top, "sh", strdup("sh -c x"));
	make(PREFORK_EVENT_BORN)->ppid = 1;
	event.pid = event.tid = 2;
	tree_event(tree, &event, NULL, NULL);
	event.pid = event.tid = 3;
	tree_event(tree, &event, NULL, NULL);
	event.pid = event.tid = 4;
	event.ppid = 2;
	tree_event(tree, &event, NULL, NULL);
	for (pid_t pid = 4; pid > 0; pid--) {
		make(PREFORK_EVENT_EXIT)->pid = pid;
		event.time = 11 * SECOND;
		event.utime = SECOND;
		event.status = pid == 3 ? SIGSEGV : pid << 8;
		tree_event(tree, &event, NULL, NULL);
	}
	return tree;
}

static void write_summary(const struct tree *tree)
{
	struct summary summary;

	if (CHECK(summary_create(&summary, tree, 10 * SECOND, 12 * SECOND)))
		sink.ops->summary(&sink, &summary);
	summary_destroy(&summary);
}

/* Every format's whole output, about the same. */
static void write_everything(const char *format)
{
	const struct delivery delivery = {
		.pid = 2, .tid = 3, .comm = ",", .signal = SIGHUP, .origin = origin,
	};
	struct tree *tree = small_tree();

	begin(format);
	if (sink.ops->header)
		sink.ops->header(&sink);
	write_all_types();
	sink.ops->lost(&sink, make(PREFORK_EVENT_LOST), 5);
	sink.ops->resync(&sink, 11 * SECOND, 2, 1);
	sink.ops->found(&sink, 11 * SECOND, tree_first(tree));
	sink.ops->signal(&sink, &delivery);
	sink.ops->truncated(&sink, 12 * SECOND, 5, 1);
	sink.ops->footer(&sink, tree, 1);
	write_summary(tree);
	end();
	tree_destroy(tree);
}

static void to_file(const char *format, char *name)
{
	int fd = mkstemp(name);

	write_everything(format);
	CHECK(fd >= 0 && write(fd, text, size) == (ssize_t)size);
	close(fd);
}

/* Others' readers are the judges. */
static void csv_says_what_json_says(void)
{
	static const char judge[] =
		"import csv, json, sys\n"
		"rows = list(csv.DictReader(open(sys.argv[1], newline='', encoding='utf-8'), strict=True))\n"
		"lines = [json.loads(line) for line in open(sys.argv[2], encoding='utf-8')]\n"
		"told = [{k: v for k, v in row.items() if v != ''} for row in rows]\n"
		"wanted = [{k: '1' if v is True else str(v) for k, v in line.items()} for line in lines]\n"
		"assert len(rows) > 10 and all(None not in row for row in rows)\n"
		"assert told == wanted, [pair for pair in zip(told, wanted) if pair[0] != pair[1]][0]\n"
		"whole = {'tid', 'ppid', 'start', 'uid', 'comm'}\n"
		"bare = [line for line in lines if 'pid' in line and not whole <= set(line)]\n"
		"assert not bare, bare\n"
		"assert list(lines[0]) == [k for k in rows[0] if k in lines[0]]\n";
	char csv[] = "/tmp/test_sinks.XXXXXX", json[] = "/tmp/test_sinks.XXXXXX", command[2048];

	to_file("csv", csv);
	to_file("json", json);
	snprintf(command, sizeof(command), "python3 -c \"$JUDGE\" %s %s", csv, json);
	setenv("JUDGE", judge, 1);
	EQUAL(0, system(command));
	unlink(csv);
	unlink(json);
}

static void csv_is_quoted_where_it_must_be(void)
{
	const char *line;

	begin("csv");
	sink.ops->header(&sink);
	STRING(end(), "event,seq,time,pid,tid,ppid,start,uid,comm,child,nspid,clone_flags,path,old_tid,"
	       "depth,command,found,gone,end,status,utime,stime,maxrss,suspended,held,longest,errno,reason,"
	       "signal,name,sender,tracer,thread,cookie,deadline,count,processes,running,lost,"
	       "failed,forks,execs,threads,failures,duration\r\n");
	make(PREFORK_EVENT_PREFORK)->child = 1240;
	line = show("csv", &event);
	STRING(line, "prefork,3,10012345000,1234,1234,77,9,1000,make,1240,,0,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,\r\n");
	strcpy(event.comm, "a \"b\"");
	CHECK(strstr(show("csv", &event), ",\"a \"\"b\"\"\",1240,"));
	strcpy(event.comm, "a,\xff\033");
	CHECK(strstr(show("csv", &event), ",\"a,\xef\xbf\xbd\xef\xbf\xbd\",1240,"));
}

static void pipe_has_the_values_in_their_places(void)
{
	make(PREFORK_EVENT_PREFORK)->child = 1240;
	STRING(show("pipe", &event), "PREFORK|12|1234|make|1240|make|1234|77|9|1000\n");
	make(PREFORK_EVENT_BORN)->ppid = 77;
	STRING(show("pipe", &event), "FORK|12|77|make|1234|make|1234|77|9|1000\n");
	event.thread = true;
	event.tid = 1240;
	STRING(show("pipe", &event), "THREAD_FORK|12|1234|make|1240|make|1240|77|9|1000\n");
	make(PREFORK_EVENT_FORK_FAILED)->error = EAGAIN;
	event.child = 1240;
	STRING(show("pipe", &event), "FORK_FAILED|12|1234|make|1240|EAGAIN|1234|77|9|1000\n");
	STRING(show_of("pipe", &event, &(struct origin){ .uid = 3000000000, .has_uid = true }),
	       "FORK_FAILED|12|1234|make|1240|EAGAIN|1234|0|0|3000000000\n");
	STRING(show_of("pipe", &event, &(struct origin){ 0 }),
	       "FORK_FAILED|12|1234|make|1240|EAGAIN|1234|0|0|-1\n");
	strcpy(make(PREFORK_EVENT_EXEC)->path, "/bin/true");
	STRING(show("pipe", &event), "EXEC|12|1234|make|/bin/true|1234|77|9|1000\n");
	make(PREFORK_EVENT_EXIT)->status = 256;
	STRING(show("pipe", &event), "EXIT|12|1234|make|1|1234|77|9|1000\n");
	event.status = SIGKILL;
	event.time = 9 * SECOND;
	STRING(show("pipe", &event), "EXIT|-1000|1234|make|SIGKILL|1234|77|9|1000\n");
}

static size_t count_bars(const char *line)
{
	size_t bars = 0;

	for (; *line != '\n'; line++)
		bars += *line == '|';
	return bars;
}

static void bars_in_names_do_not_separate(void)
{
	static const struct {
		const char *kind;
		size_t bars;
	} lines[] = {
		{ "PREFORK|", 9 }, { "FORK|", 9 }, { "FORK_FAILED|", 9 }, { "EXEC|", 8 },
		{ "EXIT|", 8 }, { "VFORK_DONE|", 9 }, { "UNWATCHED|", 8 },
		{ "THREAD_TIMEOUT|", 8 }, { "ADOPTED|", 8 }, { "LOST|", 2 }, { "RESYNC|", 3 },
		{ "FOUND|", 8 },
		{ "SIGNAL|", 9 }, { "TRUNCATED|", 3 }, { "PROCESS|", 10 }, { "PROCESS|", 10 },
		{ "PROCESS|", 10 }, { "PROCESS|", 10 }, { "TOTAL|", 12 }, { "COMMAND|", 13 },
		{ "COMMAND|", 13 }, { "CREATOR|", 13 }, { "CREATOR|", 13 }, { "SUBTREE|", 17 },
		{ "SUBTREE|", 17 },
	};
	const char *line;

	write_everything("pipe");
	line = text;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		CHECK(!strncmp(line, lines[i].kind, strlen(lines[i].kind)));
		EQUAL(lines[i].bars, count_bars(line));
		line = strchr(line, '\n') + 1;
	}
	strcpy(make(PREFORK_EVENT_EXEC)->path, "/a|b\n\\");
	STRING(show("pipe", &event),
	       "EXEC|12|1234|make|/a\\174b\\012\\\\|1234|77|9|1000\n");
}

static void losses_are_told(void)
{
	make(PREFORK_EVENT_LOST);
	begin("json");
	sink.ops->lost(&sink, &event, 5);
	STRING(end(), "{\"event\":\"lost\",\"seq\":3,\"time\":10012345000,\"count\":5}\n");
	begin("text");
	sink.ops->lost(&sink, &event, 5);
	STRING(end(), "   0.012345       - -               lost        "
	       "5 events are missing here\n");
}

static void resync_is_told(void)
{
	begin("json");
	sink.ops->resync(&sink, 11 * SECOND, 2, 1);
	STRING(end(), "{\"event\":\"resync\",\"time\":11000000000,\"found\":2,\"gone\":1}\n");
	begin("text");
	sink.ops->resync(&sink, 11 * SECOND, 2, 1);
	STRING(end(), "   1.000000       - -               resync      "
	       "state read again: 2 found, 1 gone\n");
}

static const char *show_found(const char *format, const struct process *process)
{
	begin(format);
	sink.ops->found(&sink, 10 * SECOND, process);
	return end();
}

static void what_ran_before_is_told(void)
{
	const struct origin before = { .ppid = 7, .start = SECOND, .has_uid = true };
	const struct origin of_whom = { .ppid = 7, .start = SECOND };
	struct tree *tree = tree_create(true);

	tree_add(tree, 8, &before, "a|b\n", strdup("a --x=|"));
	tree_add(tree, 9, &of_whom, "c", NULL);
	STRING(show_found("json", tree_find(tree, 8)), "{\"event\":\"found\",\"time\":10000000000,"
	       "\"pid\":8,\"tid\":8,\"ppid\":7,\"start\":1000000000,\"uid\":0,\"comm\":\"a|b\\n\",\"depth\":0,"
	       "\"command\":\"a --x=|\"}\n");
	STRING(show_found("text", tree_find(tree, 8)), "   0.000000       8 a|b\\012         found       "
	       "child of 7, a --x=|\n");
	STRING(show_found("text", tree_find(tree, 9)), "   0.000000       9 c               found       "
	       "child of 7, [c]\n");
	STRING(show_found("pipe", tree_find(tree, 8)),
	       "FOUND|0|8|a\\174b\\012|a --x=\\174|8|7|1000000000|0\n");
	STRING(show_found("pipe", tree_find(tree, 9)), "FOUND|0|9|c||9|7|1000000000|-1\n");
	tree_destroy(tree);
}

static void inner_number_is_shown(void)
{
	make(PREFORK_EVENT_PREFORK)->child = 4711;
	event.cookie = 9;
	event.nspid = 1;
	STRING(show("text", &event), "   0.012345    1234 make            prefork     "
	       "-> 4711 (fork, held, 1 inside)\n");
	CHECK(strstr(show("json", &event), ",\"child\":4711,\"nspid\":1,"));
	make(PREFORK_EVENT_BORN)->ppid = 77;
	event.nspid = 2;
	STRING(show("text", &event), "   0.012345    1234 make            born        "
	       "by 77 (fork, 2 inside)\n");
	CHECK(strstr(show("json", &event), ",\"comm\":\"make\",\"nspid\":2,"));
	event.thread = true;
	STRING(show("text", &event), "   0.012345    1234 make            born        "
	       "thread 1234 (by 77, 2 inside)\n");
	event.nspid = 0;
	CHECK(!strstr(show("json", &event), "nspid"));
}

static void end_of_a_watch_has_a_reason(void)
{
	make(PREFORK_EVENT_UNWATCHED)->reason = PREFORK_REASON_REQUEST;
	STRING(show("text", &event), "   0.012345    1234 make            unwatched   "
	       "goes on unwatched\n");
	CHECK(strstr(show("json", &event), ",\"reason\":0,\"name\":\"request\"}"));
	event.reason = PREFORK_REASON_ACCESS;
	STRING(show("text", &event), "   0.012345    1234 make            unwatched   "
	       "goes on unwatched (access: it has got privileges)\n");
	CHECK(strstr(show("json", &event), ",\"reason\":1,\"name\":\"access\"}"));
}

static const char *show_signal(const char *format, const struct delivery *delivery)
{
	begin(format);
	sink.ops->signal(&sink, delivery);
	return end();
}

static void signals_are_shown(void)
{
	struct delivery delivery = {
		.time = 10 * SECOND + 12345000, .pid = 1234, .tid = 1234, .comm = "ma\"ke",
		.signal = SIGTERM, .sender = 77, .origin = origin,
	};

	STRING(show_signal("text", &delivery),
	       "   0.012345    1234 ma\"ke           signal      SIGTERM from 77\n");
	STRING(show_signal("json", &delivery),
	       "{\"event\":\"signal\",\"time\":10012345000,\"pid\":1234,\"tid\":1234,"
	       "\"ppid\":77,\"start\":9,\"uid\":1000,\"comm\":\"ma\\\"ke\",\"signal\":15,\"name\":\"SIGTERM\",\"sender\":77}\n");
	delivery.tid = 1240;
	delivery.signal = SIGRTMIN + 3;
	delivery.sender = 0;
	STRING(show_signal("text", &delivery),
	       "   0.012345    1234 ma\"ke           signal      thread 1240, SIGRTMIN+3\n");
	delivery.signal = 99;
	STRING(show_signal("json", &delivery),
	       "{\"event\":\"signal\",\"time\":10012345000,\"pid\":1234,\"tid\":1240,"
	       "\"ppid\":77,\"start\":9,\"uid\":1000,\"comm\":\"ma\\\"ke\",\"signal\":99,\"name\":\"signal 99\"}\n");
}

static void tree_is_drawn(void)
{
	struct tree *tree = small_tree();

	begin("text");
	sink.ops->footer(&sink, tree, 0);
	STRING(end(),
	       "\n4 processes; times in seconds\n"
	       "      wall      user    system    status     pid  command\n"
	       "     1.000     1.000     0.000         1       1  sh -c x\n"
	       "     0.988     1.000     0.000         2       2  |- [make]\n"
	       "     0.988     1.000     0.000         4       4  |  `- [make]\n"
	       "     0.988     1.000     0.000   SIGSEGV       3  `- [make]\n");
	tree_destroy(tree);
}

static void summary_counts_what_was_lost(void)
{
	struct tree *tree = small_tree();
	const char *last;

	begin("text");
	sink.ops->footer(&sink, tree, 12);
	CHECK(strstr(end(), "\n4 processes, 12 events lost; times in seconds\n"));
	begin("json");
	sink.ops->footer(&sink, tree, 12);
	last = strstr(end(), "{\"event\":\"summary\"");
	if (CHECK(last))
		STRING(last, "{\"event\":\"summary\",\"processes\":4,\"running\":0,\"lost\":12}\n");
	tree_destroy(tree);
}

static void tree_is_listed_in_json(void)
{
	struct tree *tree = small_tree();
	char *second;

	begin("json");
	sink.ops->footer(&sink, tree, 0);
	end();
	second = strchr(text, '\n');
	if (CHECK(second)) {
		*second++ = '\0';
		*strchr(second, '\n') = '\0';
		STRING(text, "{\"event\":\"process\",\"pid\":1,\"tid\":1,\"ppid\":77,"
		       "\"start\":10000000000,\"uid\":1000,\"comm\":\"sh\",\"depth\":0,"
		       "\"command\":\"sh -c x\",\"found\":true,\"end\":11000000000,\"status\":256,"
		       "\"utime\":1000000000,\"stime\":0,\"maxrss\":0}");
		STRING(second, "{\"event\":\"process\",\"pid\":2,\"tid\":2,\"ppid\":1,"
		       "\"start\":10012345000,\"uid\":0,\"comm\":\"make\",\"depth\":1,\"end\":11000000000,"
		       "\"status\":512,\"utime\":1000000000,\"stime\":0,\"maxrss\":0}");
	}
	tree_destroy(tree);
}

/* It ran before, and ended before it could be found. */
static void end_without_a_birth_is_no_fork(void)
{
	struct tree *tree = small_tree();

	make(PREFORK_EVENT_EXIT)->pid = 5;
	event.tid = 5;
	event.time = 11 * SECOND;
	tree_event(tree, &event, NULL, NULL);
	begin("text");
	write_summary(tree);
	CHECK(strstr(end(), "\n5 processes, 3 forks "));
	tree_destroy(tree);
}

static void sums_are_in_tables(void)
{
	struct tree *tree = small_tree();

	begin("text");
	write_summary(tree);
	STRING(end(),
	       "\n4 processes, 3 forks (1.5 a second), 0 programs (0.0 a second), 0 threads in 2.000 s\n"
	       "user 4.000 s, system 0.000 s, suspended in vfork 0.000 s, held 0.000 s\n"
	       "4 ended by a signal or with another status than 0, 0 could not be created\n"
	       "\n"
	       "  count  failed      user    system   longest  command\n"
	       "      3       3     3.000     0.000     0.988  make\n"
	       "      1       1     1.000     0.000     1.000  sh\n"
	       "\n"
	       "  longest  command\n"
	       "    1.000  sh\n"
	       "    0.988  make\n"
	       "\n"
	       "  count  created by\n"
	       "      2  sh\n"
	       "      1  make\n"
	       "\n"
	       "  count   execs threads  failed      user    system suspended      held  subtree of\n"
	       "      2       0       0       2     2.000     0.000     0.000     0.000  2 [make]\n"
	       "      1       0       0       1     1.000     0.000     0.000     0.000  3 [make]\n");
	begin("pipe");
	write_summary(tree);
	CHECK(strstr(end(), "TOTAL|2000|4|3|0|0|0|4|4000|0|0|0|1000\n"));
	CHECK(strstr(text, "\nCREATOR|1|sh|2|2|0|0|0|2|2000|0|0|0|987\n"));
	tree_destroy(tree);
}

static void deep_tree_is_drawn_in_part(void)
{
	struct tree *tree = tree_create(true);
	const char *line;

	for (pid_t pid = 1; pid <= 2000; pid++) {
		make(PREFORK_EVENT_BORN)->pid = pid;
		event.ppid = pid - 1;
		tree_event(tree, &event, NULL, NULL);
	}
	begin("text");
	sink.ops->footer(&sink, tree, 0);
	line = strstr(end(), " 2000  ");
	if (CHECK(line)) {
		CHECK(strstr(line, "(1935 levels) "));
		CHECK(strlen(line) < 300);
	}
	tree_destroy(tree);
}

static void full_disk_is_told_once(void)
{
	struct output *output;

	if (!EQUAL(0, output_open(&output, "/dev/full")))
		return;
	for (int i = 0; i < 100000; i++)
		fprintf(output_stream(output), "a line\n");
	EQUAL(-ENOSPC, output_flush(output));
	EQUAL(-ENOSPC, output_close(output));
}

static void closed_pipe_kills_nobody(void)
{
	int ends[2], saved = dup(STDOUT_FILENO);
	struct output *output;

	fflush(stdout);
	if (!EQUAL(0, pipe2(ends, O_CLOEXEC)))
		return;
	dup2(ends[1], STDOUT_FILENO);
	close(ends[1]);
	EQUAL(0, output_open(&output, NULL));
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(ends[0]);
	fprintf(output_stream(output), "a line\n");
	EQUAL(-EPIPE, output_close(output));
}

/* Each write(2) costs more than what it writes. */
static void lines_are_written_together(void)
{
	char name[] = "/tmp/test_sinks.XXXXXX";
	int fd = mkstemp(name);
	struct output *output;
	struct stat status;

	EQUAL(0, output_open(&output, name));
	for (int i = 0; i < 4000; i++)
		fprintf(output_stream(output), "%015d\n", i);
	EQUAL(0, fstat(fd, &status));
	EQUAL(0, status.st_size);
	EQUAL(0, output_flush(output));
	EQUAL(0, fstat(fd, &status));
	EQUAL(64000, status.st_size);
	EQUAL(0, output_close(output));
	unlink(name);
	close(fd);
}

static void output_to_what_is_read_is_an_error(void)
{
	int saved = dup(STDOUT_FILENO), input = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct output *output;

	fflush(stdout);
	dup2(input, STDOUT_FILENO);
	close(input);
	EQUAL(-EBADF, output_open(&output, NULL));
	dup2(saved, STDOUT_FILENO);
	close(saved);
	CHECK(!output);
}

static void missing_directory_is_an_error(void)
{
	struct output *output;

	EQUAL(-ENOENT, output_open(&output, "/nowhere/file"));
	CHECK(!output);
	EQUAL(0, output_close(NULL));
}

int main(void)
{
	static const struct tap_test tests[] = {
		{ "formats have names", formats_have_names },
		{ "text is aligned and without control characters", text_is_aligned_and_plain },
		{ "JSON has the keys of the UAPI", json_has_the_keys_of_the_uapi },
		{ "JSON keeps any text", json_keeps_any_text },
		{ "JSON keeps any number", json_keeps_any_number },
		{ "JSON has objects and arrays", json_has_objects_and_arrays },
		{ "CSV says what JSON says", csv_says_what_json_says },
		{ "CSV is quoted where it must be", csv_is_quoted_where_it_must_be },
		{ "values between bars are in their places", pipe_has_the_values_in_their_places },
		{ "bars in names do not separate", bars_in_names_do_not_separate },
		{ "losses are told", losses_are_told },
		{ "that the state was read again is told", resync_is_told },
		{ "what ran before is told", what_ran_before_is_told },
		{ "the number inside a namespace is shown", inner_number_is_shown },
		{ "the end of a watch has a reason", end_of_a_watch_has_a_reason },
		{ "signals are shown", signals_are_shown },
		{ "the tree is drawn", tree_is_drawn },
		{ "the tree is listed in JSON", tree_is_listed_in_json },
		{ "the summary counts what was lost", summary_counts_what_was_lost },
		{ "sums are in tables", sums_are_in_tables },
		{ "an end without a birth is no fork", end_without_a_birth_is_no_fork },
		{ "a deep tree is drawn in part", deep_tree_is_drawn_in_part },
		{ "a full disk is told", full_disk_is_told_once },
		{ "a closed pipe kills nobody", closed_pipe_kills_nobody },
		{ "lines are written together", lines_are_written_together },
		{ "output to what can only be read is an error",
		  output_to_what_is_read_is_an_error },
		{ "a missing directory is an error", missing_directory_is_an_error },
	};
	int status = TAP_RUN(tests);

	free(text);
	return status;
}
