/* SPDX-License-Identifier: MIT */
/*
 * Keys of everybody, what they sign, and a registry that trusts some of them.
 * Signatures are made by OpenSSL, without the code that is tested.
 */
#ifndef TESTS_ACCESS_TOKEN_FIXTURE_H
#define TESTS_ACCESS_TOKEN_FIXTURE_H

#include <openssl/evp.h>

#include "access/token.h"
#include "base/buf.h"

#define NOW 1700000000 /* as exp, nbf and iat below take it */
#define TOKEN_BUF BUF_INIT(128 * 1024)

enum signer {
    OUR_EC,  /* signs for us */
    OUR_RSA, /* signed before, and is still good */
    DROPPED_EC,
    CERTIFICATE_RSA, /* the trusted issuer's */
    CERTIFICATE_EC,
    JWKS_RSA,
    JWKS_EC,
    SMALL_RSA,  /* 1024 bits, in its certificates and JWKS */
    OTHER_EC,   /* P-384, in both as well */
    STRANGE_EC, /* nobody's */
    STRANGE_RSA,
    SIGNER_COUNT
};

/* The secret that the trusted issuer's JWKS has among its keys. */
#define JWKS_SECRET "a secret of a little more than 32 bytes"

/* A JSON text as the claims of a good token, with `rest` at its end. */
#define CLAIMS_OF(iss, rest)                                                   \
    "{\"iss\":\"" iss "\",\"aud\":\"registry\",\"sub\":\"alice\","             \
    "\"exp\":1700000300" rest "}"
#define ACCESS                                                                 \
    ",\"access\":[{\"type\":\"repository\",\"name\":\"team/app\","             \
    "\"actions\":[\"pull\",\"push\"]}]"
#define OUR_CLAIMS CLAIMS_OF("berth", ACCESS)
#define TRUSTED_CLAIMS CLAIMS_OF("elsewhere", ACCESS)

#define ES256_HEADER "{\"alg\":\"ES256\",\"typ\":\"JWT\"}"
#define RS256_HEADER "{\"alg\":\"RS256\",\"typ\":\"JWT\"}"
#define HS256_HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

/* The service `registry`, we as `berth`, and `elsewhere`. */
extern struct token_trust trust;
void token_scene_begin(void);
void token_scene_end(void);

/* The path of a file of the scene, until the next call. */
const char *scene_path(const char *name);
void scene_write(const char *name, const char *text, unsigned mode);
/* What a file of the scene means; NULL with the reason in `err`. */
struct token_keys *scene_read(const struct followed_kind *kind,
                              const char *name, struct err *err);

EVP_PKEY *key_of(enum signer who);
/* `kid` may be NULL. */
void add_jwk(struct buf *into, enum signer who, bool secret, const char *kid);
void add_secret_jwk(struct buf *into, const char *secret);
void add_certificate(struct buf *into, enum signer who);

/* What stands before the signature: base64url, '.', base64url. */
void add_unsigned(struct buf *into, const char *header, const char *payload);
/* '.' and the signature of all of `into`. */
void add_signature(struct buf *into, enum signer who);
void add_hmac(struct buf *into, struct span secret);
/* A whole token. */
void sign(struct buf *into, enum signer who, const char *header,
          const char *payload);

/* The token that `compact` is for `trust`, or a failed test. */
struct token *accepted(struct span compact);
/* It is none: the error has this in its text. */
void refused(const char *name, struct span compact, const char *reason);

#endif
