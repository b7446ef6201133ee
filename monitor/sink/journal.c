// SPDX-License-Identifier: GPL-2.0
/*
 * The journal: an entry a record, its fields are VFORKMON_EVENT, VFORKMON_PID and so on,
 * with the values of JSON, beside a MESSAGE for people. Whether there is a journal is no
 * concern of whoever logs to it.
 */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <sys/uio.h>
#include <syslog.h>
#include <systemd/sd-journal.h>

#include "record.h"
#include "sink.h"

/* A key, its value and '='. Values that are longer are cut. */
#define FIELD_ROOM	(64 + 4096)
#define ENTRY_ROOM	(3 * FIELD_ROOM)	/* few are long */

struct entry {
	struct fields fields;
	struct iovec items[FIELDS + 2];
	int count;
	size_t used;
	char room[ENTRY_ROOM];
	/* For the message. */
	const char *event, *comm, *what;
	char pid[32], number[24];
};

static struct entry *of(struct fields *fields)
{
	return (struct entry *)fields;
}

/* What has no room is left out. */
static void add(struct entry *entry, const char *prefix, const char *key, const char *value)
{
	char *item = entry->room + entry->used;
	size_t rest = sizeof(entry->room) - entry->used;
	int length = snprintf(item, rest, "%s%s=%s", prefix, key, value);

	if (length < 0 || (size_t)length >= rest)
		return;
	for (char *at = item; *at != '='; at++)
		*at = (char)toupper((unsigned char)*at);
	entry->items[entry->count++] = (struct iovec){ item, (size_t)length };
	entry->used += (size_t)length + 1;
}

static void add_field(struct fields *fields, enum field field, const char *value)
{
	add(of(fields), "VFORKMON_", field_name(field), value);
}

static void number(struct fields *fields, enum field field, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	add_field(fields, field, text);
}

static void integer(struct fields *fields, enum field field, int64_t value)
{
	struct entry *entry = of(fields);
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, value);
	add_field(fields, field, text);
	if (field == FIELD_PID)
		snprintf(entry->pid, sizeof(entry->pid), "[%s]", text);
	if (field == FIELD_CHILD || field == FIELD_STATUS) {
		snprintf(entry->number, sizeof(entry->number), "%s", text);
		entry->what = entry->number;
	}
}

static void text(struct fields *fields, enum field field, const char *value)
{
	struct entry *entry = of(fields);

	add_field(fields, field, value);
	if (field == FIELD_EVENT)
		entry->event = value;
	if (field == FIELD_COMM)
		entry->comm = value;
	if (field == FIELD_PATH || field == FIELD_COMMAND)
		entry->what = value;
}

static void truth(struct fields *fields, enum field field)
{
	add_field(fields, field, "1");
}

/* "exec worker[110] /usr/bin/worker" */
static void add_message(struct entry *entry)
{
	char message[256];

	snprintf(message, sizeof(message), "%s %s%s %s", entry->event, entry->comm, entry->pid,
		 entry->what);
	add(entry, "", "MESSAGE", message);
}

static void journal_write(FILE *out, const struct record *record)
{
	struct entry entry = {
		.fields = { number, integer, text, truth }, .event = "", .comm = "", .what = "",
	};
	char priority[2] = { '0' + LOG_INFO, '\0' };

	(void)out;
	add(&entry, "", "PRIORITY", priority);
	record_fields(record, &entry.fields);
	add_message(&entry);
	sd_journal_sendv(entry.items, entry.count);
}

const struct sink_ops sink_journal = {
	.event = record_event,
	.found = record_found,
	.lost = record_lost,
	.resync = record_resync,
	.signal = record_signal,
	.truncated = record_truncated,
	.footer = record_footer,
	.summary = record_summary,
	.write = journal_write,
};
