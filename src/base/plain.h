/* SPDX-License-Identifier: MIT */
/*
 * Texts of others, made fit for a terminal or a line of a log.
 */
#ifndef BERTH_BASE_PLAIN_H
#define BERTH_BASE_PLAIN_H

#include "base/buf.h"
#include "base/span.h"

/*
 * Appends the text as it is, but for what could move the cursor, hide or
 * reorder: control characters (C0, DEL, C1), what is not UTF-8, and the
 * characters of Unicode that turn the direction of writing or have no width.
 * Those become "\x1b" (a byte) or "\u{202e}" (a character), and a backslash
 * is doubled.
 */
void plain_add(struct buf *into, struct span text);

#endif
