/* SPDX-License-Identifier: MIT */
#include "web_challenge.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"

#define LIFETIME_DEFAULT 60 /* of Distribution's token specification */
#define LIFETIME_MAX 86400

/* --- the grammar --- */

static bool is_token_char(char c)
{
    return c != '\0' &&
           (isalnum((unsigned char)c) || strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_token68_char(char c)
{
    return c != '\0' &&
           (isalnum((unsigned char)c) || strchr("-._~+/", c) != NULL);
}

static struct span take_while(struct span *rest, bool (*fits)(char c))
{
    size_t len = 0;
    struct span taken;

    while (len < rest->len && fits(rest->ptr[len]))
        len++;
    taken = span_first(*rest, len);
    *rest = span_from(*rest, len);
    return taken;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_separator(char c)
{
    return is_blank(c) || c == ',';
}

static bool is_equals(char c)
{
    return c == '=';
}

static bool take_char(struct span *rest, char c)
{
    if (rest->len == 0 || rest->ptr[0] != c)
        return false;
    *rest = span_from(*rest, 1);
    return true;
}

static bool take_quoted(struct span *rest, struct buf *value)
{
    while (rest->len > 0) {
        char c = rest->ptr[0];

        *rest = span_from(*rest, 1);
        if (c == '"')
            return true;
        if (c == '\\') {
            if (rest->len == 0)
                return false;
            c = rest->ptr[0];
            *rest = span_from(*rest, 1);
        }
        if (iscntrl((unsigned char)c) && c != '\t')
            return false;
        buf_add_char(value, c);
    }
    return false;
}

static char *place_of(struct web_challenge *challenge, struct span name)
{
    if (span_equals_nocase(name, SPAN("realm")))
        return challenge->realm;
    if (span_equals_nocase(name, SPAN("service")))
        return challenge->service;
    return span_equals_nocase(name, SPAN("error")) ? challenge->error : NULL;
}

/* What follows the '='; kept when the challenge has a place for the name. */
static bool take_value(struct span *rest, struct span name,
                       struct web_challenge *challenge)
{
    CLEANUP(buf) struct buf value = BUF_INIT(WEB_CHALLENGE_MAX - 1);
    char *place = place_of(challenge, name);

    take_while(rest, is_blank);
    if (take_char(rest, '"')) {
        if (!take_quoted(rest, &value))
            return false;
    } else {
        struct span word = take_while(rest, is_token_char);

        if (word.len == 0)
            return false;
        buf_add(&value, word);
    }
    take_while(rest, is_blank);
    if (rest->len > 0 && rest->ptr[0] != ',')
        return false;
    if (place == NULL)
        return true;
    if (value.overflowed || place[0] != '\0')
        return false;
    snprintf(place, WEB_CHALLENGE_MAX, "%s", buf_text(&value));
    return true;
}

/* "abc==" behind the scheme, in the place of parameters. */
static void pass_token68(struct span *rest)
{
    struct span after = *rest;

    if (take_while(&after, is_blank).len == 0 ||
        take_while(&after, is_token68_char).len == 0)
        return;
    take_while(&after, is_equals);
    take_while(&after, is_blank);
    if (after.len == 0 || after.ptr[0] == ',')
        *rest = after;
}

/* "name =" of a parameter, which no scheme is followed by. */
static bool take_equals(struct span *rest)
{
    struct span after = *rest;

    take_while(&after, is_blank);
    if (!take_char(&after, '='))
        return false;
    *rest = after;
    return true;
}

bool web_challenge_parse(struct span field, const char *scheme,
                         struct web_challenge *out)
{
    struct web_challenge challenge = {0}, other = {0};
    bool begun = false, ours = false;

    while (take_while(&field, is_separator), field.len > 0) {
        struct span name = take_while(&field, is_token_char);

        if (name.len == 0)
            return false;
        if (take_equals(&field)) {
            if (!begun || !take_value(&field, name, ours ? &challenge : &other))
                return false;
            continue;
        }
        if (ours)
            break;
        begun = true;
        ours = span_equals_nocase(name, span_of(scheme));
        other = (struct web_challenge){0};
        pass_token68(&field);
    }
    if (ours)
        *out = challenge;
    return ours;
}

bool web_challenge_of(const struct web_answer *answer, const char *scheme,
                      struct web_challenge *out)
{
    struct span rest = answer->fields, field;

    while (web_answer_next_field(&rest, "WWW-Authenticate", &field)) {
        if (web_challenge_parse(field, scheme, out))
            return true;
    }
    return false;
}

/* --- the URL --- */

/* As a value of a query (RFC 3986, 2.3). */
static void add_encoded(struct buf *url, struct span value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];

        if (isalnum(c) || (c != '\0' && strchr("-._~", c) != NULL))
            buf_add_char(url, (char)c);
        else
            buf_add_format(url, "%%%02X", c);
    }
}

/* Without a user in it, who would be in the place of the host at a glance. */
static bool is_url(struct span realm)
{
    struct span rest;

    for (size_t i = 0; i < realm.len; i++) {
        unsigned char c = (unsigned char)realm.ptr[i];

        if (c <= ' ' || c >= 0x7f || strchr("\"\\#@", c) != NULL)
            return false;
    }
    if (span_starts_with(realm, SPAN("http://")))
        rest = span_from(realm, 7);
    else if (span_starts_with(realm, SPAN("https://")))
        rest = span_from(realm, 8);
    else
        return false;
    return rest.len > 0 && rest.ptr[0] != '/' && rest.ptr[0] != '?';
}

bool web_challenge_url(const struct web_challenge *challenge,
                       const char *const *scopes, struct buf *url)
{
    struct span realm = span_of(challenge->realm), rest = realm;

    if (!is_url(realm))
        return false;
    buf_add(url, realm);
    (void)span_cut(&rest, '?');
    buf_add(url, rest.ptr != NULL ? SPAN("&service=") : SPAN("?service="));
    add_encoded(url, span_of(challenge->service));
    for (size_t i = 0; scopes[i] != NULL; i++) {
        buf_add(url, SPAN("&scope="));
        add_encoded(url, span_of(scopes[i]));
    }
    return !url->overflowed;
}

/* --- the token --- */

bool web_token_parse(struct span body, struct web_token *out)
{
    static const struct json_limits limits = {.containers = 64, .values = 512};
    CLEANUP(json) struct json *document = NULL;
    struct err ignored = {0};
    struct span text, rest;

    if (json_parse(body, &limits, &document, &ignored) < 0 ||
        (!json_as_string(json_member(document, "token"), &text) &&
         !json_as_string(json_member(document, "access_token"), &text)) ||
        text.len == 0 || text.len >= sizeof(out->text))
        return false;
    rest = text;
    take_while(&rest, is_token68_char);
    take_while(&rest, is_equals);
    if (rest.len > 0)
        return false;
    if (!json_as_u64(json_member(document, "expires_in"), &out->lifetime))
        out->lifetime = LIFETIME_DEFAULT;
    if (out->lifetime > LIFETIME_MAX)
        out->lifetime = LIFETIME_MAX;
    snprintf(out->text, sizeof(out->text), "%.*s", SPAN_ARGS(text));
    return true;
}
