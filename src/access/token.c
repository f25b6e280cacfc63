/* SPDX-License-Identifier: MIT */
#include "access/token.h"

#include <stdlib.h>

#include "access/scope.h"
#include "base/json.h"
#include "base/memory.h"
#include "token_parts.h"

#define TIME_MAX INT64_C(253402300799) /* the last second of the year 9999 */

void token_free(struct token *token)
{
    free(token);
}

void token_cleanup(struct token **token)
{
    token_free(*token);
    *token = NULL;
}

static size_t size_of(size_t grants)
{
    return sizeof(struct token) + grants * sizeof(struct token_grant);
}

struct token *token_copy(const struct token *token)
{
    struct token *copy = memory_new(size_of(token->count));

    memcpy(copy, token, size_of(token->count));
    return copy;
}

static int refuse(struct err *err, const char *why)
{
    return err_set(err, ERR_UNAUTHORIZED, "token: %s", why);
}

static bool is_name(struct span text, const char *name)
{
    return name != NULL && name[0] != '\0' && span_equals(text, span_of(name));
}

static bool has_signed(const struct token_keys *keys,
                       const struct token_parts *parts, struct span compact)
{
    return keys != NULL && token_keys_verify(keys, parts->algorithm, parts->kid,
                                             compact, parts->signature_len);
}

/* The issuer says whose keys count; if both have one name, all of them. */
static int judge_signature(const struct token_trust *trust,
                           const struct token_parts *parts, struct span compact,
                           struct err *err)
{
    struct span issuer;
    bool is_ours, is_trusted;

    if (!json_as_string(json_member(parts->payload, "iss"), &issuer))
        return refuse(err, "iss is no string");
    is_ours = is_name(issuer, trust->issuer);
    is_trusted = is_name(issuer, trust->trusted_issuer);
    if (!is_ours && !is_trusted)
        return refuse(err, "iss is nobody we trust");
    if ((is_ours && has_signed(trust->keys, parts, compact)) ||
        (is_trusted && (has_signed(trust->certificates, parts, compact) ||
                        has_signed(trust->jwks, parts, compact))))
        return 0;
    return refuse(err, is_ours ? "no key of our own has signed it"
                               : "no key of the trusted issuer has signed it");
}

static int judge_audience(const struct json *audience, const char *service,
                          struct err *err)
{
    bool found = false;
    struct span text;

    if (json_as_string(audience, &text))
        return is_name(text, service) ? 0
                                      : refuse(err, "aud is another service");
    if (json_kind(audience) != JSON_ARRAY)
        return refuse(err, "aud is neither a string nor an array");
    for (size_t i = 0; i < json_array_length(audience); i++) {
        if (!json_as_string(json_at(audience, i), &text))
            return refuse(err, "aud has other things than strings");
        found = found || is_name(text, service);
    }
    return found ? 0 : refuse(err, "aud has other services");
}

/* `*out` stays as it is when the claim is absent. */
static int read_time(const struct json *value, const char *why, int64_t *out,
                     struct err *err)
{
    uint64_t seconds;

    if (value == NULL)
        return 0;
    if (!json_as_u64(value, &seconds) || seconds > (uint64_t)TIME_MAX)
        return refuse(err, why);
    *out = (int64_t)seconds;
    return 0;
}

static int judge_times(const struct json *payload, int64_t now,
                       int64_t *expires, struct err *err)
{
    int64_t not_before = 0, issued = 0;

    if (json_member(payload, "exp") == NULL)
        return refuse(err, "no exp");
    if (read_time(json_member(payload, "exp"), "exp is no time", expires, err) <
            0 ||
        read_time(json_member(payload, "nbf"), "nbf is no time", &not_before,
                  err) < 0 ||
        read_time(json_member(payload, "iat"), "iat is no time", &issued, err) <
            0)
        return -1;
    if (*expires <= now)
        return refuse(err, "expired");
    if (not_before > now + TOKEN_LEEWAY)
        return refuse(err, "nbf: not yet");
    if (issued > now + TOKEN_LEEWAY)
        return refuse(err, "iat is ahead");
    return 0;
}

