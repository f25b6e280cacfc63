/* SPDX-License-Identifier: MIT */
/*
 * A FastCGI connection to the route of uploads: "NAME=value" lines, an empty
 * one, and what comes behind the parameters: a byte that says how many bytes
 * of the end are missing, then records of a byte for their type, a byte for
 * their length and so much content. The answer is a row of whole records or
 * nothing.
 *
 * The parameters are framed here, and a record is never FCGI_GET_VALUES:
 * libfcgi allocates whatever length it is told, and ends the process over
 * one of 2 GB. Only a web server could tell it, and none does.
 */
#include "asker.h"

#include <fastcgi.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/compiler.h"
#include "driver/driver_mem.h"
#include "http/transport.h"

/* What a socket takes without a reader. */
#define CONNECTION_MAX (64 * 1024)
#define ANSWER_MAX (1024 * 1024)

extern const struct route upload_route;

static void add_record(struct buf *into, unsigned char type, struct span bytes)
{
    buf_add_char(into, FCGI_VERSION_1);
    buf_add_char(into, (char)type);
    buf_add(into, SPAN("\0\1"));
    buf_add_char(into, (char)(bytes.len >> 8));
    buf_add_char(into, (char)bytes.len);
    buf_add(into, SPAN("\0\0"));
    buf_add(into, bytes);
}

static void add_length(struct buf *into, size_t len)
{
    if (len > 127) {
        buf_add_char(into, (char)(0x80 | len >> 24));
        buf_add_char(into, (char)(len >> 16));
        buf_add_char(into, (char)(len >> 8));
    }
    buf_add_char(into, (char)len);
}

/* Cuts the lines of the parameters off `*rest`. */
static void add_parameters(struct buf *into, struct span *rest)
{
    CLEANUP(buf) struct buf pairs = BUF_INIT(CONNECTION_MAX);
    struct span value;

    while ((value = span_cut(rest, '\n')).len > 0) {
        struct span name = span_cut(&value, '=');

        add_length(&pairs, name.len);
        add_length(&pairs, value.len);
        buf_add(&pairs, name);
        buf_add(&pairs, value);
    }
    if (pairs.len > 0)
        add_record(into, FCGI_PARAMS, buf_span(&pairs));
    add_record(into, FCGI_PARAMS, SPAN(""));
}

static void add_tail(struct buf *into, struct span rest)
{
    size_t missing;

    if (rest.len == 0)
        return;
    missing = (unsigned char)rest.ptr[0];
    rest = span_from(rest, 1);
    while (rest.len >= 2) {
        unsigned char type = (unsigned char)rest.ptr[0];
        size_t len = (unsigned char)rest.ptr[1];

        rest = span_from(rest, 2);
        if (len > rest.len)
            len = rest.len;
        if (type != FCGI_GET_VALUES)
            add_record(into, type, span_first(rest, len));
        rest = span_from(rest, len);
    }
    buf_truncate(into, missing < into->len ? into->len - missing : 0);
}

static void check_answer(int connection)
{
    CLEANUP(buf) struct buf answer = BUF_INIT(ANSWER_MAX);
    struct span rest;
    char piece[4096];
    ssize_t count;

    while ((count = read(connection, piece, sizeof(piece))) > 0)
        buf_add(&answer, (struct span){piece, (size_t)count});
    rest = buf_span(&answer);
    while (rest.len > 0) {
        FCGI_Header header;
        size_t len;

        MUST(rest.len >= sizeof(header));
        memcpy(&header, rest.ptr, sizeof(header));
        len = sizeof(header) + header.paddingLength +
              (size_t)(header.contentLengthB1 << 8 | header.contentLengthB0);
        MUST(header.version == FCGI_VERSION_1 && rest.len >= len);
        MUST(header.type == FCGI_STDOUT || header.type == FCGI_STDERR ||
             header.type == FCGI_END_REQUEST ||
             header.type == FCGI_UNKNOWN_TYPE);
        rest = span_from(rest, len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    CLEANUP(driver) struct driver *driver = driver_mem_new(3600);
    CLEANUP(buf) struct buf bytes = BUF_INIT(CONNECTION_MAX);
    struct span rest = fuzz_input(data, size);
    int pair[2];

    if (!ready)
        fastcgi_init();
    ready = true;
    add_record(&bytes, FCGI_BEGIN_REQUEST, SPAN("\0\1\0\0\0\0\0\0"));
    add_parameters(&bytes, &rest);
    add_tail(&bytes, rest);
    if (bytes.overflowed)
        return 0;
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    MUST(write(pair[1], bytes.ptr, bytes.len) == (ssize_t)bytes.len);
    MUST(shutdown(pair[1], SHUT_WR) == 0);
    fastcgi_answer(asker_server(&upload_route, driver), pair[0]);
    check_answer(pair[1]);
    close(pair[1]);
    return 0;
}
