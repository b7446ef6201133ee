// SPDX-License-Identifier: GPL-2.0
#include "text_summary.h"

#include "core/clock.h"
#include "core/quote.h"
#include "core/summary.h"
#include "core/tree.h"
#include "sink.h"

#define ROWS_MAX	20	/* of each table */

static double per_second(size_t count, uint64_t duration)
{
	return duration ? (double)count / seconds(duration) : 0;
}

static void print_totals(FILE *out, const struct summary *summary)
{
	const struct tally *all = &summary->all;

	fprintf(out, "\n%zu processes, %zu forks (%.1f a second), %zu programs (%.1f a second), "
		"%zu threads in %.3f s\n", all->count, all->forks,
		per_second(all->forks, summary->duration), all->execs,
		per_second(all->execs, summary->duration), all->threads,
		seconds(summary->duration));
	fprintf(out, "user %.3f s, system %.3f s, suspended in vfork %.3f s, held %.3f s\n",
		seconds(all->utime), seconds(all->stime), seconds(all->suspended),
		seconds(all->held));
	fprintf(out, "%zu ended by a signal or with another status than 0, %zu could not be created\n",
		all->failed, all->failures);
}

static void print_name(FILE *out, const struct tally *tally)
{
	char name[4 * sizeof(tally->process->comm)];

	quote_name(name, sizeof(name), tally->process->comm);
	fprintf(out, "  %s\n", name);
}

static void print_title(FILE *out, const struct tally *tally)
{
	char title[8192];

	process_title(tally->process, title, sizeof(title));
	fprintf(out, "  %d %s\n", tally->process->pid, title);
}

static void print_tally(FILE *out, const struct tally *tally)
{
	fprintf(out, "%7zu %7zu %9.3f %9.3f %9.3f", tally->count, tally->failed,
		seconds(tally->utime), seconds(tally->stime), seconds(tally->longest));
}

static void print_longest(FILE *out, const struct tally *tally)
{
	fprintf(out, "%9.3f", seconds(tally->longest));
}

static void print_subtree(FILE *out, const struct tally *tally)
{
	fprintf(out, "%7zu %7zu %7zu %7zu %9.3f %9.3f %9.3f %9.3f", tally->count, tally->execs,
		tally->threads, tally->failed, seconds(tally->utime), seconds(tally->stime),
		seconds(tally->suspended), seconds(tally->held));
}

static void print_count(FILE *out, const struct tally *tally)
{
	fprintf(out, "%7zu", tally->count);
}

static void print_table(FILE *out, const char *head, const struct tallies *tallies,
			void (*print)(FILE *out, const struct tally *tally),
			void (*print_last)(FILE *out, const struct tally *tally))
{
	if (!tallies->count)
		return;
	fputs(head, out);
	for (size_t i = 0; i < tallies->count && i < ROWS_MAX; i++) {
		print(out, &tallies->items[i]);
		print_last(out, &tallies->items[i]);
	}
	if (tallies->count > ROWS_MAX)
		fprintf(out, "and %zu more\n", tallies->count - ROWS_MAX);
}

void text_summary(struct sink *sink, const struct summary *summary)
{
	FILE *out = sink->out;

	print_totals(out, summary);
	print_table(out, "\n  count  failed      user    system   longest  command\n",
		    &summary->commands, print_tally, print_name);
	print_table(out, "\n  longest  command\n", &summary->longest, print_longest, print_name);
	print_table(out, "\n  count  created by\n", &summary->creators, print_count, print_name);
	print_table(out, "\n  count   execs threads  failed      user    system suspended      held"
		    "  subtree of\n", &summary->subtrees, print_subtree, print_title);
}
