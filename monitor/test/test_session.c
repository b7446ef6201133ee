// SPDX-License-Identifier: GPL-2.0
/*
 * lib/session against a kernel that is a function of this file: it stands in
 * for lib/channel, which is not linked here, and answers like genetlink.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/channel.h"
#include "message.h"
#include "tap.h"

#define THREAD_EVENTS	20000
#define FLOOD_MAX	1000000

static struct {
	int fd;				/* of the kernel's side */
	int error;			/* of the next answers, -errno */
	const char *text;		/* extended acknowledgement */
	bool loaded;
	atomic_bool mute;		/* answers are lost */
	atomic_ulong released;
	struct message request;		/* the last one */
	struct message before;		/* sent before the answer, if it has a length */
	unsigned int dump;		/* entries */
	bool stale;			/* an answer to something else comes first */
	unsigned int reads;		/* of the socket */
	int read_error;			/* of the next one, -errno */
	bool flood;			/* the socket never runs dry before a request */
	uint64_t flooded;		/* events */
} kernel;

static void deliver(const void *bytes, size_t len)
{
	if (send(kernel.fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)len) {
		puts("# no room in the socket");
		abort();
	}
}

static void deliver_message(const struct message *m)
{
	deliver(m, m->nlh.nlmsg_len);
}

static void acknowledge(const struct nlmsghdr *nlh, uint32_t seq, int error)
{
	struct message m = { .nlh = {
		.nlmsg_len = NLMSG_LENGTH(sizeof(struct nlmsgerr)),
		.nlmsg_type = NLMSG_ERROR,
		.nlmsg_flags = NLM_F_CAPPED,
		.nlmsg_seq = seq,
	} };
	struct nlmsgerr *err = NLMSG_DATA(&m.nlh);

	if (!error && !(nlh->nlmsg_flags & NLM_F_ACK))
		return;
	err->error = error;
	if (error && kernel.text) {
		m.nlh.nlmsg_flags |= NLM_F_ACK_TLVS;
		message_string(&m, NLMSGERR_ATTR_MSG, kernel.text);
	}
	deliver_message(&m);
}

static void reply_family(uint32_t seq)
{
	const uint16_t family = FAMILY;
	struct message m;

	message_begin_as(&m, GENL_ID_CTRL, CTRL_CMD_NEWFAMILY, seq);
	message_put(&m, CTRL_ATTR_FAMILY_ID, &family, sizeof(family));
	deliver_message(&m);
}

static void reply_watched(uint32_t seq, uint32_t pid)
{
	struct message m;

	message_begin_as(&m, FAMILY, PREFORK_CMD_GET, seq);
	message_u32(&m, PREFORK_A_PID, pid);
	message_string(&m, PREFORK_A_COMM, "make");
	for (int attr = PREFORK_A_FLAGS; attr <= PREFORK_A_TIMEOUT; attr++)
		message_u32(&m, attr, 0);
	message_u32(&m, PREFORK_A_OWNER, 1);
	message_u32(&m, PREFORK_A_OWNER_PID, 2);
	deliver_message(&m);
}

static void reply_done(uint32_t seq, int error)
{
	struct message m = { .nlh = {
		.nlmsg_len = NLMSG_LENGTH(sizeof(int)),
		.nlmsg_type = NLMSG_DONE,
		.nlmsg_seq = seq,
	} };

	*(int *)NLMSG_DATA(&m.nlh) = error;
	deliver_message(&m);
}

static void get(const struct nlmsghdr *nlh)
{
	if (!(nlh->nlmsg_flags & NLM_F_DUMP)) {
		if (!kernel.error)
			reply_watched(nlh->nlmsg_seq, 10);
		acknowledge(nlh, nlh->nlmsg_seq, kernel.error);
		return;
	}
	for (unsigned int i = 0; i < kernel.dump; i++)
		reply_watched(nlh->nlmsg_seq, 10 + i);
	reply_done(nlh->nlmsg_seq, kernel.error);
}

