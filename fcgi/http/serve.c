/* SPDX-License-Identifier: MIT */
#include "http/serve.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "http/guard.h"
#include "http/http_error.h"
#include "store/link.h"

#define STREAM_PIECE (128 * 1024)

/* All there is of one request on its way through. */
struct exchange {
    const struct server *server;
    struct sink *sink;
    struct settings settings;
    char root[SETTINGS_PATH_MAX]; /* without what the web server set */
    struct request request;
    struct response response;
    struct err err;
    struct call call;
    struct store store;
    struct followed_state *rules; /* what the store works by */
    struct caller caller;
    const struct endpoint *endpoint;
    const struct action *action; /* NULL: no such endpoint, or method */
    struct driver *own_driver;   /* of a root the web server named */
    int64_t started_ns;
    uint64_t sent; /* bytes of body */
    bool broken;   /* the answer could not be sent whole */
    char *piece;   /* of the stream, read and not yet sent */
    size_t piece_len;
};

/*
 * The settings come first, so that a request that cannot be understood is
 * logged, or not, as they say.
 */
static int prepare(struct exchange *x, const char *const *parameters)
{
    struct err complaint = {0};
    int parsed, overridden;

    settings_source_get(x->server->settings, &x->settings, &complaint);
    if (complaint.code != ERR_NONE)
        log_message(LOG_PRIORITY_ERROR, "%s", complaint.text);
    memcpy(x->root, x->settings.root, sizeof(x->root));
    parsed = request_parse(parameters, &x->request, &x->err);
    overridden = settings_override(&x->settings, parameters, &x->err);
    return parsed < 0 || overridden < 0 ? -1 : 0;
}

/* Another root than the process began with, for this request alone. */
static int choose_store(struct exchange *x)
{
    x->store.driver = x->server->driver;
    x->store.free_floor = x->settings.free_floor;
    if (strcmp(x->root, x->settings.root) == 0)
        return 0;
    if (store_open_driver(&x->settings, &x->own_driver, &x->err) < 0)
        return -1;
    x->store.driver = x->own_driver;
    return 0;
}

/*
 * Only for who may change something: the others have no use for them. Without
 * any they are not known, and nothing that may be protected is changed.
 */
static void read_rules(struct exchange *x)
{
    struct err complaint = {0};

    if (x->action == NULL || (x->action->access != ACCESS_PUSH &&
                              x->action->access != ACCESS_DELETE))
        return;
    x->store.rules =
        rules_get(x->server->rules, x->settings.rules, &x->rules, &complaint);
    if (complaint.code != ERR_NONE)
        log_message(LOG_PRIORITY_ERROR, "%s", complaint.text);
}

static bool admits(const struct settings *settings, enum action_access access)
{
    bool writes = access == ACCESS_PUSH || access == ACCESS_DELETE;

    return !(writes && settings->readonly) &&
           !(access == ACCESS_DELETE && !settings->delete);
}

static int refuse_method(struct exchange *x)
{
    CLEANUP(buf) struct buf methods = BUF_INIT(128);

    endpoint_methods(x->endpoint, admits, &x->settings, &methods);
    err_set(&x->err, ERR_METHOD_NOT_ALLOWED, "method not allowed");
    return err_detail(&x->err, "allowed: %s", buf_text(&methods));
}

static int refuse_access(struct exchange *x)
{
    if (x->settings.readonly) {
        err_set(&x->err, ERR_STORE_READ_ONLY, "readonly = yes");
        return err_detail(&x->err, "nothing can be pushed or deleted now");
    }
    err_set(&x->err, ERR_METHOD_NOT_ALLOWED, "delete = no");
    return err_detail(&x->err, "deletion is switched off");
}

/*
 * What is asked for, with the reason in `unmatched` when that is nothing: those
 * who may not even ask do not hear it.
 */
static void match(struct exchange *x, struct err *unmatched)
{
    x->endpoint =
        route_match(x->server->route, x->request.path, &x->call, unmatched);
    if (x->endpoint != NULL)
        x->action = endpoint_action(x->endpoint, x->request.method);
}

static int run(struct exchange *x, const char *const *parameters,
               struct reader *body,
               bool (*client_is_gone)(const struct request *), void *transport)
{
    struct err unmatched = {0};

    if (prepare(x, parameters) < 0)
        return -1;
    x->request.body = body;
    x->request.client_is_gone = client_is_gone;
    x->request.transport = transport;
    match(x, &unmatched);
    if (choose_store(x) < 0)
        return -1;
    guard_mark(&x->call, x->action);
    if (guard_enter(&x->call, x->action, &x->caller, &x->err) < 0)
        return -1;
    if (x->endpoint == NULL) {
        x->err = unmatched;
        return -1;
    }
    if (x->action == NULL)
        return refuse_method(x);
    if (guard_admit(&x->call, x->action, &x->err) < 0)
        return -1;
    if (!admits(&x->settings, x->action->access))
        return refuse_access(x);
    read_rules(x);
    return x->action->run(&x->call);
}

static void describe_error(struct exchange *x)
{
    CLEANUP(buf) struct buf methods = BUF_INIT(128);

    http_error_response(&x->err, &x->response);
    if (x->response.status == 401)
        guard_challenge(&x->call, x->action, &x->response);
    if (x->response.status != 405 || x->endpoint == NULL)
        return;
    endpoint_methods(x->endpoint, admits, &x->settings, &methods);
    response_header(&x->response, "Allow", "%s", buf_text(&methods));
}

/* A status that has no body by its definition (RFC 9110 section 15). */
static bool has_body(int status)
{
    return status != 204 && status != 304;
}

static bool sends_stream(const struct exchange *x)
{
    return x->response.stream != NULL && x->request.method != HTTP_HEAD &&
           has_body(x->response.status);
}

