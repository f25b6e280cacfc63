/* SPDX-License-Identifier: MIT */
#include "asker.h"

#include "access/caller.h"
#include "base/json.h"
#include "base/num.h"

#define ANSWER_MAX (32 * 1024 * 1024)

struct asker_body {
    struct reader reader;
    struct span rest;
};

struct asker_sink {
    struct sink sink;
    struct buf bytes;
};

const struct server *asker_server(const struct route *route,
                                  struct driver *driver)
{
    static struct server server;
    struct err err = {0};

    if (server.settings == NULL &&
        (setenv("BERTH_LOG", "errors", 1) < 0 ||
         settings_source_new("/dev/null", &server.settings, &err) < 0))
        fuzz_fail(err.text, __FILE__, __LINE__);
    if (server.callers == NULL)
        server.callers = caller_source_new();
    server.route = route;
    server.driver = driver;
    return &server;
}

static ssize_t read_body(struct reader *reader, void *into, size_t size,
                         struct err *err)
{
    struct asker_body *body = CONTAINER_OF(reader, struct asker_body, reader);
    size_t count = body->rest.len < size ? body->rest.len : size;

    (void)err;
    if (count > 0)
        memcpy(into, body->rest.ptr, count);
    body->rest = span_from(body->rest, count);
    return (ssize_t)count;
}

static void close_body(struct reader *reader)
{
    (void)reader;
}

static int take(struct sink *sink, struct span bytes)
{
    struct asker_sink *taker = CONTAINER_OF(sink, struct asker_sink, sink);

    buf_add(&taker->bytes, bytes);
    return 0;
}

static bool never_gone(const struct request *request)
{
    (void)request;
    return false;
}

/* Cuts a line, which ends in "\r\n", off the head. */
static struct span cut_line(struct span *rest)
{
    struct span line = span_cut(rest, '\n');

    MUST(line.len > 0 && line.ptr[line.len - 1] == '\r');
    line.len--;
    for (size_t i = 0; i < line.len; i++)
        MUST((unsigned char)line.ptr[i] >= ' ' && line.ptr[i] != 0x7F);
    return line;
}

struct span asker_header(struct span answer, struct span name)
{
    for (;;) {
        struct span value = cut_line(&answer);

        if (value.len == 0)
            return (struct span){NULL, 0};
        if (span_equals(span_cut(&value, ':'), name))
            return span_trim(value);
    }
}

/* All fields have a name, and the answer ends where it says. */
static struct span check_head(struct span answer)
{
    struct span rest = answer, line, length;
    uint64_t expected;

    while ((line = cut_line(&rest)).len > 0)
        MUST(span_cut(&line, ':').len > 0 && line.ptr != NULL);
    length = asker_header(answer, SPAN("Content-Length"));
    if (length.ptr != NULL) {
        MUST(num_parse(length, UINT64_MAX, &expected) == 0);
        MUST(rest.len == expected || rest.len == 0); /* HEAD */
    }
    return rest;
}

static void check_errors(struct span body)
{
    static const struct json_limits limits = {.containers = 8, .values = 16};
    CLEANUP(json) struct json *document = NULL;
    struct err err = {0};

    if (body.len == 0)
        return; /* HEAD */
    MUST(json_parse(body, &limits, &document, &err) == 0);
    MUST(json_array_length(json_member(document, "errors")) == 1);
}

int asker_ask(const struct server *server, const char *const *parameters,
              struct span body, struct span *answer)
{
    static const struct reader_ops ops = {read_body, close_body};
    static struct asker_sink taker;
    struct asker_body reader = {{&ops}, body};
    uint64_t status = 0;

    taker.sink.write = take;
    taker.bytes.max = ANSWER_MAX;
    buf_clear(&taker.bytes);
    MUST(serve(server, parameters, &reader.reader, never_gone, NULL,
               &taker.sink) == 0);
    *answer = buf_span(&taker.bytes);
    MUST(answer->len > 12 && span_starts_with(*answer, SPAN("Status: ")));
    MUST(num_parse(span_first(span_from(*answer, 8), 3), 599, &status) == 0);
    if (status >= 400)
        check_errors(check_head(*answer));
    else
        check_head(*answer);
    return (int)status;
}
