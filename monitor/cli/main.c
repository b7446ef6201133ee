// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "diagnose.h"
#include "nearest.h"
#include "verbs.h"

static const struct verb {
	const char *name;
	int (*function)(int argc, char **argv);
	const char *help;
} verbs[] = {
	{ "run", verb_run, "follow a command" },
	{ "attach", verb_attach, "follow running processes" },
	{ "daemon", verb_daemon, "follow whatever runs, by rules" },
	{ "status", verb_status, "show what is watched and held" },
	{ "release", verb_release, "let go of what is held, as the administrator" },
};

static void print_help(void)
{
	puts("Usage: vforkmon VERB [OPTIONS] ...\n"
	     "\n"
	     "Hears of processes before they are created. VERB is one of\n");
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		printf("  %-8s %s\n", verbs[i].name, verbs[i].help);
	puts("\n'vforkmon VERB --help' tells more.");
}

static const struct verb *find(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

static int fail_verb(const char *word)
{
	const char *names[sizeof(verbs) / sizeof(verbs[0])], *meant;
	size_t count = sizeof(verbs) / sizeof(verbs[0]);

	for (size_t i = 0; i < count; i++)
		names[i] = verbs[i].name;
	meant = nearest(word, names, count);
	if (meant)
		return fail_usage("", "there is no '%s' ('%s'?)", word, meant);
	return fail_usage("", "there is no '%s'", word);
}

/*
 * What was closed is taken by something that cannot be written to, lest a
 * message ends up in what is opened next. The command finds it closed again.
 */
static void take_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	const struct verb *verb;

	take_standard_descriptors();
	if (argc < 2)
		return fail_usage("", "no verb given");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		print_help();
		return 0;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts("vforkmon " VFORKMON_VERSION);
		return 0;
	}
	verb = find(argv[1]);
	if (!verb)
		return fail_verb(argv[1]);
	return verb->function(argc - 1, argv + 1);
}
