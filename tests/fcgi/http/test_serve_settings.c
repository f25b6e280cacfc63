/* SPDX-License-Identifier: MIT */
/* What the settings do to a request, and what is logged of it. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "fcgi/http/serve_fixture.h"

TestSuite(serve_settings, .init = serve_setup, .fini = serve_teardown);

/* Which methods go through, by the two keys that say so. */
Test(serve_settings, readonly_and_delete_say_which_methods_there_are)
{
    static const struct {
        const char *settings;
        int get, put, delete;
        const char *allow; /* of a method that is refused */
    } cases[] = {
        {"root = /nowhere\n", 200, 201, 201, "GET, HEAD, PUT, DELETE"},
        {"root = /nowhere\ndelete = no\n", 200, 201, 405, "GET, HEAD, PUT"},
        {"root = /nowhere\nreadonly = yes\n", 200, 405, 405, "GET, HEAD"},
        {"root = /nowhere\nreadonly = yes\ndelete = no\n", 200, 405, 405,
         "GET, HEAD"},
    };
    char allow[64];

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        serve_write_settings(cases[i].settings);
        request("GET", "/v2/a/bytes", NULL);
        cr_expect_eq(status_of_answer(), cases[i].get);
        request("PUT", "/v2/a/bytes", NULL);
        cr_expect_eq(status_of_answer(), cases[i].put, "%s", cases[i].settings);
        request("DELETE", "/v2/a/bytes", NULL);
        cr_expect_eq(status_of_answer(), cases[i].delete, "%s",
                     cases[i].settings);
        request("PATCH", "/v2/a/bytes", NULL);
        cr_expect_eq(status_of_answer(), 405);
        snprintf(allow, sizeof(allow), "\r\nAllow: %s\r\n", cases[i].allow);
        cr_expect(strstr(buf_text(&answer), allow), "%s", buf_text(&answer));
    }
}

Test(serve_settings, a_refused_method_names_the_ones_there_are)
{
    request("PUT", "/v2/a/bytes", "BERTH_READONLY=yes");
    cr_expect(strstr(buf_text(&answer), "\r\nAllow: GET, HEAD\r\n"));
    cr_expect(strstr(buf_text(&answer), "\"code\":\"UNSUPPORTED\""));
    request("DELETE", "/v2/a/bytes", "BERTH_DELETE=no");
    cr_expect(strstr(buf_text(&answer), "\r\nAllow: GET, HEAD, PUT\r\n"));
    request("GET", "/v2/a/other", NULL);
    cr_expect_not(strstr(buf_text(&answer), "Allow"));
    cr_expect_eq(calls, 0);
}

Test(serve_settings, a_parameter_of_the_web_server_counts_for_its_request_alone)
{
    request("GET", "/v2/look", "BERTH_SPARSE=yes");
    cr_expect(seen.sparse || status_of_answer() != 200);
    request("PUT", "/v2/a/bytes", "BERTH_READONLY=yes");
    cr_expect_eq(status_of_answer(), 405);
    request("PUT", "/v2/a/bytes", NULL);
    cr_expect_eq(status_of_answer(), 201);
}

Test(serve_settings,
     a_bad_parameter_of_the_web_server_is_an_error_of_the_server)
{
    request("GET", "/v2/look", "BERTH_READONLY=perhaps");
    cr_expect_eq(status_of_answer(), 500);
    cr_expect(strstr(last_log_line(), "BERTH_READONLY: readonly must be"), "%s",
              last_log_line());
}

Test(serve_settings, another_root_is_opened_for_its_request_alone)
{
    char root[128];

    request("GET", "/v2/look", "BERTH_ROOT=/nowhere");
    cr_expect_eq(status_of_answer(), 200, "the server's own driver");
    snprintf(root, sizeof(root), "BERTH_ROOT=%s", serve_directory);
    request("GET", "/v2/look", root);
    cr_expect_eq(status_of_answer(), 202, "%s", buf_text(&answer));
    cr_expect_str_eq(seen.root, serve_directory);
    request("GET", "/v2/look", "BERTH_ROOT=/nowhere/else");
    cr_expect(status_of_answer() >= 500, "%s", buf_text(&answer));
    cr_expect_not(strstr(buf_text(&answer), "nowhere"));
    request("GET", "/v2/look", NULL);
    cr_expect_eq(status_of_answer(), 200);
    cr_expect_str_eq(seen.root, "/nowhere");
}