static void answer(const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = NLMSG_DATA(nlh);

	if (kernel.before.nlh.nlmsg_len)
		deliver_message(&kernel.before);
	if (kernel.stale)
		acknowledge(nlh, nlh->nlmsg_seq - 1, -EIO);
	if (kernel.mute)
		return;
	if (nlh->nlmsg_type == GENL_ID_CTRL) {
		if (kernel.loaded)
			reply_family(nlh->nlmsg_seq);
		acknowledge(nlh, nlh->nlmsg_seq, kernel.loaded ? 0 : -ENOENT);
	} else if (genl->cmd == PREFORK_CMD_GET) {
		get(nlh);
	} else {
		kernel.released += genl->cmd == PREFORK_CMD_RELEASE;
		acknowledge(nlh, nlh->nlmsg_seq, kernel.error);
	}
}

int prefork_channel_open(void)
{
	const int room = 64 * 1024 * 1024;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	if (setsockopt(ends[1], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) < 0)
		setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	kernel.fd = ends[1];
	return ends[0];
}

int prefork_channel_join(int fd, uint32_t group)
{
	(void)fd;
	(void)group;
	return 0;
}

uint32_t prefork_channel_port(int fd)
{
	(void)fd;
	return 4711;
}

int prefork_channel_send(int fd, const struct nlmsghdr *nlh)
{
	(void)fd;
	memcpy(&kernel.request, nlh, nlh->nlmsg_len);
	kernel.flood = false;
	answer(nlh);
	return 0;
}

static void send_event(uint64_t seq, uint64_t cookie)
{
	struct message m;

	message_prefork(&m, seq, 10, cookie);
	deliver_message(&m);
}

ssize_t prefork_channel_receive(int fd, void *buffer, size_t size)
{
	ssize_t len;

	kernel.reads++;
	if (kernel.read_error) {
		len = kernel.read_error;
		kernel.read_error = 0;
		return len;
	}
	if (kernel.flood && kernel.flooded < FLOOD_MAX)
		send_event(++kernel.flooded, 0);
	len = recv(fd, buffer, size, MSG_DONTWAIT);
	return len < 0 ? -errno : len;
}

static struct prefork *setup(void)
{
	struct prefork *pf;

	memset(&kernel, 0, sizeof(kernel));
	kernel.loaded = true;
	if (prefork_open(&pf)) {
		tap_check(false, "prefork_open", __FILE__, __LINE__);
		exit(1);
	}
	return pf;
}

static void teardown(struct prefork *pf)
{
	prefork_close(pf);
	close(kernel.fd);
}

static bool is_readable(const struct prefork *pf)
{
	struct pollfd pfd = { .fd = prefork_fd(pf), .events = POLLIN };

	return poll(&pfd, 1, 0) == 1;
}

static struct prefork_event event;

static void next_is(struct prefork *pf, uint64_t seq)
{
	EQUAL(1, prefork_next(pf, &event, 0));
	EQUAL(seq, event.seq);
}

static void missing_module_is_enoent(void)
{
	struct prefork *pf = (struct prefork *)&kernel;

	memset(&kernel, 0, sizeof(kernel));
	EQUAL(-ENOENT, prefork_open(&pf));
	CHECK(!pf);
	prefork_close(NULL);
	close(kernel.fd);
}

static void refusals_have_a_message(void)
{
	struct prefork *pf = setup();

	kernel.error = -EBUSY;
	kernel.text = "watched by somebody else";
	EQUAL(-EBUSY, prefork_watch(pf, 10, NULL));
	STRING(prefork_message(), "watched by somebody else");
	kernel.error = 0;
	EQUAL(0, prefork_watch(pf, 10, NULL));
	STRING(prefork_message(), "");
	kernel.error = -EPERM;
	kernel.text = NULL;
	EQUAL(-EPERM, prefork_unwatch_all(pf));
	STRING(prefork_message(), "");
	teardown(pf);
}

/* Is the attribute in the last request, with that value? */
static bool requested(int attr, uint32_t value)
{
	size_t at = NLMSG_LENGTH(sizeof(struct genlmsghdr));

	while (at < kernel.request.nlh.nlmsg_len) {
		const struct nlattr *nla = (struct nlattr *)(kernel.request.bytes + at);

		if (nla->nla_type == attr)
			return !memcmp(nla + 1, &value, sizeof(value));
		at += NLA_ALIGN(nla->nla_len);
	}
	return false;
}

/* As a flag, which has no value. */
static bool has_flag(int attr)
{
	size_t at = NLMSG_LENGTH(sizeof(struct genlmsghdr));

	while (at < kernel.request.nlh.nlmsg_len) {
		const struct nlattr *nla = (struct nlattr *)(kernel.request.bytes + at);

		if (nla->nla_type == attr)
			return nla->nla_len == NLA_HDRLEN;
		at += NLA_ALIGN(nla->nla_len);
	}
	return false;
}

