// SPDX-License-Identifier: GPL-2.0
/*
 * permission - who may do what, row by row as docs/security.md has it
 */
#define _GNU_SOURCE
#include "permission.h"
#include "raw.h"
#include "skip.h"

FIXTURE(permission)
{
	struct session session;		/* of root */
	struct actor of_root;
	struct actor of_user;
	uint64_t cookie;		/* of_root is held */
};

FIXTURE_SETUP(permission)
{
	if (access(PTRACE_SCOPE, W_OK))
		SKIP_IN_SETUP("no Yama in this kernel");
	programs_make(_metadata);
	actor_start(_metadata, &self->of_root);
	actor_start(_metadata, &self->of_user);
	ASSERT_EQ(0, actor_do(_metadata, &self->of_user, be_user, USER));
	session_open(_metadata, &self->session);
}

FIXTURE_TEARDOWN(permission)
{
	settings_restore();
	session_close(&self->session);
	actor_end(&self->of_root);
	actor_end(&self->of_user);
	programs_remove();
}

TEST_F_TIMEOUT(permission, to_watch_is_as_the_table_says, 300)
{
	EXPECT_LE(35, try_watch_rows(_metadata, false));
}

/*
 * Who may do what else.
 */
enum { SENDER, COMMAND, WAIVED, REPLY };

/* For the actors, which inherit it. */
static struct {
	struct __test_metadata *metadata;
	pid_t of_root, of_user;
	uint64_t cookie;
	struct prefork *of_the_sender;
} scene;

static long explained(long ret)
{
	return ret < 0 && !prefork_message()[0] ? BROKEN : ret;
}

static long get(long pid)
{
	struct prefork_watched *watched;
	long ret = prefork_get(scene.of_the_sender, pid, &watched);

	if (!ret)
		free(watched);
	return explained(ret);
}

static int count(const struct prefork_watched *watched, void *n)
{
	(void)watched;
	++*(long *)n;
	return 0;
}

static long get_all(long unused)
{
	long n = unused;
	int ret = prefork_dump(scene.of_the_sender, count, &n);

	/* Refusals of dumps come without words on some kernels. */
	return ret ? ret : n;
}

static long get_stats(long unused)
{
	struct prefork_stats stats;

	return explained(prefork_stats(scene.of_the_sender, &stats)) + unused;
}

static long unwatch(long pid)
{
	return explained(prefork_unwatch(scene.of_the_sender, pid));
}

static long release(long unused)
{
	return explained(prefork_release(scene.of_the_sender, scene.cookie)) +
	       unused;
}

static long release_forced(long verdict)
{
	struct raw raw;
	struct nl_msg *msg;

	raw_open(scene.metadata, &raw);
	msg = raw_message(&raw, PREFORK_CMD_RELEASE, 0);
	nla_put_u64(msg, PREFORK_A_COOKIE, scene.cookie);
	nla_put_flag(msg, PREFORK_A_FORCE);
	if (verdict == PREFORK_VERDICT_DENY) {
		nla_put_u32(msg, PREFORK_A_VERDICT, verdict);
		nla_put_u32(msg, PREFORK_A_ERRNO, EACCES);
	}
	return raw_ask(&raw, msg);
}

static long join(long unused)
{
	return prefork_observe(scene.of_the_sender) + unused;
}

static long watch_for(long ms)
{
	const struct prefork_watch_options opts = {
		.timeout_ms = ms, .has_timeout = true,
	};

	return explained(prefork_watch(scene.of_the_sender, make_descendant(0),
				       &opts));
}

static long watch_by_socket_of_root(long pid)
{
	return explained(prefork_watch(opened_by_root, pid, NULL));
}

static long open_session(long unused)
{
	return prefork_open(&scene.of_the_sender) + unused;
}

static const struct {
	const char *name;
	order_fn fn;
	const pid_t *pid;
	long arg;
} commands[] = {
	{ "GET of a process of root", get, &scene.of_root, 0 },
	{ "GET of a process of the user", get, &scene.of_user, 0 },
	{ "GET of all", get_all, NULL, 0 },
	{ "STATS", get_stats, NULL, 0 },
	{ "UNWATCH of another's", unwatch, &scene.of_root, 0 },
	{ "RELEASE of another's", release, NULL, 0 },
	{ "RELEASE of another's, FORCE", release_forced, NULL,
	  PREFORK_VERDICT_CONTINUE },
	{ "RELEASE of another's, FORCE, DENY", release_forced, NULL,
	  PREFORK_VERDICT_DENY },
	{ "join the multicast group", join, NULL, 0 },
	{ "WATCH without a deadline", watch_for, NULL, 0 },
	{ "WATCH with a deadline of a minute", watch_for, NULL, 60000 },
	{ "WATCH by a socket of root's", watch_by_socket_of_root,
	  &scene.of_user, 0 },
};

