/* SPDX-License-Identifier: MIT */
#include "access/caller.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access/policy.h"
#include "access/token.h"
#include "access/token_cache.h"
#include "access/token_keys.h"
#include "base/clock.h"
#include "base/memory.h"

struct caller_source {
    struct followed policy;
    struct followed keys, certificates, jwks;
    struct token_cache cache;
};

struct caller_source *caller_source_new(void)
{
    struct caller_source *source = memory_new(sizeof(*source));

    *source = (struct caller_source){.cache = TOKEN_CACHE_INIT};
    followed_init(&source->policy, &policy_kind);
    followed_init(&source->keys, &token_keys_kind);
    followed_init(&source->certificates, &token_certificates_kind);
    followed_init(&source->jwks, &token_jwks_kind);
    return source;
}

void caller_source_free(struct caller_source *source)
{
    if (source == NULL)
        return;
    token_cache_clear(&source->cache);
    followed_forget(&source->policy);
    followed_forget(&source->keys);
    followed_forget(&source->certificates);
    followed_forget(&source->jwks);
    free(source);
}

/*
 * A file that is not named says nothing. A complaint comes once, so one must
 * not be lost to that of another file in the same request.
 */
static struct followed_state *state_of(struct followed *file, const char *path,
                                       struct err *complaint)
{
    struct followed_state *state;
    struct err own = {0};

    if (path[0] == '\0')
        return NULL;
    state = followed_get(file, path, &own);
    if (own.code != ERR_NONE && complaint->code != ERR_NONE)
        err_wrap(complaint, "%s; and", own.text);
    else if (own.code != ERR_NONE)
        *complaint = own;
    return state;
}

void caller_source_read(struct caller_source *source,
                        const struct caller_rules *rules, struct err *complaint)
{
    followed_put(state_of(&source->policy, rules->policy, complaint));
    if (rules->realm[0] == '\0')
        return;
    followed_put(state_of(&source->keys, rules->keys, complaint));
    followed_put(
        state_of(&source->certificates, rules->certificates, complaint));
    followed_put(state_of(&source->jwks, rules->jwks, complaint));
}

struct followed_state *caller_source_keys(struct caller_source *source,
                                          const struct caller_rules *rules,
                                          struct err *complaint)
{
    return state_of(&source->keys, rules->keys, complaint);
}

static int set_name(struct span user, struct caller *out, struct err *err)
{
    if (user.len > 0 && !user_name_is_valid(user))
        return err_set(err, ERR_DENIED, "a user of an impossible name");
    snprintf(out->name, sizeof(out->name), "%.*s", SPAN_ARGS(user));
    return 0;
}

int caller_begin_named(struct caller_source *source,
                       const struct caller_rules *rules, struct span user,
                       struct caller *out, struct err *complaint,
                       struct err *err)
{
    *out = (struct caller){.has_policy = rules->policy[0] != '\0'};
    out->policy = state_of(&source->policy, rules->policy, complaint);
    return set_name(user, out, err);
}

/* "Bearer", blanks, and the token (RFC 6750, 2.1). */
static bool parse_bearer(struct span authorization, struct span *token)
{
    struct span rest = authorization;
    struct span scheme = span_cut(&rest, ' ');

    *token = span_trim(rest);
    return span_equals_nocase(scheme, SPAN("Bearer")) && token->len > 0;
}

static uint64_t serial_of(const struct followed_state *state)
{
    return state != NULL ? state->serial : 0;
}

static const struct token_keys *keys_of(const struct followed_state *state)
{
    return state != NULL ? state->value : NULL;
}

static int check_token(struct caller_source *source,
                       const struct caller_rules *rules, struct span compact,
                       struct token **out, struct err *complaint,
                       struct err *err)
{
    struct followed_state *keys =
        state_of(&source->keys, rules->keys, complaint);
    struct followed_state *certificates =
        state_of(&source->certificates, rules->certificates, complaint);
    struct followed_state *jwks =
        state_of(&source->jwks, rules->jwks, complaint);
    const struct token_trust trust = {
        .service = rules->service,
        .issuer = rules->issuer,
        .keys = keys_of(keys),
        .trusted_issuer = rules->trusted_issuer,
        .certificates = keys_of(certificates),
        .jwks = keys_of(jwks),
    };
    const struct token_serials serials = {
        serial_of(keys), serial_of(certificates), serial_of(jwks)};
    int result =
        token_cache_verify(&source->cache, &trust, &serials, compact,
                           clock_now_ns() / CLOCK_NS_PER_SECOND, out, err);

    followed_put(keys);
    followed_put(certificates);
    followed_put(jwks);
    return result;
}

int caller_begin_bearer(struct caller_source *source,
                        const struct caller_rules *rules,
                        struct span authorization, struct caller *out,
                        struct err *complaint, struct err *err)
{
    struct span compact;

    if (caller_begin_named(source, rules, SPAN(""), out, complaint, err) < 0)
        return -1;
    out->has_token = true;
    if (!parse_bearer(authorization, &compact))
        return err_set(err, ERR_UNAUTHORIZED, "no bearer token");
    out->token_is_bad = true;
    if (check_token(source, rules, compact, &out->token, complaint, err) < 0)
        return -1;
    out->token_is_bad = false;
    snprintf(out->name, sizeof(out->name), "%s", out->token->subject);
    return 0;
}

void caller_end(struct caller *caller)
{
    followed_put(caller->policy);
    token_free(caller->token);
    *caller = CALLER_NOBODY;
}

static unsigned policy_part(const struct caller *caller, const char *repository)
{
    if (!caller->has_policy)
        return RIGHTS_ALL;
    if (caller->policy == NULL)
        return 0;
    return policy_rights(caller->policy->value, caller->name, repository, NULL);
}

static unsigned token_part(const struct caller *caller, const char *repository)
{
    if (!caller->has_token)
        return RIGHTS_ALL;
    if (caller->token == NULL)
        return 0;
    return token_rights(caller->token, repository) |
           (caller->token->lists_catalog ? RIGHT_CATALOG : 0);
}

unsigned caller_rights(const struct caller *caller, const char *repository)
{
    return policy_part(caller, repository) & token_part(caller, repository);
}

bool caller_may(const struct caller *caller, unsigned right,
                const char *repository)
{
    return (caller_rights(caller, repository) & right) == right;
}

bool caller_may_somewhere(const struct caller *caller, unsigned right)
{
    if (caller->has_token &&
        (caller->token == NULL ||
         (right == RIGHT_CATALOG && !caller->token->lists_catalog)))
        return false;
    if (!caller->has_policy)
        return true;
    return caller->policy != NULL &&
           policy_grants_somewhere(caller->policy->value, caller->name, right);
}

bool caller_is_limited(const struct caller *caller)
{
    return caller->has_policy || caller->has_token;
}
