// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz - messages made from the policies, good and spoiled, do no harm
 *
 * Several threads with several sockets each send what they can think of about
 * processes that create others all the time; sockets are closed at any moment,
 * with holds open and dumps half read. Where the verdict on a message is known
 * it is checked. What is drawn follows from a seed, which is printed and can
 * be set with PREFORK_SEED; cookies and numbers come from events, though.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <linux/netlink.h>

#include "create.h"
#include "effort.h"
#include "module.h"
#include "proc.h"
#include "raw.h"
#include "session.h"
#include "storm.h"

#define FUZZERS		3
#define SOCKETS		3	/* of each */
#define CROWD		60	/* more watches than one datagram of a dump has */
#define REMEMBERED	16	/* cookies and numbers that events told */
#define PIECES		8
#define DRAFT_SIZE	512
#define BATCH		4

/* What is known of the answer. */
enum verdict {
	KNOWN,		/* draft.error */
	DOCUMENTED,	/* success, or an error of the command's */
	REFUSED,	/* by the policy */
	WHATEVER,	/* any that there is */
	UNANSWERED,
};

struct peer {
	struct raw raw;
	uint64_t cookies[REMEMBERED];
	pid_t numbers[REMEMBERED];
	unsigned int cookie_count, number_count;
	bool fresh;		/* the last cookie has not been used */
	long life;		/* messages until it is closed */
};

struct command;

struct fuzzer {
	pthread_t thread;
	uint64_t state;		/* of its random numbers */
	int number;
	long messages;		/* to send */
	struct peer peers[SOCKETS];
	long accepted[PREFORK_CMD_STATS + 1];
	long refused, wrong, unknown;
};

/* Whom the messages are about; verdicts where they never change. */
struct target {
	pid_t pid;
	int pidfd;		/* -1: none */
	int watch, get;		/* UNSURE: depends */
};

#define UNSURE	1

enum {
	OWN, THREAD, ZOMBIE, LEADER, BREEDER, STORM_0, STORM_1, INIT, TARGETS
};

static struct target targets[TARGETS];
static struct target crowd[CROWD];
static uint64_t seed;
static int family;

/* One more socket, for all threads and read by nobody. */
static struct {
	pthread_rwlock_t lock;	/* to use fd; exclusively, to replace it */
	int fd;
} shared = { .lock = PTHREAD_RWLOCK_INITIALIZER, .fd = -1 };

static uint64_t random_number(struct fuzzer *f)
{
	f->state ^= f->state << 13;
	f->state ^= f->state >> 7;
	f->state ^= f->state << 17;
	return f->state;
}

static unsigned int below(struct fuzzer *f, unsigned int limit)
{
	return (random_number(f) >> 20) % limit;
}

static bool one_in(struct fuzzer *f, unsigned int n)
{
	return !below(f, n);
}

static uint64_t boundary(struct fuzzer *f)
{
	static const uint64_t values[] = {
		0, 1, 2, 0x7f, 0x80, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff,
		0x100000000, INT64_MAX, 1ULL << 63, UINT64_MAX,
	};

	return values[below(f, ARRAY_SIZE(values))];
}

/* --- what a message is made of ------------------------------------------- */

struct piece {
	uint16_t type, size;
	uint64_t bytes[6];	/* the value stands first */
};

struct draft {
	const struct command *command;
	enum verdict verdict;
	int error;
	uint8_t cmd;
	uint16_t flags;
	struct piece pieces[PIECES];
	int count;
	int pidfd;		/* opened for this message, or -1 */
	size_t size;		/* bytes to send */
	union {
		struct nlmsghdr nlh;
		char bytes[DRAFT_SIZE];
	};
};

struct command {
	uint8_t cmd;
	const uint16_t *attrs;	/* 0 at the end */
	const int *errors;	/* the same */
	void (*compose)(struct fuzzer *f, struct peer *peer, struct draft *d);
};

static struct piece *add_piece(struct draft *d, int type, int size,
			       uint64_t value)
{
	struct piece *piece = &d->pieces[d->count++];

	*piece = (struct piece){ .type = type, .size = size };
	piece->bytes[0] = value;
	return piece;
}

static struct piece *find_piece(struct draft *d, int type)
{
	int i;

	for (i = 0; i < d->count; i++)
		if (d->pieces[i].type == type)
			return &d->pieces[i];
	return NULL;
}

static struct piece *any_piece(struct fuzzer *f, struct draft *d)
{
	return d->count ? &d->pieces[below(f, d->count)] : NULL;
}

static bool remove_piece(struct draft *d, int type)
{
	struct piece *piece = find_piece(d, type);

	if (piece)
		*piece = d->pieces[--d->count];
	return piece;
}