static int read_subject(const struct json *value, char out[USER_NAME_MAX + 1],
                        struct err *err)
{
    struct span text;

    if (value == NULL)
        return 0;
    if (!json_as_string(value, &text))
        return refuse(err, "sub is no string");
    if (text.len > 0 && !user_name_is_valid(text))
        return refuse(err, "sub is too long or has control characters");
    memcpy(out, text.ptr, text.len);
    return 0;
}

static int read_actions(const struct json *actions, unsigned *rights, bool *all,
                        struct err *err)
{
    struct span action;

    if (json_kind(actions) != JSON_ARRAY)
        return refuse(err, "access: actions is no array");
    for (size_t i = 0; i < json_array_length(actions); i++) {
        if (!json_as_string(json_at(actions, i), &action))
            return refuse(err, "access: an action is no string");
        *rights |= scope_action_rights(action);
        *all = *all || span_equals(action, SPAN("*"));
    }
    return 0;
}

static int read_grant(struct token *token, const struct json *entry,
                      struct err *err)
{
    struct token_grant *grant = &token->grants[token->count];
    struct span type, name;
    unsigned rights = 0;
    bool all = false;

    if (!json_as_string(json_member(entry, "type"), &type) ||
        !json_as_string(json_member(entry, "name"), &name))
        return refuse(err, "access: an entry without type and name");
    if (json_has_case_twins(entry))
        return refuse(err, "access: names that differ in case alone");
    if (read_actions(json_member(entry, "actions"), &rights, &all, err) < 0)
        return -1;
    if (span_equals(type, SPAN("registry")) &&
        span_equals(name, SPAN("catalog")) && all)
        token->lists_catalog = true;
    if (!span_equals(type, SPAN("repository")) || !name_is_valid(name))
        return 0;
    memcpy(grant->name, name.ptr, name.len);
    grant->rights = rights;
    token->count++;
    return 0;
}

static int read_access(struct token *token, const struct json *access,
                       struct err *err)
{
    for (size_t i = 0; i < json_array_length(access); i++) {
        if (read_grant(token, json_at(access, i), err) < 0)
            return -1;
    }
    return 0;
}

/* Those who grant nothing may write null, as Go does for an empty list. */
static bool is_list(const struct json *access)
{
    enum json_kind kind = json_kind(access);

    return kind == JSON_ARRAY || kind == JSON_NULL || kind == JSON_ABSENT;
}

static int read_claims(const struct token_trust *trust,
                       const struct json *payload, int64_t now,
                       struct token **out, struct err *err)
{
    const struct json *access = json_member(payload, "access");
    CLEANUP(token) struct token *token = NULL;

    if (!is_list(access))
        return refuse(err, "access is no array");
    if (json_array_length(access) > TOKEN_GRANTS_MAX)
        return refuse(err, "access has too many entries");
    token = memory_new(size_of(json_array_length(access)));
    if (judge_audience(json_member(payload, "aud"), trust->service, err) < 0 ||
        judge_times(payload, now, &token->expires, err) < 0 ||
        read_subject(json_member(payload, "sub"), token->subject, err) < 0 ||
        read_access(token, access, err) < 0)
        return -1;
    *out = token;
    token = NULL;
    return 0;
}

int token_verify(const struct token_trust *trust, struct span compact,
                 int64_t now, struct token **out, struct err *err)
{
    CLEANUP(token_parts) struct token_parts parts = {0};

    if (token_parts_read(compact, &parts, err) < 0 ||
        judge_signature(trust, &parts, compact, err) < 0)
        return -1;
    return read_claims(trust, parts.payload, now, out, err);
}

unsigned token_rights(const struct token *token, const char *repository)
{
    unsigned rights = 0;

    for (size_t i = 0; i < token->count; i++) {
        if (strcmp(token->grants[i].name, repository) == 0)
            rights |= token->grants[i].rights;
    }
    return rights;
}
