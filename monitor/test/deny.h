/* SPDX-License-Identifier: GPL-2.0 */
/* For tests that have a prefork_release() of their own, which stands beside this in the library. */
#ifndef DENY_H
#define DENY_H

#include <errno.h>

#include <prefork.h>

#include "tap.h"

int prefork_deny(struct prefork *pf, uint64_t cookie, int error)
{
	(void)pf;
	(void)cookie;
	(void)error;
	CHECK(!"nothing is denied");
	return -ENOENT;
}

#endif
