// SPDX-License-Identifier: LGPL-2.1-or-later
#include "decode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>

/* libnl takes messages that it only reads as non-const. */
#define UNCONST(nlh) ((struct nlmsghdr *)(uintptr_t)(nlh))

#define BIT(attr)	(UINT64_C(1) << PREFORK_A_##attr)
#define BITS_LOST	(BIT(SEQ) | BIT(TIME))
#define BITS_EVENT	(BITS_LOST | BIT(PID) | BIT(TID) | BIT(COMM))

/* What an event must have; an event of a newer type need only be numbered. */
static const struct kind {
	const char *name;
	uint64_t required;
} kinds[] = {
	{ "prefork", BITS_EVENT | BIT(CHILD) | BIT(CLONE_FLAGS) },
	{ "born", BITS_EVENT | BIT(PPID) | BIT(CLONE_FLAGS) },
	{ "fork_failed", BITS_EVENT | BIT(CHILD) | BIT(ERRNO) },
	{ "exec", BITS_EVENT | BIT(OLD_TID) },
	{ "exit", BITS_EVENT | BIT(STATUS) | BIT(UTIME) | BIT(STIME) | BIT(MAXRSS) },
	{ "vfork_done", BITS_EVENT | BIT(CHILD) | BIT(SUSPENDED) },
	{ "unwatched", BITS_EVENT | BIT(REASON) },
	{ "timeout", BITS_EVENT | BIT(COOKIE) },
	{ "lost", BITS_LOST | BIT(COUNT) },
	{ "adopted", BITS_EVENT | BIT(COOKIE) | BIT(TRACER) },
};
static const struct kind unknown_kind = { "unknown", BITS_LOST };

_Static_assert(sizeof(kinds) / sizeof(kinds[0]) ==
	       PREFORK_EVENT_ADOPTED - PREFORK_EVENT_PREFORK + 1,
	       "one row for each event");
_Static_assert(PREFORK_A_MAX < 64, "attributes fit a bit mask");
_Static_assert(PREFORK_STAT_MAX < PREFORK_STATS_ROOM, "all counters fit");

static const struct kind *kind_of(uint32_t type)
{
	if (type < PREFORK_EVENT_PREFORK || type > PREFORK_EVENT_ADOPTED)
		return &unknown_kind;
	return &kinds[type - PREFORK_EVENT_PREFORK];
}

const char *prefork_event_name(uint32_t type)
{
	return kind_of(type)->name;
}

const char *prefork_reason_name(uint32_t reason)
{
	static const char *const names[] = {
		[PREFORK_REASON_REQUEST] = "request",
		[PREFORK_REASON_ACCESS] = "access",
	};

	return reason < sizeof(names) / sizeof(names[0]) ? names[reason] : "unknown";
}

bool prefork_event_is_hold(const struct prefork_event *event)
{
	return event->cookie && event->type != PREFORK_EVENT_TIMEOUT &&
	       event->type != PREFORK_EVENT_ADOPTED;
}

#define U32 { .type = NLA_U32, .maxlen = sizeof(uint32_t) }
#define U64 { .type = NLA_U64, .maxlen = sizeof(uint64_t) }

/* Of answers. */
static const struct nla_policy policy[PREFORK_A_MAX + 1] = {
	[PREFORK_A_PID] = U32,
	[PREFORK_A_TID] = U32,
	[PREFORK_A_CHILD] = U32,
	[PREFORK_A_COMM] = { .type = NLA_STRING },
	[PREFORK_A_FLAGS] = U32,
	[PREFORK_A_HOLD] = U32,
	[PREFORK_A_TIMEOUT] = U32,
	[PREFORK_A_COOKIE] = U64,
	[PREFORK_A_DEADLINE] = U64,
	[PREFORK_A_OWNER] = U32,
	[PREFORK_A_OWNER_PID] = U32,
	[PREFORK_A_HELD] = { .type = NLA_NESTED },
	[PREFORK_A_SINCE] = U64,
	[PREFORK_A_STATS] = { .type = NLA_NESTED },
	[PREFORK_A_EVENTS] = U32,
};

static const struct nla_policy stat_policy[PREFORK_STATS_ROOM] = {
	[PREFORK_STAT_OWNERS ... PREFORK_STATS_ROOM - 1] = U64,
};

static int parse(const struct nlmsghdr *nlh, struct nlattr **attrs)
{
	if (genlmsg_parse(UNCONST(nlh), 0, attrs, PREFORK_A_MAX, policy) < 0)
		return -EBADMSG;
	return 0;
}

static bool has_all(struct nlattr *const *attrs, uint64_t required)
{
	for (int i = 0; i <= PREFORK_A_MAX; i++)
		if ((required >> i & 1) && !attrs[i])
			return false;
	return true;
}

/* The values of attributes that may be absent. */
static uint32_t u32(struct nlattr *const *attrs, int attr)
{
	return attrs[attr] ? nla_get_u32(attrs[attr]) : 0;
}

static pid_t pid(struct nlattr *const *attrs, int attr)
{
	return (pid_t)u32(attrs, attr);
}

