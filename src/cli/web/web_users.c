/* SPDX-License-Identifier: MIT */
/* Who is let in: without a password, with a wrong one, with the right one. */
#include "web.h"

#include <stdio.h>
#include <string.h>

/* --- passwords --- */

struct tally {
    /* Of reading and of writing probes: let in, and asked for a password. */
    size_t in[2], asked[2];
    size_t refused;   /* 403, whoever it is */
    struct buf names; /* of those let in */
};

static void count_probes(struct web *web, enum web_as as, struct tally *tally)
{
    CLEANUP(web_answer) struct web_answer answer = WEB_ANSWER_INIT;

    for (size_t i = 0; i < web_probe_count; i++) {
        const struct web_probe *probe = &web_probes[i];

        if (as == WEB_AS_STRANGER && !probe->with_wrong_password)
            continue;
        /* /v2/ is open to any token. */
        if (as == WEB_AS_ANONYMOUS && i == 0)
            continue;
        web_probe_ask(web, probe, as, &answer);
        if (answer.status == 401) {
            tally->asked[probe->writes]++;
        } else if (answer.status == 403) {
            tally->refused++;
        } else if (web_probe_arrived(probe, &answer)) {
            tally->in[probe->writes]++;
            buf_add_format(&tally->names, "%s%s",
                           tally->names.len > 0 ? ", " : "", probe->name);
        }
    }
}

static void report_open(struct web *web)
{
    web->open = true;
    web_report(web, web->loopback ? WEB_OK : WEB_WARNING, WEB_ADVICE_NONE,
               "none is asked for: whoever reaches this address may pull, push "
               "and delete");
}

static void check_stranger(struct web *web)
{
    struct tally tally = {.names = BUF_INIT(1024)};

    count_probes(web, WEB_AS_STRANGER, &tally);
    if (tally.names.len > 0)
        web_report(web, WEB_WRONG, WEB_ADVICE_PASSWORD,
                   "a wrong one is let in: %s", buf_text(&tally.names));
    else if (tally.asked[0] + tally.asked[1] + tally.refused == 0)
        web_report(web, WEB_WRONG, WEB_ADVICE_FAILED,
                   "whoever sends one gets neither in nor a refusal");
    else
        web->shut = true;
    if (web->shut)
        web_report(web, WEB_OK, WEB_ADVICE_NONE,
                   "nobody is let in without, or with a wrong one");
    buf_cleanup(&tally.names);
}

static void check_user(struct web *web)
{
    CLEANUP(web_answer) struct web_answer answer = WEB_ANSWER_INIT;
    struct web_question question = {.path = "/v2/"};

    web_try(web, &question, &answer);
    if (answer.status != 200) {
        web_report_answer(web, WEB_WRONG, WEB_ADVICE_USER,
                          "is not let in with the password given", &answer);
        return;
    }
    web->stage = WEB_STAGE_ENTRY;
    web_probe_ask(web, &web_probes[0], WEB_AS_IMPOSTOR, &answer);
    if (web->shut && web_probe_arrived(&web_probes[0], &answer))
        web_report(web, WEB_WRONG, WEB_ADVICE_PASSWORD,
                   "is let in with any password");
    else
        web_report(web, WEB_OK, WEB_ADVICE_NONE, "%s",
                   web->open ? "is let in, as everybody is"
                             : "is let in with the right password");
}

/* --- and with tokens --- */

static void check_anonymous(struct web *web)
{
    struct tally tally = {.names = BUF_INIT(1024)};

    if (web->anonymous.text[0] != '\0')
        count_probes(web, WEB_AS_ANONYMOUS, &tally);
    web->shut = tally.names.len == 0;
    if (web->shut)
        web_report(web, WEB_OK, WEB_ADVICE_NONE,
                   "nobody is let in without, or with a wrong one");
    else
        web_report(web, WEB_WARNING, WEB_ADVICE_NONE,
                   "without one, everybody gets a token for: %s",
                   buf_text(&tally.names));
    buf_cleanup(&tally.names);
}