static void know(struct draft *d, int error)
{
	d->verdict = error == UNSURE ? DOCUMENTED : KNOWN;
	d->error = error;
}

/* --- good messages ------------------------------------------------------- */

static const int watch_errors[] = {
	EBUSY, EEXIST, EDEADLK, EPERM, ESRCH, EINVAL, EBADF, 0,
};
static const int unwatch_errors[] = { ESRCH, EINVAL, EBADF, 0 };
static const int release_errors[] = { ENOENT, EALREADY, EINVAL, EPERM, 0 };
static const int get_errors[] = { ESRCH, EINVAL, EBADF, 0 };
static const int stats_errors[] = { 0 };

static const uint16_t watch_attrs[] = {
	PREFORK_A_PIDFD, PREFORK_A_PID, PREFORK_A_FLAGS, PREFORK_A_HOLD,
	PREFORK_A_TIMEOUT, PREFORK_A_EVENTS, 0,
};
static const uint16_t target_attrs[] = { PREFORK_A_PIDFD, PREFORK_A_PID, 0 };
static const uint16_t release_attrs[] = {
	PREFORK_A_COOKIE, PREFORK_A_VERDICT, PREFORK_A_ERRNO, PREFORK_A_FORCE,
	0,
};
static const uint16_t stats_attrs[] = { 0 };

static void name_by_number(struct draft *d, pid_t pid)
{
	add_piece(d, PREFORK_A_PID, 4, (uint32_t)pid);
}

/* What WATCH and GET say to it goes to @watch and @get. */
static void name_known(struct fuzzer *f, struct draft *d, struct target *t,
		       int *watch, int *get)
{
	*watch = t->watch;
	*get = t->get;
	if (t->pidfd >= 0 && one_in(f, 2))
		add_piece(d, PREFORK_A_PIDFD, 4, t->pidfd);
	else
		name_by_number(d, t->pid);
}

/* Somebody whom events told of: alive, dying, dead, or another one by now. */
static void name_heard(struct fuzzer *f, struct peer *peer, struct draft *d)
{
	unsigned int count = peer->number_count;
	pid_t pid = 1;

	if (count > REMEMBERED)
		count = REMEMBERED;
	if (count)
		pid = peer->numbers[below(f, count)];
	if (pid > 0 && one_in(f, 2))
		d->pidfd = open_pidfd(pid);
	if (d->pidfd >= 0)
		add_piece(d, PREFORK_A_PIDFD, 4, d->pidfd);
	else
		name_by_number(d, pid);
}

static void name_target(struct fuzzer *f, struct peer *peer, struct draft *d,
			int *watch, int *get)
{
	*watch = *get = UNSURE;
	switch (below(f, 8)) {
	case 0:
		name_known(f, d, &crowd[below(f, CROWD)], watch, get);
		break;
	case 1:
	case 2:
		name_heard(f, peer, d);
		break;
	case 3:
		name_by_number(d, boundary(f));
		break;
	case 4:		/* nothing, or standard input */
		add_piece(d, PREFORK_A_PIDFD, 4,
			  one_in(f, 2) ? 0 : 1000000 + below(f, 1000));
		*watch = *get = -EBADF;
		break;
	default:
		name_known(f, d, &targets[below(f, TARGETS)], watch, get);
	}
}

static void compose_watch(struct fuzzer *f, struct peer *peer,
			  struct draft *d)
{
	static const uint32_t timeouts[] = { 0, 20, 300, PREFORK_TIMEOUT_MAX };
	uint32_t flags = below(f, 4), hold = below(f, 0x40);
	int watch, get;

	name_target(f, peer, d, &watch, &get);
	if (!(flags & PREFORK_WATCH_THREADS))
		hold &= ~(PREFORK_HOLD_THREAD | PREFORK_HOLD_BIRTH_THREAD);
	if (flags || one_in(f, 2))
		add_piece(d, PREFORK_A_FLAGS, 4, flags);
	if (one_in(f, 2))
		add_piece(d, PREFORK_A_HOLD, 4, hold);
	if (!one_in(f, 3))
		add_piece(d, PREFORK_A_TIMEOUT, 4,
			  timeouts[below(f, ARRAY_SIZE(timeouts))]);
	if (one_in(f, 4))
		add_piece(d, PREFORK_A_EVENTS, 4,
			  below(f, PREFORK_TELL_ALL + 1));
	know(d, watch);
}

/* Whether the socket watches anything at all decides about most. */
static void compose_unwatch(struct fuzzer *f, struct peer *peer,
			    struct draft *d)
{
	int watch, get;

