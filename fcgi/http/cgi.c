/* SPDX-License-Identifier: MIT */
/* Plain CGI (RFC 3875): one process, one request. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"
#include "http/transport.h"

#define WASTE_SIZE (64 * 1024)

struct cgi_body {
    struct reader reader;
    bool to_the_end; /* chunked: the web server closes the pipe at its end */
    uint64_t rest;   /* else of CONTENT_LENGTH */
};

/* The web server closes the pipe when its client has gone. */
static bool client_is_gone(const struct request *request)
{
    struct pollfd out = {.fd = STDOUT_FILENO};

    (void)request;
    return poll(&out, 1, 0) == 1 && (out.revents & (POLLERR | POLLHUP)) != 0;
}

static ssize_t broke_off(struct err *err)
{
    return err_set(err, ERR_BODY_INCOMPLETE, "the body broke off");
}

static ssize_t read_body(struct reader *reader, void *into, size_t size,
                         struct err *err)
{
    struct cgi_body *body = (struct cgi_body *)(void *)reader;
    ssize_t count;

    if (!body->to_the_end && body->rest < size)
        size = (size_t)body->rest;
    if (size == 0)
        return 0;
    do {
        count = read(STDIN_FILENO, into, size);
    } while (count < 0 && errno == EINTR);
    /* A chunked body that broke off ends like a whole one, but then nobody
     * waits for the answer any more. */
    if (body->to_the_end && count == 0)
        return client_is_gone(NULL) ? broke_off(err) : 0;
    if (count <= 0)
        return broke_off(err);
    if (body->to_the_end)
        return count;
    body->rest -= (uint64_t)count;
    return count;
}

static void close_body(struct reader *reader)
{
    (void)reader;
}

static int write_all(struct sink *sink, struct span bytes)
{
    (void)sink;
    while (bytes.len > 0) {
        ssize_t count = write(STDOUT_FILENO, bytes.ptr, bytes.len);

        if (count < 0 && errno != EINTR)
            return -1;
        if (count > 0)
            bytes = span_from(bytes, (size_t)count);
    }
    return 0;
}

/*
 * A web server that has one socket for body and answer (Apache's mod_cgid)
 * finds it reset, and the answer gone, when the program ends with some of the
 * body unread in it. So no more is let in, and what is in is taken. To read
 * the body to its end instead would be for as long as a client likes.
 */
static void refuse_rest(void)
{
    static char waste[WASTE_SIZE];

    if (shutdown(STDIN_FILENO, SHUT_RD) < 0)
        return; /* a pipe or a file, with nothing else in it */
    while (read(STDIN_FILENO, waste, sizeof(waste)) > 0)
        continue;
}

int cgi_serve(const struct server *server)
{
    static const struct reader_ops ops = {read_body, close_body};
    struct cgi_body body = {.reader = {&ops}};
    struct sink sink = {write_all};
    const char *length = getenv("CONTENT_LENGTH");
    int status;

    if (length == NULL || *length == '\0')
        body.to_the_end = getenv("HTTP_TRANSFER_ENCODING") != NULL;
    else if (num_parse(span_of(length), UINT64_MAX, &body.rest) < 0)
        body.rest = 0; /* serve() refuses it */
    status = serve(server, (const char *const *)environ, &body.reader,
                   client_is_gone, NULL, &sink);
    refuse_rest();
    return status == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
