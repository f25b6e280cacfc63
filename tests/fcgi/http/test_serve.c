/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http/serve.h"

#define HEADERS                                                                \
    "Docker-Distribution-Api-Version: registry/2.0\r\n"                        \
    "X-Content-Type-Options: nosniff\r\n"

/* --- a route that does what the path asks for --- */

static int calls;
static const struct settings *seen;
static char seen_root[SETTINGS_PATH_MAX];

struct pieces {
    struct reader reader;
    const char *text; /* '!' fails */
};

static ssize_t read_pieces(struct reader *reader, void *into, size_t size,
                           struct err *err)
{
    struct pieces *pieces = (struct pieces *)(void *)reader;

    (void)size;
    if (*pieces->text == '!')
        return err_set(err, ERR_IO, "the disk broke");
    if (*pieces->text == '\0')
        return 0;
    *(char *)into = *pieces->text++;
    return 1;
}

static int closed;

static void close_pieces(struct reader *reader)
{
    (void)reader;
    closed++;
}

static struct pieces stream = {
    {&(const struct reader_ops){read_pieces, close_pieces}}, NULL};

static int send_bytes(struct call *call)
{
    calls++;
    response_header(call->response, "X-Name", "%s", call->name);
    buf_add(&call->response->bytes, SPAN("hello"));
    return 0;
}

static int send_stream(struct call *call)
{
    response_stream(call->response, &stream.reader, 5);
    return 0;
}

static int write_something(struct call *call)
{
    calls++;
    call->response->status = 201;
    return 0;
}

static int send_large(struct call *call)
{
    call->response->bytes.max = 8;
    buf_add(&call->response->bytes, SPAN("more than 8 bytes"));
    return 0;
}

static int split_header(struct call *call)
{
    struct span value;

    if (request_query(call->request, "v", &value))
        response_header(call->response, "Location", "%.*s", SPAN_ARGS(value));
    return 0;
}

static int have_nothing(struct call *call)
{
    call->response->status = 304;
    buf_add(&call->response->bytes, SPAN("not sent"));
    return 0;
}

static int delegate(struct call *call)
{
    response_header(call->response, "X-Accel-Redirect", "/x");
    call->response->delegated = true;
    return 0;
}

static int fail(struct call *call)
{
    response_header(call->response, "Location", "/old");
    err_set(call->err, ERR_BLOB_UNKNOWN, "no file");
    return err_detail(call->err, "sha256:ab");
}

static int look(struct call *call)
{
    seen = call->settings;
    snprintf(seen_root, sizeof(seen_root), "%s", call->settings->root);
    call->response->status = call->store->driver == NULL ? 200 : 202;
    return 0;
}

#define GET(path, function)                                                    \
    {                                                                          \
        path,                                                                  \
        {                                                                      \
            {                                                                  \
                HTTP_GET, ACCESS_PULL, function                                \
            }                                                                  \
        }                                                                      \
    }

static const struct endpoint endpoints[] = {
    {"/v2/<name>/bytes",
     {{HTTP_GET, ACCESS_PULL, send_bytes},
      {HTTP_PUT, ACCESS_PUSH, write_something},
      {HTTP_DELETE, ACCESS_DELETE, write_something}}},
    GET("/v2/stream", send_stream),
    GET("/v2/large", send_large),
    GET("/v2/split", split_header),
    GET("/v2/nothing", have_nothing),
    GET("/v2/delegated", delegate),
    GET("/v2/fails", fail),
    GET("/v2/look", look),
};

static const struct route route = {"test", endpoints, ARRAY_SIZE(endpoints)};

/* --- what surrounds a request --- */

static char directory[] = "/tmp/berth-serve-XXXXXX";
static char file[64], log_file[64];
static struct server server;
static struct buf answer = BUF_INIT(1 << 20);
static size_t admitted; /* bytes the other side takes before it goes away */

static int take(struct sink *sink, struct span bytes)
{
    (void)sink;
    if (answer.len + bytes.len > admitted)
        return -1;
    buf_add(&answer, bytes);
    return 0;
}

static ssize_t read_nothing(struct reader *reader, void *into, size_t size,
                            struct err *err)
{
    (void)reader;
    (void)into;
    (void)size;
    (void)err;
    return 0;
}

static void close_nothing(struct reader *reader)
{
    (void)reader;
}

static bool is_never_gone(const struct request *request)
{
    (void)request;
    return false;
}

static void write_settings(const char *text)
{
    FILE *out = fopen(file, "w");

    cr_assert_not_null(out);
    fputs(text, out);
    fclose(out);
}

