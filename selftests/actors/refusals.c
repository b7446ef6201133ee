// SPDX-License-Identifier: GPL-2.0
/*
 * refusals COUNT - calls clone(2) so often for what the kernel refuses, which
 * is the quickest way to many events: two each. Ends with 0 if it refused all.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Signal handlers are not to be had without the memory. */
static int is_refused(void)
{
	return syscall(SYS_clone, CLONE_SIGHAND, NULL, NULL, NULL, 0) < 0 &&
	       errno == EINVAL;
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 0;

	while (count > 0 && is_refused())
		count--;
	return count != 0;
}
