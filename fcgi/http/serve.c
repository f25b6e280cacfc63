/* SPDX-License-Identifier: MIT */
#include "http/serve.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "http/http_error.h"

#define STREAM_PIECE (64 * 1024)

/* All there is of one request on its way through. */
struct exchange {
    const struct server *server;
    struct sink *sink;
    struct settings settings;
    struct request request;
    struct response response;
    struct err err;
    struct call call;
    struct store store;
    const struct endpoint *endpoint;
    struct driver *own_driver; /* of a root the web server named */
    int64_t started_ns;
    uint64_t sent; /* bytes of body */
    bool broken;   /* the answer could not be sent whole */
};

/* Another root than the process began with, for this request alone. */
static int choose_store(struct exchange *x, const char *standard)
{
    x->store.driver = x->server->driver;
    if (strcmp(standard, x->settings.root) == 0)
        return 0;
    if (store_open_driver(&x->settings, &x->own_driver, &x->err) < 0)
        return -1;
    x->store.driver = x->own_driver;
    return 0;
}

static int prepare(struct exchange *x, const char *const *parameters)
{
    char root[SETTINGS_PATH_MAX];
    struct err complaint = {0};

    settings_source_get(x->server->settings, &x->settings, &complaint);
    if (complaint.code != ERR_NONE)
        log_message(LOG_PRIORITY_ERROR, "%s", complaint.text);
    memcpy(root, x->settings.root, sizeof(root));
    if (settings_override(&x->settings, parameters, &x->err) < 0)
        return -1;
    return choose_store(x, root);
}

static int refuse_method(struct exchange *x)
{
    CLEANUP(buf) struct buf methods = BUF_INIT(128);

    endpoint_methods(x->endpoint, &methods);
    err_set(&x->err, ERR_METHOD_NOT_ALLOWED, "method not allowed");
    return err_detail(&x->err, "allowed: %s", buf_text(&methods));
}

static int check_access(struct exchange *x, enum access access)
{
    bool writes = access == ACCESS_PUSH || access == ACCESS_DELETE;

    if (writes && x->settings.readonly)
        return err_set(&x->err, ERR_STORE_READ_ONLY, "readonly = yes");
    if (access == ACCESS_DELETE && !x->settings.delete) {
        err_set(&x->err, ERR_METHOD_NOT_ALLOWED, "delete = no");
        return err_detail(&x->err, "deletion is switched off");
    }
    return 0;
}

static int run(struct exchange *x, const char *const *parameters,
               struct reader *body,
               bool (*client_is_gone)(const struct request *), void *transport)
{
    const struct action *action;

    if (request_parse(parameters, &x->request, &x->err) < 0 ||
        prepare(x, parameters) < 0)
        return -1;
    x->request.body = body;
    x->request.client_is_gone = client_is_gone;
    x->request.transport = transport;
    x->call.request = &x->request;
    x->call.response = &x->response;
    x->call.store = &x->store;
    x->call.settings = &x->settings;
    x->call.err = &x->err;
    x->endpoint =
        route_match(x->server->route, x->request.path, &x->call, &x->err);
    if (x->endpoint == NULL)
        return -1;
    action = endpoint_action(x->endpoint, x->request.method);
    if (action == NULL)
        return refuse_method(x);
    if (check_access(x, action->access) < 0)
        return -1;
    return action->run(&x->call);
}

static void describe_error(struct exchange *x)
{
    CLEANUP(buf) struct buf methods = BUF_INIT(128);

    http_error_response(&x->err, &x->response);
    if (x->err.code != ERR_METHOD_NOT_ALLOWED || x->endpoint == NULL)
        return;
    endpoint_methods(x->endpoint, &methods);
    response_header(&x->response, "Allow", "%s", buf_text(&methods));
}

/* A status that has no body by its definition (RFC 9110 section 15). */
static bool has_body(int status)
{
    return status != 204 && status != 304;
}

static void send(struct exchange *x, struct span bytes)
{
    if (!x->broken && x->sink->write(x->sink, bytes) < 0)
        x->broken = true;
}