static void setup(void)
{
    struct err err = {0};
    int log;

    cr_assert_not_null(mkdtemp(directory));
    snprintf(file, sizeof(file), "%s/berth.conf", directory);
    snprintf(log_file, sizeof(log_file), "%s/log", directory);
    log = open(log_file, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(log, STDERR_FILENO);
    close(log);
    write_settings("root = /nowhere\n");
    server.route = &route;
    cr_assert_eq(settings_source_new(file, &server.settings, &err), 0);
    admitted = SIZE_MAX;
}

static void teardown(void)
{
    unlink(file);
    unlink(log_file);
    rmdir(directory);
    settings_source_free(server.settings);
    buf_cleanup(&answer);
}

TestSuite(serve, .init = setup, .fini = teardown);

static int request(const char *method, const char *target, const char *extra)
{
    static const struct reader_ops ops = {read_nothing, close_nothing};
    struct reader body = {&ops};
    struct sink sink = {take};
    char method_text[64], uri[1024];
    const char *parameters[] = {method_text, uri, "REMOTE_ADDR=192.0.2.7",
                                extra, NULL};

    snprintf(method_text, sizeof(method_text), "REQUEST_METHOD=%s", method);
    snprintf(uri, sizeof(uri), "REQUEST_URI=%s", target);
    buf_clear(&answer);
    return serve(&server, parameters, &body, is_never_gone, NULL, &sink);
}

static int status_of_answer(void)
{
    int status = 0;

    cr_assert_eq(sscanf(buf_text(&answer), "Status: %d ", &status), 1);
    return status;
}

static const char *last_log_line(void)
{
    static char text[64 * 1024];
    FILE *in = fopen(log_file, "r");
    size_t len = fread(text, 1, sizeof(text) - 1, in);
    char *line = text;

    fclose(in);
    text[len] = '\0';
    if (len > 0)
        text[len - 1] = '\0';
    line = strrchr(text, '\n');
    return line != NULL ? line + 1 : text;
}

/* --- the tests --- */

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

/* Which methods go through, by the two keys that say so. */
Test(serve, readonly_and_delete_say_which_methods_there_are)
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
        write_settings(cases[i].settings);
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

Test(serve, a_refused_method_names_the_ones_there_are)
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

Test(serve, a_parameter_of_the_web_server_counts_for_its_request_alone)
{
    request("GET", "/v2/look", "BERTH_SPARSE=yes");
    cr_expect(seen->sparse || status_of_answer() != 200);
    request("PUT", "/v2/a/bytes", "BERTH_READONLY=yes");
    cr_expect_eq(status_of_answer(), 405);
    request("PUT", "/v2/a/bytes", NULL);
    cr_expect_eq(status_of_answer(), 201);
}

Test(serve, a_bad_parameter_of_the_web_server_is_an_error_of_the_server)
{
    request("GET", "/v2/look", "BERTH_READONLY=perhaps");
    cr_expect_eq(status_of_answer(), 500);
    cr_expect(strstr(last_log_line(), "BERTH_READONLY: readonly must be"), "%s",
              last_log_line());
}

Test(serve, another_root_is_opened_for_its_request_alone)
{
    char root[128];

    request("GET", "/v2/look", "BERTH_ROOT=/nowhere");
    cr_expect_eq(status_of_answer(), 200, "the server's own driver");
    snprintf(root, sizeof(root), "BERTH_ROOT=%s", directory);
    request("GET", "/v2/look", root);
    cr_expect_eq(status_of_answer(), 202, "%s", buf_text(&answer));
    cr_expect_str_eq(seen_root, directory);
    request("GET", "/v2/look", "BERTH_ROOT=/nowhere/else");
    cr_expect(status_of_answer() >= 500, "%s", buf_text(&answer));
    cr_expect_not(strstr(buf_text(&answer), "nowhere"));
    request("GET", "/v2/look", NULL);
    cr_expect_eq(status_of_answer(), 200);
    cr_expect_str_eq(seen_root, "/nowhere");
}

Test(serve, each_request_is_one_line_of_log)
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

Test(serve, the_log_tells_of_an_error_what_the_client_does_not_see)
{
    request("GET", "/v2/fails", NULL);
    cr_expect(strstr(last_log_line(), " status=404 "));
    cr_expect(strstr(last_log_line(), " error=blob-unknown text=\"no file\" "
                                      "detail=sha256:ab"),
              "%s", last_log_line());
    cr_expect_not(strstr(buf_text(&answer), "no file"));
}

Test(serve, a_client_cannot_write_log_lines_of_its_own)
{
    request("GET", "/v2/\n<3>route=x status=200", NULL);
    cr_expect(strstr(last_log_line(), "target=\"/v2/\\x0a<3>route=x status="),
              "%s", last_log_line());
    cr_expect(strstr(last_log_line(), " status=400 "));
    request("GET\nX", "/v2/a/bytes", NULL);
    cr_expect(strstr(last_log_line(), "method=\"GET\\x0aX\""), "%s",
              last_log_line());
}

Test(serve, a_long_target_does_not_push_the_status_out_of_the_line)
{
    char target[1000];

    memset(target, '\x01', sizeof(target));
    target[sizeof(target) - 1] = '\0';
    request(target + 960, target, target + 10);
    cr_expect(strstr(last_log_line(), " status=400 bytes="), "%s",
              last_log_line());
    cr_expect(strlen(last_log_line()) < 4096);
}

Test(serve, only_failures_are_logged_when_the_settings_say_so)
{
    write_settings("root = /nowhere\nlog = errors\n");
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

Test(serve, a_settings_file_that_broke_is_told_once_and_changes_nothing)
{
    write_settings("root = /nowhere\nreadonly = yes\n");
    request("PUT", "/v2/a/bytes", NULL);
    cr_expect_eq(status_of_answer(), 405);
    write_settings("root = /nowhere\nreadonly = maybe\n");
    request("PUT", "/v2/a/bytes", NULL);
    cr_expect_eq(status_of_answer(), 405);
    request("PUT", "/v2/a/bytes", NULL);
    cr_expect_eq(status_of_answer(), 405);
    cr_expect(strncmp(last_log_line(), "<6>route=test", 13) == 0);
    write_settings("root = /nowhere\n\nreadonly = no\n");
    request("PUT", "/v2/a/bytes", NULL);
    cr_expect_eq(status_of_answer(), 201);
}
