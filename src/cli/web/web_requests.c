/* SPDX-License-Identifier: MIT */
/* Whether requests and answers arrive as they were sent. */
#include "web.h"

#include <string.h>

#define DIGEST                                                                 \
    "sha256:"                                                                  \
    "0000000000000000000000000000000000000000000000000000000000000000"
#define UPLOAD                                                                 \
    WEB_REPOSITORY "/blobs/uploads/00000000-0000-4000-8000-000000000000"
#define BLOB WEB_REPOSITORY "/blobs/" DIGEST
#define MANIFEST WEB_REPOSITORY "/manifests/none"
#define MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"

const struct web_probe web_probes[] = {
    {.name = "GET /v2/", .question = {.path = "/v2/"}, .status = 200},
    {.name = "GET catalog",
     .question = {.path = "/v2/_catalog?n=1"},
     .status = 200},
    {.name = "GET tags",
     .question = {.path = WEB_REPOSITORY "/tags/list"},
     .status = 404,
     .code = "NAME_UNKNOWN"},
    {.name = "GET referrers",
     .question = {.path = WEB_REPOSITORY "/referrers/" DIGEST},
     .status = 200},
    {.name = "GET manifest",
     .question = {.path = MANIFEST},
     .status = 404,
     .code = "MANIFEST_UNKNOWN"},
    {.name = "HEAD manifest",
     .question = {.method = "HEAD", .path = MANIFEST},
     .status = 404},
    {.name = "GET blob",
     .question = {.path = BLOB},
     .status = 404,
     .code = "BLOB_UNKNOWN",
     .with_wrong_password = true},
    {.name = "PUT manifest",
     .question = {.method = "PUT",
                  .path = MANIFEST,
                  .body = "{}",
                  .fields = {"Content-Type: " MANIFEST_TYPE}},
     .status = 400,
     .code = "MANIFEST_INVALID",
     .writes = true,
     .with_wrong_password = true},
    {.name = "DELETE manifest",
     .question = {.method = "DELETE", .path = MANIFEST},
     .status = 404,
     .code = "MANIFEST_UNKNOWN",
     .writes = true},
    {.name = "DELETE blob",
     .question = {.method = "DELETE", .path = BLOB},
     .status = 404,
     .code = "BLOB_UNKNOWN",
     .writes = true},
    {.name = "POST upload",
     .question = {.method = "POST",
                  .path = WEB_REPOSITORY "/blobs/uploads/?digest=none",
                  .body = ""},
     .status = 400,
     .code = "DIGEST_INVALID",
     .writes = true},
    {.name = "PATCH upload",
     .question = {.method = "PATCH",
                  .path = UPLOAD,
                  .body = "x",
                  .fields = {"Content-Type: application/octet-stream"}},
     .status = 404,
     .code = "BLOB_UPLOAD_UNKNOWN",
     .writes = true,
     .with_wrong_password = true},
    {.name = "PUT upload",
     .question = {.method = "PUT",
                  .path = UPLOAD "?digest=" DIGEST,
                  .body = ""},
     .status = 404,
     .code = "BLOB_UPLOAD_UNKNOWN",
     .writes = true},
    {.name = "DELETE upload",
     .question = {.method = "DELETE", .path = UPLOAD},
     .status = 404,
     .code = "BLOB_UPLOAD_UNKNOWN",
     .writes = true},
};
const size_t web_probe_count = ARRAY_SIZE(web_probes);

const struct web_probe *web_probe_of(const char *method)
{
    for (size_t i = 0; i < web_probe_count; i++) {
        const char *asked = web_probes[i].question.method;

        if (asked != NULL && strcmp(asked, method) == 0)
            return &web_probes[i];
    }
    return &web_probes[0];
}

/* And not an error page of the web server's. */
static bool is_own(const struct web_answer *answer)
{
    return web_answer_field_begins(answer, "X-Content-Type-Options", "nosniff");
}

/* `delete = no` or `readonly = yes` in berth.conf: Berth's own 405. */
static bool is_switched_off(const struct web_probe *probe,
                            const struct web_answer *answer)
{
    return probe->writes && answer->status == 405 &&
           strcmp(answer->code, "UNSUPPORTED") == 0 && is_own(answer);
}

bool web_is_denial(const struct web_answer *answer)
{
    struct web_challenge challenge;

    if (!is_own(answer))
        return false;
    return answer->status == 403 ||
           (answer->status == 401 &&
            web_challenge_of(answer, "Bearer", &challenge) &&
            strcmp(challenge.error, "insufficient_scope") == 0);
}

