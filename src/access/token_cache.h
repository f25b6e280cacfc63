/* SPDX-License-Identifier: MIT */
/*
 * Tokens this process has found good, so that a pull of twenty layers pays
 * for one signature. A token is good for the keys and names it was judged by:
 * with other ones it is judged anew. Bad tokens are not kept.
 *
 *     static struct token_cache cache = TOKEN_CACHE_INIT;
 *
 * Safe to call from several threads.
 */
#ifndef BERTH_ACCESS_TOKEN_CACHE_H
#define BERTH_ACCESS_TOKEN_CACHE_H

#include <pthread.h>
#include <stdint.h>

#include "access/token.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/span.h"

#define TOKEN_CACHE_SLOTS 64

struct token_cache {
    pthread_mutex_t mutex;
    struct token_cache_slot *slots[TOKEN_CACHE_SLOTS]; /* NULL = free */
};

#define TOKEN_CACHE_INIT                                                       \
    {                                                                          \
        .mutex = PTHREAD_MUTEX_INITIALIZER                                     \
    }

/* The serials of the states (base/followed.h) the keys come from; 0 = none. */
struct token_serials {
    uint64_t keys, certificates, jwks;
};

/* As token_verify. The token belongs to the caller. */
int token_cache_verify(struct token_cache *cache,
                       const struct token_trust *trust,
                       const struct token_serials *serials, struct span compact,
                       int64_t now, struct token **out,
                       struct err *err) WARN_UNUSED;

/* Forgets them all, as at the end of a process or of a test. */
void token_cache_clear(struct token_cache *cache);

#endif
