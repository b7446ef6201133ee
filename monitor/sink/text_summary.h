/* SPDX-License-Identifier: GPL-2.0 */
/* Tables for people. */
#ifndef TEXT_SUMMARY_H
#define TEXT_SUMMARY_H

struct sink;
struct summary;

void text_summary(struct sink *sink, const struct summary *summary);

#endif
