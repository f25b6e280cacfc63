/* SPDX-License-Identifier: MIT */
/*
 * Keys and signatures of tokens: RFC 7515 (JWS), 7517 (JWK), 7518 (JWA). The
 * only user of cjose, and no more than a layer over it: what a token has to
 * look like is judged before, in token.c.
 *
 * A key serves one algorithm, which is that of its type: so no token can make
 * a public key the secret of an HMAC.
 */
#ifndef BERTH_ACCESS_JOSE_H
#define BERTH_ACCESS_JOSE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/json.h"
#include "base/span.h"

enum jose_algorithm {
    JOSE_ES256, /* a key on the curve P-256 */
    JOSE_RS256, /* an RSA key of 2048 to 8192 bits */
    JOSE_HS256, /* a secret of 32 bytes or more */
    JOSE_LAST = JOSE_HS256,
};
#define JOSE_COUNT (JOSE_LAST + 1)

struct jose_key; /* never changed; may be shared by threads */

/* "ES256", as `alg` says it. */
const char *jose_algorithm_name(enum jose_algorithm algorithm);
/* -1 for any other text, "es256" and "none" among them. */
int jose_algorithm_parse(struct span name,
                         enum jose_algorithm *out) WARN_UNUSED;

/*
 * A key from its JWK. ERR_SYNTAX for a key of a type, a curve or a length we do
 * not use, or of numbers that are not base64url.
 */
int jose_key_import(const struct json *jwk, struct jose_key **out,
                    struct err *err) WARN_UNUSED;
int jose_key_generate(enum jose_algorithm algorithm, struct jose_key **out,
                      struct err *err) WARN_UNUSED;
void jose_key_free(struct jose_key *key);
void jose_key_cleanup(struct jose_key **key);

enum jose_algorithm jose_key_algorithm(const struct jose_key *key);

/* Appends the JWK as JSON, with the secret parts only if `secret`. */
int jose_key_print(const struct jose_key *key, bool secret, struct buf *into,
                   struct err *err) WARN_UNUSED;

/*
 * Signs `payload` and appends the compact serialisation, whose header is
 * `alg`, `typ` JWT and `kid`.
 */
int jose_sign(const struct jose_key *key, const char *kid, struct span payload,
              struct buf *into, struct err *err) WARN_UNUSED;

/*
 * True when `key` has signed `compact`, whose `alg` must be the key's and
 * whose signature is `signature_len` bytes long.
 */
bool jose_verify(const struct jose_key *key, struct span compact,
                 size_t signature_len);

#endif
