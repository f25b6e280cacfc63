/* SPDX-License-Identifier: MIT */
/*
 * Bytes as text that may stand in a URL: RFC 4648 section 5 without padding,
 * as RFC 7515 (JWS) writes everything.
 */
#ifndef BERTH_BASE_BASE64URL_H
#define BERTH_BASE_BASE64URL_H

#include "base/buf.h"
#include "base/compiler.h"
#include "base/span.h"

/* Bytes of the text of `n` bytes, without a NUL. */
#define BASE64URL_LENGTH(n) (((n)*4 + 2) / 3)

void base64url_add(struct buf *into, struct span bytes);

/*
 * Appends what the text stands for and returns 0; -1, with the bytes of `into`
 * as they were, for any text that base64url_add would not have written: other
 * characters, padding, blanks, a length nothing has, bits left over that are
 * not zero; or when `into` has overflowed.
 */
int base64url_decode(struct span text, struct buf *into) WARN_UNUSED;

#endif
