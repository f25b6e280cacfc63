/* SPDX-License-Identifier: MIT */
/* Whether bodies and blobs arrive, and how long they may be. */
#include "web.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"

#define UPLOADS WEB_REPOSITORY "/blobs/uploads/"
#define LOCATION_MAX 1024
#define SMALL 1024
#define MIDDLE (UINT64_C(16) << 20)
#define HUGE (UINT64_C(8) << 30)
/* Below that, layers of usual images are refused. */
#define LIMIT_WRONG (UINT64_C(64) << 20)
#define BUSY_TRIES 3

/* Of every run, so that the blob is not another one each time. */
static const char blob_text[] = "berth check --web asks with this blob\n";

/* --- the limit, found without sending anything --- */

/* Whether the web server refuses a body by its length alone. */
static bool refuses(struct web *web, uint64_t size, struct web_answer *answer)
{
    struct web_question question = web_probe_of("PATCH")->question;

    question.as = WEB_AS_USER;
    question.body = NULL;
    question.zeros = size;
    question.only_ask = true;
    web_try(web, &question, answer);
    return answer->status == 413;
}

static uint64_t find_limit(struct web *web, struct web_answer *answer)
{
    uint64_t low = 1, high = HUGE; /* admitted, as a rule, and refused */

    while (high - low > 1 && high - low > low / 1024) {
        uint64_t middle = low + (high - low) / 2;

        if (refuses(web, middle, answer))
            high = middle;
        else
            low = middle;
    }
    return low;
}

static void report_limit(struct web *web, uint64_t limit)
{
    char size[32];

    if (limit >= 10 << 20)
        snprintf(size, sizeof(size), "%" PRIu64 " MB", (limit + 512) >> 20);
    else
        snprintf(size, sizeof(size), "%" PRIu64 " KB", (limit + 512) >> 10);
    web_report(web, limit < LIMIT_WRONG ? WEB_WRONG : WEB_WARNING,
               WEB_ADVICE_LIMIT,
               "the web server refuses bodies (413) from about %s on", size);
}

void web_check_limit(struct web *web)
{
    CLEANUP(web_answer) struct web_answer answer = WEB_ANSWER_INIT;

    if (refuses(web, HUGE, &answer)) {
        web->limit = find_limit(web, &answer);
        report_limit(web, web->limit);
        return;
    }
    if (answer.status == 417)
        web_report(web, WEB_WRONG, WEB_ADVICE_EXPECT,
                   "Expect: 100-continue is refused (417)");
    else if (answer.continued ||
             web_probe_arrived(web_probe_of("PATCH"), &answer))
        web_report(web, WEB_OK, WEB_ADVICE_NONE,
                   "8 GB are not refused, nor Expect: 100-continue");
    else if (answer.status == 0)
        web_report(web, WEB_WARNING, WEB_ADVICE_EXPECT,
                   "Expect: 100-continue gets no answer");
    else
        web_report_answer(web, WEB_WRONG, WEB_ADVICE_UPLOAD,
                          "a long body is refused", &answer);
}

/* --- an upload in pieces --- */

/* False with a finding when nothing can be pushed. */
static bool begin_upload(struct web *web, struct web_answer *answer)
{
    web_try(
        web,
        &(struct web_question){.method = "POST", .path = UPLOADS, .body = ""},
        answer);
    if (answer->status == 202) {
        web->stage = WEB_STAGE_PUSH;
        return true;
    }
    if (answer->status == 401 || answer->status == 403)
        web_report_answer(web, WEB_WARNING, WEB_ADVICE_NONE,
                          "not looked at: the user may not push to berth-check",
                          answer);
    else if (answer->status == 405 && strcmp(answer->code, "UNSUPPORTED") == 0)
        web_report(web, WEB_WARNING, WEB_ADVICE_NONE,
                   "not looked at: the registry is read-only");
    else
        web_report_answer(web, WEB_WRONG, WEB_ADVICE_FAILED,
                          "none can be begun", answer);
    return false;
}

/* The path to go on at. False with a finding for one that leads elsewhere. */
static bool take_location(struct web *web, const struct web_answer *answer,
                          char into[LOCATION_MAX])
{
    CLEANUP(buf) struct buf shown = BUF_INIT(1024);
    struct span location = SPAN(""), url = span_of(web->target.url);
    bool same;

    if (web_answer_field(answer, "Location", &location) &&
        span_starts_with(location, url))
        location = span_from(location, url.len);
    same = span_starts_with(location, SPAN(UPLOADS)) &&
           location.len < LOCATION_MAX;
    if (same)
        snprintf(into, LOCATION_MAX, "%.*s", SPAN_ARGS(location));
    else
        web_clean(&shown, location);
    if (!same)
        web_report(web, WEB_WRONG, WEB_ADVICE_LOCATION,
                   "their Location does not lead to this registry: \"%s\"",
                   buf_text(&shown));
    return same;
}