static void send_head(struct exchange *x)
{
    const struct response *response = &x->response;
    CLEANUP(buf) struct buf head = BUF_INIT(RESPONSE_HEADERS_MAX + 1024);
    uint64_t length = response->stream ? response->length : response->bytes.len;

    buf_add_format(&head, "Status: %d %s\r\n", response->status,
                   response_reason(response->status));
    buf_add(&head, SPAN("Docker-Distribution-Api-Version: registry/2.0\r\n"
                        "X-Content-Type-Options: nosniff\r\n"));
    buf_add(&head, buf_span(&response->headers));
    if (has_body(response->status) && !response->delegated)
        buf_add_format(&head, "Content-Length: %" PRIu64 "\r\n", length);
    buf_add(&head, SPAN("\r\n"));
    /* Small answers leave in one piece. */
    if (x->request.method != HTTP_HEAD && response->stream == NULL &&
        has_body(response->status) && response->bytes.len < STREAM_PIECE &&
        head.len + response->bytes.len < head.max) {
        buf_add(&head, buf_span(&response->bytes));
        x->sent = response->bytes.len;
    }
    send(x, buf_span(&head));
}

/* A stream that fails, or ends early, must not look like a whole answer. */
static void send_stream(struct exchange *x)
{
    char *piece = memory_new(STREAM_PIECE);
    ssize_t count = 0;

    while (!x->broken && (count = reader_read(x->response.stream, piece,
                                              STREAM_PIECE, &x->err)) > 0) {
        send(x, (struct span){piece, (size_t)count});
        x->sent += (uint64_t)count;
    }
    if (count < 0 || x->sent != x->response.length)
        x->broken = true;
    free(piece);
}

static void send_response(struct exchange *x)
{
    send_head(x);
    if (x->request.method == HTTP_HEAD || !has_body(x->response.status))
        return;
    if (x->response.stream != NULL) {
        send_stream(x);
    } else if (x->sent < x->response.bytes.len) {
        send(x, buf_span(&x->response.bytes));
        x->sent = x->response.bytes.len;
    }
}

static enum log_priority priority_of(const struct exchange *x)
{
    if (x->response.status >= 500)
        return LOG_PRIORITY_ERROR;
    return x->broken ? LOG_PRIORITY_WARNING : LOG_PRIORITY_INFO;
}

static void write_log(const struct exchange *x)
{
    CLEANUP(buf) struct buf line = BUF_INIT(LOG_LINE_MAX);
    int64_t ns = clock_monotonic_ns() - x->started_ns;

    if (x->settings.log == LOG_ERRORS && x->response.status < 500)
        return;
    log_add(&line, "route", span_of(x->server->route->name));
    log_add(&line, "method", x->request.method_text);
    log_add(&line, "target", x->request.target);
    buf_add_format(&line, " status=%d bytes=%" PRIu64 " ms=%" PRId64 ".%03d",
                   x->response.status, x->sent, ns / 1000000,
                   (int)(ns / 1000 % 1000));
    log_add(&line, "remote", x->request.remote_address);
    if (x->broken)
        log_add(&line, "broken", SPAN("yes"));
    if (x->err.code != ERR_NONE) {
        log_add(&line, "error", span_of(err_name(x->err.code)));
        log_add(&line, "text", span_of(x->err.text));
        if (x->err.detail[0] != '\0')
            log_add(&line, "detail", span_of(x->err.detail));
    }
    log_write(priority_of(x), &line);
}

int serve(const struct server *server, const char *const *parameters,
          struct reader *body,
          bool (*client_is_gone)(const struct request *request),
          void *transport, struct sink *sink)
{
    struct exchange x;

    /* The query of the request is large and guarded by its count. */
    memset(&x, 0, offsetof(struct exchange, request));
    memset(&x.err, 0, sizeof(x) - offsetof(struct exchange, err));
    x.server = server;
    x.sink = sink;
    x.started_ns = clock_monotonic_ns();
    response_init(&x.response);
    if (run(&x, parameters, body, client_is_gone, transport) < 0) {
        describe_error(&x);
    } else if (x.response.headers.overflowed || x.response.bytes.overflowed) {
        err_set(&x.err, ERR_INTERNAL, "the answer does not fit");
        describe_error(&x);
    }
    send_response(&x);
    write_log(&x);
    response_cleanup(&x.response);
    request_cleanup(&x.request);
    driver_free(x.own_driver);
    return x.broken ? -1 : 0;
}
