// SPDX-License-Identifier: GPL-2.0
/* seeds FOLDER: writes a datagram of each type for a fuzzer to begin with. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "test/message.h"

static struct message m;
static const char *folder;

static void save(const char *name)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	if (!file || fwrite(m.bytes, m.nlh.nlmsg_len, 1, file) != 1 || fclose(file)) {
		perror(path);
		exit(1);
	}
}

static void prefork(void)
{
	message_prefork(&m, 7, 1234, 99);
	message_u64(&m, PREFORK_A_DEADLINE, 5555);
	message_put(&m, PREFORK_A_THREAD, NULL, 0);
	save("prefork");
}

static void born(void)
{
	message_event(&m, PREFORK_EVENT_BORN, 1, 10);
	message_u32(&m, PREFORK_A_PPID, 9);
	message_u64(&m, PREFORK_A_CLONE_FLAGS, 0x4000);
	save("born");
}

static void fork_failed(void)
{
	message_event(&m, PREFORK_EVENT_FORK_FAILED, 1, 10);
	message_u32(&m, PREFORK_A_CHILD, 11);
	message_u32(&m, PREFORK_A_ERRNO, EAGAIN);
	save("fork_failed");
}

static void exec(void)
{
	message_event(&m, PREFORK_EVENT_EXEC, 1, 10);
	message_u32(&m, PREFORK_A_OLD_TID, 12);
	message_string(&m, PREFORK_A_PATH, "/bin/a \xc3\xa4\xff\n\"\\");
	save("exec");
}

static void ended(void)
{
	message_event(&m, PREFORK_EVENT_EXIT, 1, 10);
	message_u32(&m, PREFORK_A_STATUS, 9);
	message_u64(&m, PREFORK_A_UTIME, 1);
	message_u64(&m, PREFORK_A_STIME, 2);
	message_u64(&m, PREFORK_A_MAXRSS, 3);
	save("exit");
}

static void vfork_done(void)
{
	message_event(&m, PREFORK_EVENT_VFORK_DONE, 1, 10);
	message_u32(&m, PREFORK_A_CHILD, 11);
	message_u64(&m, PREFORK_A_SUSPENDED, 77);
	save("vfork_done");
}

static void unwatched(void)
{
	message_event(&m, PREFORK_EVENT_UNWATCHED, 1, 10);
	message_u32(&m, PREFORK_A_REASON, PREFORK_REASON_REQUEST);
	save("unwatched");
}

static void timeout(void)
{
	message_event(&m, PREFORK_EVENT_TIMEOUT, 1, 10);
	message_u32(&m, PREFORK_A_CHILD, 11);
	message_u64(&m, PREFORK_A_COOKIE, 8);
	save("timeout");
}

static void adopted(void)
{
	message_event(&m, PREFORK_EVENT_ADOPTED, 1, 10);
	message_u64(&m, PREFORK_A_COOKIE, 8);
	message_u32(&m, PREFORK_A_TRACER, 12);
	save("adopted");
}

static void lost(void)
{
	message_begin(&m, PREFORK_EVENT_LOST);
	message_u64(&m, PREFORK_A_SEQ, 4);
	message_u64(&m, PREFORK_A_TIME, 5);
	message_u64(&m, PREFORK_A_COUNT, 6);
	save("lost");
}

static void watched(void)
{
	size_t nest;

	message_begin(&m, PREFORK_CMD_GET);
	message_u32(&m, PREFORK_A_PID, 10);
	message_string(&m, PREFORK_A_COMM, "make");
	message_u32(&m, PREFORK_A_FLAGS, PREFORK_WATCH_TREE);
	message_u32(&m, PREFORK_A_HOLD, PREFORK_HOLD_FORK);
	message_u32(&m, PREFORK_A_TIMEOUT, 500);
	message_u32(&m, PREFORK_A_OWNER, 4000);
	message_u32(&m, PREFORK_A_OWNER_PID, 4001);
	nest = message_nest(&m, PREFORK_A_HELD);
	message_u32(&m, PREFORK_A_TID, 10);
	message_u32(&m, PREFORK_A_HOLD, PREFORK_HOLD_BIRTH);
	message_u64(&m, PREFORK_A_COOKIE, 1000);
	message_u64(&m, PREFORK_A_SINCE, 5);
	message_end_nest(&m, nest);
	save("watched");
}

static void stats(void)
{
	size_t nest;

	message_begin(&m, PREFORK_CMD_STATS);
	nest = message_nest(&m, PREFORK_A_STATS);
	message_u64(&m, PREFORK_STAT_HELD, 3);
	message_u64(&m, PREFORK_STAT_MISSED, 4);
	message_end_nest(&m, nest);
	save("stats");
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: seeds FOLDER\n");
		return 2;
	}
	folder = argv[1];
	prefork();
	born();
	fork_failed();
	exec();
	ended();
	vfork_done();
	unwatched();
	timeout();
	adopted();
	lost();
	watched();
	stats();
	return 0;
}