/* The web server may have cut a body off without a word. */
static bool has_arrived(const struct web_answer *answer, uint64_t total)
{
    struct span range;
    char wanted[32];

    snprintf(wanted, sizeof(wanted), "0-%" PRIu64, total - 1);
    return answer->status == 202 && web_answer_field(answer, "Range", &range) &&
           span_equals(range, span_of(wanted));
}

/* `*total` counts the bytes of the upload. */
static bool send_piece(struct web *web, const char *location, uint64_t size,
                       bool chunked, uint64_t *total)
{
    CLEANUP(web_answer) struct web_answer answer = WEB_ANSWER_INIT;
    char text[96];

    /* docker and podman do not wait to be asked for a chunked body. */
    web_try(web,
            &(struct web_question){
                .method = "PATCH",
                .path = location,
                .zeros = size,
                .chunked = chunked,
                .fields = {"Content-Type: application/octet-stream",
                           chunked ? "Expect:" : "Expect: 100-continue"}},
            &answer);
    *total += size;
    if (has_arrived(&answer, *total))
        return true;
    snprintf(text, sizeof(text), "%" PRIu64 " KB %s %s", size >> 10,
             chunked ? "in chunks (without Content-Length)"
                     : "with Content-Length",
             answer.status == 202 ? "arrive in part only" : "are refused");
    web_report_answer(web, WEB_WRONG,
                      answer.status == 413 ? WEB_ADVICE_LIMIT
                                           : WEB_ADVICE_UPLOAD,
                      text, &answer);
    return false;
}

/* A program may still be busy with a request that was broken off. */
static void cancel_upload(struct web *web, const char *location)
{
    CLEANUP(web_answer) struct web_answer answer = WEB_ANSWER_INIT;

    for (int i = 0; i < BUSY_TRIES; i++) {
        web_try(web,
                &(struct web_question){.method = "DELETE", .path = location},
                &answer);
        if (answer.status == 204 || answer.status == 404)
            return;
    }
    web_report_answer(web, WEB_WARNING, WEB_ADVICE_NONE,
                      "one cannot be cancelled; `berth purge` removes it in "
                      "time",
                      &answer);
}

