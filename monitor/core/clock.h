/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

/* CLOCK_BOOTTIME in nanoseconds, the clock of the events. */
uint64_t boottime(void);

#endif