static void requests_carry_what_was_asked(void)
{
	const struct prefork_watch_options opts = {
		.flags = PREFORK_WATCH_TREE, .hold = PREFORK_HOLD_FORK, .has_timeout = true,
		.events = PREFORK_TELL_EXIT,
	};
	struct prefork *pf = setup();

	prefork_watch(pf, 10, &opts);
	CHECK(requested(PREFORK_A_PID, 10));
	CHECK(requested(PREFORK_A_FLAGS, PREFORK_WATCH_TREE));
	CHECK(requested(PREFORK_A_HOLD, PREFORK_HOLD_FORK));
	CHECK(requested(PREFORK_A_TIMEOUT, 0));
	CHECK(requested(PREFORK_A_EVENTS, PREFORK_TELL_EXIT));
	prefork_watch_pidfd(pf, 7, NULL);
	CHECK(requested(PREFORK_A_PIDFD, 7));
	CHECK(!requested(PREFORK_A_EVENTS, 0));
	CHECK(!requested(PREFORK_A_TIMEOUT, 0));
	prefork_deny(pf, 12, EAGAIN);
	CHECK(requested(PREFORK_A_COOKIE, 12));
	CHECK(requested(PREFORK_A_VERDICT, PREFORK_VERDICT_DENY));
	CHECK(requested(PREFORK_A_ERRNO, EAGAIN));
	prefork_release(pf, 12);
	CHECK(requested(PREFORK_A_VERDICT, PREFORK_VERDICT_CONTINUE));
	CHECK(!requested(PREFORK_A_ERRNO, EAGAIN));
	CHECK(!has_flag(PREFORK_A_FORCE));
	prefork_release_forced(pf, 14);
	CHECK(requested(PREFORK_A_COOKIE, 14));
	CHECK(has_flag(PREFORK_A_FORCE));
	prefork_hold_child(pf, 13);
	CHECK(requested(PREFORK_A_COOKIE, 13));
	CHECK(requested(PREFORK_A_VERDICT, PREFORK_VERDICT_HOLD_CHILD));
	teardown(pf);
}

static void events_keep_their_order_around_commands(void)
{
	struct prefork *pf = setup();

	CHECK(!is_readable(pf));
	send_event(1, 0);
	send_event(2, 0);
	CHECK(is_readable(pf));
	message_prefork(&kernel.before, 3, 10, 0);
	EQUAL(0, prefork_release(pf, 1));
	kernel.before.nlh.nlmsg_len = 0;
	send_event(4, 0);
	CHECK(is_readable(pf));
	for (uint64_t seq = 1; seq <= 3; seq++)
		next_is(pf, seq);
	CHECK(is_readable(pf));
	next_is(pf, 4);
	CHECK(!is_readable(pf));
	EQUAL(0, prefork_next(pf, &event, 0));
	teardown(pf);
}

static void full_socket_has_room_for_an_answer(void)
{
	struct prefork *pf = setup();
	const int little = 4096;
	struct message m;
	uint64_t seq = 0;

	setsockopt(kernel.fd, SOL_SOCKET, SO_SNDBUF, &little, sizeof(little));
	do
		message_prefork(&m, ++seq, 10, 0);
	while (send(kernel.fd, &m, m.nlh.nlmsg_len, MSG_DONTWAIT) > 0);
	CHECK(seq > 1);
	EQUAL(0, prefork_release(pf, 1));
	for (uint64_t i = 1; i < seq; i++)
		next_is(pf, i);
	EQUAL(0, prefork_next(pf, &event, 0));
	teardown(pf);
}

static void flood_of_events_lets_commands_through(void)
{
	struct prefork *pf = setup();

	kernel.flood = true;
	EQUAL(0, prefork_release(pf, 1));
	CHECK(kernel.flooded > 0 && kernel.flooded < FLOOD_MAX);
	for (uint64_t seq = 1; seq <= kernel.flooded; seq++)
		next_is(pf, seq);
	EQUAL(0, prefork_next(pf, &event, 0));
	teardown(pf);
}

