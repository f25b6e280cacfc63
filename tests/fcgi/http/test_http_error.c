/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/json.h"
#include "http/http_error.h"

/* Those of the distribution spec and those registry:2 added to them. */
static const char *const oci_codes[] = {
    "BLOB_UNKNOWN",
    "BLOB_UPLOAD_INVALID",
    "BLOB_UPLOAD_UNKNOWN",
    "DIGEST_INVALID",
    "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_INVALID",
    "MANIFEST_UNKNOWN",
    "NAME_INVALID",
    "NAME_UNKNOWN",
    "SIZE_INVALID",
    "UNAUTHORIZED",
    "DENIED",
    "UNSUPPORTED",
    "TOOMANYREQUESTS",
    "UNKNOWN",
    "UNAVAILABLE",
    "RANGE_INVALID",
    "TAG_INVALID",
    "PAGINATION_NUMBER_INVALID",
};

static bool is_oci_code(const char *code)
{
    for (size_t i = 0; i < ARRAY_SIZE(oci_codes); i++) {
        if (strcmp(code, oci_codes[i]) == 0)
            return true;
    }
    return false;
}

Test(http_error, every_code_has_an_answer_a_client_can_read)
{
    for (int code = 0; code < ERR_COUNT; code++) {
        const struct http_error *error = http_error_of((enum err_code)code);

        cr_expect(error->status >= 400 && error->status < 600, "%s",
                  err_name((enum err_code)code));
        cr_expect_str_neq(response_reason(error->status), "Unknown", "%s: %d",
                          err_name((enum err_code)code), error->status);
        cr_expect(is_oci_code(error->code), "%s: %s",
                  err_name((enum err_code)code), error->code);
        cr_expect(strlen(error->message) > 0 &&
                  strpbrk(error->message, "\"\\\n") == NULL);
    }
}

Test(http_error, statuses_are_those_clients_know)
{
    static const struct {
        enum err_code code;
        int status;
        const char *oci;
    } cases[] = {
        {ERR_BLOB_UNKNOWN, 404, "BLOB_UNKNOWN"},
        {ERR_BLOB_UPLOAD_UNKNOWN, 404, "BLOB_UPLOAD_UNKNOWN"},
        {ERR_MANIFEST_UNKNOWN, 404, "MANIFEST_UNKNOWN"},
        {ERR_NAME_UNKNOWN, 404, "NAME_UNKNOWN"},
        {ERR_NAME_INVALID, 400, "NAME_INVALID"},
        {ERR_TAG_INVALID, 400, "TAG_INVALID"},
        {ERR_DIGEST_INVALID, 400, "DIGEST_INVALID"},
        {ERR_SIZE_INVALID, 400, "SIZE_INVALID"},
        {ERR_MANIFEST_INVALID, 400, "MANIFEST_INVALID"},
        {ERR_MANIFEST_BLOB_UNKNOWN, 400, "MANIFEST_BLOB_UNKNOWN"},
        {ERR_MANIFEST_TOO_LARGE, 413, "MANIFEST_INVALID"},
        {ERR_PAGINATION_NUMBER_INVALID, 400, "PAGINATION_NUMBER_INVALID"},
        {ERR_RANGE_INVALID, 416, "RANGE_INVALID"},
        {ERR_METHOD_NOT_ALLOWED, 405, "UNSUPPORTED"},
        {ERR_STORE_READ_ONLY, 405, "UNSUPPORTED"},
        {ERR_TOO_MANY_TAGS, 414, "UNSUPPORTED"},
        {ERR_ROUTE_UNKNOWN, 404, "UNSUPPORTED"},
        {ERR_NO_SPACE, 507, "UNAVAILABLE"},
        {ERR_EXHAUSTED, 503, "UNAVAILABLE"},
        {ERR_READ_ONLY, 503, "UNAVAILABLE"},
        {ERR_UPLOAD_BUSY, 503, "UNAVAILABLE"},
        {ERR_BUSY, 503, "UNAVAILABLE"},
        /* Codes of the driver: the store should have turned them. */
        {ERR_NOT_FOUND, 500, "UNKNOWN"},
        {ERR_EXISTS, 500, "UNKNOWN"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct http_error *error = http_error_of(cases[i].code);

        cr_expect_eq(error->status, cases[i].status, "%s",
                     err_name(cases[i].code));
        cr_expect_str_eq(error->code, cases[i].oci, "%s",
                         err_name(cases[i].code));
    }
}

static void describe(enum err_code code, const char *detail, struct buf *into)
{
    struct response response;
    struct err err = {0};

    response_init(&response);
    response_header(&response, "Location", "/old");
    buf_add(&response.bytes, SPAN("old"));
    err_set(&err, code, "/secret/path: %s", "No such file");
    if (detail != NULL)
        err_detail(&err, "%s", detail);
    http_error_response(&err, &response);
    buf_add_format(into, "%d\n", response.status);
    buf_add(into, buf_span(&response.headers));
    buf_add(into, buf_span(&response.bytes));
    response_cleanup(&response);
}

Test(http_error, shows_the_detail_and_never_the_text)
{
    CLEANUP(buf) struct buf text = BUF_INIT(4096);

    describe(ERR_BLOB_UNKNOWN, "sha256:\"ab\"", &text);
    cr_expect_str_eq(buf_text(&text),
                     "404\n"
                     "Content-Type: application/json\r\n"
                     "{\"errors\":[{\"code\":\"BLOB_UNKNOWN\","
                     "\"message\":\"blob unknown to registry\","
                     "\"detail\":\"sha256:\\\"ab\\\"\"}]}\n");
}

Test(http_error, says_when_to_come_again_where_that_helps)
{
    CLEANUP(buf) struct buf busy = BUF_INIT(4096);
    CLEANUP(buf) struct buf full = BUF_INIT(4096);

    describe(ERR_UPLOAD_BUSY, NULL, &busy);
    cr_expect(strstr(buf_text(&busy), "Retry-After: 5\r\n"));
    describe(ERR_NO_SPACE, NULL, &full);
    cr_expect_not(strstr(buf_text(&full), "Retry-After"));
}

Test(http_error, hostile_details_stay_inside_their_string)
{
    static const struct json_limits limits = {8, 16};
    CLEANUP(buf) struct buf text = BUF_INIT(4096);
    CLEANUP(json) struct json *document = NULL;
    struct err err = {0};
    struct span detail;
    const char *body;

    describe(ERR_NAME_INVALID, "\"}]}\r\n\x01\xff</script>", &text);
    body = strstr(buf_text(&text), "{\"errors\"");
    cr_assert(body);
    cr_assert_eq(json_parse(span_of(body), &limits, &document, &err), 0, "%s",
                 err.text);
    cr_expect(json_as_string(
        json_member(json_at(json_member(document, "errors"), 0), "detail"),
        &detail));
    cr_expect(span_equals(detail, SPAN("\"}]}\r\n\x01\xEF\xBF\xBD</script>")),
              "%.*s", SPAN_ARGS(detail));
}