Test(serve_settings, each_request_is_one_line_of_log)
{
    request("GET", "/v2/a/b/bytes?x=1", "HTTP_USER_AGENT=docker/26.1 \"x\"");
    cr_expect(
        strncmp(last_log_line(), "<6>route=test method=GET target=", 32) == 0);
    cr_expect(strstr(last_log_line(), " target=\"/v2/a/b/bytes?x=1\" "
                                      "status=200 bytes=5 ms="),
              "%s", last_log_line());
    cr_expect(strstr(last_log_line(), " remote=192.0.2.7 name=a/b "
                                      "agent=\"docker/26.1 \\\"x\\\"\""),
              "%s", last_log_line());
    cr_expect_not(strstr(last_log_line(), "error="));
}

Test(serve_settings, the_log_tells_of_an_error_what_the_client_does_not_see)
{
    request("GET", "/v2/fails", NULL);
    cr_expect(strstr(last_log_line(), " status=404 "));
    cr_expect(strstr(last_log_line(), " error=blob-unknown text=\"no file\" "
                                      "detail=sha256:ab"),
              "%s", last_log_line());
    cr_expect_not(strstr(buf_text(&answer), "no file"));
}

Test(serve_settings, a_client_cannot_write_log_lines_of_its_own)
{
    request("GET", "/v2/\n<3>route=x status=200", NULL);
    cr_expect(strstr(last_log_line(), "target=\"/v2/\\x0a<3>route=x status="),
              "%s", last_log_line());
    cr_expect(strstr(last_log_line(), " status=400 "));
    request("GET\nX", "/v2/a/bytes", NULL);
    cr_expect(strstr(last_log_line(), "method=\"GET\\x0aX\""), "%s",
              last_log_line());
}

Test(serve_settings, a_long_target_does_not_push_the_status_out_of_the_line)
{
    char target[1000];

    memset(target, '\x01', sizeof(target));
    target[sizeof(target) - 1] = '\0';
    request(target + 960, target, target + 10);
    cr_expect(strstr(last_log_line(), " status=400 bytes="), "%s",
              last_log_line());
    cr_expect(strlen(last_log_line()) < 4096);
}

Test(serve_settings, only_failures_are_logged_when_the_settings_say_so)
{
    serve_write_settings("root = /nowhere\nlog = errors\n");
    request("GET", "/v2/a/bytes", NULL);
    request("GET", "/v2/a/other", NULL);
    request("GET", "/v2/../a", NULL);
    cr_expect_str_eq(last_log_line(), "");
    stream.text = "!";
    request("GET", "/v2/stream", NULL);
    cr_expect(strstr(last_log_line(), " status=500 "));
    stream.text = "123!";
    request("GET", "/v2/stream", NULL);
    cr_expect(strstr(last_log_line(), " status=200 bytes=3 "));
    cr_expect(strstr(last_log_line(), " broken=yes "));
}

Test(serve_settings,
     a_settings_file_that_broke_is_told_once_and_changes_nothing)
{
    serve_write_settings("root = /nowhere\nreadonly = yes\n");
    request("PUT", "/v2/a/bytes", NULL);
    cr_expect_eq(status_of_answer(), 405);
    serve_write_settings("root = /nowhere\nreadonly = maybe\n");
    request("PUT", "/v2/a/bytes", NULL);
    cr_expect_eq(status_of_answer(), 405);
    request("PUT", "/v2/a/bytes", NULL);
    cr_expect_eq(status_of_answer(), 405);
    cr_expect(strncmp(last_log_line(), "<6>route=test", 13) == 0);
    serve_write_settings("root = /nowhere\n\nreadonly = no\n");
    request("PUT", "/v2/a/bytes", NULL);
    cr_expect_eq(status_of_answer(), 201);
}
