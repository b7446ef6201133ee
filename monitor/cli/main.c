// SPDX-License-Identifier: GPL-2.0
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "diagnose.h"
#include "verbs.h"

static const struct verb {
	const char *name;
	int (*function)(int argc, char **argv);
	const char *help;
} verbs[] = {
	{ "run", verb_run, "follow a command" },
	{ "attach", verb_attach, "follow running processes" },
	{ "status", verb_status, "show what is watched and held" },
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

int main(int argc, char **argv)
{
	const struct verb *verb;

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
		return fail_usage("", "there is no '%s'", argv[1]);
	return verb->function(argc - 1, argv + 1);
}