	if (!one_in(f, 4))
		name_target(f, peer, d, &watch, &get);
}

static void compose_release(struct fuzzer *f, struct peer *peer,
			    struct draft *d)
{
	unsigned int count = peer->cookie_count;
	uint64_t cookie = boundary(f);
	uint32_t verdict;

	if (count > REMEMBERED)
		count = REMEMBERED;
	if (peer->fresh)
		cookie = peer->cookies[(peer->cookie_count - 1) % REMEMBERED];
	else if (count && !one_in(f, 4))
		cookie = peer->cookies[below(f, count)];
	else if (cookie > UINT32_MAX)
		know(d, -ENOENT);
	peer->fresh = false;
	add_piece(d, PREFORK_A_COOKIE, 8, cookie);
	if (one_in(f, 2))
		return;
	verdict = below(f, PREFORK_VERDICT_HOLD_CHILD + 1);
	add_piece(d, PREFORK_A_VERDICT, 4, verdict);
	if (verdict == PREFORK_VERDICT_DENY)
		add_piece(d, PREFORK_A_ERRNO, 4, 1 + below(f, 511));
	if (one_in(f, 8)) {
		add_piece(d, PREFORK_A_FORCE, 0, 0);
		know(d, UNSURE);
	}
}

static void compose_get(struct fuzzer *f, struct peer *peer, struct draft *d)
{
	int watch, get;

	if (one_in(f, 3)) {
		d->flags |= NLM_F_DUMP;
		return;
	}
	name_target(f, peer, d, &watch, &get);
	know(d, get);
}

static void compose_stats(struct fuzzer *f, struct peer *peer,
			  struct draft *d)
{
	know(d, 0);
}

static const struct command commands[] = {
	{ PREFORK_CMD_WATCH, watch_attrs, watch_errors, compose_watch },
	{ PREFORK_CMD_UNWATCH, target_attrs, unwatch_errors, compose_unwatch },
	{ PREFORK_CMD_RELEASE, release_attrs, release_errors, compose_release },
	{ PREFORK_CMD_GET, target_attrs, get_errors, compose_get },
	{ PREFORK_CMD_STATS, stats_attrs, stats_errors, compose_stats },
};

/* Mostly watches and answers: what goes on depends on them. */
static const struct command *any_command(struct fuzzer *f, struct peer *peer)
{
	static const int often[] = { 0, 0, 0, 1, 2, 3, 4 };

	if (peer->fresh && one_in(f, 2))
		return &commands[2];
	return &commands[often[below(f, ARRAY_SIZE(often))]];
}

/* --- spoiling: false where there is nothing to spoil that way ------------- */

static bool spoil_unknown(struct fuzzer *f, struct draft *d)
{
	add_piece(d, PREFORK_A_MAX + 1 + below(f, 0x3fff - PREFORK_A_MAX),
		  4 * below(f, 4), boundary(f));
	d->verdict = REFUSED;
	return true;
}

static bool has_attr(const struct command *command, int type)
{
	const uint16_t *attr;

	for (attr = command->attrs; *attr; attr++)
		if (*attr == type)
			return true;
	return false;
}

/* One of events or of another command, with any size that it might have. */
static bool spoil_foreign(struct fuzzer *f, struct draft *d)
{
	static const int sizes[] = { 0, 4, 4, 8, 8 };
	int type = below(f, PREFORK_A_MAX + 1);

	if (has_attr(d->command, type))
		return false;
	add_piece(d, type, sizes[below(f, ARRAY_SIZE(sizes))], boundary(f));
	d->verdict = REFUSED;
	return true;
}

static bool spoil_size(struct fuzzer *f, struct draft *d)
{
	struct piece *piece = any_piece(f, d);
	int size = below(f, sizeof(piece->bytes) + 1);

	if (!piece || piece->size == size || !piece->size)
		return false;
	piece->size = size;
	d->verdict = REFUSED;
	return true;
}

static bool spoil_value(struct fuzzer *f, struct draft *d)
{
	struct piece *piece = any_piece(f, d);

	if (!piece)
		return false;
	switch (piece->type) {
	case PREFORK_A_FLAGS:
		piece->bytes[0] |= 4U << below(f, 30);
		break;
	case PREFORK_A_HOLD:
		piece->bytes[0] |= 0x40U << below(f, 26);
		break;
	case PREFORK_A_EVENTS:
		piece->bytes[0] |= (PREFORK_TELL_ALL + 1U) << below(f, 26);
		break;
	case PREFORK_A_TIMEOUT:
		piece->bytes[0] = 86400001 + below(f, UINT32_MAX - 86400001);
		break;
	case PREFORK_A_VERDICT:
		piece->bytes[0] = PREFORK_VERDICT_HOLD_CHILD + 1 +
				  below(f, 1000);
		break;
	case PREFORK_A_ERRNO:
		piece->bytes[0] = one_in(f, 2) ? 0 : 512 + below(f, 1000);
		break;
	default:
		return false;
	}
	d->verdict = REFUSED;
	return true;
}

