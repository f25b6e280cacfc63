/* SPDX-License-Identifier: MIT */
/*
 * A route for the tests of fcgi_main.c and what is below it, built like every
 * route's program.
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "http/route.h"

extern const struct route echo_route;

/* The length of the body, and how it ended. */
static int count_body(struct call *call)
{
    char piece[4096];
    uint64_t total = 0;
    ssize_t count;

    while ((count = reader_read(call->request->body, piece, sizeof(piece),
                                call->err)) > 0)
        total += (uint64_t)count;
    if (count < 0)
        return -1;
    buf_add_format(&call->response->bytes, "%llu", (unsigned long long)total);
    return 0;
}

static int refuse_body(struct call *call)
{
    return err_set(call->err, ERR_DIGEST_INVALID, "not read");
}

static int tell_pid(struct call *call)
{
    buf_add_format(&call->response->bytes, "%d", (int)getpid());
    return 0;
}

static int die(struct call *call)
{
    (void)call;
    raise(SIGKILL);
    return -1;
}

static int send_much(struct call *call)
{
    struct span size;

    if (!request_query(call->request, "n", &size))
        return err_set(call->err, ERR_BAD_REQUEST, "no n");
    for (uint64_t left = strtoull(size.ptr, NULL, 10); left > 0; left--)
        buf_add_char(&call->response->bytes, (char)('a' + left % 26));
    return 0;
}

struct zeros {
    struct reader reader;
    uint64_t left;
};

static ssize_t read_zeros(struct reader *reader, void *into, size_t size,
                          struct err *err)
{
    struct zeros *zeros = CONTAINER_OF(reader, struct zeros, reader);

    if (zeros->left == 0)
        return err_set(err, ERR_IO, "the disk broke");
    if (size > zeros->left)
        size = zeros->left;
    memset(into, '0', size);
    zeros->left -= size;
    return (ssize_t)size;
}

static void free_zeros(struct reader *reader)
{
    free(CONTAINER_OF(reader, struct zeros, reader));
}

/* A body of 1 MiB that breaks off in the middle. */
static int break_off(struct call *call)
{
    static const struct reader_ops ops = {read_zeros, free_zeros};
    struct zeros *zeros = calloc(1, sizeof(*zeros));

    if (zeros == NULL)
        return err_set(call->err, ERR_INTERNAL, "no memory");
    zeros->reader.ops = &ops;
    zeros->left = 512 * 1024;
    response_stream(call->response, &zeros->reader, 1024 * 1024);
    return 0;
}

static int nap(struct call *call)
{
    (void)call;
    usleep(20000);
    return 0;
}

/* Waits until the client has gone, and leaves a mark for the test. */
static int wait_for_end(struct call *call)
{
    struct span mark = request_parameter(call->request, "HTTP_MARK");

    for (int i = 0; i < 1000; i++) {
        if (call->request->client_is_gone(call->request)) {
            if (mark.ptr != NULL)
                unlink(mark.ptr);
            return err_set(call->err, ERR_CLIENT_GONE, "gone");
        }
        usleep(10000);
    }
    buf_add(&call->response->bytes, SPAN("still there"));
    return 0;
}

#define ONLY(method, function)                                                 \
    {                                                                          \
        ACTION(method, ACCESS_PULL, function)                                  \
    }

static const struct endpoint endpoints[] = {
    {"/count", ONLY(HTTP_PUT, count_body)},
    {"/refuse", ONLY(HTTP_PUT, refuse_body)},
    {"/pid", ONLY(HTTP_GET, tell_pid)},
    {"/die", ONLY(HTTP_GET, die)},
    {"/much", ONLY(HTTP_GET, send_much)},
    {"/break", ONLY(HTTP_GET, break_off)},
    {"/nap", ONLY(HTTP_GET, nap)},
    {"/wait", ONLY(HTTP_GET, wait_for_end)},
};

const struct route echo_route = {"echo", endpoints, ARRAY_SIZE(endpoints)};
