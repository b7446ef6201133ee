// SPDX-License-Identifier: GPL-2.0
/*
 * privileged - ends with 0 if it has been given more than its caller had
 *
 * With an argument it tells so by a byte on that descriptor, and stays.
 */
#define _GNU_SOURCE
#include <linux/capability.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool has_capability(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = { { 0 } };

	syscall(SYS_capget, &header, data);
	return data[0].permitted || data[1].permitted;
}

int main(int argc, char **argv)
{
	char more = geteuid() != getuid() || getegid() != getgid() ||
		    has_capability();

	if (argc > 1) {
		if (write(atoi(argv[1]), &more, 1) != 1)
			return 2;
		pause();
	}
	return !more;
}