static bool spoil_nested(struct fuzzer *f, struct draft *d)
{
	struct piece *piece = any_piece(f, d);

	if (!piece)
		return false;
	piece->type |= NLA_F_NESTED;
	/* What looks like attributes inside makes no difference. */
	piece->bytes[1] = random_number(f);
	d->verdict = REFUSED;
	return true;
}

/* Without what it needs, or with what excludes each other. */
static bool spoil_needs(struct fuzzer *f, struct draft *d)
{
	switch (d->cmd) {
	case PREFORK_CMD_RELEASE:
		if (one_in(f, 2)) {
			remove_piece(d, PREFORK_A_COOKIE);
		} else if (!remove_piece(d, PREFORK_A_ERRNO)) {
			add_piece(d, PREFORK_A_ERRNO, 4, 1);
		}
		break;
	case PREFORK_CMD_WATCH:
	case PREFORK_CMD_GET:
		if (d->flags & NLM_F_ROOT)
			name_by_number(d, getpid());
		else if (one_in(f, 2))
			(void)(remove_piece(d, PREFORK_A_PID) ||
			       remove_piece(d, PREFORK_A_PIDFD));
		else if (find_piece(d, PREFORK_A_PID))
			add_piece(d, PREFORK_A_PIDFD, 4, 0);
		else
			name_by_number(d, getpid());
		break;
	default:
		return false;
	}
	d->verdict = REFUSED;
	return true;
}

/* The last one counts: the same once more changes nothing. */
static bool spoil_twice(struct fuzzer *f, struct draft *d)
{
	struct piece *piece = any_piece(f, d);

	if (piece)
		d->pieces[d->count++] = *piece;
	return piece;
}

static bool spoil_command(struct fuzzer *f, struct draft *d)
{
	do {
		d->cmd = below(f, 256);
	} while (d->cmd >= PREFORK_CMD_WATCH && d->cmd <= PREFORK_CMD_STATS);
	know(d, -EOPNOTSUPP);
	return true;
}

static bool spoil_flags(struct fuzzer *f, struct draft *d)
{
	static const uint16_t strange[] = {
		NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE, NLM_F_APPEND,
		NLM_F_MULTI, NLM_F_DUMP_INTR, 0x8000,
	};

	switch (below(f, 4)) {
	case 0:
		if (d->cmd == PREFORK_CMD_GET)
			return false;
		d->flags |= NLM_F_DUMP;
		know(d, -EOPNOTSUPP);
		return true;
	case 1:
		d->flags &= ~NLM_F_ACK;
		d->verdict = UNANSWERED;
		return true;
	case 2:		/* nobody asks for anything then */
		d->flags &= ~NLM_F_REQUEST;
		know(d, 0);
		return true;
	default:
		d->flags |= strange[below(f, ARRAY_SIZE(strange))];
		d->verdict = WHATEVER;
		return true;
	}
}

static bool (*const spoil_draft[])(struct fuzzer *f, struct draft *d) = {
	spoil_unknown, spoil_foreign, spoil_size, spoil_value, spoil_nested,
	spoil_needs, spoil_twice, spoil_command, spoil_flags,
};

/* --- and of the bytes ----------------------------------------------------- */

static bool spoil_bytes(struct fuzzer *f, struct draft *d)
{
	int n = 1 + below(f, 8);

	while (n--)
		d->bytes[NLMSG_HDRLEN + below(f, d->size - NLMSG_HDRLEN)] =
			random_number(f);
	d->verdict = WHATEVER;
	return true;
}

static bool spoil_length(struct fuzzer *f, struct draft *d)
{
	struct nlattr *attr = (void *)(d->bytes + NLMSG_HDRLEN + GENL_HDRLEN);

	if (!d->count)
		return false;
	attr->nla_len = one_in(f, 2) ? below(f, 16) : random_number(f);
	d->verdict = WHATEVER;
	return true;
}

static bool spoil_end(struct fuzzer *f, struct draft *d)
{
	d->size = NLMSG_HDRLEN + below(f, d->size - NLMSG_HDRLEN);
	d->nlh.nlmsg_len = d->size;
	d->verdict = WHATEVER;
	return true;
}

