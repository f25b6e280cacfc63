/* SPDX-License-Identifier: MIT */
/* A route for the tests of serve(), and what surrounds a request. */
#ifndef BERTH_TESTS_FCGI_HTTP_SERVE_FIXTURE_H
#define BERTH_TESTS_FCGI_HTTP_SERVE_FIXTURE_H

#include "http/serve.h"

#define HEADERS                                                                \
    "Docker-Distribution-Api-Version: registry/2.0\r\n"                        \
    "X-Content-Type-Options: nosniff\r\n"

/* What /v2/stream sends, a byte at a time; '!' fails. */
struct pieces {
    struct reader reader;
    const char *text;
};
extern struct pieces stream;

extern int calls;            /* of the endpoints that change something */
extern int closed;           /* streams */
extern struct settings seen; /* by /v2/look */

/* All that the last request was answered, and how much may be. */
extern struct buf answer;
extern size_t admitted;

extern char serve_directory[];

void serve_setup(void);
void serve_teardown(void);
void serve_write_settings(const char *text);

/* What the requests work on: empty, in memory. */
struct driver *serve_driver(void);

/* `extra` is one more parameter, or NULL. Returns what serve() does. */
int request(const char *method, const char *target, const char *extra);
int status_of_answer(void);
const char *last_log_line(void);
int log_lines_with(const char *text);

#endif
