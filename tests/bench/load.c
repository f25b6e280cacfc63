/* SPDX-License-Identifier: MIT */
/*
 * Asks for one path again and again over kept connections, and prints what
 * came of it as JSON. One thread; bodies are dropped by the kernel, so that
 * the server's cost is what limits.
 *
 *     load METHOD PORT PATH CONNECTIONS MILLISECONDS [REQUESTS]
 *
 * Ends after that time, or with REQUESTS after as many answers. What is in the
 * environment as AUTHORIZATION goes into each request as that field. With TLS
 * in the environment as well, whatever its value, connections are encrypted;
 * nobody looks at the certificate, and bodies have to be read.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/http.h"

#define HEAD_MAX 4096
#define DROP_MAX (1024 * 1024)
#define EVENTS 64

struct connection {
    int fd;
    SSL *tls; /* NULL without */
    bool in_body;
    uint64_t left; /* of the body */
    bool closes;
    size_t len; /* of the head so far */
    int64_t sent_ns;
    char head[HEAD_MAX];
};

static struct {
    const char *method;
    int port, epoll;
    SSL_CTX *tls;
    char request[2048];
    size_t request_len;
    uint64_t asked, answered, bytes, limit;
    int64_t started_ns, deadline_ns;
    int64_t *times;
    size_t times_max;
} run;

static void note_time(int64_t ns)
{
    if (run.answered == run.times_max) {
        run.times_max = run.times_max * 2 + 1024;
        run.times = realloc(run.times, run.times_max * sizeof(*run.times));
        if (run.times == NULL)
            fail("out of memory");
    }
    run.times[run.answered++] = ns;
}

static void open_connection(struct connection *c)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};

    c->fd = http_connect(run.port);
    if (run.tls != NULL) {
        c->tls = SSL_new(run.tls);
        if (c->tls == NULL || SSL_set_fd(c->tls, c->fd) != 1 ||
            SSL_connect(c->tls) != 1)
            fail("no TLS on port %d", run.port);
    }
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    epoll_ctl(run.epoll, EPOLL_CTL_ADD, c->fd, &event);
}

static bool ask(struct connection *c)
{
    if (run.limit > 0 ? run.asked == run.limit : now_ns() > run.deadline_ns)
        return false;
    run.asked++;
    c->in_body = false;
    c->len = 0;
    c->sent_ns = now_ns();
    if (c->tls == NULL)
        http_send(c->fd, run.request, run.request_len);
    else if (SSL_write(c->tls, run.request, (int)run.request_len) !=
             (int)run.request_len)
        fail("the server takes no request");
    return true;
}

/* False when this connection has nothing more to do. */
static bool finish(struct connection *c)
{
    note_time(now_ns() - c->sent_ns);
    if (c->closes) {
        SSL_free(c->tls);
        close(c->fd);
        open_connection(c);
    }
    return ask(c);
}

/* At most `len` bytes, -1 when there are none for now. `flags` are for plain
 * connections. */
static ssize_t receive(struct connection *c, void *into, size_t len, int flags)
{
    ssize_t count;

    if (c->tls != NULL) {
        int got = SSL_read(c->tls, into, (int)len);

        if (got <= 0 && SSL_get_error(c->tls, got) != SSL_ERROR_WANT_READ)
            fail("the server hung up");
        return got > 0 ? got : -1;
    }
    count = recv(c->fd, into, len, flags);
    if (count == 0)
        fail("the server hung up");
    if (count < 0 && errno != EAGAIN)
        fail("recv: %s", strerror(errno));
    return count;
}

static void read_head(struct connection *c)
{
    ssize_t count = receive(c, c->head + c->len, sizeof(c->head) - c->len, 0);
    struct http_head head;
    uint64_t more;

    if (count < 0)
        return;
    c->len += (size_t)count;
    if (!http_parse_head(c->head, c->len, &head)) {
        if (c->len == sizeof(c->head))
            fail("the head is too long");
        return;
    }
    if (head.status != 200)
        fail("%s: status %d", run.request, head.status);
    more = c->len - head.size;
    c->left = strcmp(run.method, "HEAD") == 0 ? 0 : head.content_length;
    if (more > c->left)
        fail("more bytes than announced");
    c->left -= more;
    run.bytes += more;
    c->closes = head.closes;
    c->in_body = true;
}

static void drop_body(struct connection *c)
{
    static char nothing[DROP_MAX]; /* MSG_TRUNC drops, and writes nothing */

    while (c->left > 0) {
        ssize_t count = receive(
            c, nothing, c->left < sizeof(nothing) ? c->left : sizeof(nothing),
            MSG_TRUNC);

        if (count < 0)
            return;
        c->left -= (uint64_t)count;
        run.bytes += (uint64_t)count;
    }
}

static bool serve(struct connection *c)
{
    if (!c->in_body)
        read_head(c);
    if (!c->in_body)
        return true;
    drop_body(c);
    return c->left > 0 || finish(c);
}

static void run_all(size_t connections)
{
    struct connection *all = calloc(connections, sizeof(*all));
    size_t open = 0;

    if (all == NULL)
        fail("out of memory");
    for (size_t i = 0; i < connections; i++)
        open_connection(&all[i]);
    for (size_t i = 0; i < connections; i++)
        open += ask(&all[i]);
    while (open > 0) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(run.epoll, events, EVENTS, 30000);

        if (count <= 0)
            fail("no answer for 30 s");
        for (int i = 0; i < count; i++)
            open -= !serve(events[i].data.ptr);
    }
    free(all);
}

int main(int argc, char **argv)
{
    const char *shown = getenv("AUTHORIZATION");
    double seconds;

    if (argc != 6 && argc != 7)
        fail("usage: load METHOD PORT PATH CONNECTIONS MILLISECONDS "
             "[REQUESTS]");
    run.method = argv[1];
    run.port = (int)number(argv[2]);
    run.request_len = (size_t)snprintf(
        run.request, sizeof(run.request),
        "%s %s HTTP/1.1\r\nHost: localhost\r\n"
        "Accept: application/vnd.oci.image.manifest.v1+json\r\n"
        "%s%s%s\r\n",
        argv[1], argv[3], shown != NULL ? "Authorization: " : "",
        shown != NULL ? shown : "", shown != NULL ? "\r\n" : "");
    if (run.request_len >= sizeof(run.request))
        fail("the request is too long");
    run.limit = argc == 7 ? (uint64_t)number(argv[6]) : 0;
    if (getenv("TLS") != NULL && (run.tls = SSL_CTX_new(TLS_method())) == NULL)
        fail("no TLS here");
    run.epoll = epoll_create1(EPOLL_CLOEXEC);
    run.started_ns = now_ns();
    run.deadline_ns = run.started_ns + number(argv[5]) * 1000000;
    run_all((size_t)number(argv[4]));
    seconds = (double)(now_ns() - run.started_ns) / 1e9;
    printf("{\"requests\": %" PRIu64 ", \"bytes\": %" PRIu64
           ", \"seconds\": %.6f, \"p50_us\": %.1f, \"p99_us\": %.1f}\n",
           run.answered, run.bytes, seconds,
           percentile_us(run.times, run.answered, 50),
           percentile_us(run.times, run.answered, 99));
    free(run.times);
    SSL_CTX_free(run.tls);
    return EXIT_SUCCESS;
}
