/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>

#include "http/request.h"

static struct request request;
static struct err err;

static int parse(const char *target, const char *length)
{
    static char uri[REQUEST_TARGET_MAX + 64], content_length[64];
    const char *parameters[] = {"REQUEST_METHOD=GET", uri, content_length,
                                NULL};
    /* request_parameter looks at them later. */
    static const char *kept[ARRAY_SIZE(parameters)];

    snprintf(uri, sizeof(uri), "REQUEST_URI=%s", target);
    snprintf(content_length, sizeof(content_length), "CONTENT_LENGTH=%s",
             length);
    memcpy(kept, parameters, sizeof(kept));
    err_clear(&err);
    return request_parse(kept, &request, &err);
}

static void teardown(void)
{
    request_cleanup(&request);
}

TestSuite(request, .fini = teardown);

Test(request, a_path_is_decoded_once_and_must_be_in_its_normal_form)
{
    static const struct {
        const char *target;
        const char *path; /* NULL = refused */
    } cases[] = {
        {"/v2/", "/v2/"},
        {"/v2", "/v2"},
        {"/", "/"},
        {"/v2/?n=1", "/v2/"},
        {"/v2/a/b/tags/list", "/v2/a/b/tags/list"},
        {"/v2/%61/tags/list", "/v2/a/tags/list"},
        {"/v2/a/blobs/sha256%3Aab", "/v2/a/blobs/sha256:ab"},
        {"/v2/a+b", "/v2/a+b"},
        {"/v2/...", "/v2/..."},
        {"/v2/.a", "/v2/.a"},
        {"/v2/a..b", "/v2/a..b"},
        {"", NULL},
        {"v2/", NULL},
        {"http://host/v2/", "/v2/"},
        {"HTTPS://host:443/v2/a?n=1", "/v2/a"},
        {"http://host", NULL},
        {"http://host?/v2/", NULL},
        {"http:///v2/a/../b", NULL},
        {"http:/v2/", NULL},
        {"ftp://host/v2/", NULL},
        {"*", NULL},
        {"//v2/", NULL},
        {"/v2//", NULL},
        {"/v2//a", NULL},
        {"/v2/a//b", NULL},
        {"/v2/a%2Fb/tags/list", NULL},
        {"/v2/a%2fb/tags/list", NULL},
        {"/v2/%2Fa", NULL},
        {"/v2/a%2F%2Fb", NULL},
        {"/v2/.", NULL},
        {"/v2/./a", NULL},
        {"/v2/a/.", NULL},
        {"/v2/..", NULL},
        {"/v2/../a", NULL},
        {"/v2/a/../b", NULL},
        {"/v2/%2e%2e/a", NULL},
        {"/v2/.%2E/a", NULL},
        {"/v2/a%2F..%2Fb", NULL},
        {"/v2/%252e%252e/a", NULL},
        {"/v2/a%25", NULL},
        {"/v2/a%00b", NULL},
        {"/v2/a%0Ab", NULL},
        {"/v2/a%0D%0Ab", NULL},
        {"/v2/a%20b", NULL},
        {"/v2/a b", NULL},
        {"/v2/a\tb", NULL},
        {"/v2/a%7Fb", NULL},
        {"/v2/\x7f", NULL},
        {"/v2/a\\b", NULL},
        {"/v2/a%5Cb", NULL},
        {"/v2/..%5Ca", NULL},
        {"/v2/\xC3\xA4", NULL},
        {"/v2/%C3%A4", NULL},
        {"/v2/%C0%AE%C0%AE/a", NULL},
        {"/v2/%", NULL},
        {"/v2/%2", NULL},
        {"/v2/%2g", NULL},
        {"/v2/%g2", NULL},
        {"/v2/%u002e", NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int result = parse(cases[i].target, "");

        if (cases[i].path == NULL) {
            cr_expect_eq(result, -1, "'%s'", cases[i].target);
            cr_expect_eq(err.code, ERR_BAD_REQUEST, "'%s'", cases[i].target);
        } else {
            cr_expect_eq(result, 0, "'%s'", cases[i].target);
            cr_expect(span_equals(request.path, span_of(cases[i].path)),
                      "'%s' gives '%.*s'", cases[i].target,
                      SPAN_ARGS(request.path));
        }
        cr_expect(span_equals(request.target, span_of(cases[i].target)));
        request_cleanup(&request);
    }
}

Test(request, a_query_is_decoded_pairs_in_which_plus_is_plus)
{
    struct span value;

    cr_assert_eq(
        parse("/v2/?n=10&last=a%2Fb&&empty=&bare&n=20&t=a+b&x=y=z", ""), 0);
    cr_expect_eq(request.query_count, 7);
    cr_expect(request_query(&request, "n", &value));
    cr_expect(span_equals(value, SPAN("10")), "the first one counts");
    cr_expect(request_query(&request, "last", &value));
    cr_expect(span_equals(value, SPAN("a/b")));
    cr_expect(request_query(&request, "empty", &value));
    cr_expect_eq(value.len, 0);
    cr_expect(request_query(&request, "bare", &value));
    cr_expect_eq(value.len, 0);
    cr_expect(request_query(&request, "t", &value));
    cr_expect(span_equals(value, SPAN("a+b")));
    cr_expect(request_query(&request, "x", &value));
    cr_expect(span_equals(value, SPAN("y=z")));
    cr_expect_not(request_query(&request, "N", &value));
    cr_expect_not(request_query(&request, "", &value));
}

Test(request, a_query_keeps_bytes_that_a_path_may_not_have)
{
    struct span value;

    cr_assert_eq(parse("/v2/?a=%00%0A/../%25", ""), 0);
    cr_expect(request_query(&request, "a", &value));
    cr_expect(span_equals(value, ((struct span){"\0\n/../%", 7})));
}

Test(request, a_second_question_mark_is_refused)
{
    static const char *const targets[] = {
        "/v2/??",
        "/v2/?n=1?",
        "/v2/?n=1?last=a",
        "/v2/a/b?/../../c/d?e",
    };

    for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
        cr_expect_eq(parse(targets[i], ""), -1, "'%s'", targets[i]);
        cr_expect_eq(err.code, ERR_BAD_REQUEST, "'%s'", targets[i]);
        request_cleanup(&request);
    }
    cr_expect_eq(parse("/v2/?n=%3F1", ""), 0);
    request_cleanup(&request);
}

