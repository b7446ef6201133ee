// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <prefork.h>

#include "cli/display.h"
#include "cli/options.h"
#include "core/clock.h"
#include "core/origin.h"
#include "tap.h"

static char path[] = "/tmp/test_display.XXXXXX";
static struct options options;
static struct display display;

static void begin(const struct options *as)
{
	options = *as;
	options.path = path;
	options.format = &sink_json;
	close(open(path, O_WRONLY | O_TRUNC));
	CHECK(display_open(&display, &options, boottime()));
	display_begin(&display);
}

static void tell(uint32_t type)
{
	const struct prefork_event event = { .type = type, .pid = 1, .tid = 1, .comm = "one" };
	const struct origin origin = { 0 };

	display_event(&display, &event, &origin);
}

/* Lines in the file. */
static int written(void)
{
	static char text[1 << 20];
	char *at;
	int fd = open(path, O_RDONLY), lines = 0;
	ssize_t len = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[len > 0 ? len : 0] = '\0';
	for (at = text; (at = strchr(at, '\n')); at++)
		lines++;
	return lines;
}

static void file_has_what_is_told_when_nothing_else_is_to_do(void)
{
	uint64_t begun;
	int had;

	begin(&(struct options){ 0 });
	EQUAL(-1, display_timeout(&display, -1));
	/* Unless that takes long itself. */
	do {
		begun = boottime();
		display_flush(&display);
		tell(PREFORK_EVENT_EXEC);
		display_turn(&display, false);
		had = written();
	} while (boottime() - begun > 1000000);
	display_flush(&display);
	EQUAL(had + 1, written());
	tell(PREFORK_EVENT_EXEC);
	CHECK(display_timeout(&display, -1) > 0);
	CHECK(display_timeout(&display, 1000) < 1000);
	EQUAL(0, display_timeout(&display, 0));
	display_turn(&display, true);
	EQUAL(had + 2, written());
	EQUAL(-1, display_timeout(&display, -1));
	EQUAL(1000, display_timeout(&display, 1000));
	display_close(&display);
}

static void file_has_it_after_some_milliseconds(void)
{
	uint64_t begun = boottime();

	begin(&(struct options){ 0 });
	display_flush(&display);
	tell(PREFORK_EVENT_EXEC);
	while (!written() && boottime() - begun < 10000000000)
		display_turn(&display, false);
	EQUAL(1, written());
	display_close(&display);
}

static void reader_has_it_at_once(void)
{
	int saved = dup(STDOUT_FILENO), ends[2];
	char text[256];

	CHECK(!pipe(ends));
	dup2(ends[1], STDOUT_FILENO);
	options = (struct options){ .format = &sink_json };
	CHECK(display_open(&display, &options, boottime()));
	dup2(saved, STDOUT_FILENO);
	close(saved);
	CHECK(display_has_reader(&display));
	for (int i = 0; i < 3; i++) {
		tell(PREFORK_EVENT_EXEC);
		EQUAL(-1, display_timeout(&display, -1));
		display_turn(&display, false);
		CHECK(read(ends[0], text, sizeof(text)) > 0);
	}
	display_close(&display);
	close(ends[0]);
	close(ends[1]);
}

static void no_more_is_told_than_is_asked_for(void)
{
	struct options some = { .max_events = 2 };

	CHECK(selection_parse(&some.shown, "exec"));
	begin(&some);
	tell(PREFORK_EVENT_EXIT);
	for (int i = 0; i < 4; i++)
		tell(PREFORK_EVENT_EXEC);
	display_flush(&display);
	EQUAL(2, written());
	CHECK(display_finish(&display, NULL, 0, 0));
	EQUAL(3, written());
}

int main(void)
{
	static const struct tap_test tests[] = {
		{ "a file has what is told when nothing else is to do",
		  file_has_what_is_told_when_nothing_else_is_to_do },
		{ "a file has it after some milliseconds", file_has_it_after_some_milliseconds },
		{ "a reader has it at once", reader_has_it_at_once },
		{ "no more is told than is asked for", no_more_is_told_than_is_asked_for },
	};
	int status;

	close(mkstemp(path));
	status = TAP_RUN(tests);
	unlink(path);
	return status;
}
