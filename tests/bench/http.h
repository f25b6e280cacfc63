/* SPDX-License-Identifier: MIT */
/* As much HTTP/1.1 as the load generators need: kept connections, answers
 * with a length. What they do not understand ends the program. */
#ifndef BERTH_BENCH_HTTP_H
#define BERTH_BENCH_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_head {
    size_t size; /* of the head itself, with the empty line */
    int status;
    uint64_t content_length;
    bool closes; /* the server ends the connection after this answer */
    char location[1024];
};

/* A blocking connection to 127.0.0.1. */
int http_connect(int port);

void http_send(int fd, const void *bytes, size_t len);

/* False while the head is not complete. */
bool http_parse_head(const char *bytes, size_t len, struct http_head *out);

/* Reads one answer and throws its body away. */
void http_receive(int fd, struct http_head *out);

/* Prints to stderr and exits. */
_Noreturn void fail(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

int64_t now_ns(void);
long number(const char *text);

/* Microseconds below which `percent` of the times lie. Sorts them. */
double percentile_us(int64_t *times_ns, size_t count, int percent);

#endif
