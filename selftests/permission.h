/* SPDX-License-Identifier: GPL-2.0 */
/*
 * permission.h - the parties of the tables in docs/security.md
 *
 * Each is an actor that has become what its name says. All that is called in
 * an actor returns 0 or a negative errno value, if nothing else is said.
 */
#ifndef SELFTESTS_PERMISSION_H
#define SELFTESTS_PERMISSION_H

#include <sys/stat.h>
#include <sys/xattr.h>

#include "capability.h"
#include "create.h"
#include "session.h"
#include "table.h"

#define TABLES		"../docs/security.md"
#define USER		60001
#define OTHER_USER	60002

/* Programs, by what executing them gives to the user. */
enum program { PLAIN, SETUID, SETGID, CAPABLE, UNREADABLE, PROGRAMS };

static char program_folder[] = "/tmp/prefork-permission.XXXXXX";

static inline const char *program_path(enum program program)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/%d", program_folder, program);
	return path;
}

static inline int give_capability(const char *path)
{
	const struct vfs_cap_data caps = {
		.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
		.data[0].permitted = 1U << CAP_NET_RAW,
	};

	return setxattr(path, "security.capability", &caps, sizeof(caps), 0);
}

static inline void programs_make(struct __test_metadata *_metadata)
{
	static const mode_t modes[] = {
		[PLAIN] = 0755, [SETUID] = 04755, [SETGID] = 02755,
		[CAPABLE] = 0755, [UNREADABLE] = 0711,
	};
	const char *built = getenv("SELFTESTS");
	char command[256];
	int i;

	ASSERT_NE(NULL, mkdtemp(program_folder));
	ASSERT_EQ(0, chmod(program_folder, 0755));
	for (i = 0; i < PROGRAMS; i++) {
		snprintf(command, sizeof(command),
			 "cp '%s/actors/privileged' '%s'",
			 built ? built : "../build/selftests", program_path(i));
		ASSERT_EQ(0, system(command));
		ASSERT_EQ(0, chmod(program_path(i), modes[i]));
	}
	ASSERT_EQ(0, give_capability(program_path(CAPABLE)));
}

static inline void programs_remove(void)
{
	int i;

	for (i = 0; i < PROGRAMS; i++)
		unlink(program_path(i));
	rmdir(program_folder);
	strcpy(strrchr(program_folder, '.'), ".XXXXXX");
}

/* Orders: become somebody. */

/* Changing the user takes the right to be traced as well; give it back. */
static inline long be_user(long uid)
{
	long ret = become_user(uid);

	return ret ? ret : prctl(PR_SET_DUMPABLE, 1) ? -errno : 0;
}

static inline long be_undumpable(long unused)
{
	return prctl(PR_SET_DUMPABLE, 0) ? -errno : unused;
}

static inline long enter_user_namespace(long unused)
{
	return unshare(CLONE_NEWUSER) ? -errno : unused;
}

static inline long be_root_of_namespace(long unused)
{
	long ret = be_user(USER);

	return ret ? ret : enter_user_namespace(unused);
}

static inline long be_user_with_capability(long cap)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = { { 0 } };
	long ret;

	prctl(PR_SET_KEEPCAPS, 1);
	ret = be_user(USER);
	data[cap / 32].permitted = data[cap / 32].effective = 1U << cap % 32;
	return ret ? ret : syscall(SYS_capset, &header, data) ? -errno : 0;
}

static inline long name_any_tracer(long unused)
{
	return prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY) ? -errno : unused;
}

static inline long do_nothing(long unused)
{
	return unused;
}

/* A session that root has opened, whatever the actor becomes. */
static struct prefork *opened_by_root;

static inline long open_as_root(long unused)
{
	return prefork_open(&opened_by_root) + unused;
}

struct party {
	const char *name;
	order_fn become;
	long arg;
};

static const struct party watchers[] = {
	{ "root", do_nothing, 0 },
	{ "root without CAP_SYS_PTRACE", drop_capability, CAP_SYS_PTRACE },
	{ "root without CAP_SYS_ADMIN", drop_capability, CAP_SYS_ADMIN },
	{ "user", be_user, USER },
	{ "user with CAP_SYS_PTRACE", be_user_with_capability, CAP_SYS_PTRACE },
	{ "root of a user namespace", be_root_of_namespace, 0 },
};

static inline void party_start(struct __test_metadata *_metadata,
			       struct actor *a, const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(watchers); i++) {
		if (strcmp(name, watchers[i].name))
			continue;
		actor_start(_metadata, a);
		ASSERT_EQ(0, actor_do(_metadata, a, open_as_root, 0));
		ASSERT_EQ(0, actor_do(_metadata, a, watchers[i].become,
				      watchers[i].arg));
		return;
	}
	ASSERT_STREQ("the name of a watcher", name);
}

/* What commands and calls return, in the words of the tables. */
static inline const char *answer_name(long ret)
{
	const char *name = ret ? strerrorname_np(-ret) : "ok";

	return name ? name : "broken";
}

/* Settings of the machine. */

static inline int setting_write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");
	int ret;

	if (!file)
		return -errno;
	ret = fputs(text, file) < 0;
	return fclose(file) || ret ? -errno : 0;
}

static inline int setting_write(const char *path, long value)
{
	char text[24];

	snprintf(text, sizeof(text), "%ld", value);
	return setting_write_text(path, text);
}

