/* SPDX-License-Identifier: MIT */
/*
 * The two ways a request comes in: FastCGI on a connection, and plain CGI.
 * Private to fcgi_main.c.
 */
#ifndef BERTH_FCGI_HTTP_TRANSPORT_H
#define BERTH_FCGI_HTTP_TRANSPORT_H

#include <stdbool.h>

#include "http/serve.h"

/* Where a FastCGI program finds its listening socket (FastCGI 1.0, 2.2). */
#define FASTCGI_LISTENER 0

/* True when that descriptor is a listening socket; else this is plain CGI. */
bool fastcgi_is_offered(void);

/* To be called once, before any thread or fork. */
void fastcgi_init(void);

/*
 * Answers the one request of a connection and closes it. An answer that could
 * not be sent whole ends without FCGI_END_REQUEST, which every web server
 * reports as a broken answer.
 *
 * The connection is closed even when the web server asks to keep it: a kept
 * one would hold this thread while others wait.
 */
void fastcgi_answer(const struct server *server, int connection);

/*
 * Answers the one request of the environment. Returns the exit status, which
 * is all that plain CGI has to say that an answer is not whole.
 */
int cgi_serve(const struct server *server);

#endif
