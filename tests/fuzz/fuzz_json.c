/* SPDX-License-Identifier: MIT */
/*
 * JSON: what our scan of the grammar lets through, json-c reads; what is
 * printed is read again as the same.
 */
#include "fuzz.h"

#include "base/json.h"
#include "base/json_scan.h"

#define PRINTED_MAX (8 * 1024 * 1024)

static const struct json_limits limits = {.containers = 2000, .values = 20000};

/* The one thing the scan cannot see is a key that is there twice. */
static void check_agreement(struct span text, const struct json *document,
                            const struct err *err)
{
    struct err reason = {0};
    size_t members;
    bool scanned = json_scan(text, &limits, &members, &reason) == 0;

    if (document != NULL) {
        MUST(scanned && json_is_utf8(text));
        return;
    }
    MUST(err->code == ERR_SYNTAX);
    MUST(!scanned || strstr(err->text, "a key twice") != NULL);
}

static void check_print(const struct json *document)
{
    CLEANUP(buf) struct buf once = BUF_INIT(PRINTED_MAX);
    CLEANUP(buf) struct buf twice = BUF_INIT(PRINTED_MAX);
    CLEANUP(json) struct json *again = NULL;
    struct err err = {0};

    json_print(document, &once);
    MUST(!once.overflowed);
    MUST(json_parse(buf_span(&once), &limits, &again, &err) == 0);
    MUST(json_kind(again) == json_kind(document));
    json_print(again, &twice);
    MUST(span_equals(buf_span(&once), buf_span(&twice)));
}

/* Any bytes make a string; UTF-8 comes back as it was. */
static void check_string(struct span text)
{
    CLEANUP(buf) struct buf quoted = BUF_INIT(PRINTED_MAX);
    CLEANUP(json) struct json *string = NULL;
    struct err err = {0};
    struct span back;

    json_add_string(&quoted, text);
    MUST(json_parse(buf_span(&quoted), &limits, &string, &err) == 0);
    MUST(json_as_string(string, &back) && json_is_utf8(back));
    MUST(!json_is_utf8(text) || span_equals(back, text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(json) struct json *document = NULL;
    struct span text = fuzz_input(data, size);
    struct err err = {0};

    if (json_parse(text, &limits, &document, &err) == 0)
        check_print(document);
    check_agreement(text, document, &err);
    check_string(text);
    return 0;
}