static int read_piece(struct exchange *x)
{
    ssize_t count =
        reader_read(x->response.stream, x->piece, STREAM_PIECE, &x->err);

    if (count < 0)
        return -1;
    x->piece_len = (size_t)count;
    if (count == 0 && x->sent < x->response.length)
        return err_set(&x->err, ERR_IO, "the stream ended early");
    if (x->piece_len > x->response.length - x->sent)
        return err_set(&x->err, ERR_INTERNAL, "the stream is too long");
    return 0;
}

/* Reads ahead what can still be answered properly when it fails. */
static int check_response(struct exchange *x)
{
    if (x->response.headers.overflowed || x->response.bytes.overflowed)
        return err_set(&x->err, ERR_INTERNAL, "the answer does not fit");
    if (!sends_stream(x))
        return 0;
    x->piece = memory_resize(NULL, STREAM_PIECE);
    return read_piece(x);
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
    send(x, buf_span(&head));
}

/* A stream that fails, or ends early, must not look like a whole answer. */
static void send_stream(struct exchange *x)
{
    while (x->piece_len > 0 && !x->broken) {
        send(x, (struct span){x->piece, x->piece_len});
        if (x->broken)
            break;
        x->sent += x->piece_len;
        if (read_piece(x) < 0)
            x->broken = true;
    }
}

static void send_response(struct exchange *x)
{
    send_head(x);
    if (sends_stream(x)) {
        send_stream(x);
    } else if (x->request.method != HTTP_HEAD && has_body(x->response.status) &&
               x->response.bytes.len > 0) {
        send(x, buf_span(&x->response.bytes));
        x->sent = x->broken ? 0 : x->response.bytes.len;
    }
}

/* The server's fault, as opposed to a client that went away. */
static bool is_failure(const struct exchange *x)
{
    return x->response.status >= 500 || (x->broken && x->err.code != ERR_NONE);
}

static enum log_priority priority_of(const struct exchange *x)
{
    if (is_failure(x))
        return LOG_PRIORITY_ERROR;
    return x->broken ? LOG_PRIORITY_WARNING : LOG_PRIORITY_INFO;
}

static void add_error(struct buf *line, const struct err *err)
{
    log_add(line, "error", span_of(err_name(err->code)));
    log_add(line, "text", span_of(err->text));
    if (err->detail[0] != '\0')
        log_add(line, "detail", span_of(err->detail));
}

static void write_log(const struct exchange *x)
{
    CLEANUP(buf) struct buf line = BUF_INIT(LOG_LINE_MAX);
    int64_t us = (clock_monotonic_ns() - x->started_ns) / 1000;

    if (x->settings.log == LOG_ERRORS && !is_failure(x))
        return;
    buf_reserve(&line, 512);
    log_add(&line, "route", span_of(x->server->route->name));
    log_add(&line, "method", x->request.method_text);
    log_add(&line, "target", x->request.target);
    buf_add_format(&line, " status=%d bytes=%" PRIu64 " ms=%" PRId64 ".%03d",
                   x->response.status, x->sent, us / 1000, (int)(us % 1000));
    log_add(&line, "remote", x->request.remote_address);
    if (x->caller.name[0] != '\0')
        log_add(&line, "user", span_of(x->caller.name));
    if (x->call.name[0] != '\0')
        log_add(&line, "name", span_of(x->call.name));
    if (x->broken)
        log_add(&line, "broken", SPAN("yes"));
    if (x->response.warning[0] != '\0')
        log_add(&line, "warning", span_of(x->response.warning));
    if (x->response.status >= 400 || x->broken)
        add_error(&line, &x->err);
    if (x->request.user_agent.len > 0)
        log_add(&line, "agent", x->request.user_agent);
    log_write(priority_of(x), &line);
}

/*
 * Nobody sees that from outside: clients upload again what is there. Once a
 * process, as it will hold for many files.
 */
static void warn_of_leases(const struct exchange *x)
{
    static atomic_flag told = ATOMIC_FLAG_INIT;

    if (x->response.status >= 400 && link_was_refused(&x->err) &&
        !atomic_flag_test_and_set(&told))
        log_message(LOG_PRIORITY_WARNING,
                    "what is there is answered as not there, as its lease "
                    "cannot be renewed (see berth adopt): %s",
                    x->err.text);
}

static void connect_call(struct exchange *x)
{
    x->call.request = &x->request;
    x->call.response = &x->response;
    x->call.store = &x->store;
    x->call.settings = &x->settings;
    x->call.caller = &x->caller;
    x->call.callers = x->server->callers;
    x->call.err = &x->err;
}

int serve(const struct server *server, const char *const *parameters,
          struct reader *body,
          bool (*client_is_gone)(const struct request *request),
          void *transport, struct sink *sink)
{
    struct exchange x;

    /* The query of the request is large and guarded by its count. */
    memset(&x, 0, offsetof(struct exchange, request));
    memset((char *)&x + offsetof(struct exchange, response), 0,
           sizeof(x) - offsetof(struct exchange, response));
    x.server = server;
    x.sink = sink;
    x.started_ns = clock_monotonic_ns();
    x.caller = CALLER_NOBODY;
    response_init(&x.response);
    connect_call(&x);
    if (run(&x, parameters, body, client_is_gone, transport) < 0 ||
        check_response(&x) < 0)
        describe_error(&x);
    send_response(&x);
    write_log(&x);
    warn_of_leases(&x);
    free(x.piece);
    response_cleanup(&x.response);
    request_cleanup(&x.request);
    caller_end(&x.caller);
    followed_put(x.rules);
    driver_free(x.own_driver);
    return x.broken ? -1 : 0;
}
