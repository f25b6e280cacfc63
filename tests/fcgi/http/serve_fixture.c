/* SPDX-License-Identifier: MIT */
#include "fcgi/http/serve_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "driver/driver_mem.h"

/* --- a route that does what the path asks for --- */

int calls;
struct settings seen;

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

int closed;

static void close_pieces(struct reader *reader)
{
    (void)reader;
    closed++;
}

struct pieces stream = {{&(const struct reader_ops){read_pieces, close_pieces}},
                        NULL};

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

static int refuse(struct call *call)
{
    err_set_errno(call->err, EACCES, "renew blobs/x");
    return err_recode(call->err, ERR_BLOB_UNKNOWN);
}

static int look(struct call *call)
{
    seen = *call->settings;
    call->response->status = call->store->driver == serve_driver() ? 200 : 202;
    return 0;
}

static int show_rights(struct call *call)
{
    buf_add_format(&call->response->bytes, "rights=%u",
                   caller_rights(call->caller, "a"));
    return 0;
}

#define GET(path, function)                                                    \
    {                                                                          \
        path,                                                                  \
        {                                                                      \
            ACTION(HTTP_GET, ACCESS_PULL, function)                            \
        }                                                                      \
    }

static const struct endpoint endpoints[] = {
    {"/v2/<name>/bytes",
     {ACTION(HTTP_GET, ACCESS_PULL, send_bytes),
      ACTION(HTTP_PUT, ACCESS_PUSH, write_something),
      ACTION(HTTP_DELETE, ACCESS_DELETE, write_something)}},
    GET("/v2/stream", send_stream),
    GET("/v2/large", send_large),
    GET("/v2/split", split_header),
    GET("/v2/nothing", have_nothing),
    GET("/v2/delegated", delegate),
    GET("/v2/fails", fail),
    GET("/v2/refused", refuse),
    {"/v2/", {ACTION(HTTP_GET, ACCESS_PING, have_nothing)}},
    GET("/v2/look", look),
    {"/public", {ACTION(HTTP_GET, ACCESS_PUBLIC, show_rights)}},
};

static const struct route route = {"test", endpoints, ARRAY_SIZE(endpoints)};

/* --- what surrounds a request --- */

char serve_directory[] = "/tmp/berth-serve-XXXXXX";
static char file[64], log_file[64];
static struct server server;
struct buf answer = BUF_INIT(1 << 20);
size_t admitted; /* bytes the other side takes before it goes away */

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

void serve_write_settings(const char *text)
{
    FILE *out = fopen(file, "w");

    cr_assert_not_null(out);
    fputs(text, out);
    fclose(out);
}

void serve_setup(void)
{
    struct err err = {0};
    int log;

    cr_assert_not_null(mkdtemp(serve_directory));
    snprintf(file, sizeof(file), "%s/berth.conf", serve_directory);
    snprintf(log_file, sizeof(log_file), "%s/log", serve_directory);
    log = open(log_file, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(log, STDERR_FILENO);
    close(log);
    serve_write_settings("root = /nowhere\n");
    server.route = &route;
    server.callers = caller_source_new();
    server.driver = driver_mem_new(60);
    cr_assert_eq(settings_source_new(file, &server.settings, &err), 0);
    admitted = SIZE_MAX;
}

static int remove_one(const char *path, const struct stat *st, int kind,
                      struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

/* With the tree that a request for another root has made there. */
void serve_teardown(void)
{
    nftw(serve_directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    settings_source_free(server.settings);
    caller_source_free(server.callers);
    driver_free(server.driver);
    buf_cleanup(&answer);
}

struct driver *serve_driver(void)
{
    return server.driver;
}

int request(const char *method, const char *target, const char *extra)
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

int status_of_answer(void)
{
    int status = 0;

    cr_assert_eq(sscanf(buf_text(&answer), "Status: %d ", &status), 1);
    return status;
}

static const char *whole_log(void)
{
    static char text[64 * 1024];
    FILE *in = fopen(log_file, "r");
    size_t len = fread(text, 1, sizeof(text) - 1, in);

    fclose(in);
    text[len > 0 ? len - 1 : 0] = '\0';
    return text;
}

const char *last_log_line(void)
{
    const char *text = whole_log(), *line = strrchr(text, '\n');

    return line != NULL ? line + 1 : text;
}

int log_lines_with(const char *text)
{
    int count = 0;

    for (const char *at = whole_log(); (at = strstr(at, text)) != NULL; count++)
        at += strcspn(at, "\n");
    return count;
}
