/* SPDX-License-Identifier: MIT */
/*
 * The keys that tokens are signed with and judged by, from files:
 *
 *   token_keys_kind          our own: a JWK Set (RFC 7517) with secret parts.
 *                            The first key signs; the second, if any, is the
 *                            former one, whose tokens are still good. Nobody
 *                            but its owner and group may read the file.
 *   token_certificates_kind  another server's: a bundle of PEM certificates
 *   token_jwks_kind          another server's: a JWK Set of public keys
 *
 * All three are read by followed_get() of base/followed.h, whose value is a
 * `struct token_keys *`. In a file of another server, keys that are not for
 * ES256 or RS256 signatures are passed over, and so is whatever has a secret
 * part there: it is no secret any more. At least one key must be left and no
 * more than TOKEN_KEYS_MAX.
 */
#ifndef BERTH_ACCESS_TOKEN_KEYS_H
#define BERTH_ACCESS_TOKEN_KEYS_H

#include <stdbool.h>
#include <sys/types.h>

#include "access/jose.h"
#include "base/base64url.h"
#include "base/buf.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/followed.h"
#include "base/span.h"

#define TOKEN_KEYS_MAX 16
#define TOKEN_KEYS_OWN_MAX 2 /* in our own file */
#define TOKEN_KEY_ID_LENGTH BASE64URL_LENGTH(32)

struct token_keys; /* never changed; may be shared by threads */

extern const struct followed_kind token_keys_kind;
extern const struct followed_kind token_certificates_kind;
extern const struct followed_kind token_jwks_kind;

/*
 * Writes our own file with a fresh key in front of the one that signed until
 * now; a key older than that is dropped, and tokens it signed with it. The
 * file is there with either content at every moment. It keeps owner, group
 * and mode; a new one is for the user `reader` alone ((uid_t)-1: that of the
 * process), as the group of the programs is the web server's, which has no
 * business with it. A file there that cannot be read is left as it is.
 *
 * `id` gets the name of the fresh key, `had_former` whether there is another.
 */
int token_keys_generate(const char *path, enum jose_algorithm algorithm,
                        uid_t reader, char id[TOKEN_KEY_ID_LENGTH + 1],
                        bool *had_former, struct err *err) WARN_UNUSED;

/* Appends the JWK Set of the public keys; HS256 has none. */
int token_keys_print_public(const struct token_keys *keys, struct buf *into,
                            struct err *err) WARN_UNUSED;

/* Signs with the first key and appends the token. */
int token_keys_sign(const struct token_keys *keys, struct span payload,
                    struct buf *into, struct err *err) WARN_UNUSED;

/*
 * True when one of the keys for `algorithm` has signed. `kid` (empty = none)
 * chooses among the keys, if one is called that; else each is tried. As for
 * the rest, see jose_verify().
 */
bool token_keys_verify(const struct token_keys *keys,
                       enum jose_algorithm algorithm, struct span kid,
                       struct span compact, size_t signature_len);

void token_keys_free(struct token_keys *keys);
void token_keys_cleanup(struct token_keys **keys);

#endif