static uint64_t u64(struct nlattr *const *attrs, int attr)
{
	return attrs[attr] ? nla_get_u64(attrs[attr]) : 0;
}

static void string(char *to, size_t size, struct nlattr *const *attrs, int attr)
{
	to[0] = '\0';
	if (attrs[attr])
		nla_strlcpy(to, attrs[attr], size);
}

static uint32_t type_of(const struct nlmsghdr *nlh)
{
	return ((const struct genlmsghdr *)NLMSG_DATA(nlh))->cmd;
}

/*
 * Events are many, and each has a dozen attributes: they are read with what the
 * kernel's headers have, not by a call of libnl for each step.
 */
bool prefork_decode_is_event(const struct nlmsghdr *nlh)
{
	return nlh->nlmsg_len >= NLMSG_LENGTH(GENL_HDRLEN) &&
	       type_of(nlh) >= PREFORK_EVENT_PREFORK;
}

/* The attributes that are still to be read. */
struct rest {
	const char *at;
	size_t size;
};

static struct rest attrs_of(const struct nlmsghdr *nlh)
{
	return (struct rest){
		.at = (const char *)NLMSG_DATA(nlh) + GENL_HDRLEN,
		.size = nlh->nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN),
	};
}

/* Returns NULL behind the last one, and where there is no whole one. */
static const struct nlattr *take_attr(struct rest *rest)
{
	const struct nlattr *attr = (const struct nlattr *)(const void *)rest->at;
	size_t step;

	if (rest->size < NLA_HDRLEN || attr->nla_len < NLA_HDRLEN || attr->nla_len > rest->size)
		return NULL;
	step = NLA_ALIGN(attr->nla_len);
	step = step < rest->size ? step : rest->size;
	rest->at += step;
	rest->size -= step;
	return attr;
}

/* Where the value of an attribute goes in an event. */
struct field {
	uint16_t offset;
	uint16_t size;		/* of a number: the value's, exactly */
	bool string;
};

#define SIZE(member)	sizeof(((struct prefork_event *)NULL)->member)
/* Fails to compile for other sizes than take_value() knows. */
#define NUMBER(member)	\
	{ offsetof(struct prefork_event, member), \
	  SIZE(member) + 0 / (SIZE(member) == 4 || SIZE(member) == 8), false }
#define STRING(member)	{ offsetof(struct prefork_event, member), SIZE(member), true }

static const struct field fields[PREFORK_A_MAX + 1] = {
	[PREFORK_A_SEQ] = NUMBER(seq),
	[PREFORK_A_TIME] = NUMBER(time),
	[PREFORK_A_PID] = NUMBER(pid),
	[PREFORK_A_TID] = NUMBER(tid),
	[PREFORK_A_PPID] = NUMBER(ppid),
	[PREFORK_A_CHILD] = NUMBER(child),
	[PREFORK_A_OLD_TID] = NUMBER(old_tid),
	[PREFORK_A_TRACER] = NUMBER(tracer),
	[PREFORK_A_NSPID] = NUMBER(nspid),
	[PREFORK_A_UID] = NUMBER(uid),
	[PREFORK_A_ERRNO] = NUMBER(error),
	[PREFORK_A_STATUS] = NUMBER(status),
	[PREFORK_A_REASON] = NUMBER(reason),
	[PREFORK_A_COOKIE] = NUMBER(cookie),
	[PREFORK_A_DEADLINE] = NUMBER(deadline),
	[PREFORK_A_CLONE_FLAGS] = NUMBER(clone_flags),
	[PREFORK_A_UTIME] = NUMBER(utime),
	[PREFORK_A_STIME] = NUMBER(stime),
	[PREFORK_A_MAXRSS] = NUMBER(maxrss),
	[PREFORK_A_SUSPENDED] = NUMBER(suspended),
	[PREFORK_A_COUNT] = NUMBER(count),
	[PREFORK_A_COMM] = STRING(comm),
	[PREFORK_A_PATH] = STRING(path),
};

static bool take_string(char *to, size_t room, const char *from, size_t size)
{
	size_t taken = size < room ? size : room;

	if (!size || from[size - 1])
		return false;
	memcpy(to, from, taken);
	to[taken - 1] = '\0';
	return true;
}

static bool take_value(struct prefork_event *event, const struct field *field,
		       const struct nlattr *attr)
{
	char *to = (char *)event + field->offset;
	const char *value = (const char *)attr + NLA_HDRLEN;
	size_t size = attr->nla_len - (size_t)NLA_HDRLEN;

	if (field->string)
		return take_string(to, field->size, value, size);
	if (!field->size)
		return true;
	if (size != field->size)
		return false;
	/* As constants: no call of memcpy() then. */
	if (size == sizeof(uint32_t))
		memcpy(to, value, sizeof(uint32_t));
	else
		memcpy(to, value, sizeof(uint64_t));
	return true;
}

