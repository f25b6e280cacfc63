/* SPDX-License-Identifier: MIT */
/*
 * One HTTP request as a program sees it: parsed, checked, without a socket.
 *
 * Made from the CGI parameters (RFC 3875) that FastCGI, plain CGI and the
 * tests all provide as an array of "NAME=value". Of the target only
 * REQUEST_URI is believed: it is the raw text the client sent, so that the
 * web server's access rules and this program judge the same path. It is
 * decoded once, without the scheme and the host that may stand in front (and
 * say nothing here); what would normalise to something else is refused
 * (ERR_BAD_REQUEST): an escaped '/', a '%' that remains, "//", "." or ".."
 * components, a backslash, and bytes outside '!'..'~'.
 */
#ifndef BERTH_FCGI_HTTP_REQUEST_H
#define BERTH_FCGI_HTTP_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/reader.h"
#include "base/span.h"

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_OTHER, /* whatever we do not serve */
};

#define REQUEST_TARGET_MAX (32 * 1024)
#define REQUEST_QUERY_MAX 160 /* name=value pairs */

struct query_pair {
    struct span name, value; /* decoded */
};

struct request {
    enum http_method method;
    struct span method_text;
    struct span target; /* as the client sent it, for the log */
    struct span path;   /* decoded, checked, with its leading '/' */
    struct query_pair query[REQUEST_QUERY_MAX];
    size_t query_count;

    struct span content_type; /* empty when absent, likewise below */
    bool has_content_length;
    uint64_t content_length;
    struct span range, if_range, if_none_match, content_range;
    struct span remote_address, user_agent;
    struct span remote_user; /* whom the web server has let in by name */

    /* The body; read at most once. Given by the transport, never NULL. */
    struct reader *body;

    /*
     * True when whoever asked has gone: its answer reaches nobody. A write
     * that waited must not happen then, as a newer one may have been
     * answered in the meantime. `transport` is the transport's own.
     */
    bool (*client_is_gone)(const struct request *request);
    void *transport;

    const char *const *parameters;
    struct buf decoded; /* what path and query point into */
};

/*
 * Parses the parameters, which must outlive the request. On failure the
 * fields method, method_text, target and remote_address are set as far as
 * they were understood, for the answer and the log. The caller then sets body
 * and client_is_gone, and ends with request_cleanup.
 */
int request_parse(const char *const *parameters, struct request *out,
                  struct err *err) WARN_UNUSED;
void request_cleanup(struct request *request);

/* The value of a CGI parameter, or an empty span with a NULL pointer. */
struct span request_parameter(const struct request *request, const char *name);

/* ERR_CLIENT_GONE when it is: to be asked right before a write that could undo
 * a newer one. `what` is for the log. */
int request_check_client(const struct request *request, const char *what,
                         struct err *err) WARN_UNUSED;

/*
 * Reads the whole body behind what is in `into`, whose maximum bounds it
 * whether a length was announced or not: ERR_TOO_LARGE beyond it.
 */
int request_read_body(const struct request *request, struct buf *into,
                      struct err *err) WARN_UNUSED;

/*
 * A body of the type application/x-www-form-urlencoded: the pairs of a query,
 * read by the same rules. Begins empty, ends with request_form_cleanup.
 */
struct request_form {
    struct query_pair pairs[REQUEST_QUERY_MAX];
    size_t count;
    struct buf decoded;
};

int request_parse_form(struct span body, struct request_form *out,
                       struct err *err) WARN_UNUSED;
void request_form_cleanup(struct request_form *form);

/* The first value of a query parameter; false when there is none. */
bool request_query(const struct request *request, const char *name,
                   struct span *out);

#endif
