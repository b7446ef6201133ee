/* SPDX-License-Identifier: GPL-2.0 */
/* The formats that --format names. */
#ifndef FORMAT_H
#define FORMAT_H

struct sink_ops;

/* NULL for a name that there is not. */
const struct sink_ops *format_find(const char *name);

#endif
