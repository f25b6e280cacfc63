/* SPDX-License-Identifier: MIT */
#include "web.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/num.h"
#include "cli/command.h"

#define BODY_DEFAULT (UINT64_C(16) << 20)

static const struct {
    const char *name;
    web_check *run;
    enum web_stage from;
} checks[] = {
    {"server", web_check_reachable, WEB_STAGE_NOTHING},
    {"registry", web_check_api, WEB_STAGE_ANSWERS},
    {"tokens", web_check_realm, WEB_STAGE_BERTH},
    {"password", web_check_passwords, WEB_STAGE_BERTH},
    {"user", web_check_user, WEB_STAGE_BERTH},
    {"requests", web_check_methods, WEB_STAGE_ENTRY},
    {"lengths", web_check_lengths, WEB_STAGE_ENTRY},
    {"compression", web_check_compression, WEB_STAGE_ENTRY},
    {"body limit", web_check_limit, WEB_STAGE_METHODS},
    {"uploads", web_check_uploads, WEB_STAGE_METHODS},
    {"blobs", web_check_blobs, WEB_STAGE_PUSH},
};

/* --- for the checks --- */

void web_try(struct web *web, const struct web_question *question,
             struct web_answer *answer)
{
    struct web_question shown = *question;

    if (web->target.bearer && question->url == NULL)
        shown.token = web_token_of(web, question->as);
    buf_clear(&answer->text);
    if (web->err.code == ERR_NONE &&
        web_ask(&web->target, &shown, answer, &web->err) == 0) {
        if (question->url == NULL && question->as == WEB_AS_USER &&
            web_is_denial(answer))
            web->denies = true;
        return;
    }
    buf_clear(&answer->text);
    web_answer_parse(answer);
}

void web_report(struct web *web, enum web_result result, enum web_advice advice,
                const char *format, ...)
{
    static const char *const words[] = {
        [WEB_OK] = "ok",
        [WEB_WARNING] = "warning",
        [WEB_WRONG] = "wrong",
        [WEB_SKIPPED] = "skipped",
    };
    va_list args;

    if (web->err.code != ERR_NONE)
        return;
    printf("%-8s %s: ", words[result], web->check);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    if (advice != WEB_ADVICE_NONE)
        web_advice_print(advice, web->server);
    fflush(stdout);
    if (result == WEB_WRONG)
        web->wrong++;
}

void web_report_answer(struct web *web, enum web_result result,
                       enum web_advice advice, const char *text,
                       const struct web_answer *answer)
{
    CLEANUP(buf) struct buf what = BUF_INIT(2048);

    web_answer_describe(answer, &what);
    web_report(web, result, advice, "%s: %s", text, buf_text(&what));
}

static void run_checks(struct web *web)
{
    static const char *const reasons[] = {
        [WEB_STAGE_NOTHING] = "there is no web server to ask",
        [WEB_STAGE_ANSWERS] = "there is no registry to ask",
        [WEB_STAGE_BERTH] = "wants to be let in",
        [WEB_STAGE_ENTRY] = "wants requests to arrive",
        [WEB_STAGE_METHODS] = "wants to push",
    };

    for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
        web->check = checks[i].name;
        if (web->stage >= checks[i].from)
            checks[i].run(web);
        else
            web_report(web, WEB_SKIPPED, WEB_ADVICE_NONE, "%s",
                       reasons[web->stage]);
    }
}

/* --- the address --- */

static struct span host_of(struct span authority)
{
    size_t len = authority.len;

    if (len > 0 && authority.ptr[0] == '[') {
        const char *end = memchr(authority.ptr, ']', len);

        return span_first(authority,
                          end ? (size_t)(end + 1 - authority.ptr) : len);
    }
    return span_cut(&authority, ':');
}

bool web_is_loopback(struct span authority)
{
    struct span host = host_of(authority);
    char text[16];

    snprintf(text, sizeof(text), "%.*s", SPAN_ARGS(host));
    if (host.len < sizeof(text) && strspn(text, "0123456789.") == host.len)
        return span_starts_with(host, SPAN("127."));
    return span_equals_nocase(host, SPAN("localhost")) ||
           span_ends_with(host, SPAN(".localhost")) ||
           span_equals(host, SPAN("[::1]"));
}

/* What clients can have before a repository's name: no path, no user. */
static int parse_url(const char *text, struct web *web, struct buf *url)
{
    struct span rest = span_of(text);
    bool plain = span_starts_with(rest, SPAN("http://"));

    web->tls = !plain;
    if (plain)
        rest = span_from(rest, 7);
    else if (span_starts_with(rest, SPAN("https://")))
        rest = span_from(rest, 8);
    if (span_ends_with(rest, SPAN("/v2/")))
        rest.len -= 4;
    else if (span_ends_with(rest, SPAN("/")))
        rest.len -= 1;
    for (size_t i = 0; i < rest.len; i++) {
        if (rest.ptr[i] <= ' ' || rest.ptr[i] >= 0x7f ||
            strchr("/@?#\\\"", rest.ptr[i]) != NULL)
            return -1;
    }
    buf_add_format(url, "%s%.*s", plain ? "http://" : "https://",
                   SPAN_ARGS(rest));
    web->loopback = web_is_loopback(rest);
    web->target.url = buf_text(url);
    return rest.len > 0 && !url->overflowed ? 0 : -1;
}

/* --- the command --- */

static int parse_words(char **words, struct web *web, const char **address)
{
    const char *body = NULL;

    while (*words != NULL) {
        if (!command_value(&words, "--web", address) &&
            !command_value(&words, "--user", &web->target.user) &&
            !command_value(&words, "--ca", &web->target.ca) &&
            !command_value(&words, "--body", &body) &&
            !command_flag(&words, "--insecure", &web->target.insecure))
            return -1;
    }
    if (body != NULL &&
        (num_parse_size(span_of(body), &web->body) < 0 || web->body == 0))
        return -1;
    if (web->target.user != NULL && strpbrk(web->target.user, ":\n") != NULL)
        return -1;
    return *address == NULL || (web->target.ca && web->target.insecure) ? -1
                                                                        : 0;
}

int command_check_web(char **words)
{
    CLEANUP(buf) struct buf url = BUF_INIT(512);
    struct web web = {
        .body = BODY_DEFAULT, .limit = UINT64_MAX, .server = WEB_UNKNOWN};
    char password[WEB_PASSWORD_MAX];
    const char *address = NULL;

    if (parse_words(words, &web, &address) < 0 ||
        parse_url(address, &web, &url) < 0)
        return COMMAND_USAGE;
    signal(SIGPIPE, SIG_IGN);
    /* A file past a limit is an error that is told. */
    signal(SIGXFSZ, SIG_IGN);
    if (web_find_password(&web, password) == 0)
        run_checks(&web);
    web_target_cleanup(&web.target);
    if (web.err.code != ERR_NONE)
        return command_failed(&web.err);
    return web.wrong > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