static long command_answer(struct __test_metadata *_metadata, struct actor *a,
			   const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(name, commands[i].name))
			return actor_do(_metadata, a, commands[i].fn,
					commands[i].pid ? *commands[i].pid :
							  commands[i].arg);
	ASSERT_STREQ("the name of a command", name);
	return 0;
}

static const char *reply_name(long ret)
{
	static char text[32];

	snprintf(text, sizeof(text), "%ld watches", ret);
	return ret > 0 ? text : answer_name(ret);
}

/* Root holds one process of his, which is let go at the end of each row. */
static void hold_one(struct __test_metadata *_metadata,
		     FIXTURE_DATA(permission) *self)
{
	struct session *s = &self->session;

	actor_send(_metadata, &self->of_root, create, BY_FORK);
	session_await(_metadata, s, PREFORK_EVENT_PREFORK);
	scene.cookie = s->event.cookie;
}

static void let_go(struct __test_metadata *_metadata,
		   FIXTURE_DATA(permission) *self, bool released)
{
	int ret = prefork_release(self->session.pf, scene.cookie);

	EXPECT_EQ(released, ret != 0);
	EXPECT_LT(0, actor_answer(_metadata, &self->of_root));
}

struct command_rows {
	struct __test_metadata *metadata;
	FIXTURE_DATA(permission) *self;
};

static void visit_command_row(const struct row *row, void *data)
{
	struct command_rows *rows = data;
	struct __test_metadata *_metadata = rows->metadata;
	struct actor sender = { 0 };
	long ret;

	ASSERT_EQ(0, setting_write(UNPRIVILEGED, atoi(row->cell[WAIVED])));
	hold_one(_metadata, rows->self);
	party_start(_metadata, &sender, row->cell[SENDER]);
	ASSERT_EQ(0, actor_do(_metadata, &sender, open_session, 0));
	ret = command_answer(_metadata, &sender, row->cell[COMMAND]);
	EXPECT_STREQ(row->cell[REPLY], reply_name(ret)) {
		TH_LOG("%s: %s, unprivileged %s", row->cell[SENDER],
		       row->cell[COMMAND], row->cell[WAIVED]);
	}
	let_go(_metadata, rows->self,
	       !ret && strstr(row->cell[COMMAND], "RELEASE"));
	actor_end(&sender);
}

TEST_F_TIMEOUT(permission, to_command_is_as_the_table_says, 300)
{
	struct command_rows rows = { .metadata = _metadata, .self = self };
	struct session *s = &self->session;

	scene.metadata = _metadata;
	scene.of_root = self->of_root.pid;
	scene.of_user = self->of_user.pid;
	ASSERT_EQ(0, setting_write(PTRACE_SCOPE, 0));
	ASSERT_EQ(0, session_watch(s, scene.of_root, 0, HOLD_PROCESSES, 0));
	ASSERT_EQ(0, session_watch(s, scene.of_user, 0, 0, 0));
	EXPECT_LE(36, table_for_each(TABLES, "sender", "command",
				     visit_command_row, &rows));
}

/*
 * A dump is made part by part, while it is read. Whoever reads on may have more
 * rights, as a set-user-ID program that was given the socket.
 */
#define MANY	250	/* of 80 bytes: more than a part of 16 KiB holds */
#define SOME	30	/* in the second part, too */

static void watch_many(struct __test_metadata *_metadata, struct session *s,
		       pid_t *pids, int n, uid_t uid)
{
	int i;

	for (i = 0; i < n; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (!uid || !be_user(uid))
				prctl(PR_SET_NAME, "many");
			pause();
			_exit(0);
		}
		ASSERT_EQ(0, session_watch(s, pids[i], 0, 0, 0));
	}
}

static void all_are_named(struct __test_metadata *_metadata, pid_t pids[MANY])
{
	char path[64], comm[16];
	long long end = now_ms() + PATIENCE_MS;
	FILE *file;
	int i;

	for (i = 0; i < MANY; i++) {
		snprintf(path, sizeof(path), "/proc/%d/comm", pids[i]);
		do {
			file = fopen(path, "re");
			ASSERT_NE(NULL, file);
			ASSERT_NE(NULL, fgets(comm, sizeof(comm), file));
			fclose(file);
			ASSERT_GT(end, now_ms());
		} while (strcmp(comm, "many\n"));
	}
}

