/* SPDX-License-Identifier: MIT */
/* Challenges and tokens of servers that may be anything. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "cli/web/web_challenge.h"

static struct web_challenge challenge;
static struct web_token token;

/* "realm|service|error", or NULL when there is no such challenge. */
static const char *bearer(const char *field)
{
    static char text[3 * WEB_CHALLENGE_MAX];

    if (!web_challenge_parse(span_of(field), "Bearer", &challenge))
        return NULL;
    snprintf(text, sizeof(text), "%s|%s|%s", challenge.realm, challenge.service,
             challenge.error);
    return text;
}

Test(web_challenge, has_its_parameters_in_any_order_and_form)
{
    static const struct {
        const char *field, *found;
    } cases[] = {
        {"Bearer realm=\"https://a/t\",service=\"s\",scope=\"x:y\"",
         "https://a/t|s|"},
        {"bearer  error=invalid_token , Service = s,REALM=\"r\"",
         "r|s|invalid_token"},
        {"Bearer realm=\"a\\\"b\\\\c, Bearer d\"", "a\"b\\c, Bearer d||"},
        {"Bearer ,, realm=r,,", "r||"},
        {"Bearer", "||"},
        {"Bearer realm=\"\"", "||"},
        {"Bearer realm=", "||"}, /* in the other form, abc== */
        {"Basic realm=\"x\", Bearer realm=r, Other realm=o", "r||"},
        {"Basic realm=\"Bearer realm=no\", charset=\"UTF-8\", Bearer realm=r",
         "r||"},
        {"Negotiate, Bearer realm=r", "r||"},
        {"Negotiate YWJj/+==, Bearer realm=r", "r||"},
        {"Bearer abc=, Bearer realm=r", "||"},
        {"Bearer realm=r, Bearer realm=s", "r||"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *found = bearer(cases[i].field);

        cr_assert(found != NULL, "%s", cases[i].field);
        cr_expect_str_eq(found, cases[i].found, "%s: %s", cases[i].field,
                         found);
    }
}

Test(web_challenge, is_none_in_what_is_not_in_the_grammar)
{
    static const char *const fields[] = {
        "",
        ", ,",
        "Basic realm=\"Bearer realm=x\"",
        "BearerX realm=r",
        "realm=r, Bearer realm=r",
        "Bearer realm=\"r",
        "Bearer realm=\"r\\",
        "Bearer realm=\"r\x1b[2J\"",
        "Bearer realm=\"r\\\x07\"",
        "Bearer realm=r, service=",
        "Bearer realm=r service=s",
        "Bearer realm=\"r\"service=s",
        "Bearer realm=r, realm=s",
        "Bearer realm=a/b",
        "Bearer \"realm\"",
        "Bearer/realm=r",
        "\"x\" Bearer realm=r",
        "Basic realm=a, realm=b, Bearer realm=r",
    };

    for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
        cr_expect_null(bearer(fields[i]), "%s", fields[i]);
}

Test(web_challenge, has_no_parameter_that_is_too_long)
{
    char field[2 * WEB_CHALLENGE_MAX];

    snprintf(field, sizeof(field), "Bearer realm=\"%0*d\"",
             WEB_CHALLENGE_MAX - 1, 0);
    cr_expect(bearer(field) != NULL);
    snprintf(field, sizeof(field), "Bearer realm=%0*d", WEB_CHALLENGE_MAX, 0);
    cr_expect_null(bearer(field));
    snprintf(field, sizeof(field), "Bearer realm=r,x=%0*d", WEB_CHALLENGE_MAX,
             0);
    cr_expect_str_eq(bearer(field), "r||");
}

Test(web_challenge, may_be_in_the_second_of_two_fields)
{
    CLEANUP(web_answer) struct web_answer answer = WEB_ANSWER_INIT;

    buf_add(&answer.text, SPAN("HTTP/1.1 401 No\r\n"
                               "WWW-Authenticate: Basic realm=\"b\"\r\n"
                               "www-authenticate: Bearer realm=\"r\"\r\n\r\n"));
    web_answer_parse(&answer);
    cr_assert(web_challenge_of(&answer, "Bearer", &challenge));
    cr_expect_str_eq(challenge.realm, "r");
    cr_expect(web_challenge_of(&answer, "Basic", &challenge));
    cr_expect_not(web_challenge_of(&answer, "Digest", &challenge));
}

static const char *url_of(const char *realm)
{
    static const char *const scopes[] = {"repository:a/b:pull,push",
                                         "registry:catalog:*", NULL};
    static char text[512];
    CLEANUP(buf) struct buf url = BUF_INIT(sizeof(text) - 1);

    snprintf(challenge.realm, sizeof(challenge.realm), "%s", realm);
    snprintf(challenge.service, sizeof(challenge.service), "a b&c");
    if (!web_challenge_url(&challenge, scopes, &url))
        return NULL;
    snprintf(text, sizeof(text), "%s", buf_text(&url));
    return text;
}

Test(web_challenge, is_asked_at_its_realm_for_scopes)
{
#define QUERY                                                                  \
    "service=a%20b%26c&scope=repository%3Aa%2Fb%3Apull%2Cpush&"                \
    "scope=registry%3Acatalog%3A%2A"
    cr_expect_str_eq(url_of("https://a/t"), "https://a/t?" QUERY);
    cr_expect_str_eq(url_of("http://[::1]:5/t?x=1"),
                     "http://[::1]:5/t?x=1&" QUERY);
}

Test(web_challenge, is_asked_nowhere_but_at_a_url_of_http)
{
    static const char *const realms[] = {
        "",
        "/token",
        "ftp://a/",
        "file:///etc/passwd",
        "http://",
        "http://127.0.0.1@a/",
        "https:///a",
        "http://?a",
        "https://",
        "HTTPS:/a",
        "https://a/ b",
        "https://a/#b",
        "https://a/\"x",
        "https://a/\\x",
        "https://\xc3\xa4/",
        "http://a/\n",
    };

    for (size_t i = 0; i < ARRAY_SIZE(realms); i++)
        cr_expect_null(url_of(realms[i]), "%s", realms[i]);
}

static bool is_token(const char *body)
{
    return web_token_parse(span_of(body), &token);
}

Test(web_challenge, is_answered_by_a_token_under_either_name)
{
    cr_assert(is_token("{\"token\":\"a.b-c_d\",\"expires_in\":300,\"x\":[]}"));
    cr_expect_str_eq(token.text, "a.b-c_d");
    cr_expect_eq(token.lifetime, 300);
    cr_assert(is_token("{\"access_token\":\"ab==\"}"));
    cr_expect_str_eq(token.text, "ab==");
    cr_expect_eq(token.lifetime, 60);
    cr_assert(
        is_token("{\"token\":\"a\",\"expires_in\":18446744073709551614}"));
    cr_expect_eq(token.lifetime, 86400);
}

Test(web_challenge, is_answered_by_nothing_that_breaks_a_header)
{
    static const char *const bodies[] = {
        "",
        "token",
        "[]",
        "{}",
        "{\"token\":7}",
        "{\"token\":\"\"}",
        "{\"token\":\"a b\"}",
        "{\"token\":\"a\\r\\nX: y\"}",
        "{\"token\":\"a\\u0000b\"}",
        "{\"token\":\"a\\\"b\"}",
        "{\"token\":\"a=b\"}",
    };
    char body[WEB_TOKEN_MAX + 64];

    for (size_t i = 0; i < ARRAY_SIZE(bodies); i++)
        cr_expect_not(is_token(bodies[i]), "%s", bodies[i]);
    snprintf(body, sizeof(body), "{\"token\":\"%0*d\"}", WEB_TOKEN_MAX - 1, 0);
    cr_expect(is_token(body));
    snprintf(body, sizeof(body), "{\"token\":\"%0*d\"}", WEB_TOKEN_MAX, 0);
    cr_expect_not(is_token(body));
}