Test(request, a_broken_escape_in_a_query_is_refused)
{
    cr_expect_eq(parse("/v2/?a=%2", ""), -1);
    cr_expect_eq(err.code, ERR_BAD_REQUEST);
}

Test(request, more_pairs_than_fit_are_refused_not_forgotten)
{
    static char target[8 * REQUEST_QUERY_MAX];
    size_t used = (size_t)snprintf(target, sizeof(target), "/v2/?");

    for (int i = 0; i < REQUEST_QUERY_MAX; i++)
        used += (size_t)snprintf(target + used, sizeof(target) - used, "t=%d&",
                                 i % 10);
    cr_expect_eq(parse(target, ""), 0);
    cr_expect_eq(request.query_count, REQUEST_QUERY_MAX);
    request_cleanup(&request);
    snprintf(target + used, sizeof(target) - used, "t=x");
    cr_expect_eq(parse(target, ""), -1);
    cr_expect_eq(err.code, ERR_TOO_MANY_TAGS);
}

Test(request, a_target_has_an_upper_limit)
{
    static char target[REQUEST_TARGET_MAX + 1];

    memset(target, 'a', REQUEST_TARGET_MAX);
    target[0] = '/';
    cr_expect_eq(parse(target, ""), -1);
    cr_expect_eq(err.code, ERR_TOO_MANY_TAGS);
    request_cleanup(&request);
    target[REQUEST_TARGET_MAX - 1] = '\0';
    cr_expect_eq(parse(target, ""), 0);
    cr_expect_eq(request.path.len, REQUEST_TARGET_MAX - 1);
}