/* Reads the dump to its end; returns how many watches were in it. */
static int read_dump(struct __test_metadata *_metadata, struct raw *raw)
{
	struct nlmsghdr *nlh;
	int n = 0, left;

	for (;;) {
		left = raw_read(raw, PATIENCE_MS);
		ASSERT_LT(0, left);
		for (nlh = &raw->nlh; nlmsg_ok(nlh, left);
		     nlh = nlmsg_next(nlh, &left)) {
			if (nlh->nlmsg_type == NLMSG_DONE)
				return n;
			n += nlh->nlmsg_type == raw->family;
		}
	}
}

TEST_F_TIMEOUT(permission, dump_goes_on_with_the_rights_of_who_asked, 120)
{
	static pid_t of_root[SOME], of_user[MANY];
	struct nl_msg *msg;
	struct raw raw;
	int i;

	watch_many(_metadata, &self->session, of_root, SOME, 0);
	watch_many(_metadata, &self->session, of_user, MANY, USER);
	all_are_named(_metadata, of_user);
	ASSERT_EQ(0, setting_write(UNPRIVILEGED, 1));
	ASSERT_EQ(0, setting_write(PTRACE_SCOPE, 0));

	ASSERT_EQ(0, setresgid(USER, USER, USER));
	ASSERT_EQ(0, setresuid(USER, USER, 0));
	raw_open(_metadata, &raw);
	msg = raw_message(&raw, PREFORK_CMD_GET, NLM_F_DUMP);
	ASSERT_EQ(0, raw_send_bytes(&raw, nlmsg_hdr(msg),
				    nlmsg_hdr(msg)->nlmsg_len));
	nlmsg_free(msg);
	ASSERT_EQ(0, setresuid(0, 0, 0));
	ASSERT_EQ(0, setresgid(0, 0, 0));
	EXPECT_EQ(MANY, read_dump(_metadata, &raw));
	raw_close(&raw);
	for (i = 0; i < SOME; i++)
		kill(of_root[i], SIGKILL);
	for (i = 0; i < MANY; i++)
		kill(of_user[i], SIGKILL);
}

/*
 * When a watch ends because of privileges.
 */
enum { OBSERVER, DEED, WATCH, PRIVILEGES };

/* In the process: returns the status of the program that a child executes. */
static long execute(long program)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		execl(program_path(program), "privileged", NULL);
		_exit(127);
	}
	return waitpid(pid, &status, 0) == pid ? status >> 8 : BROKEN;
}

static long execute_with_no_new_privileges(long program)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return execute(program);
}

static long create_undumpable(long unused)
{
	if (prctl(PR_SET_DUMPABLE, 0))
		return -errno;
	return create(BY_FORK) > 0 ? 1 : BROKEN + unused;
}

static long end_undumpable(long unused)
{
	pid_t pid = fork();

	if (!pid) {
		_exit(prctl(PR_SET_DUMPABLE, 0) ? 0 : CHILD_STATUS);
	}
	return reap(pid, CHILD_STATUS << 8) > 0 ? 1 : BROKEN + unused;
}

static long create_in_user_namespace(long unused)
{
	if (unshare(CLONE_NEWUSER))
		return -errno;
	return create(BY_FORK) > 0 ? 1 : BROKEN + unused;
}

static const struct party deeds[] = {
	{ "executes a program", execute, PLAIN },
	{ "executes a set-user-ID program", execute, SETUID },
	{ "executes a set-group-ID program", execute, SETGID },
	{ "executes a program that has capabilities", execute, CAPABLE },
	{ "executes a program that he cannot read", execute, UNREADABLE },
	{ "gives up new privileges, executes a set-user-ID program",
	  execute_with_no_new_privileges, SETUID },
	{ "is not dumpable any more, creates a process", create_undumpable,
	  0 },
	{ "is not dumpable any more, ends", end_undumpable, 0 },
	{ "is in a new user namespace, creates a process",
	  create_in_user_namespace, 0 },
};

/* In the watcher. */
static long observe(long pid)
{
	const struct prefork_watch_options opts = {
		.flags = PREFORK_WATCH_TREE, .hold = PREFORK_HOLD_EXEC,
	};

	return prefork_watch(scene.of_the_sender, pid, &opts);
}

enum { GOES_ON, ENDS };

/*
 * In the watcher: what becomes of the process that is said to execute, or to
 * create. Whatever is told of one after its watch has ended is BROKEN.
 */