/* Bytes behind the last attribute, fewer than an attribute has. */
static bool spoil_rest(struct fuzzer *f, struct draft *d)
{
	int rest = 1 + below(f, NLA_HDRLEN - 1);

	memset(d->bytes + d->size, random_number(f), rest);
	d->size += rest;
	d->nlh.nlmsg_len = d->size;
	d->verdict = REFUSED;
	return true;
}

/* Less than its header says: the kernel does not even answer. */
static bool spoil_whole(struct fuzzer *f, struct draft *d)
{
	d->size = below(f, d->size);
	d->verdict = UNANSWERED;
	return true;
}

static bool (*const spoil_message[])(struct fuzzer *f, struct draft *d) = {
	spoil_bytes, spoil_length, spoil_end, spoil_rest, spoil_whole,
};

static void put_draft(struct draft *d)
{
	const struct genlmsghdr genl = { .cmd = d->cmd, .version = 1 };
	size_t at = NLMSG_HDRLEN + GENL_HDRLEN;
	struct nlattr attr;
	int i;

	memset(d->bytes, 0, sizeof(d->bytes));
	memcpy(d->bytes + NLMSG_HDRLEN, &genl, sizeof(genl));
	for (i = 0; i < d->count; i++) {
		attr.nla_type = d->pieces[i].type;
		attr.nla_len = NLA_HDRLEN + d->pieces[i].size;
		memcpy(d->bytes + at, &attr, sizeof(attr));
		memcpy(d->bytes + at + NLA_HDRLEN, d->pieces[i].bytes,
		       d->pieces[i].size);
		at += NLA_ALIGN(attr.nla_len);
	}
	d->size = at;
	d->nlh.nlmsg_len = at;
	d->nlh.nlmsg_type = family;
	d->nlh.nlmsg_flags = d->flags;
}

static void shuffle(struct fuzzer *f, struct draft *d)
{
	struct piece piece;
	int i, k;

	for (i = d->count; i > 1; i--) {
		k = below(f, i);
		piece = d->pieces[k];
		d->pieces[k] = d->pieces[i - 1];
		d->pieces[i - 1] = piece;
	}
}

/* The order of attributes means nothing. Half of all are good. */
static void draft(struct fuzzer *f, struct peer *peer, struct draft *d)
{
	unsigned int spoil = 2 * (ARRAY_SIZE(spoil_draft) +
				  ARRAY_SIZE(spoil_message));

	d->command = any_command(f, peer);
	d->cmd = d->command->cmd;
	d->verdict = DOCUMENTED;
	d->flags = NLM_F_REQUEST | NLM_F_ACK;
	d->count = 0;
	d->pidfd = -1;
	d->command->compose(f, peer, d);
	spoil = below(f, spoil);
	if (spoil < ARRAY_SIZE(spoil_draft))
		spoil_draft[spoil](f, d);
	shuffle(f, d);
	put_draft(d);
	if (spoil < ARRAY_SIZE(spoil_draft))
		return;
	spoil -= ARRAY_SIZE(spoil_draft);
	if (spoil < ARRAY_SIZE(spoil_message))
		spoil_message[spoil](f, d);
}

/* --- sockets -------------------------------------------------------------- */

static int open_socket(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	const int one = 1;

	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	return fd;
}

static void peer_open(struct fuzzer *f, struct peer *peer)
{
	peer->raw.fd = open_socket();
	peer->raw.family = family;
	peer->cookie_count = 0;
	peer->fresh = false;
	peer->life = 1 + below(f, one_in(f, 4) ? 60 : 600);
}

/* Remembers what an event tells that messages can be about. */
static void peer_hear(struct peer *peer, struct nlmsghdr *nlh)
{
	struct genlmsghdr *genl = nlmsg_data(nlh);
	struct nlattr *attr = genlmsg_attrdata(genl, 0);
	int len = genlmsg_attrlen(genl, 0);
	struct nlattr *cookie, *child;

	if (genl->cmd < PREFORK_EVENT_PREFORK)
		return;
	cookie = nla_find(attr, len, PREFORK_A_COOKIE);
	child = nla_find(attr, len, genl->cmd == PREFORK_EVENT_PREFORK ?
					PREFORK_A_CHILD : PREFORK_A_TID);
	if (cookie) {
		peer->fresh = true;
		peer->cookies[peer->cookie_count++ % REMEMBERED] =
			nla_get_u64(cookie);
	}
	if (child)
		peer->numbers[peer->number_count++ % REMEMBERED] =
			nla_get_u32(child);
}

