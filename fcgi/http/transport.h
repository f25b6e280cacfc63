/* SPDX-License-Identifier: MIT */
/*
 * The two ways a request comes in: FastCGI on a listening socket, and plain
 * CGI. Private to fcgi_main.c.
 */
#ifndef BERTH_FCGI_HTTP_TRANSPORT_H
#define BERTH_FCGI_HTTP_TRANSPORT_H

#include <stdbool.h>

#include "http/serve.h"

#define TRANSPORT_THREADS_MAX 32

/* True when descriptor 0 is a listening socket (FastCGI 1.0 section 2.2). */
bool fastcgi_is_offered(void);

/*
 * To be called once, before any fork: takes SIGTERM and SIGINT over from
 * libfcgi, which would end a request in the middle, and gets it ready.
 */
void fastcgi_init(void);

/*
 * Answers requests, up to `threads` at once, until SIGTERM or SIGINT; then
 * empties the backlog of the socket, finishes what is begun, and returns the
 * exit status.
 */
int fastcgi_serve(const struct server *server, int threads);

/* Answers the one request of the environment; returns the exit status. */
int cgi_serve(const struct server *server);

#endif
