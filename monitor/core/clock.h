/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

#define NS_PER_MS	INT64_C(1000000)

static inline double seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

/* CLOCK_BOOTTIME in nanoseconds, the clock of the events. */
uint64_t boottime(void);

#endif