/* Not for ever: events may come as fast as they are read. */
static void peer_listen(struct peer *peer)
{
	struct nlmsghdr *nlh;
	int left, round;

	for (round = 0; round < 64; round++) {
		left = raw_read(&peer->raw, 0);
		if (left <= 0)
			return;
		for (nlh = &peer->raw.nlh; nlmsg_ok(nlh, left);
		     nlh = nlmsg_next(nlh, &left)) {
			if (nlh->nlmsg_type == family)
				peer_hear(peer, nlh);
		}
	}
}

static void reopen_shared(void)
{
	pthread_rwlock_wrlock(&shared.lock);
	close(shared.fd);
	shared.fd = open_socket();
	pthread_rwlock_unlock(&shared.lock);
}

static void send_shared(const struct draft *d)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	pthread_rwlock_rdlock(&shared.lock);
	sendto(shared.fd, d->bytes, d->size, MSG_DONTWAIT,
	       (const void *)&kernel, sizeof(kernel));
	pthread_rwlock_unlock(&shared.lock);
}

/* --- verdicts ------------------------------------------------------------- */

static bool is_documented(const struct command *command, int error)
{
	const int *documented;

	for (documented = command->errors; *documented; documented++)
		if (-error == *documented)
			return true;
	return !error;
}

static bool is_dump(const struct draft *d)
{
	return (d->flags & NLM_F_DUMP) == NLM_F_DUMP;
}

static bool is_right(const struct draft *d, int error)
{
	/* One dump of a socket at a time. */
	if (error == -EBUSY && is_dump(d))
		return true;
	switch (d->verdict) {
	case KNOWN:
		return error == d->error;
	case DOCUMENTED:
		return is_documented(d->command, error);
	case REFUSED:
		return error == -EINVAL || error == -ERANGE;
	default:	/* another command, perhaps */
		return is_documented(&commands[0], error) ||
		       is_documented(&commands[2], error) ||
		       error == -ERANGE || error == -EOPNOTSUPP;
	}
}

static bool wants_words(const struct draft *d, int error)
{
	return error && error != -EOPNOTSUPP && d->verdict != WHATEVER &&
	       !(error == -EBUSY && is_dump(d));
}

static void complain(struct fuzzer *f, struct peer *peer,
		     const struct draft *d, int error, long message)
{
	char hex[2 * DRAFT_SIZE + 1];
	size_t i;

	if (f->wrong++ > 3)
		return;
	for (i = 0; i < d->size; i++)
		sprintf(hex + 2 * i, "%02x", (unsigned char)d->bytes[i]);
	fprintf(stderr, "# seed %" PRIu64 ", fuzzer %d, message %ld: command %d, verdict %d \"%s\", expected %d (%d): %s\n",
		seed, f->number, message, d->cmd, error, peer->raw.text,
		d->verdict, d->error, hex);
}

static void judge(struct fuzzer *f, struct peer *peer, const struct draft *d,
		  long message)
{
	int error;

	errno = 0;
	peer->raw.text[0] = 0;
	error = raw_ack(&peer->raw);
	if (error == BROKEN_ACK && errno == ENOBUFS) {
		f->unknown++;	/* events have filled the socket */
		return;
	}
	if (!is_right(d, error) ||
	    (wants_words(d, error) && !peer->raw.text[0]))
		complain(f, peer, d, error, message);
	if (error)
		f->refused++;
	else if (d->verdict != WHATEVER && d->flags & NLM_F_REQUEST)
		f->accepted[d->command->cmd]++;
}

static void undraft(struct draft *d)
{
	if (d->pidfd >= 0)
		close(d->pidfd);
}

/* The first one's verdict is waited for; the others' may be read later. */
static long send_batch(struct fuzzer *f, struct peer *peer, long message)
{
	static __thread struct draft drafts[BATCH];
	static __thread char bytes[BATCH * DRAFT_SIZE];
	int i, count = one_in(f, 4) ? 1 + below(f, BATCH) : 1;
	size_t size = 0;

	for (i = 0; i < count; i++) {
		draft(f, peer, &drafts[i]);
		memcpy(bytes + size, drafts[i].bytes, drafts[i].size);
		size += NLMSG_ALIGN(drafts[i].size);
		/* Nothing behind it would be where it seems to be. */
		if (drafts[i].size != drafts[i].nlh.nlmsg_len)
			count = i + 1;
	}
	/* The padding behind the last one is not part of it. */
	size -= NLMSG_ALIGN(drafts[count - 1].size) - drafts[count - 1].size;
	raw_send_bytes(&peer->raw, bytes, size);
	/* Now and then nobody waits: a dump is left half read. */
	if (drafts[0].verdict != UNANSWERED &&
	    !(is_dump(&drafts[0]) && one_in(f, 3)))
		judge(f, peer, &drafts[0], message);
	for (i = 0; i < count; i++)
		undraft(&drafts[i]);
	return count;
}

