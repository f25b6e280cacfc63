/* SPDX-License-Identifier: MIT */
/* What serve() answers. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "fcgi/http/serve_fixture.h"

TestSuite(serve, .init = serve_setup, .fini = serve_teardown);

Test(serve, an_answer_is_status_headers_length_and_body)
{
    cr_expect_eq(request("GET", "/v2/a/b/bytes", NULL), 0);
    cr_expect_str_eq(buf_text(&answer),
                     "Status: 200 OK\r\n" HEADERS
                     "X-Name: a/b\r\nContent-Length: 5\r\n\r\nhello");
}

Test(serve, head_has_the_length_and_no_body)
{
    cr_expect_eq(request("HEAD", "/v2/a/bytes", NULL), 0);
    cr_expect_str_eq(buf_text(&answer),
                     "Status: 200 OK\r\n" HEADERS
                     "X-Name: a\r\nContent-Length: 5\r\n\r\n");
    stream.text = "!";
    cr_expect_eq(request("HEAD", "/v2/stream", NULL), 0);
    cr_expect_str_eq(buf_text(&answer),
                     "Status: 200 OK\r\n" HEADERS "Content-Length: 5\r\n\r\n");
    cr_expect_eq(closed, 1);
}

Test(serve, head_of_an_error_has_the_length_of_its_body)
{
    size_t length;

    request("GET", "/v2/fails", NULL);
    length = strlen(strstr(buf_text(&answer), "\r\n\r\n") + 4);
    request("HEAD", "/v2/fails", NULL);
    cr_expect_eq(
        strtoul(strstr(buf_text(&answer), "Content-Length: ") + 16, NULL, 10),
        length);
    cr_expect_str_eq(strstr(buf_text(&answer), "\r\n\r\n"), "\r\n\r\n");
}

Test(serve, an_error_replaces_what_the_handler_had_begun)
{
    cr_expect_eq(request("GET", "/v2/fails", NULL), 0);
    cr_expect_str_eq(
        buf_text(&answer),
        "Status: 404 Not Found\r\n" HEADERS
        "Content-Type: application/json\r\nContent-Length: 95\r\n\r\n"
        "{\"errors\":[{\"code\":\"BLOB_UNKNOWN\",\"message\":\"blob unknown "
        "to registry\",\"detail\":\"sha256:ab\"}]}\n",
        "%s", buf_text(&answer));
}

Test(serve, a_stream_is_sent_whole_and_closed)
{
    stream.text = "12345";
    cr_expect_eq(request("GET", "/v2/stream", NULL), 0);
    cr_expect_str_eq(buf_text(&answer), "Status: 200 OK\r\n" HEADERS
                                        "Content-Length: 5\r\n\r\n12345");
    cr_expect_eq(closed, 1);
}

Test(serve, a_stream_that_breaks_in_the_middle_breaks_the_answer)
{
    static const char *const texts[] = {"123!", "123"};

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        stream.text = texts[i];
        cr_expect_eq(request("GET", "/v2/stream", NULL), -1);
        cr_expect_eq(status_of_answer(), 200);
        cr_expect(strstr(last_log_line(), " broken=yes error=io "), "%s",
                  last_log_line());
        cr_expect(strncmp(last_log_line(), "<3>", 3) == 0);
    }
    cr_expect_eq(closed, 2);
}

Test(serve, a_stream_longer_than_announced_breaks_the_answer)
{
    stream.text = "1234567";
    cr_expect_eq(request("GET", "/v2/stream", NULL), -1);
    cr_expect_str_eq(strstr(buf_text(&answer), "\r\n\r\n"), "\r\n\r\n12345");
}

Test(serve, a_stream_that_cannot_begin_is_a_proper_error)
{
    static const char *const texts[] = {"!", ""};

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        stream.text = texts[i];
        cr_expect_eq(request("GET", "/v2/stream", NULL), 0);
        cr_expect_eq(status_of_answer(), 500);
        cr_expect(strstr(buf_text(&answer), "\"code\":\"UNKNOWN\""));
        cr_expect_not(strstr(buf_text(&answer), "disk"));
    }
    cr_expect_eq(closed, 2);
}

Test(serve, a_client_that_goes_away_is_no_failure_of_ours)
{
    stream.text = "12345";
    request("HEAD", "/v2/stream", NULL);
    admitted = answer.len + 2;
    closed = 0;
    cr_expect_eq(request("GET", "/v2/stream", NULL), -1);
    cr_expect(strncmp(last_log_line(), "<4>", 3) == 0, "%s", last_log_line());
    cr_expect(strstr(last_log_line(), " broken=yes error=none"));
    cr_expect_eq(closed, 1);
}

Test(serve, what_does_not_fit_is_a_500)
{
    cr_expect_eq(request("GET", "/v2/large", NULL), 0);
    cr_expect_eq(status_of_answer(), 500);
}

Test(serve, a_header_cannot_be_split_by_what_a_client_sends)
{
    request("GET", "/v2/split?v=ok", NULL);
    cr_expect_eq(status_of_answer(), 200);
    cr_expect(strstr(buf_text(&answer), "\r\nLocation: ok\r\n"));
    request("GET", "/v2/split?v=a%0d%0aX-Evil:+1", NULL);
    cr_expect_eq(status_of_answer(), 500);
    cr_expect_not(strstr(buf_text(&answer), "X-Evil"));
    request("GET", "/v2/split?v=a%0aX-Evil:+1", NULL);
    cr_expect_eq(status_of_answer(), 500);
}

Test(serve, a_status_without_a_body_has_neither_body_nor_length)
{
    request("GET", "/v2/nothing", NULL);
    cr_expect_str_eq(buf_text(&answer),
                     "Status: 304 Not Modified\r\n" HEADERS "\r\n");
}

Test(serve, a_body_the_web_server_sends_has_no_length_of_ours)
{
    request("GET", "/v2/delegated", NULL);
    cr_expect_str_eq(buf_text(&answer), "Status: 200 OK\r\n" HEADERS
                                        "X-Accel-Redirect: /x\r\n\r\n");
}

Test(serve, requests_that_cannot_be_served_say_why)
{
    static const struct {
        const char *method, *target;
        int status;
        const char *code;
    } cases[] = {
        {"GET", "/v2/a/../b/bytes", 400, "UNSUPPORTED"},
        {"GET", "/v2/a%2Fb/bytes", 400, "UNSUPPORTED"},
        {"GET", "/v2/%00/bytes", 400, "UNSUPPORTED"},
        {"GET", "/v2//a/bytes", 400, "UNSUPPORTED"},
        {"GET", "/v2/A/bytes", 400, "NAME_INVALID"},
        {"GET", "/v2/a/other", 404, "UNSUPPORTED"},
        {"GET", "/", 404, "UNSUPPORTED"},
        {"POST", "/v2/a/bytes", 405, "UNSUPPORTED"},
        {"OPTIONS", "/v2/a/bytes", 405, "UNSUPPORTED"},
        {"", "/v2/a/bytes", 405, "UNSUPPORTED"},
        {"DELETE", "/v2/stream", 405, "UNSUPPORTED"},
    };
    char code[64];

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cr_expect_eq(request(cases[i].method, cases[i].target, NULL), 0);
        cr_expect_eq(status_of_answer(), cases[i].status, "%s %s: %s",
                     cases[i].method, cases[i].target, buf_text(&answer));
        snprintf(code, sizeof(code), "\"code\":\"%s\"", cases[i].code);
        cr_expect(strstr(buf_text(&answer), code), "%s", buf_text(&answer));
    }
    cr_expect_eq(calls, 0);
}

Test(serve, a_lease_that_cannot_be_renewed_is_told_once)
{
    serve_write_settings("log = errors\n");
    request("GET", "/v2/fails", NULL);
    cr_expect_str_eq(last_log_line(), "");
    request("HEAD", "/v2/refused", NULL);
    cr_expect_eq(status_of_answer(), 404);
    cr_expect(strncmp(last_log_line(), "<4>", 3) == 0, "%s", last_log_line());
    cr_expect(strstr(last_log_line(), "renew blobs/x: Permission denied"), "%s",
              last_log_line());
    serve_write_settings("log = all\n");
    request("HEAD", "/v2/refused", NULL);
    cr_expect(strncmp(last_log_line(), "<6>", 3) == 0, "%s", last_log_line());
}
