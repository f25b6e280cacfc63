/* SPDX-License-Identifier: MIT */
/* Whether Berth is there. */
#include "web.h"

#include <stdio.h>
#include <string.h>

#define VERSION "Docker-Distribution-Api-Version"

/* Exit statuses of curl that have a sentence of ours: see curl(1). */
static const struct {
    int status;
    const char *text;
} failures[] = {
    {5, "the proxy in http_proxy or https_proxy cannot be found"},
    {6, "the name of the host is not known: is it in the DNS?"},
    {7, "nobody listens there, or a firewall is in between"},
    {28, "it does not answer in time"},
    {35, "it does not speak TLS there"},
    {52, "it closes the connection without an answer"},
    {77,
     "the certificates of CAs cannot be read: those in the file of --ca, or "
     "without it of the package ca-certificates"},
};

static void report_certificate(struct web *web, const char *trouble)
{
    static const struct {
        const char *word; /* of OpenSSL's and GnuTLS's texts */
        enum web_advice advice;
        const char *text;
    } reasons[] = {
        {"expired", WEB_ADVICE_CERTIFICATE, "the certificate has expired"},
        {"not yet", WEB_ADVICE_CERTIFICATE,
         "the certificate is not valid yet, or the clock here is wrong"},
        {"subject name", WEB_ADVICE_CERTIFICATE,
         "the certificate is for another name"},
        {"does not match", WEB_ADVICE_CERTIFICATE,
         "the certificate is for another name"},
        {"self", WEB_ADVICE_CHAIN,
         "the certificate is signed by itself, or by a CA that nobody knows"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
        if (strstr(trouble, reasons[i].word) != NULL) {
            web_report(web, WEB_WRONG, reasons[i].advice, "%s",
                       reasons[i].text);
            return;
        }
    }
    web_report(web, WEB_WRONG, WEB_ADVICE_CHAIN,
               "the certificate is not trusted: its CA is unknown here, or the "
               "server does not send the intermediate certificates");
}

static void report_failure(struct web *web, const struct web_answer *answer)
{
    if (answer->curl == 60 || answer->curl == 51) {
        report_certificate(web, buf_text(&answer->trouble));
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
        if (answer->curl == failures[i].status) {
            web_report_answer(web, WEB_WRONG, WEB_ADVICE_NONE, failures[i].text,
                              answer);
            return;
        }
    }
    web_report_answer(web, WEB_WRONG, WEB_ADVICE_NONE, "it does not speak HTTP",
                      answer);
}

void web_check_reachable(struct web *web)
{
    CLEANUP(web_answer) struct web_answer answer = WEB_ANSWER_INIT;
    CLEANUP(buf) struct buf name = BUF_INIT(1024);
    struct span server = SPAN("a web server that does not say its name");

    web_try(web, &(struct web_question){.path = "/v2/", .as = WEB_AS_NOBODY},
            &answer);
    if (answer.status == 0) {
        report_failure(web, &answer);
        return;
    }
    web->stage = WEB_STAGE_ANSWERS;
    if (web_answer_field(&answer, "Server", &server))
        web->server = web_server_of(server);
    web_clean(&name, server);
    if (!web->tls && !web->loopback)
        web_report(web, WEB_WRONG, WEB_ADVICE_TLS, "%s answers without TLS",
                   buf_text(&name));
    else if (web->target.insecure)
        web_report(web, WEB_WARNING, WEB_ADVICE_NONE,
                   "%s answers; its certificate was not looked at",
                   buf_text(&name));
    else
        web_report(web, WEB_OK, WEB_ADVICE_NONE, "%s answers%s",
                   buf_text(&name),
                   web->tls ? ", and its certificate is trusted" : "");
}

/* --- is it Berth? --- */

static bool is_registry(const struct web_answer *answer)
{
    return web_answer_field_begins(answer, VERSION, "registry/2.0");
}

/* Clients take Bearer, where both are offered. */
static bool is_challenge(struct web *web, const struct web_answer *answer)
{
    web->target.bearer = web_challenge_of(answer, "Bearer", &web->challenge) &&
                         web->challenge.realm[0] != '\0';
    return web->target.bearer ||
           web_answer_field_begins(answer, "WWW-Authenticate", "Basic ");
}

static bool contains(struct span text, const char *word)
{
    return text.len > 0 && memmem(text.ptr, text.len, word, strlen(word));
}

/* What answers at /v2/ when it is not a registry. */
static void report_no_registry(struct web *web, const struct web_answer *answer)
{
    CLEANUP(buf) struct buf where = BUF_INIT(1024);
    struct span location;

    if (answer->status / 100 == 3 &&
        web_answer_field(answer, "Location", &location)) {
        web_clean(&where, location);
        web_report(web, WEB_WRONG, WEB_ADVICE_REDIRECT,
                   "/v2/ leads elsewhere (%d): %s", answer->status,
                   buf_text(&where));
    } else if (answer->status >= 502 && answer->status <= 504) {
        web_report_answer(web, WEB_WRONG, WEB_ADVICE_STOPPED,
                          "the programs of Berth do not answer the web server",
                          answer);
    } else if (answer->status >= 500) {
        web_report_answer(web, WEB_WRONG, WEB_ADVICE_FAILED,
                          "the web server or a program fails", answer);
    } else if (answer->status == 400 && contains(answer->body, "HTTPS")) {
        web_report(web, WEB_WRONG, WEB_ADVICE_NONE,
                   "this port speaks TLS: ask https://");
    } else if (answer->status == 403 && is_registry(answer)) {
        web_report_answer(web, WEB_WRONG, WEB_ADVICE_CLOSED,
                          "the web server lets nobody in from here", answer);
    } else {
        web_report_answer(web, WEB_WRONG, WEB_ADVICE_SITE,
                          "no registry is at /v2/, but something else", answer);
    }
}

/* Berth's own words about a path that is none of the API. */
static bool is_berth(struct web *web)
{
    CLEANUP(web_answer) struct web_answer answer = WEB_ANSWER_INIT;

    web_try(web,
            &(struct web_question){.path = WEB_REPOSITORY "/nothing",
                                   .as = WEB_AS_NOBODY},
            &answer);
    return answer.status == 401 ||
           (answer.status == 404 && strcmp(answer.code, "UNSUPPORTED") == 0);
}

void web_check_api(struct web *web)
{
    CLEANUP(web_answer) struct web_answer answer = WEB_ANSWER_INIT;

    web_try(web, &(struct web_question){.path = "/v2/", .as = WEB_AS_NOBODY},
            &answer);
    if (!is_registry(&answer) ||
        (answer.status != 200 && answer.status != 401)) {
        if (answer.status == 401 && !is_challenge(web, &answer))
            web_report_answer(web, WEB_WRONG, WEB_ADVICE_CHALLENGE,
                              "it asks for a password, but not how", &answer);
        else if (answer.status == 401)
            web_report(web, WEB_WRONG, WEB_ADVICE_SITE,
                       "it asks for a password, but its answer is no "
                       "registry's: there is no field " VERSION);
        else
            report_no_registry(web, &answer);
        return;
    }
    if (answer.status == 401 && !is_challenge(web, &answer)) {
        web_report(web, WEB_WRONG, WEB_ADVICE_CHALLENGE,
                   "it asks for a password, but in no way clients know");
        return;
    }
    if (answer.status == 200 && !is_berth(web)) {
        web_report(web, WEB_WRONG, WEB_ADVICE_SITE,
                   "a registry is at /v2/, but not Berth");
        return;
    }
    web->stage = WEB_STAGE_BERTH;
    if (answer.status == 401 && answer.code[0] == '\0')
        web_report(web, WEB_WARNING, WEB_ADVICE_NONE,
                   "a registry; its 401 is no JSON, so clients cannot tell "
                   "what it says: include berth/errors.conf");
    else
        web_report(web, WEB_OK, WEB_ADVICE_NONE, "a registry is at /v2/");
}
