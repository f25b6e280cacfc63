/* SPDX-License-Identifier: MIT */
/* What token_keys.c and token_keys_generate.c share. */
#ifndef BERTH_ACCESS_TOKEN_KEYS_INTERNAL_H
#define BERTH_ACCESS_TOKEN_KEYS_INTERNAL_H

#include "access/token_keys.h"

struct token_key {
    struct jose_key *jose;
    char *name; /* the `kid` its file gives it; NULL = none */
    char thumbprint[TOKEN_KEY_ID_LENGTH + 1]; /* RFC 7638 */
};

struct token_keys {
    size_t count;
    struct token_key keys[TOKEN_KEYS_MAX];
};

/* Its name, else its thumbprint; as long as the key. */
const char *token_key_id(const struct token_key *key);

/* Appends its JWK with `kid`, `use` and `alg`. */
int token_key_print(const struct token_key *key, bool secret, struct buf *into,
                    struct err *err) WARN_UNUSED;

int token_key_thumbprint(const struct jose_key *key,
                         char out[TOKEN_KEY_ID_LENGTH + 1],
                         struct err *err) WARN_UNUSED;

#endif