static void events_stay_in_the_kernel_where_nobody_takes_them(void)
{
	struct prefork *pf = setup();
	uint64_t flooded;

	for (int i = 0; i < 20; i++) {
		kernel.flood = true;
		EQUAL(0, prefork_release(pf, 1));
	}
	flooded = kernel.flooded;
	for (int i = 0; i < 20; i++) {
		kernel.flood = true;
		EQUAL(0, prefork_release(pf, 1));
	}
	EQUAL(40, kernel.released);
	EQUAL(flooded, kernel.flooded);
	for (uint64_t seq = 1; seq <= flooded; seq++)
		next_is(pf, seq);
	kernel.error = -ENOENT;
	EQUAL(-ENOENT, prefork_release(pf, 1));
	teardown(pf);
}

static struct prefork_event many[8];

static void many_are(struct prefork *pf, int room, uint64_t first, int count)
{
	EQUAL(count, prefork_next_many(pf, many, room, 0));
	for (int i = 0; i < count; i++)
		EQUAL(first + i, many[i].seq);
}

static void many_events_take_one_look_at_the_socket(void)
{
	struct prefork *pf = setup();

	for (uint64_t seq = 1; seq <= 5; seq++)
		send_event(seq, 0);
	kernel.reads = 0;
	many_are(pf, 8, 1, 5);
	EQUAL(6, kernel.reads);
	CHECK(!is_readable(pf));
	for (uint64_t seq = 6; seq <= 15; seq++)
		send_event(seq, 0);
	EQUAL(0, prefork_release(pf, 1));
	many_are(pf, 8, 6, 8);
	CHECK(is_readable(pf));
	many_are(pf, 8, 14, 2);
	EQUAL(0, prefork_next_many(pf, many, 8, 20));
	EQUAL(4711, prefork_owner(pf));
	teardown(pf);
}

static void held_task_waits_for_one_look_at_the_socket(void)
{
	struct prefork *pf = setup();

	send_event(1, 0);
	send_event(2, 77);
	send_event(3, 0);
	kernel.reads = 0;
	EQUAL(2, prefork_next_many(pf, many, 8, 1000));
	EQUAL(77, many[1].cookie);
	EQUAL(2, kernel.reads);
	EQUAL(1, prefork_next_many(pf, many, 8, 1000));
	EQUAL(3, many[0].seq);
	teardown(pf);
}

static void empty_socket_is_not_read_before_the_wait(void)
{
	struct prefork *pf = setup();

	EQUAL(0, prefork_release(pf, 77));
	kernel.reads = 0;
	EQUAL(0, prefork_next_many(pf, many, 8, 20));
	EQUAL(0, kernel.reads);
	send_event(1, 78);
	EQUAL(1, prefork_next_many(pf, many, 8, 1000));
	EQUAL(1, kernel.reads);
	teardown(pf);
}

static void all_that_is_there_comes_at_once(void)
{
	struct prefork *pf = setup();

	send_event(1, 0);
	EQUAL(0, prefork_release(pf, 77));
	send_event(2, 0);
	EQUAL(2, prefork_next_many(pf, many, 8, 1000));
	send_event(3, 0);
	EQUAL(0, prefork_next_many(pf, many, 0, -1));
	teardown(pf);
}

/* Or has ended. */
static bool sleeps(pid_t pid)
{
	char path[64], state = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "r");
	if (!file)
		return true;
	if (fscanf(file, "%*d %*s %c", &state) != 1)
		state = 'S';
	fclose(file);
	return state == 'S' || state == 'Z';
}

static void stop_does_not_end_the_wait(void)
{
	struct prefork *pf = setup();
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(prefork_next(pf, &event, -1) == 1 ? 0 : 1);
	while (!sleeps(pid))
		sched_yield();
	kill(pid, SIGSTOP);
	EQUAL(pid, waitpid(pid, &status, WUNTRACED));
	kill(pid, SIGCONT);
	EQUAL(pid, waitpid(pid, &status, WCONTINUED));
	while (!sleeps(pid))
		sched_yield();
	send_event(1, 0);
	EQUAL(pid, waitpid(pid, &status, 0));
	EQUAL(0, status);
	teardown(pf);
}