static uint64_t lesser(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Below a limit that was told already, each is told for itself. */
void web_check_uploads(struct web *web)
{
    CLEANUP(web_answer) struct web_answer answer = WEB_ANSWER_INIT;
    uint64_t long_piece = lesser(web->body, web->limit / 2);
    uint64_t total = 0, chunks = lesser(MIDDLE, web->limit / 2);
    char location[LOCATION_MAX];
    bool whole;

    if (web->limit < 2 * SMALL) {
        web_report(web, WEB_SKIPPED, WEB_ADVICE_NONE, "wants longer bodies");
        return;
    }
    if (!begin_upload(web, &answer) || !take_location(web, &answer, location))
        return;
    whole = send_piece(web, location, SMALL, true, &total) &&
            send_piece(web, location, chunks, true, &total) &&
            send_piece(web, location, long_piece, false, &total);
    if (whole)
        web_report(web, WEB_OK, WEB_ADVICE_NONE,
                   "%" PRIu64 " KB arrived with Content-Length, and %" PRIu64
                   " KB in chunks",
                   long_piece >> 10, chunks >> 10);
    cancel_upload(web, location);
}

/* --- blobs --- */

struct blob {
    char path[160];
    bool there;
};

static void push_blob(struct web *web, const char *text, struct blob *blob)
{
    CLEANUP(web_answer) struct web_answer answer = WEB_ANSWER_INIT;
    char hex[HASH_HEX_MAX], path[256];
    struct hash hash;

    hash_init(&hash, HASH_SHA256);
    hash_update(&hash, text, strlen(text));
    hash_final(&hash, hex);
    snprintf(blob->path, sizeof(blob->path), WEB_REPOSITORY "/blobs/sha256:%s",
             hex);
    snprintf(path, sizeof(path), UPLOADS "?digest=sha256:%s", hex);
    web_try(web,
            &(struct web_question){
                .method = "POST",
                .path = path,
                .body = text,
                .fields = {"Content-Type: application/octet-stream"}},
            &answer);
    blob->there = answer.status == 201;
    if (!blob->there)
        web_report_answer(web, WEB_WRONG, WEB_ADVICE_FAILED,
                          "one in a single request is refused", &answer);
}

static void remove_blob(struct web *web, const struct blob *blob)
{
    CLEANUP(web_answer) struct web_answer answer = WEB_ANSWER_INIT;

    if (blob->there)
        web_try(web,
                &(struct web_question){.method = "DELETE", .path = blob->path},
                &answer);
}

static bool is_zero_length(const struct web_answer *answer)
{
    struct span length;

    return answer->status == 200 &&
           web_answer_field(answer, "Content-Length", &length) &&
           span_equals(length, SPAN("0"));
}

static void look_at_empty(struct web *web, const struct blob *empty)
{
    CLEANUP(web_answer) struct web_answer answer = WEB_ANSWER_INIT;

    web_try(web, &(struct web_question){.method = "HEAD", .path = empty->path},
            &answer);
    if (!is_zero_length(&answer))
        web_report_answer(web, WEB_WRONG, WEB_ADVICE_EMPTY,
                          "HEAD of the empty blob has no Content-Length",
                          &answer);
}

/* True when pulls work, whole and in part. */
static bool look_at_pulls(struct web *web, const struct blob *blob)
{
    CLEANUP(web_answer) struct web_answer answer = WEB_ANSWER_INIT;
    struct span all = {blob_text, sizeof(blob_text) - 1};

    web_try(
        web,
        &(struct web_question){
            .path = blob->path,
            .fields = {web->compressed ? NULL : "Accept-Encoding: gzip, br"}},
        &answer);
    if (answer.status != 200 || !span_equals(answer.body, all)) {
        web_report_answer(web, WEB_WRONG, WEB_ADVICE_COMPRESSION,
                          "one does not come as it was pushed", &answer);
        return false;
    }
    web_try(web,
            &(struct web_question){.path = blob->path,
                                   .fields = {"Range: bytes=6-10"}},
            &answer);
    if (answer.status == 206 && span_equals(answer.body, SPAN("check")))
        return true;
    web_report_answer(web, WEB_WRONG, WEB_ADVICE_RANGE,
                      "a part of one cannot be pulled (Range)", &answer);
    return false;
}

/* Nobody has shown a token or a password for what is there. */
static bool is_closed(struct web *web, const struct blob *blob)
{
    CLEANUP(web_answer) struct web_answer answer = WEB_ANSWER_INIT;

    web_try(web,
            &(struct web_question){.path = blob->path, .as = WEB_AS_NOBODY},
            &answer);
    if (answer.status == 401 || answer.status == 403)
        return true;
    web_report_answer(web, WEB_WRONG, WEB_ADVICE_DIRECT,
                      "everybody can pull a blob that is there", &answer);
    return false;
}

/* The field is of the direct rule: see nginx/route.conf. */
static void look_at_direct(struct web *web, const struct blob *blob)
{
    CLEANUP(web_answer) struct web_answer answer = WEB_ANSWER_INIT;
    struct span value;
    bool active;

    web->check = "direct rule";
    if ((web->target.bearer || web->shut) && !is_closed(web, blob))
        return;
    web_try(web, &(struct web_question){.path = blob->path}, &answer);
    active = web_answer_field(&answer, "Berth-Direct", &value);
    if (active && (web->target.bearer || web->denies))
        web_report(web, WEB_WRONG, WEB_ADVICE_DIRECT,
                   "active, though a program has to see who may pull");
    else
        web_report(web, WEB_OK, WEB_ADVICE_NONE, "%s",
                   active
                       ? "active: the web server answers pulls of blobs by "
                         "itself"
                       : "not active: a program looks at each pull of a blob");
}

void web_check_blobs(struct web *web)
{
    struct blob blob, empty;
    size_t wrong = web->wrong;

    push_blob(web, blob_text, &blob);
    push_blob(web, "", &empty);
    if (empty.there && !web->lengthless)
        look_at_empty(web, &empty);
    if (blob.there && look_at_pulls(web, &blob) && wrong == web->wrong)
        web_report(web, WEB_OK, WEB_ADVICE_NONE,
                   "come as they were pushed, whole and in parts");
    if (blob.there)
        look_at_direct(web, &blob);
    remove_blob(web, &blob);
    remove_blob(web, &empty);
}
