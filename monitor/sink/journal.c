// SPDX-License-Identifier: GPL-2.0
/*
 * The journal: an entry a record, its fields are VFORKMON_EVENT, VFORKMON_PID and so on,
 * with the values of JSON, beside a MESSAGE for people.
 *
 * By its native protocol and not by sd_journal_sendv(3), which waits for a journal that
 * does not read. Nobody may wait here: the journal itself, when it is started again, is a
 * process that may be held until we have seen it. What it does not take is counted, and told
 * when it does.
 */
#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <syslog.h>

#include "core/signame.h"
#include "record.h"
#include "sink.h"

/* Longer values are cut. */
#define VALUE_MAX	4096
#define ENTRY_ROOM	(4 * VALUE_MAX)
#define MESSAGE_MAX	256

struct entry {
	struct fields fields;
	size_t size;
	char bytes[ENTRY_ROOM];
	/* For the message. */
	const char *event, *comm, *what;
	char pid[32], number[32];
};

static struct entry *of(struct fields *fields)
{
	return (struct entry *)fields;
}

/* Not within a character. */
static size_t cut(const char *value, size_t max)
{
	size_t length = strnlen(value, max + 1);

	if (length <= max)
		return length;
	for (length = max; length && ((unsigned char)value[length] & 0xc0) == 0x80;)
		length--;
	return length;
}

static void append(struct entry *entry, const void *bytes, size_t size)
{
	memcpy(entry->bytes + entry->size, bytes, size);
	entry->size += size;
}

/* A value with lines in it has its length before it. What has no room is left out. */
static void add(struct entry *entry, const char *prefix, const char *key, const char *value)
{
	size_t length = cut(value, VALUE_MAX);
	uint64_t told = htole64(length);
	size_t begin = entry->size;

	if (strlen(prefix) + strlen(key) + sizeof(told) + length + 3 >
	    sizeof(entry->bytes) - entry->size)
		return;
	append(entry, prefix, strlen(prefix));
	append(entry, key, strlen(key));
	for (char *at = entry->bytes + begin; at < entry->bytes + entry->size; at++)
		*at = (char)toupper((unsigned char)*at);
	if (memchr(value, '\n', length)) {
		append(entry, "\n", 1);
		append(entry, &told, sizeof(told));
	} else {
		append(entry, "=", 1);
	}
	append(entry, value, length);
	append(entry, "\n", 1);
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

static void describe_status(struct entry *entry, int status)
{
	char name[24];

	if (WIFSIGNALED(status))
		snprintf(entry->number, sizeof(entry->number), "%s",
			 signal_name(WTERMSIG(status), name, sizeof(name)));
	else
		snprintf(entry->number, sizeof(entry->number), "status %d", WEXITSTATUS(status));
	entry->what = entry->number;
}

static void integer(struct fields *fields, enum field field, int64_t value)
{
	struct entry *entry = of(fields);
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, value);
	add_field(fields, field, text);
	if (field == FIELD_PID)
		snprintf(entry->pid, sizeof(entry->pid), "[%s]", text);
	if (field == FIELD_STATUS)
		describe_status(entry, (int)value);
}

static void text_field(struct fields *fields, enum field field, const char *value)
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
	char message[2 * VALUE_MAX];

	snprintf(message, sizeof(message), "%s %s%s %s", entry->event, entry->comm, entry->pid,
		 entry->what);
	message[cut(message, MESSAGE_MAX)] = '\0';
	add(entry, "", "MESSAGE", message);
}

static bool try_to_send(int fd, const struct entry *entry)
{
	return fd >= 0 && send(fd, entry->bytes, entry->size, MSG_NOSIGNAL) >= 0;
}

/* The journal may be started, and started again, at any time: then it has another socket. */
static bool send_entry(const struct entry *entry)
{
	static const struct sockaddr_un address = {
		.sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket",
	};
	static int fd = -1;

	if (fd < 0)
		fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (try_to_send(fd, entry))
		return true;
	if (errno == EAGAIN || connect(fd, (const struct sockaddr *)&address, sizeof(address)))
		return false;
	return try_to_send(fd, entry);
}

static void begin(struct entry *entry, int priority)
{
	const char text[2] = { (char)('0' + priority), '\0' };

	*entry = (struct entry){
		.fields = { number, integer, text_field, truth }, .event = "", .comm = "", .what = "",
	};
	add(entry, "", "SYSLOG_IDENTIFIER", "vforkmon");
	add(entry, "", "PRIORITY", text);
}

/* Returns false while it takes nothing. */
static bool tell_dropped(uint64_t *dropped)
{
	char message[64];
	struct entry entry;

	if (!*dropped)
		return true;
	begin(&entry, LOG_WARNING);
	snprintf(message, sizeof(message), "%" PRIu64 " entries are missing here", *dropped);
	add(&entry, "", "MESSAGE", message);
	if (!send_entry(&entry))
		return false;
	*dropped = 0;
	return true;
}

static void journal_write(FILE *out, const struct record *record)
{
	static uint64_t dropped;	/* since the last one that was taken */
	struct entry entry;

	(void)out;
	begin(&entry, LOG_INFO);
	record_fields(record, &entry.fields);
	add_message(&entry);
	if (!tell_dropped(&dropped) || !send_entry(&entry))
		dropped++;
}

const struct sink_ops sink_journal = {
	RECORD_OPS,
	.write = journal_write,
};
