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

void web_check_passwords(struct web *web)
{
    struct tally tally = {.names = BUF_INIT(1024)};

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
    CLEANUP(web_answer) struct web_answer answer = WEB_ANSWER_INIT;
    struct web_question question = {.path = "/v2/"};

    if (web->open)
        web->stage = WEB_STAGE_ENTRY;
    if (web->target.user == NULL) {
        if (!web->open)
            web_report(web, WEB_SKIPPED, WEB_ADVICE_NONE,
                       "give --user NAME to have the rest looked at");
        return;
    }
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