static long send_blindly(struct fuzzer *f, struct peer *peer)
{
	static __thread struct draft d;

	draft(f, peer, &d);
	send_shared(&d);
	undraft(&d);
	if (one_in(f, 50))
		reopen_shared();
	return 1;
}

static void *fuzz(void *data)
{
	struct fuzzer *f = data;
	struct peer *peer;
	long sent = 0;
	int i;

	for (i = 0; i < SOCKETS; i++)
		peer_open(f, &f->peers[i]);
	while (sent < f->messages) {
		peer = &f->peers[below(f, SOCKETS)];
		peer_listen(peer);
		if (one_in(f, 10))
			sent += send_blindly(f, peer);
		else
			sent += send_batch(f, peer, sent);
		if (--peer->life > 0)
			continue;
		close(peer->raw.fd);
		peer_open(f, peer);
	}
	for (i = 0; i < SOCKETS; i++)
		close(f->peers[i].raw.fd);
	return NULL;
}

/* --- whom it is all about ------------------------------------------------- */

static long breed(long unused)
{
	long n;

	for (n = 0;; n++)
		create(n % KINDS);
	return unused;
}

static void *pause_for_ever(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static void *tell_and_pause(void *unused)
{
	actor_say(syscall(SYS_gettid));
	return pause_for_ever(unused);
}

/* The thread answers first, with its number. */
static long add_thread(long unused)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, tell_and_pause, NULL) + unused;
}

static pid_t fork_idler(void)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		syscall(SYS_close_range, 3, ~0U, 0);
		pause_for_ever(NULL);
	}
	return pid;
}

FIXTURE(fuzz)
{
	struct session session;		/* looks on, and watches the crowd */
	struct actor leader, breeder;
	struct storm storm;
	struct fuzzer *fuzzers;
};

static void set_target(int i, pid_t pid, int pidfd, int watch, int get)
{
	targets[i] = (struct target){
		.pid = pid, .pidfd = pidfd, .watch = watch, .get = get,
	};
}

static void set_targets(struct __test_metadata *_metadata,
			FIXTURE_DATA(fuzz) *self)
{
	pid_t zombie = fork_idler();
	long thread;
	int i;

	kill(zombie, SIGKILL);
	ASSERT_TRUE(proc_state_reaches(zombie, 'Z'));
	thread = actor_do(_metadata, &self->leader, add_thread, 0);
	if (!thread)	/* the other one was quicker to answer */
		thread = actor_answer(_metadata, &self->leader);
	else
		ASSERT_EQ(0, actor_answer(_metadata, &self->leader));

	set_target(OWN, getpid(), open_pidfd(getpid()), -EDEADLK, -ESRCH);
	set_target(THREAD, thread, -1, -EINVAL, -ESRCH);
	set_target(ZOMBIE, zombie, open_pidfd(zombie), -ESRCH, -ESRCH);
	set_target(LEADER, self->leader.pid, self->leader.pidfd, UNSURE,
		   UNSURE);
	set_target(BREEDER, self->breeder.pid, self->breeder.pidfd, UNSURE,
		   UNSURE);
	set_target(INIT, 1, -1, UNSURE, UNSURE);
	for (i = 0; i < STORM_PROCESSES; i++) {
		/* It would not get anywhere beside the fuzzers. */
		setpriority(PRIO_PROCESS, self->storm.pid[i], 0);
		set_target(STORM_0 + i, self->storm.pid[i],
			   open_pidfd(self->storm.pid[i]), UNSURE, UNSURE);
	}
}

static void watch_crowd(struct __test_metadata *_metadata,
			FIXTURE_DATA(fuzz) *self)
{
	int i;

	for (i = 0; i < CROWD; i++) {
		crowd[i].pid = fork_idler();
		ASSERT_LT(0, crowd[i].pid);
		crowd[i].pidfd = open_pidfd(crowd[i].pid);
		crowd[i].watch = -EBUSY;
		ASSERT_EQ(0, session_watch(&self->session, crowd[i].pid, 0, 0,
					   0));
	}
}

static void set_seed(struct __test_metadata *_metadata)
{
	const char *set = getenv("PREFORK_SEED");

	seed = set && *set ? strtoull(set, NULL, 0) : (uint64_t)time(NULL);
	TH_LOG("PREFORK_SEED=%" PRIu64, seed);
}