bool web_probe_arrived(const struct web_probe *probe,
                       const struct web_answer *answer)
{
    if (is_switched_off(probe, answer) || web_is_denial(answer))
        return true;
    if (answer->status != probe->status)
        return false;
    if (probe->code == NULL)
        return web_answer_field_begins(answer, "Content-Type", "application/");
    return strcmp(answer->code, probe->code) == 0 ||
           strcmp(answer->code, "NAME_UNKNOWN") == 0;
}

void web_probe_ask(struct web *web, const struct web_probe *probe,
                   enum web_as as, struct web_answer *answer)
{
    struct web_question question = probe->question;

    question.as = as;
    web_try(web, &question, answer);
}

void web_check_methods(struct web *web)
{
    CLEANUP(web_answer) struct web_answer answer = WEB_ANSWER_INIT;
    CLEANUP(buf) struct buf list = BUF_INIT(4096), denied = BUF_INIT(1024);
    enum web_advice advice = WEB_ADVICE_METHODS;
    bool off = false;

    for (size_t i = 0; i < web_probe_count; i++) {
        const struct web_probe *probe = &web_probes[i];

        web_probe_ask(web, probe, WEB_AS_USER, &answer);
        off = off || is_switched_off(probe, &answer);
        if (web_is_denial(&answer))
            buf_add_format(&denied, "%s%s",
                           denied.len > 0 ? ", " : ", but not for this user: ",
                           probe->name);
        if (web_probe_arrived(probe, &answer))
            continue;
        if (answer.status >= 502 && answer.status <= 504 && !is_own(&answer))
            advice = WEB_ADVICE_STOPPED;
        else if (answer.status >= 500 && answer.status != 501)
            advice = WEB_ADVICE_FAILED;
        buf_add_format(&list, "%s%s (", list.len > 0 ? ", " : "", probe->name);
        web_answer_describe(&answer, &list);
        buf_add_char(&list, ')');
    }
    if (list.len > 0)
        web_report(web, WEB_WRONG, advice, "Berth does not get: %s",
                   buf_text(&list));
    else
        web_report(web, WEB_OK, WEB_ADVICE_NONE, "all reach Berth%s%s",
                   off ? ", which refuses some, as berth.conf says" : "",
                   buf_text(&denied));
    if (list.len == 0)
        web->stage = WEB_STAGE_METHODS;
}

/* The one that Apache drops is of a program's answer with a body. */
void web_check_lengths(struct web *web)
{
    CLEANUP(web_answer) struct web_answer answer = WEB_ANSWER_INIT;
    struct span length;
    size_t wrong = web->wrong;

    web_try(web, &(struct web_question){.method = "HEAD", .path = "/v2/"},
            &answer);
    if (answer.status != 200)
        web_report_answer(web, WEB_WRONG, WEB_ADVICE_METHODS,
                          "HEAD of /v2/ does not reach Berth", &answer);
    else if (!web_answer_field(&answer, "Content-Length", &length))
        web_report(web, WEB_WRONG, WEB_ADVICE_LENGTH,
                   "answers to HEAD have lost their Content-Length");
    else if (!span_equals(length, SPAN("2")))
        web_report(web, WEB_WRONG, WEB_ADVICE_LENGTH,
                   "the Content-Length of an answer to HEAD was changed");
    else
        web_report(web, WEB_OK, WEB_ADVICE_NONE,
                   "answers to HEAD tell their Content-Length");
    web->lengthless = web->wrong > wrong;
}

void web_check_compression(struct web *web)
{
    static const char *const paths[] = {"/v2/_catalog?n=1", MANIFEST};
    CLEANUP(web_answer) struct web_answer answer = WEB_ANSWER_INIT;
    struct span encoding;

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        web_try(web,
                &(struct web_question){
                    .path = paths[i],
                    .fields = {"Accept-Encoding: gzip, br, zstd"}},
                &answer);
        if (web_answer_field(&answer, "Content-Encoding", &encoding)) {
            CLEANUP(buf) struct buf name = BUF_INIT(1024);

            web_clean(&name, encoding);
            web_report(web, WEB_WRONG, WEB_ADVICE_COMPRESSION,
                       "answers are compressed (%s)", buf_text(&name));
            web->compressed = true;
            return;
        }
    }
    web_report(web, WEB_OK, WEB_ADVICE_NONE, "none is added to answers");
}