/* The realm checks the password. */
static void check_realm_stranger(struct web *web)
{
    CLEANUP(web_answer) struct web_answer answer = WEB_ANSWER_INIT;
    struct web_token token;

    if (web_token_ask(web, WEB_AS_STRANGER, &token, &answer))
        web_report(web, WEB_WRONG, WEB_ADVICE_PASSWORD,
                   "a wrong one gets a token");
    else if (answer.status == 401 || answer.status == 403)
        check_anonymous(web);
    else
        web_report_answer(web, WEB_WRONG, WEB_ADVICE_REALM,
                          "a wrong one gets neither a token nor a refusal",
                          &answer);
}

/* True, and told, when `as` gets anything of the registry. */
static bool lets_in(struct web *web, enum web_as as, const char *what)
{
    struct tally tally = {.names = BUF_INIT(1024)};
    bool any;

    count_probes(web, as, &tally);
    any = tally.names.len > 0;
    if (any)
        web_report(web, WEB_WRONG, WEB_ADVICE_NONE, "%s is let in: %s", what,
                   buf_text(&tally.names));
    buf_cleanup(&tally.names);
    return any;
}

static void check_bearer_passwords(struct web *web)
{
    if (lets_in(web, WEB_AS_NOBODY, "who shows no token") ||
        lets_in(web, WEB_AS_STRANGER, "a token that nobody made"))
        return;
    if (web->has_realm)
        check_realm_stranger(web);
    else
        web_report(web, WEB_SKIPPED, WEB_ADVICE_NONE, "wants tokens");
}

static void check_bearer_user(struct web *web)
{
    CLEANUP(web_answer) struct web_answer answer = WEB_ANSWER_INIT;
    struct web_token token;

    if (!web_token_begin(web, &answer)) {
        web_report_answer(web, WEB_WRONG, WEB_ADVICE_USER,
                          "gets no token with the password given", &answer);
        return;
    }
    web_try(web, &(struct web_question){.path = "/v2/"}, &answer);
    if (answer.status != 200) {
        web_report_answer(web, WEB_WRONG, WEB_ADVICE_TOKEN,
                          "is not let in with the token it got", &answer);
        return;
    }
    web->stage = WEB_STAGE_ENTRY;
    if (web_token_ask(web, WEB_AS_IMPOSTOR, &token, &answer))
        web_report(web, WEB_WRONG, WEB_ADVICE_PASSWORD,
                   "gets a token with any password");
    else
        web_report(web, WEB_OK, WEB_ADVICE_NONE,
                   "gets a token with the right password, and is let in");
}

/* --- the checks --- */

void web_check_passwords(struct web *web)
{
    struct tally tally = {.names = BUF_INIT(1024)};

    if (web->target.bearer) {
        check_bearer_passwords(web);
        return;
    }

    count_probes(web, WEB_AS_NOBODY, &tally);
    if (tally.asked[0] + tally.asked[1] == 0)
        report_open(web);
    else if (tally.names.len == 0)
        check_stranger(web);
    else if (tally.in[1] == 0 && tally.asked[0] == 0)
        web_report(web, WEB_WARNING, WEB_ADVICE_NONE,
                   "everybody may pull; to push, one is asked for");
    else
        web_report(web, WEB_WRONG, WEB_ADVICE_PART,
                   "for some requests none is asked for: %s",
                   buf_text(&tally.names));
    buf_cleanup(&tally.names);
}

void web_check_user(struct web *web)
{
    if (web->open)
        web->stage = WEB_STAGE_ENTRY;
    if (web->target.user != NULL && !web->target.bearer)
        check_user(web);
    else if (web->target.user != NULL && web->has_realm)
        check_bearer_user(web);
    else if (web->target.user != NULL)
        web_report(web, WEB_SKIPPED, WEB_ADVICE_NONE, "wants tokens");
    else if (!web->open)
        web_report(web, WEB_SKIPPED, WEB_ADVICE_NONE,
                   "give --user NAME to have the rest looked at");
}
