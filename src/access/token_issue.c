/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <sys/random.h>

#include "access/token.h"
#include "base/base64url.h"
#include "base/json.h"

#define ID_BYTES 16

static void add_text(struct buf *into, const char *before, const char *text)
{
    buf_add(into, span_of(before));
    json_add_string(into, span_of(text));
}

static void add_action(struct buf *into, bool granted, const char *name)
{
    if (!granted)
        return;
    if (into->ptr[into->len - 1] != '[')
        buf_add_char(into, ',');
    buf_add_format(into, "\"%s\"", name);
}

static void add_grant(struct buf *into, const struct token_grant *grant)
{
    add_text(into, "{\"type\":\"repository\",\"name\":", grant->name);
    buf_add(into, SPAN(",\"actions\":["));
    add_action(into, grant->rights & RIGHT_PULL, "pull");
    add_action(into, grant->rights & RIGHT_PUSH, "push");
    add_action(into, grant->rights & RIGHT_DELETE, "delete");
    buf_add(into, SPAN("]}"));
}

static void add_access(struct buf *into, const struct token_claims *claims)
{
    const char *separator = "";

    buf_add(into, SPAN(",\"access\":["));
    if (claims->lists_catalog) {
        buf_add(into, SPAN("{\"type\":\"registry\",\"name\":\"catalog\","
                           "\"actions\":[\"*\"]}"));
        separator = ",";
    }
    for (size_t i = 0; i < claims->count; i++) {
        buf_add(into, span_of(separator));
        add_grant(into, &claims->grants[i]);
        separator = ",";
    }
    buf_add_char(into, ']');
}

/* No two tokens are the same text. */
static int add_id(struct buf *into, struct err *err)
{
    char bytes[ID_BYTES];

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return err_set_errno(err, errno, "getrandom");
    buf_add(into, SPAN(",\"jti\":\""));
    base64url_add(into, (struct span){bytes, sizeof(bytes)});
    buf_add_char(into, '"');
    return 0;
}

int token_issue(const struct token_keys *keys,
                const struct token_claims *claims, struct buf *into,
                struct err *err)
{
    CLEANUP(buf) struct buf payload = BUF_INIT(TOKEN_MAX);
    CLEANUP(buf) struct buf compact = BUF_INIT(TOKEN_MAX);

    add_text(&payload, "{\"iss\":", claims->issuer);
    add_text(&payload, ",\"sub\":", claims->subject);
    add_text(&payload, ",\"aud\":", claims->service);
    buf_add_format(&payload,
                   ",\"exp\":%" PRId64 ",\"nbf\":%" PRId64 ",\"iat\":%" PRId64,
                   claims->now + claims->lifetime, claims->now, claims->now);
    if (add_id(&payload, err) < 0)
        return -1;
    add_access(&payload, claims);
    buf_add_char(&payload, '}');
    if (payload.overflowed ||
        claims->count + claims->lists_catalog > TOKEN_GRANTS_MAX)
        return err_set(err, ERR_TOO_LARGE, "too many scopes for a token");
    if (token_keys_sign(keys, buf_span(&payload), &compact, err) < 0)
        return -1;
    buf_add(into, buf_span(&compact));
    if (compact.overflowed || into->overflowed)
        return err_set(err, ERR_TOO_LARGE, "too many scopes for a token");
    return 0;
}
