/* SPDX-License-Identifier: MIT */
/*
 * One answer, described whole before any of it is sent. A handler fills it
 * and returns; serve() turns it into bytes.
 *
 * The body is none, some bytes, a stream of known length, or a file the web
 * server is to send. For HEAD a handler describes what GET would send;
 * serve() leaves the bytes out and keeps Content-Length.
 */
#ifndef BERTH_FCGI_HTTP_RESPONSE_H
#define BERTH_FCGI_HTTP_RESPONSE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/reader.h"
#include "base/span.h"

#define RESPONSE_HEADERS_MAX (32 * 1024)
#define RESPONSE_BYTES_MAX (16 * 1024 * 1024)
#define RESPONSE_WARNING_MAX 512

struct response {
    int status;
    struct buf headers;    /* "Name: value\r\n" each, no length, no status */
    struct buf bytes;      /* the body, when there is no stream */
    struct reader *stream; /* owned; NULL when the body is `bytes` */
    uint64_t length;       /* of the stream */
    bool delegated;        /* the web server sends a file: no Content-Length */
    char warning[RESPONSE_WARNING_MAX]; /* for the log; "" without any */
};

void response_init(struct response *response);
void response_cleanup(struct response *response);

/* Forgets everything, to describe an error instead. */
void response_reset(struct response *response);

/*
 * Adds a header field. A value with control bytes would split the answer: it
 * is left out, and the answer becomes a 500.
 */
void response_header(struct response *response, const char *name,
                     const char *format, ...) PRINTF_LIKE(3, 4);

/*
 * Tells whoever asked, and the log, of something that is not in order though
 * the answer is good (distribution-spec, "Warnings"; RFC 7234 section 5.5).
 * The text has no quotes and no backslash, and it comes at most once.
 */
void response_warning(struct response *response, const char *format, ...)
    PRINTF_LIKE(2, 3);

/* The stream, whose ownership moves here, is `length` bytes long. */
void response_stream(struct response *response, struct reader *stream,
                     uint64_t length);

/* "200 OK" and the like, for the Status line. */
const char *response_reason(int status);

#endif