Test(request, a_length_is_a_number_or_absent)
{
    static const struct {
        const char *text;
        int result;
        bool has_length;
        uint64_t length;
    } cases[] = {
        {"", 0, false, 0},
        {"0", 0, true, 0},
        {"10737418240", 0, true, UINT64_C(10737418240)},
        {"18446744073709551615", 0, true, UINT64_MAX},
        {"18446744073709551616", -1, false, 0},
        {"-1", -1, false, 0},
        {"1 ", -1, false, 0},
        {"0x10", -1, false, 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cr_expect_eq(parse("/v2/", cases[i].text), cases[i].result, "'%s'",
                     cases[i].text);
        cr_expect_eq(request.has_content_length, cases[i].has_length);
        cr_expect_eq(request.content_length, cases[i].length);
        request_cleanup(&request);
    }
}

Test(request, every_field_comes_from_its_own_parameter)
{
    static const char *const parameters[] = {
        "REQUEST_METHOD=PUT",
        "REQUEST_URI=/v2/",
        "REQUEST_URI_MORE=/other",
        "CONTENT_TYPE=text/plain",
        "CONTENT_LENGTH=5",
        "HTTP_RANGE=bytes=0-1",
        "HTTP_IF_RANGE=\"a\"",
        "HTTP_IF_NONE_MATCH=\"b\"",
        "HTTP_CONTENT_RANGE=0-4",
        "HTTP_USER_AGENT=curl",
        "REMOTE_ADDR=192.0.2.1",
        "HTTP_X=1=2",
        NULL,
    };

    cr_assert_eq(request_parse(parameters, &request, &err), 0);
    cr_expect_eq(request.method, HTTP_PUT);
    cr_expect(span_equals(request.target, SPAN("/v2/")));
    cr_expect(span_equals(request.content_type, SPAN("text/plain")));
    cr_expect(span_equals(request.range, SPAN("bytes=0-1")));
    cr_expect(span_equals(request.if_range, SPAN("\"a\"")));
    cr_expect(span_equals(request.if_none_match, SPAN("\"b\"")));
    cr_expect(span_equals(request.content_range, SPAN("0-4")));
    cr_expect(span_equals(request.user_agent, SPAN("curl")));
    cr_expect(span_equals(request.remote_address, SPAN("192.0.2.1")));
    cr_expect(span_equals(request_parameter(&request, "HTTP_X"), SPAN("1=2")));
    cr_expect_null(request_parameter(&request, "HTTP_").ptr);
    cr_expect_null(request_parameter(&request, "ABSENT").ptr);
}

Test(request, methods_are_told_apart_by_their_exact_name)
{
    static const struct {
        const char *text;
        enum http_method method;
    } cases[] = {
        {"REQUEST_METHOD=GET", HTTP_GET},
        {"REQUEST_METHOD=HEAD", HTTP_HEAD},
        {"REQUEST_METHOD=POST", HTTP_POST},
        {"REQUEST_METHOD=PUT", HTTP_PUT},
        {"REQUEST_METHOD=PATCH", HTTP_PATCH},
        {"REQUEST_METHOD=DELETE", HTTP_DELETE},
        {"REQUEST_METHOD=get", HTTP_OTHER},
        {"REQUEST_METHOD=GETS", HTTP_OTHER},
        {"REQUEST_METHOD=OPTIONS", HTTP_OTHER},
        {"REQUEST_METHOD=", HTTP_OTHER},
        {"REQUEST=GET", HTTP_OTHER},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *const parameters[] = {cases[i].text, "REQUEST_URI=/", NULL};

        cr_assert_eq(request_parse(parameters, &request, &err), 0);
        cr_expect_eq(request.method, cases[i].method, "%s", cases[i].text);
        request_cleanup(&request);
    }
}

Test(request, without_any_parameter_there_is_nothing_to_answer)
{
    static const char *const parameters[] = {NULL};

    cr_expect_eq(request_parse(parameters, &request, &err), -1);
    cr_expect_eq(err.code, ERR_BAD_REQUEST);
    cr_expect_eq(request.method, HTTP_OTHER);
}
