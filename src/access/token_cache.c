/* SPDX-License-Identifier: MIT */
#include "access/token_cache.h"

#include <stdlib.h>

#include "base/memory.h"

#define QUESTION_MAX (TOKEN_MAX + 4096)

/* What was asked, in full, and the answer. */
struct token_cache_slot {
    struct buf question;
    struct token *token;
};

static void add_name(struct buf *into, const char *name)
{
    buf_add(into, span_of(name != NULL ? name : ""));
    buf_add_char(into, '\0');
}

/* All the answer depends on but the time. */
static void write_question(struct buf *into, const struct token_trust *trust,
                           const struct token_serials *serials,
                           struct span compact)
{
    buf_add(into, (struct span){(const char *)serials, sizeof(*serials)});
    add_name(into, trust->service);
    add_name(into, trust->issuer);
    add_name(into, trust->trusted_issuer);
    buf_add(into, compact);
}

/*
 * FNV-1a. Only who has a good token can fill a slot, so nobody chooses what
 * falls together.
 */
static size_t slot_of(struct span question)
{
    uint32_t sum = 2166136261u;

    for (size_t i = 0; i < question.len; i++)
        sum = (sum ^ (unsigned char)question.ptr[i]) * 16777619u;
    return (sum ^ sum >> 16) % TOKEN_CACHE_SLOTS;
}

/* The time it takes says nothing of how much of a guess is right. */
static bool is_same(struct span a, struct span b)
{
    unsigned char differ = 0;

    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        differ |= (unsigned char)(a.ptr[i] ^ b.ptr[i]);
    return differ == 0;
}

static void slot_free(struct token_cache_slot *slot)
{
    if (slot == NULL)
        return;
    buf_cleanup(&slot->question);
    token_free(slot->token);
    free(slot);
}

static struct token *find(struct token_cache *cache, size_t at,
                          struct span question, int64_t now)
{
    const struct token_cache_slot *slot;
    struct token *token = NULL;

    pthread_mutex_lock(&cache->mutex);
    slot = cache->slots[at];
    if (slot != NULL && now < slot->token->expires &&
        is_same(buf_span(&slot->question), question))
        token = token_copy(slot->token);
    pthread_mutex_unlock(&cache->mutex);
    return token;
}

/* Takes what `question` holds. */
static void keep(struct token_cache *cache, size_t at, struct buf *question,
                 const struct token *token)
{
    struct token_cache_slot *slot = memory_new(sizeof(*slot)), *former;

    slot->question = *question;
    *question = BUF_INIT(QUESTION_MAX);
    slot->token = token_copy(token);
    pthread_mutex_lock(&cache->mutex);
    former = cache->slots[at];
    cache->slots[at] = slot;
    pthread_mutex_unlock(&cache->mutex);
    slot_free(former);
}

int token_cache_verify(struct token_cache *cache,
                       const struct token_trust *trust,
                       const struct token_serials *serials, struct span compact,
                       int64_t now, struct token **out, struct err *err)
{
    CLEANUP(buf) struct buf question = BUF_INIT(QUESTION_MAX);
    struct token *token;
    size_t at;

    write_question(&question, trust, serials, compact);
    if (question.overflowed)
        return token_verify(trust, compact, now, out, err);
    at = slot_of(buf_span(&question));
    token = find(cache, at, buf_span(&question), now);
    if (token == NULL) {
        if (token_verify(trust, compact, now, &token, err) < 0)
            return -1;
        keep(cache, at, &question, token);
    }
    *out = token;
    return 0;
}

void token_cache_clear(struct token_cache *cache)
{
    pthread_mutex_lock(&cache->mutex);
    for (size_t i = 0; i < TOKEN_CACHE_SLOTS; i++) {
        slot_free(cache->slots[i]);
        cache->slots[i] = NULL;
    }
    pthread_mutex_unlock(&cache->mutex);
}
