/* SPDX-License-Identifier: MIT */
/*
 * Tokens, as docker has them: the challenge names the realm, which gets the
 * password and gives a token; the registry sees tokens alone.
 */
#include "web.h"

#include <stdio.h>

#include "base/clock.h"

#define URL_MAX (8 * WEB_CHALLENGE_MAX)

/* Of all that the checks ask for. */
static const char *const scopes[] = {
    "repository:berth-check:pull,push,delete",
    "registry:catalog:*",
    NULL,
};

bool web_token_ask(struct web *web, enum web_as as, struct web_token *token,
                   struct web_answer *answer)
{
    CLEANUP(buf) struct buf url = BUF_INIT(URL_MAX);

    if (!web_challenge_url(&web->challenge, scopes, &url))
        return false;
    web_try(web, &(struct web_question){.url = buf_text(&url), .as = as},
            answer);
    return answer->status == 200 && web_token_parse(answer->body, token);
}

/* In good time, as one request can take long. */
bool web_token_begin(struct web *web, struct web_answer *answer)
{
    if (!web_token_ask(web, WEB_AS_USER, &web->token, answer))
        return false;
    web->token_end = clock_monotonic_ns() +
                     (int64_t)web->token.lifetime * (CLOCK_NS_PER_SECOND / 2);
    return true;
}

static void renew(struct web *web)
{
    CLEANUP(web_answer) struct web_answer answer = WEB_ANSWER_INIT;

    if (web->token.text[0] != '\0' && clock_monotonic_ns() >= web->token_end)
        (void)web_token_begin(web, &answer);
}

const char *web_token_of(struct web *web, enum web_as as)
{
    switch (as) {
    case WEB_AS_USER:
        renew(web);
        return web->token.text[0] != '\0' ? web->token.text : NULL;
    case WEB_AS_ANONYMOUS:
        return web->anonymous.text;
    case WEB_AS_STRANGER:
    case WEB_AS_IMPOSTOR:
        return "berth-check.6f1d2b0c.9a7e4853";
    case WEB_AS_NOBODY:
        break;
    }
    return NULL;
}

/* --- the realm --- */

/* Names and passwords in the clear, or a machine that is not the clients'. */
static bool is_out_of_place(const struct web *web)
{
    struct span rest = span_of(web->challenge.realm), authority;
    bool plain = span_starts_with(rest, SPAN("http://"));

    rest = span_from(rest, plain ? 7 : 8);
    authority = span_cut(&rest, '/');
    authority = span_cut(&authority, '?');
    return web_is_loopback(authority) ? !web->loopback : plain;
}

void web_check_realm(struct web *web)
{
    CLEANUP(web_answer) struct web_answer answer = WEB_ANSWER_INIT;
    CLEANUP(buf) struct buf where = BUF_INIT(1024), url = BUF_INIT(URL_MAX);
    char text[1100];

    if (!web->target.bearer)
        return;
    web_clean(&where, span_of(web->challenge.realm));
    if (!web_challenge_url(&web->challenge, scopes, &url)) {
        web_report(web, WEB_WRONG, WEB_ADVICE_REALM,
                   "the realm is no URL of HTTP: %s", buf_text(&where));
        return;
    }
    if (is_out_of_place(web)) {
        web_report(web, WEB_WRONG, WEB_ADVICE_REALM,
                   "clients cannot give a password to %s", buf_text(&where));
        return;
    }
    web->has_realm =
        web_token_ask(web, WEB_AS_NOBODY, &web->anonymous, &answer) ||
        answer.status == 401 || answer.status == 403;
    snprintf(text, sizeof(text), "none can be had at %s", buf_text(&where));
    if (web->has_realm)
        web_report(web, WEB_OK, WEB_ADVICE_NONE, "are had at %s",
                   buf_text(&where));
    else
        web_report_answer(web, WEB_WRONG, WEB_ADVICE_REALM, text, &answer);
}