static long learn(long pid)
{
	struct prefork *pf = scene.of_the_sender;
	struct prefork_event e;
	pid_t lost = 0, executed = 0;

	while (prefork_next(pf, &e, lost ? 200 : PATIENCE_MS) == 1) {
		if (e.pid == lost)
			return BROKEN;
		if (e.type == PREFORK_EVENT_UNWATCHED &&
		    e.reason == PREFORK_REASON_ACCESS && !e.comm[0] &&
		    e.uid == (uid_t)-1)
			lost = e.pid;
		if (e.type == PREFORK_EVENT_EXEC) {
			executed = e.pid;
			prefork_release(pf, e.cookie);
		}
		if (lost && lost == executed)
			return BROKEN;
		if (e.type == PREFORK_EVENT_EXIT && e.pid != pid)
			return GOES_ON;
	}
	return lost ? ENDS : BROKEN;
}

static void do_deed(struct __test_metadata *_metadata, struct actor *a,
		    const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(deeds); i++) {
		if (!strcmp(name, deeds[i].name)) {
			actor_send(_metadata, a, deeds[i].become,
				   deeds[i].arg);
			return;
		}
	}
	ASSERT_STREQ("the name of a deed", name);
}

static void visit_deed_row(const struct row *row, void *data)
{
	struct __test_metadata *_metadata = data;
	struct actor watcher = { 0 }, process = { 0 };
	long learnt, status;

	party_start(_metadata, &watcher, row->cell[OBSERVER]);
	ASSERT_EQ(0, actor_do(_metadata, &watcher, open_session, 0));
	actor_start(_metadata, &process);
	ASSERT_EQ(0, actor_do(_metadata, &process, be_user, USER));
	ASSERT_EQ(0, actor_do(_metadata, &watcher, observe, process.pid));
	actor_send(_metadata, &watcher, learn, process.pid);
	do_deed(_metadata, &process, row->cell[DEED]);
	status = actor_answer(_metadata, &process);
	learnt = actor_answer(_metadata, &watcher);
	EXPECT_STREQ(row->cell[WATCH], learnt == GOES_ON ? "goes on" :
				       learnt == ENDS ? "ends" : "broken") {
		TH_LOG("%s watches one who %s", row->cell[OBSERVER],
		       row->cell[DEED]);
	}
	EXPECT_STREQ(row->cell[PRIVILEGES], status == 0 ? "yes" :
					    status == 1 ? "no" : "broken") {
		TH_LOG("%s watches one who %s", row->cell[OBSERVER],
		       row->cell[DEED]);
	}
	actor_end(&watcher);
	actor_end(&process);
}

TEST_F_TIMEOUT(permission, to_watch_on_is_as_the_table_says, 300)
{
	ASSERT_EQ(0, setting_write(UNPRIVILEGED, 1));
	ASSERT_EQ(0, setting_write(PTRACE_SCOPE, 0));
	EXPECT_LE(14, table_for_each(TABLES, "watcher", "a process of the user",
				     visit_deed_row, _metadata));
}

/* As a user in a user namespace, where he is root if @mapped. Returns whose child he is told of. */
static long watch_in_user_namespace(long mapped)
{
	struct prefork_event e = { 0 };
	struct prefork *pf;
	long ret = be_root_of_namespace(0);
	pid_t pid;

	if (!ret && mapped)
		ret = setting_write_text("/proc/self/uid_map", "0 60001 1");
	if (ret || prefork_open(&pf))
		return BROKEN;
	pid = fork();
	if (!pid) {
		pause();
		_exit(0);
	}
	ret = prefork_watch(pf, pid, NULL);
	kill(pid, SIGKILL);
	if (!ret && prefork_next(pf, &e, PATIENCE_MS) == 1 &&
	    e.type == PREFORK_EVENT_EXIT)
		ret = e.uid;
	else
		ret = BROKEN;
	waitpid(pid, NULL, 0);
	return ret;
}

TEST_F_TIMEOUT(permission, users_are_those_of_the_watchers_namespace, 60)
{
	ASSERT_EQ(0, setting_write(UNPRIVILEGED, 1));
	EXPECT_EQ(0, actor_do(_metadata, &self->of_root,
			      watch_in_user_namespace, true));
	actor_end(&self->of_root);
	actor_start(_metadata, &self->of_root);
	EXPECT_EQ(65534, actor_do(_metadata, &self->of_root,
				  watch_in_user_namespace, false));
}

TEST_HARNESS_MAIN
