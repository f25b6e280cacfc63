/* SPDX-License-Identifier: MIT */
/* The answer of a web server that `berth check --web` asked. */
#include "fuzz.h"

#include "cli/web/web_answer.h"
#include "cli/web/web_challenge.h"

static void check_inside(const struct web_answer *answer, struct span part)
{
    struct span all = buf_span(&answer->text);

    MUST(part.len == 0 ||
         (part.ptr >= all.ptr && part.ptr + part.len <= all.ptr + all.len));
}

static void check_shown(const struct web_answer *answer)
{
    CLEANUP(buf) struct buf shown = BUF_INIT(4096);

    web_answer_describe(answer, &shown);
    MUST(shown.len > 0 && !shown.overflowed);
    for (size_t i = 0; i < shown.len; i++)
        MUST(shown.ptr[i] >= ' ' && shown.ptr[i] < 0x7f);
}

/* What goes on to curl: as a URL, and in a header. */
static void check_bearer(const struct web_answer *answer)
{
    static const char *const scopes[] = {"repository:a:pull", NULL};
    CLEANUP(buf) struct buf url = BUF_INIT(8 * WEB_CHALLENGE_MAX);
    static struct web_challenge challenge;
    static struct web_token token;

    if (web_challenge_of(answer, "Bearer", &challenge) &&
        web_challenge_url(&challenge, scopes, &url)) {
        MUST(span_starts_with(buf_span(&url), SPAN("http")));
        for (size_t i = 0; i < url.len; i++)
            MUST(url.ptr[i] > ' ' && url.ptr[i] < 0x7f && url.ptr[i] != '"');
    }
    if (web_token_parse(answer->body, &token)) {
        MUST(token.text[0] != '\0' && strlen(token.text) < WEB_TOKEN_MAX);
        for (const char *c = token.text; *c != '\0'; c++)
            MUST(*c > ' ' && *c < 0x7f && *c != '"' && *c != '\\');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(web_answer) struct web_answer answer = WEB_ANSWER_INIT;
    struct span value;

    if (size > WEB_ANSWER_MAX)
        return 0;
    buf_add(&answer.text, fuzz_input(data, size));
    web_answer_parse(&answer);
    MUST(answer.status == 0 || (answer.status >= 200 && answer.status <= 999));
    check_inside(&answer, answer.fields);
    check_inside(&answer, answer.body);
    if (answer.status != 0)
        MUST(answer.body.ptr + answer.body.len ==
             answer.text.ptr + answer.text.len);
    if (web_answer_field(&answer, "Location", &value)) {
        check_inside(&answer, value);
        MUST(memchr(value.ptr, '\n', value.len) == NULL);
    }
    check_shown(&answer);
    check_bearer(&answer);
    return 0;
}