static void failure_waits_for_the_events_before_it(void)
{
	struct prefork *pf = setup();
	struct message m;

	send_event(1, 0);
	message_event(&m, PREFORK_EVENT_PREFORK, 2, 10);
	deliver_message(&m);
	send_event(3, 0);
	many_are(pf, 8, 1, 1);
	CHECK(is_readable(pf));
	EQUAL(-EBADMSG, prefork_next_many(pf, many, 8, 0));
	many_are(pf, 8, 3, 1);
	teardown(pf);
}

static void full_socket_is_told_of_to_observers_only(void)
{
	struct prefork *pf = setup();

	send_event(1, 0);
	kernel.read_error = -ENOBUFS;
	next_is(pf, 1);
	EQUAL(0, prefork_observe(pf));
	send_event(2, 0);
	kernel.read_error = -ENOBUFS;
	EQUAL(-ENOBUFS, prefork_next(pf, &event, 0));
	next_is(pf, 2);
	teardown(pf);
}

static void one_datagram_may_hold_several_events(void)
{
	struct prefork *pf = setup();
	char datagram[3 * sizeof(struct message)];
	struct message m;
	size_t len = 0;

	for (uint64_t seq = 1; seq <= 3; seq++) {
		message_prefork(&m, seq, 10, 0);
		memcpy(datagram + len, &m, m.nlh.nlmsg_len);
		len += NLMSG_ALIGN(m.nlh.nlmsg_len);
	}
	deliver(datagram, len);
	next_is(pf, 1);
	CHECK(is_readable(pf));
	next_is(pf, 2);
	next_is(pf, 3);
	CHECK(!is_readable(pf));
	teardown(pf);
}

static void next_waits_no_longer_than_told(void)
{
	struct prefork *pf = setup();

	EQUAL(0, prefork_next(pf, &event, 0));
	EQUAL(0, prefork_next(pf, &event, 20));
	send_event(1, 0);
	EQUAL(1, prefork_next(pf, &event, -1));
	teardown(pf);
}

static void malformed_event_is_reported_and_skipped(void)
{
	struct prefork *pf = setup();
	struct message m;

	message_event(&m, PREFORK_EVENT_PREFORK, 1, 10);
	deliver_message(&m);
	send_event(2, 0);
	EQUAL(-EBADMSG, prefork_next(pf, &event, 0));
	next_is(pf, 2);
	deliver("garbage", 7);
	send_event(3, 0);
	next_is(pf, 3);
	teardown(pf);
}

static void lost_answer_is_enobufs_and_a_late_one_ignored(void)
{
	struct prefork *pf = setup();

	kernel.mute = true;
	EQUAL(-ENOBUFS, prefork_watch(pf, 1, NULL));
	kernel.mute = false;
	kernel.stale = true;
	EQUAL(0, prefork_watch(pf, 1, NULL));
	EQUAL(0, prefork_release(pf, 1));
	teardown(pf);
}

static void holds_answer_is_acknowledged_only_where_refused(void)
{
	struct prefork *pf = setup();

	EQUAL(0, prefork_release(pf, 1));
	EQUAL(0, kernel.request.nlh.nlmsg_flags & NLM_F_ACK);
	message_prefork(&kernel.before, 1, 10, 0);
	kernel.error = -ENOENT;
	kernel.text = "nothing is held under that cookie";
	EQUAL(-ENOENT, prefork_release(pf, 1));
	STRING(prefork_message(), "nothing is held under that cookie");
	EQUAL(-ENOENT, prefork_deny(pf, 1, EAGAIN));
	EQUAL(-ENOENT, prefork_hold_child(pf, 1));
	next_is(pf, 1);
	teardown(pf);
}

static int count_one(const struct prefork_watched *watched, void *arg)
{
	unsigned int *count = arg;

	EQUAL(10 + *count, watched->pid);
	return ++*count == 70 ? 42 : 0;
}

static void dump_calls_for_each(void)
{
	struct prefork *pf = setup();
	unsigned int count = 0;

	EQUAL(0, prefork_dump(pf, count_one, &count));
	EQUAL(0, count);
	kernel.dump = 50;
	EQUAL(0, prefork_dump(pf, count_one, &count));
	EQUAL(50, count);
	count = 0;
	kernel.dump = 100;
	EQUAL(42, prefork_dump(pf, count_one, &count));
	EQUAL(70, count);
	count = 0;
	kernel.error = -EPERM;
	EQUAL(-EPERM, prefork_dump(pf, count_one, &count));
	EQUAL(0, count);
	teardown(pf);
}