FIXTURE_SETUP(fuzz)
{
	struct raw raw;
	int i;

	set_seed(_metadata);
	raw_open(_metadata, &raw);
	family = raw.family;
	raw_close(&raw);
	self->fuzzers = calloc(FUZZERS, sizeof(*self->fuzzers));
	ASSERT_NE(NULL, self->fuzzers);
	actor_start(_metadata, &self->leader);
	actor_start(_metadata, &self->breeder);
	storm_start(_metadata, &self->storm);
	session_open(_metadata, &self->session);
	set_targets(_metadata, self);
	watch_crowd(_metadata, self);
	actor_send(_metadata, &self->breeder, breed, 0);
	reopen_shared();
	for (i = 0; i < FUZZERS; i++) {
		self->fuzzers[i].number = i;
		self->fuzzers[i].state = (seed + 1) * 0x9e3779b97f4a7c15 + i;
		self->fuzzers[i].messages =
			effort_for_kernel(20000, 1000000) / FUZZERS;
	}
}

FIXTURE_TEARDOWN(fuzz)
{
	int i;

	close(shared.fd);
	session_close(&self->session);
	storm_stop(&self->storm);
	actor_end(&self->breeder);
	actor_end(&self->leader);
	for (i = 0; i < CROWD && crowd[i].pid > 0; i++)
		kill(crowd[i].pid, SIGKILL);
	while (waitpid(-1, NULL, __WALL) > 0)
		;
	free(self->fuzzers);
	module_load();
}

static void run_fuzzers(struct __test_metadata *_metadata,
			struct fuzzer *fuzzers)
{
	int i;

	for (i = 0; i < FUZZERS; i++)
		ASSERT_EQ(0, pthread_create(&fuzzers[i].thread, NULL, fuzz,
					    &fuzzers[i]));
	for (i = 0; i < FUZZERS; i++)
		ASSERT_EQ(0, pthread_join(fuzzers[i].thread, NULL));
}

/* No verdict was wrong, and there were good ones of each command. */
static void sum_up(struct __test_metadata *_metadata, struct fuzzer *fuzzers)
{
	long refused = 0, accepted, all = 0;
	int i, cmd;

	for (i = 0; i < FUZZERS; i++) {
		EXPECT_EQ(0, fuzzers[i].wrong);
		EXPECT_GT(fuzzers[i].messages / 10, fuzzers[i].unknown);
		refused += fuzzers[i].refused;
		all += fuzzers[i].messages;
	}
	EXPECT_LT(all / 5, refused);
	for (cmd = PREFORK_CMD_WATCH; cmd <= PREFORK_CMD_STATS; cmd++) {
		for (accepted = i = 0; i < FUZZERS; i++)
			accepted += fuzzers[i].accepted[cmd];
		EXPECT_LT(0, accepted);
		TH_LOG("command %d accepted %ld times", cmd, accepted);
	}
	TH_LOG("%ld of %ld refused", refused, all);
}

static void nothing_left(struct __test_metadata *_metadata, struct session *s)
{
	static const int gauges[] = {
		PREFORK_STAT_HELD, PREFORK_STAT_CALLS, PREFORK_STAT_RESERVED,
		PREFORK_STAT_WATCHES, PREFORK_STAT_QUEUED, PREFORK_STAT_ARMED,
		PREFORK_STAT_OWNERS,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(gauges); i++)
		EXPECT_TRUE(session_stat_reaches(_metadata, s, gauges[i], 0));
}

/* Whoever was held or had to wait creates again. */
static void all_go_on(struct __test_metadata *_metadata, struct storm *storm)
{
	long long end = now_ms() + PATIENCE_MS;
	long before = __atomic_load_n(storm->count, __ATOMIC_RELAXED);

	while (__atomic_load_n(storm->count, __ATOMIC_RELAXED) < before + 20) {
		ASSERT_LT(now_ms(), end);
		pause_briefly();
	}
}

TEST_F_TIMEOUT(fuzz, messages_of_all_kinds_do_no_harm, 12000)
{
	struct session *s = &self->session;

	run_fuzzers(_metadata, self->fuzzers);
	sum_up(_metadata, self->fuzzers);
	reopen_shared();
	all_go_on(_metadata, &self->storm);

	/* The watches of the crowd end with this session. */
	session_close(s);
	session_open(_metadata, s);
	nothing_left(_metadata, s);
	EXPECT_EQ(0, session_watch(s, self->leader.pid, 0, HOLD_PROCESSES, 0));
	EXPECT_LT(0, session_serve_order(_metadata, s, &self->leader, create,
					 BY_FORK));
	session_close(s);
	EXPECT_EQ(0, module_unload_soon());
	EXPECT_EQ(0, module_load());
	session_open(_metadata, s);
}

TEST_HARNESS_MAIN
