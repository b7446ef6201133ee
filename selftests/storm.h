/* SPDX-License-Identifier: GPL-2.0 */
/*
 * storm.h - processes that do nothing but create processes
 */
#ifndef SELFTESTS_STORM_H
#define SELFTESTS_STORM_H

#include <sys/resource.h>

#include "actor.h"
#include "create.h"

#define STORM_PROCESSES	2	/* one on each of two processors */

struct storm {
	pid_t pid[STORM_PROCESSES];
	long *count;			/* creations so far, all together */
};

static inline void storm_blow(int cpu, long *count)
{
	cpu_set_t set;
	long n;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Fill the processors, do not take them from those who test. */
	setpriority(PRIO_PROCESS, 0, 19);
	syscall(SYS_close_range, 3, ~0U, 0);
	CPU_ZERO(&set);
	CPU_SET(cpu % sysconf(_SC_NPROCESSORS_ONLN), &set);
	sched_setaffinity(0, sizeof(set), &set);
	for (n = 0;; n++) {
		create(n % 2 ? BY_FORK : BY_VFORK);
		__atomic_add_fetch(count, 1, __ATOMIC_RELAXED);
	}
}

static inline void storm_start(struct __test_metadata *_metadata,
			       struct storm *storm)
{
	int i;

	storm->count = mmap(NULL, sizeof(long), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, storm->count);
	for (i = 0; i < STORM_PROCESSES; i++) {
		storm->pid[i] = fork();
		ASSERT_LE(0, storm->pid[i]);
		if (!storm->pid[i])
			storm_blow(i, storm->count);
	}
}

/* Returns how many were created, 0 when it was called before. */
static inline long storm_stop(struct storm *storm)
{
	long count;
	int i;

	if (!storm->count)
		return 0;
	for (i = 0; i < STORM_PROCESSES; i++) {
		if (storm->pid[i] <= 0)
			continue;
		kill(storm->pid[i], SIGKILL);
		waitpid(storm->pid[i], NULL, __WALL);
	}
	count = *storm->count;
	munmap(storm->count, sizeof(long));
	storm->count = NULL;
	return count;
}

#endif /* SELFTESTS_STORM_H */