#define UNPRIVILEGED	"/sys/module/prefork/parameters/unprivileged"
#define PTRACE_SCOPE	"/proc/sys/kernel/yama/ptrace_scope"

/* A level of 3 is for ever. */
static inline void settings_restore(void)
{
	setting_write(UNPRIVILEGED, 0);
	setting_write(PTRACE_SCOPE, 0);
}

/*
 * One row of "Who may watch whom".
 */
enum { WATCHER, PROCESS, IS_UNPRIVILEGED, SCOPE, ANSWER };

static inline long watch_it(long pid)
{
	static struct prefork *pf;
	long ret = pf ? 0 : prefork_open(&pf);

	if (ret)
		return ret;
	ret = prefork_watch(pf, pid, NULL);
	return ret < 0 && !prefork_message()[0] ? BROKEN : ret;
}

/* In the watcher; a child that has to be traced from its first moment on. */
static inline long make_descendant(long unused)
{
	pid_t watcher = getpid(), pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == watcher)	/* else it is dead already */
			pause();
		_exit(0);
	}
	return pid < 0 ? -errno : pid + unused;
}

/* A process of the user's that executes it and stays. */
static inline pid_t run_and_stay(struct __test_metadata *_metadata,
				 enum program program)
{
	int line[2];
	char number[16], byte;
	pid_t pid;

	ASSERT_EQ(0, pipe(line));
	snprintf(number, sizeof(number), "%d", line[1]);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!become_user(USER))
			execl(program_path(program), "privileged", number,
			      NULL);
		_exit(1);
	}
	close(line[1]);
	ASSERT_EQ(1, read(line[0], &byte, 1));
	close(line[0]);
	return pid;
}

/* Who is an actor of the user's that goes on to become something. */
static const struct party processes[] = {
	{ "of the user", do_nothing, 0 },
	{ "that is not dumpable", be_undumpable, 0 },
	{ "that names its tracer", name_any_tracer, 0 },
	{ "in a user namespace of his own", enter_user_namespace, 0 },
};

static const struct {
	const char *name;
	enum program program;
} with_programs[] = {
	{ "with a set-user-ID program", SETUID },
	{ "with a set-group-ID program", SETGID },
	{ "with a program that has capabilities", CAPABLE },
	{ "with a program that he cannot read", UNREADABLE },
};

/* A process under test: what its name says, and to be killed afterwards. */
static inline pid_t process_start(struct __test_metadata *_metadata,
				  struct actor *watcher, struct actor *a,
				  const char *name)
{
	long uid = !strcmp(name, "of root") ? 0 :
		   !strcmp(name, "of another user") ? OTHER_USER : USER;
	size_t i;

	if (!strcmp(name, "kernel thread"))
		return 2;
	if (!strcmp(name, "descendant"))
		return actor_do(_metadata, watcher, make_descendant, 0);
	for (i = 0; i < ARRAY_SIZE(with_programs); i++)
		if (!strcmp(name, with_programs[i].name))
			return run_and_stay(_metadata,
					    with_programs[i].program);
	actor_start(_metadata, a);
	if (uid)
		ASSERT_EQ(0, actor_do(_metadata, a, be_user, uid));
	if (uid != USER)
		return a->pid;
	for (i = 0; i < ARRAY_SIZE(processes); i++) {
		if (strcmp(name, processes[i].name))
			continue;
		ASSERT_EQ(0, actor_do(_metadata, a, processes[i].become,
				      processes[i].arg));
		return a->pid;
	}
	ASSERT_STREQ("the name of a process", name);
	return 0;
}

static inline void process_end(struct actor *watcher, struct actor *a,
			       pid_t pid)
{
	actor_end(watcher);	/* its descendant dies with it */
	if (a->pid > 0) {
		actor_end(a);
	} else if (pid > 2) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

static inline void try_row(struct __test_metadata *_metadata,
			   const struct row *row)
{
	struct actor watcher = { 0 }, process = { 0 };
	long answer;
	pid_t pid;

	ASSERT_EQ(0, setting_write(UNPRIVILEGED,
				   atoi(row->cell[IS_UNPRIVILEGED])));
	ASSERT_EQ(0, setting_write(PTRACE_SCOPE, atoi(row->cell[SCOPE])));
	party_start(_metadata, &watcher, row->cell[WATCHER]);
	pid = process_start(_metadata, &watcher, &process, row->cell[PROCESS]);
	answer = actor_do(_metadata, &watcher, watch_it, pid);
	EXPECT_STREQ(row->cell[ANSWER], answer_name(answer)) {
		TH_LOG("%s watches process %s, unprivileged %s, scope %s",
		       row->cell[WATCHER], row->cell[PROCESS],
		       row->cell[IS_UNPRIVILEGED], row->cell[SCOPE]);
	}
	process_end(&watcher, &process, pid);
}

/* The rows with that level of Yama's; @locked: it cannot be left again. */
struct rows {
	struct __test_metadata *metadata;
	bool locked;
	int tried;
};

static inline void visit_watch_row(const struct row *row, void *data)
{
	struct rows *rows = data;

	if ((atoi(row->cell[SCOPE]) == 3) != rows->locked)
		return;
	rows->tried++;
	try_row(rows->metadata, row);
}

static inline int try_watch_rows(struct __test_metadata *_metadata, bool locked)
{
	struct rows rows = { .metadata = _metadata, .locked = locked };

	table_for_each(TABLES, "watcher", "process", visit_watch_row, &rows);
	return rows.tried;
}

#endif /* SELFTESTS_PERMISSION_H */
