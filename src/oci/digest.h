/* SPDX-License-Identifier: MIT */
/*
 * Content digests: `sha256:<64 hex>` and `sha512:<128 hex>`.
 *
 * A `struct digest` is always a valid one: it comes from digest_parse or from
 * a hash, so its text may be put into a path or a header as it is.
 */
#ifndef BERTH_OCI_DIGEST_H
#define BERTH_OCI_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/span.h"

/* Of the longest digest with its NUL. */
#define DIGEST_TEXT_MAX (sizeof("sha512:") - 1 + HASH_HEX_MAX)

struct digest {
    enum hash_algorithm algorithm;
    char hex[HASH_HEX_MAX]; /* lower case, NUL-terminated */
};

/*
 * Reads `<algorithm>:<encoded>`. ERR_DIGEST_UNSUPPORTED for a digest that is
 * well-formed (image-spec, descriptor.md) but of an algorithm not known here,
 * ERR_DIGEST_INVALID for anything else: upper-case hex or a wrong length too.
 */
int digest_parse(struct span text, struct digest *out,
                 struct err *err) WARN_UNUSED;

/* The digest with these digits; false when there are none such. */
bool digest_of_hex(enum hash_algorithm algorithm, struct span hex,
                   struct digest *out) WARN_UNUSED;

/* The digest of these bytes. */
void digest_of_bytes(enum hash_algorithm algorithm, struct span bytes,
                     struct digest *out);

/* Ends the hash (see hash_final) and gives its digest. */
void digest_finish(struct hash *hash, struct digest *out);

/* Writes `sha256:...` with a NUL and returns its length without it. */
size_t digest_format(const struct digest *digest, char out[DIGEST_TEXT_MAX]);

bool digest_equals(const struct digest *a, const struct digest *b);

/* "sha256" or "sha512". */
const char *digest_algorithm_name(enum hash_algorithm algorithm);

/* The reverse: false, with nothing written, for any other name. */
bool digest_algorithm_parse(struct span name,
                            enum hash_algorithm *out) WARN_UNUSED;

#endif
