/* SPDX-License-Identifier: MIT */
/*
 * The form of a token, before anybody asks what it says: three parts of
 * base64url between two dots (RFC 7515 section 7.1), the first two of which
 * are JSON objects.
 */
#ifndef BERTH_ACCESS_TOKEN_PARTS_H
#define BERTH_ACCESS_TOKEN_PARTS_H

#include "access/jose.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/json.h"
#include "base/span.h"

struct token_parts {
    struct json *header, *payload;
    size_t signature_len; /* bytes */
    enum jose_algorithm algorithm;
    struct span kid; /* empty = none; belongs to `header` */
};

/*
 * ERR_UNAUTHORIZED with the reason. Initialise `out` with {0} and give it to
 * token_parts_cleanup in either case.
 */
int token_parts_read(struct span compact, struct token_parts *out,
                     struct err *err) WARN_UNUSED;
void token_parts_cleanup(struct token_parts *parts);

#endif