static void get_returns_one(void)
{
	struct prefork *pf = setup();
	struct prefork_watched *watched;

	if (EQUAL(0, prefork_get(pf, 10, &watched)))
		EQUAL(10, watched->pid);
	free(watched);
	kernel.error = -ESRCH;
	EQUAL(-ESRCH, prefork_get(pf, 10, &watched));
	CHECK(!watched);
	teardown(pf);
}

/* One session, used by all threads at once. */
static struct {
	struct prefork *pf;
	atomic_uchar seen[THREAD_EVENTS + 1];
	atomic_uint count;
} shared;

static void *consume(void *arg)
{
	struct prefork_event *got = malloc(sizeof(*got));
	uint64_t last = 0;

	(void)arg;
	while (shared.count < THREAD_EVENTS) {
		int ret = prefork_next(shared.pf, got, 10);

		if (ret == 0)
			continue;
		if (!EQUAL(1, ret) || !CHECK(got->seq > last && got->seq <= THREAD_EVENTS))
			break;
		last = got->seq;
		shared.seen[got->seq]++;
		shared.count++;
		EQUAL(0, prefork_release(shared.pf, got->cookie));
	}
	free(got);
	return NULL;
}

static void *command(void *arg)
{
	(void)arg;
	while (shared.count < THREAD_EVENTS) {
		EQUAL(0, prefork_watch(shared.pf, 10, NULL));
		is_readable(shared.pf);
	}
	return NULL;
}

static void threads_share_a_session(void)
{
	static void *(*const bodies[])(void *) = { consume, consume, consume, command };
	pthread_t threads[sizeof(bodies) / sizeof(bodies[0])];
	const size_t count = sizeof(bodies) / sizeof(bodies[0]);

	shared.pf = setup();
	for (size_t i = 0; i < count; i++)
		pthread_create(&threads[i], NULL, bodies[i], NULL);
	for (uint64_t seq = 1; seq <= THREAD_EVENTS; seq++)
		send_event(seq, seq);
	for (size_t i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	for (size_t seq = 1; seq <= THREAD_EVENTS; seq++)
		if (!EQUAL(1, shared.seen[seq]))
			break;
	EQUAL(THREAD_EVENTS, kernel.released);
	EQUAL(0, prefork_next(shared.pf, &event, 0));
	CHECK(!is_readable(shared.pf));
	teardown(shared.pf);
}

int main(void)
{
	static const struct tap_test tests[] = {
		{ "without the module open says ENOENT", missing_module_is_enoent },
		{ "refusals have a message", refusals_have_a_message },
		{ "requests carry what was asked", requests_carry_what_was_asked },
		{ "events keep their order around commands",
		  events_keep_their_order_around_commands },
		{ "a full socket has room for an answer", full_socket_has_room_for_an_answer },
		{ "a flood of events lets commands through", flood_of_events_lets_commands_through },
		{ "events stay in the kernel where nobody takes them",
		  events_stay_in_the_kernel_where_nobody_takes_them },
		{ "many events take one look at the socket",
		  many_events_take_one_look_at_the_socket },
		{ "a held task waits for one look at the socket",
		  held_task_waits_for_one_look_at_the_socket },
		{ "an empty socket is not read before the wait",
		  empty_socket_is_not_read_before_the_wait },
		{ "all that is there comes at once", all_that_is_there_comes_at_once },
		{ "a stop does not end the wait", stop_does_not_end_the_wait },
		{ "a failure waits for the events before it",
		  failure_waits_for_the_events_before_it },
		{ "a full socket is told of to observers only",
		  full_socket_is_told_of_to_observers_only },
		{ "one datagram may hold several events", one_datagram_may_hold_several_events },
		{ "next waits no longer than told", next_waits_no_longer_than_told },
		{ "a malformed event is reported and skipped",
		  malformed_event_is_reported_and_skipped },
		{ "a hold's answer is acknowledged only where it is refused",
		  holds_answer_is_acknowledged_only_where_refused },
		{ "a lost answer is ENOBUFS and a late one ignored",
		  lost_answer_is_enobufs_and_a_late_one_ignored },
		{ "a dump calls for each watched process", dump_calls_for_each },
		{ "get returns one watched process", get_returns_one },
		{ "four threads share a session", threads_share_a_session },
	};

	return TAP_RUN(tests);
}
