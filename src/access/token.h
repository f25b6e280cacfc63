/* SPDX-License-Identifier: MIT */
/*
 * Bearer tokens: what they have to look like, and what they let one do.
 *
 * A token is a JWT (RFC 7519) in the compact serialisation of a JWS (RFC 7515)
 * with the `access` claim of Docker's token specification:
 *
 *   "access": [{"type": "repository", "name": "team/app",
 *               "actions": ["pull", "push"]}]
 *
 * Whatever is not as it should be is refused, rather than read in the best
 * light. The header of a token says with `alg` how it was signed, and may hint
 * with `kid` by which key; which keys there are to choose from says the issuer
 * (`iss`), in our settings alone: `jwk`, `jku`, `x5u` and `x5c` are not looked
 * at. ES256, RS256 and HS256 are known, the last for our own keys only.
 *
 * The names of users in tokens (`sub`) are one space: alice of a trusted
 * issuer is the alice of our own tokens.
 */
#ifndef BERTH_ACCESS_TOKEN_H
#define BERTH_ACCESS_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "access/right.h"
#include "access/token_keys.h"
#include "base/buf.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/span.h"
#include "oci/name.h"

#define TOKEN_MAX ((size_t)16 * 1024) /* bytes */
#define TOKEN_GRANTS_MAX 256
/* Seconds that another's clock may be ahead of ours. */
#define TOKEN_LEEWAY 60

struct token_grant {
    char name[NAME_MAX_LENGTH + 1]; /* of a repository */
    unsigned rights;                /* RIGHT_PULL, RIGHT_PUSH, RIGHT_DELETE */
};

/* What a good token says; one block of memory, freed by token_free. */
struct token {
    char subject[USER_NAME_MAX + 1]; /* "" = anonymous */
    int64_t expires;                 /* seconds since 1970; not good then */
    bool lists_catalog;
    size_t count;
    struct token_grant grants[];
};

/* Whom we trust. A name that is NULL or "" is nobody's. */
struct token_trust {
    const char *service;                          /* must be in `aud` */
    const char *issuer;                           /* our own name */
    const struct token_keys *keys;                /* our own; NULL = none */
    const char *trusted_issuer;                   /* may be the same name */
    const struct token_keys *certificates, *jwks; /* its keys; NULL = none */
};

/*
 * Judges a token at the time `now` (seconds since 1970). ERR_UNAUTHORIZED with
 * the reason for the log, in which nothing of the token is.
 *
 * `exp` must be there and ahead; `nbf` and `iat`, if there, must have been, by
 * a clock that may be TOKEN_LEEWAY ahead; all three are whole numbers.
 */
int token_verify(const struct token_trust *trust, struct span compact,
                 int64_t now, struct token **out, struct err *err) WARN_UNUSED;

struct token *token_copy(const struct token *token);
void token_free(struct token *token);
void token_cleanup(struct token **token);

/* The rights it grants in a repository. */
unsigned token_rights(const struct token *token, const char *repository);

/* What a token of our own is to say. */
struct token_claims {
    const char *issuer, *service;
    const char *subject; /* "" = anonymous */
    int64_t now;         /* seconds since 1970 */
    int64_t lifetime;    /* seconds */
    bool lists_catalog;
    size_t count;
    const struct token_grant *grants;
};

/*
 * Appends a token signed by our first key. ERR_TOO_LARGE when it would say
 * more than token_verify takes.
 */
int token_issue(const struct token_keys *keys,
                const struct token_claims *claims, struct buf *into,
                struct err *err) WARN_UNUSED;

#endif
