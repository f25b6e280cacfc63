/* SPDX-License-Identifier: MIT */
/*
 * From a request to an answer: parse, match, ask who that is and whether they
 * may (guard.h), run, report. No socket.
 *
 * serve() never fails: whatever goes wrong becomes an answer in the OCI error
 * form, and a line in the log. Every answer carries
 * `Docker-Distribution-Api-Version: registry/2.0` and
 * `X-Content-Type-Options: nosniff`.
 */
#ifndef BERTH_FCGI_HTTP_SERVE_H
#define BERTH_FCGI_HTTP_SERVE_H

#include "base/followed.h"
#include "base/span.h"
#include "http/route.h"

/* Where the answer goes: CGI response bytes, "Status: ..." first. */
struct sink {
    /* Takes all bytes; -1 when the other side is gone. */
    int (*write)(struct sink *sink, struct span bytes);
};

/* What a program knows between requests. */
struct server {
    const struct route *route;
    struct settings_source *settings;
    struct caller_source *callers;
    struct driver *driver;  /* of the root named at the start */
    struct followed *rules; /* see store/rules.h */
};

/*
 * Answers one request given by its CGI parameters. `body` and
 * `client_is_gone` are put into the request (see request.h). Returns -1 when
 * the answer could not be sent whole: the transport then has to end the
 * connection in a way that shows.
 */
int serve(const struct server *server, const char *const *parameters,
          struct reader *body,
          bool (*client_is_gone)(const struct request *request),
          void *transport, struct sink *sink);

#endif