int prefork_decode_event(const struct nlmsghdr *nlh, struct prefork_event *event)
{
	uint64_t present = 0, required;
	const struct nlattr *attr;
	struct rest rest;
	int type;

	if (!prefork_decode_is_event(nlh))
		return -EBADMSG;
	/* All but the path, which is most of it and needs only its end. */
	memset(event, 0, offsetof(struct prefork_event, path));
	event->path[0] = '\0';
	event->uid = (uid_t)-1;
	event->type = type_of(nlh);
	rest = attrs_of(nlh);
	while ((attr = take_attr(&rest))) {
		type = attr->nla_type & NLA_TYPE_MASK;
		if (type > PREFORK_A_MAX)
			continue;
		if (!take_value(event, &fields[type], attr))
			return -EBADMSG;
		present |= UINT64_C(1) << type;
	}
	event->thread = present & BIT(THREAD);
	required = kind_of(event->type)->required;
	return (present & required) == required ? 0 : -EBADMSG;
}

static int decode_held(struct nlattr *nest, struct prefork_held *held)
{
	struct nlattr *attrs[PREFORK_A_MAX + 1];

	if (nla_parse_nested(attrs, PREFORK_A_MAX, nest, policy) < 0 ||
	    !has_all(attrs, BIT(TID) | BIT(HOLD) | BIT(COOKIE) | BIT(SINCE)))
		return -EBADMSG;
	*held = (struct prefork_held){
		.tid = pid(attrs, PREFORK_A_TID),
		.child = pid(attrs, PREFORK_A_CHILD),
		.hold = u32(attrs, PREFORK_A_HOLD),
		.cookie = u64(attrs, PREFORK_A_COOKIE),
		.since = u64(attrs, PREFORK_A_SINCE),
		.deadline = u64(attrs, PREFORK_A_DEADLINE),
	};
	return 0;
}

static bool is_held(const struct nlattr *attr)
{
	return nla_type(attr) == PREFORK_A_HELD;
}

static size_t count_held(const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = NLMSG_DATA(nlh);
	struct nlattr *attr;
	size_t count = 0;
	int rest;

	nla_for_each_attr(attr, genlmsg_attrdata(genl, 0), genlmsg_attrlen(genl, 0), rest)
		count += is_held(attr);
	return count;
}

static int fill_held(const struct nlmsghdr *nlh, struct prefork_held *held)
{
	const struct genlmsghdr *genl = NLMSG_DATA(nlh);
	struct nlattr *attr;
	int rest;

	nla_for_each_attr(attr, genlmsg_attrdata(genl, 0), genlmsg_attrlen(genl, 0), rest)
		if (is_held(attr) && decode_held(attr, held++) < 0)
			return -EBADMSG;
	return 0;
}

/* Owner first, its held tasks behind it. */
struct watched_block {
	struct prefork_watched watched;
	struct prefork_held held[];
};

int prefork_decode_watched(const struct nlmsghdr *nlh,
			   struct prefork_watched **watched)
{
	struct nlattr *attrs[PREFORK_A_MAX + 1];
	struct watched_block *block;
	size_t count;

	if (!genlmsg_valid_hdr(UNCONST(nlh), 0) || parse(nlh, attrs) < 0 ||
	    !has_all(attrs, BIT(PID) | BIT(COMM) | BIT(FLAGS) | BIT(HOLD) |
			    BIT(TIMEOUT) | BIT(OWNER) | BIT(OWNER_PID)))
		return -EBADMSG;

	count = count_held(nlh);
	block = calloc(1, sizeof(*block) + count * sizeof(block->held[0]));
	if (!block)
		return -ENOMEM;
	if (fill_held(nlh, block->held) < 0) {
		free(block);
		return -EBADMSG;
	}
	block->watched = (struct prefork_watched){
		.pid = pid(attrs, PREFORK_A_PID),
		.flags = u32(attrs, PREFORK_A_FLAGS),
		.hold = u32(attrs, PREFORK_A_HOLD),
		.timeout_ms = u32(attrs, PREFORK_A_TIMEOUT),
		.events = u32(attrs, PREFORK_A_EVENTS),
		.owner = u32(attrs, PREFORK_A_OWNER),
		.owner_pid = pid(attrs, PREFORK_A_OWNER_PID),
		.held_count = count,
		.held = block->held,
	};
	string(block->watched.comm, sizeof(block->watched.comm), attrs, PREFORK_A_COMM);
	*watched = &block->watched;
	return 0;
}

int prefork_decode_stats(const struct nlmsghdr *nlh, struct prefork_stats *stats)
{
	struct nlattr *attrs[PREFORK_A_MAX + 1], *values[PREFORK_STATS_ROOM];

	if (!genlmsg_valid_hdr(UNCONST(nlh), 0) || parse(nlh, attrs) < 0 ||
	    !has_all(attrs, BIT(STATS)) ||
	    nla_parse_nested(values, PREFORK_STATS_ROOM - 1,
			     attrs[PREFORK_A_STATS], stat_policy) < 0)
		return -EBADMSG;
	for (int i = 0; i < PREFORK_STATS_ROOM; i++)
		stats->value[i] = u64(values, i);
	stats->value[PREFORK_STAT_PAD] = 0;
	return 0;
}
