/* SPDX-License-Identifier: MIT */
#include "token_parts.h"

#include "access/token.h"
#include "base/base64url.h"

static const struct json_limits limits = {.containers = 1024, .values = 4096};

void token_parts_cleanup(struct token_parts *parts)
{
    json_cleanup(&parts->header);
    json_cleanup(&parts->payload);
}

/* `what` names the part in the reason. */
static int read_object(struct span part, const char *what, struct json **out,
                       struct err *err)
{
    CLEANUP(buf) struct buf text = BUF_INIT(TOKEN_MAX);

    if (base64url_decode(part, &text) < 0)
        return err_set(err, ERR_UNAUTHORIZED, "token: %s: no base64url", what);
    if (json_parse(buf_span(&text), &limits, out, err) < 0) {
        err_wrap(err, "token: %s", what);
        return err_recode(err, ERR_UNAUTHORIZED);
    }
    if (json_kind(*out) != JSON_OBJECT)
        return err_set(err, ERR_UNAUTHORIZED, "token: %s: no object", what);
    if (json_has_case_twins(*out))
        return err_set(err, ERR_UNAUTHORIZED,
                       "token: %s: names that differ in case alone", what);
    return 0;
}

static int read_signature(struct span part, size_t *len, struct err *err)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(TOKEN_MAX);

    if (base64url_decode(part, &bytes) < 0)
        return err_set(err, ERR_UNAUTHORIZED, "token: signature: no base64url");
    *len = bytes.len;
    return 0;
}

/* Everything in a header that changes what the rest means. */
static int judge_header(const struct json *header, struct token_parts *out,
                        struct err *err)
{
    const struct json *typ = json_member(header, "typ");
    const struct json *kid = json_member(header, "kid");
    struct span text;

    if (!json_as_string(json_member(header, "alg"), &text) ||
        jose_algorithm_parse(text, &out->algorithm) < 0)
        return err_set(err, ERR_UNAUTHORIZED,
                       "token: alg is not ES256, RS256 or HS256");
    if (json_member(header, "crit") != NULL ||
        json_member(header, "b64") != NULL)
        return err_set(err, ERR_UNAUTHORIZED,
                       "token: extensions of JWS (crit, b64)");
    if (typ != NULL && (!json_as_string(typ, &text) ||
                        (!span_equals_nocase(text, SPAN("JWT")) &&
                         !span_equals_nocase(text, SPAN("at+jwt")))))
        return err_set(err, ERR_UNAUTHORIZED, "token: typ is not JWT");
    if (kid != NULL && !json_as_string(kid, &out->kid))
        return err_set(err, ERR_UNAUTHORIZED, "token: kid is no string");
    return 0;
}

int token_parts_read(struct span compact, struct token_parts *out,
                     struct err *err)
{
    struct span rest = compact, header, payload, signature;

    if (compact.len > TOKEN_MAX)
        return err_set(err, ERR_UNAUTHORIZED, "token: more than %zu bytes",
                       TOKEN_MAX);
    header = span_cut(&rest, '.');
    payload = span_cut(&rest, '.');
    signature = rest; /* a further dot is no base64url */
    if (header.len == 0 || payload.len == 0 || signature.len == 0)
        return err_set(err, ERR_UNAUTHORIZED, "token: not three parts");
    if (read_object(header, "header", &out->header, err) < 0 ||
        judge_header(out->header, out, err) < 0 ||
        read_object(payload, "payload", &out->payload, err) < 0 ||
        read_signature(signature, &out->signature_len, err) < 0)
        return -1;
    return 0;
}
