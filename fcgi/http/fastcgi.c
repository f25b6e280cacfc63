/* SPDX-License-Identifier: MIT */
/*
 * One FastCGI request by libfcgi, whose only user this file is.
 *
 * libfcgi reads the parameters and the body and frames small answers. Left
 * out are its accept, which holds the caller for 2 s when a peer is silent
 * and can lose a signal; its close, which waits for the web server after
 * every request; and its writer for large answers, which makes a system call
 * for every 8 KiB.
 *
 * libfcgi trusts who may open the socket: an FCGI_GET_VALUES that names one
 * variable four times overruns its stack, and lengths of a name and a value
 * that add up to 2 GB end the process (2.4.2). No web server sends either; a
 * pool replaces the worker.
 */
#include "http/transport.h"

#include <errno.h>
#include <fastcgi.h>
#include <fcgiapp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"

/* A web server sends the parameters at once; who does not is none. */
#define PARAMETERS_SECONDS 5

/* What libfcgi's own buffer takes; more goes out past it. */
#define SMALL_ANSWER 8000
#define RECORD_MAX 65528 /* of content, a multiple of 8: never a padding */
#define RECORDS_AT_ONCE 4

/*
 * For how long the rest of a body is read after an answer that did not want
 * it, so that the web server sees the answer before a closed connection.
 */
#define LINGER_MS 2000

bool fastcgi_is_offered(void)
{
    int listening = 0;
    socklen_t size = sizeof(listening);

    return getsockopt(FASTCGI_LISTENER, SOL_SOCKET, SO_ACCEPTCONN, &listening,
                      &size) == 0 &&
           listening;
}

void fastcgi_init(void)
{
    FCGX_Init();
}

struct exchange {
    FCGX_Request fcgi;
    struct reader body;
    bool has_length;
    uint64_t length, received;
    bool ended; /* the body was read to its end, or there is none */
    struct sink sink;
};

/*
 * libfcgi reports a vanished web server like the end of the body: the error
 * state of the stream and the announced length tell the difference.
 */
static ssize_t end_of_body(struct exchange *x, struct err *err)
{
    int failure = FCGX_GetError(x->fcgi.in);

    if (failure != 0)
        return err_set(err, ERR_BODY_INCOMPLETE,
                       "the body broke off after %llu bytes (%d)",
                       (unsigned long long)x->received, failure);
    x->ended = true;
    if (x->has_length && x->received != x->length)
        return err_set(err, ERR_BODY_INCOMPLETE,
                       "the body has %llu bytes, announced were %llu",
                       (unsigned long long)x->received,
                       (unsigned long long)x->length);
    return 0;
}

static ssize_t read_body(struct reader *reader, void *into, size_t size,
                         struct err *err)
{
    struct exchange *x = CONTAINER_OF(reader, struct exchange, body);
    int count =
        FCGX_GetStr(into, size < INT32_MAX ? (int)size : INT32_MAX, x->fcgi.in);

    if (count <= 0)
        return end_of_body(x, err);
    x->received += (uint64_t)count;
    return count;
}

static void close_body(struct reader *reader)
{
    (void)reader;
}

static int write_all(int fd, struct iovec *parts, int count)
{
    while (count > 0) {
        ssize_t written = writev(fd, parts, count);

        if (written < 0 && errno != EINTR)
            return -1;
        while (count > 0 && written >= (ssize_t)parts->iov_len) {
            written -= (ssize_t)parts->iov_len;
            parts++;
            count--;
        }
        if (count > 0 && written > 0) {
            parts->iov_base = (char *)parts->iov_base + written;
            parts->iov_len -= (size_t)written;
        }
    }
    return 0;
}

static void fill_header(FCGI_Header *header, int id, size_t len)
{
    *header = (FCGI_Header){
        .version = FCGI_VERSION_1,
        .type = FCGI_STDOUT,
        .requestIdB1 = (unsigned char)(id >> 8),
        .requestIdB0 = (unsigned char)id,
        .contentLengthB1 = (unsigned char)(len >> 8),
        .contentLengthB0 = (unsigned char)len,
    };
}

/* Records of our own, behind what libfcgi holds. */
static int write_records(const FCGX_Request *fcgi, struct span bytes)
{
    if (FCGX_FFlush(fcgi->out) < 0)
        return -1;
    while (bytes.len > 0) {
        FCGI_Header headers[RECORDS_AT_ONCE];
        struct iovec parts[2 * RECORDS_AT_ONCE];
        int count = 0;

        for (size_t i = 0; i < RECORDS_AT_ONCE && bytes.len > 0; i++) {
            size_t len = bytes.len < RECORD_MAX ? bytes.len : RECORD_MAX;

            fill_header(&headers[i], fcgi->requestId, len);
            parts[count].iov_base = &headers[i];
            parts[count++].iov_len = sizeof(headers[i]);
            parts[count].iov_base = (void *)(uintptr_t)bytes.ptr;
            parts[count++].iov_len = len;
            bytes = span_from(bytes, len);
        }
        if (write_all(fcgi->ipcFd, parts, count) < 0)
            return -1;
    }
    return 0;
}

static int write_answer(struct sink *sink, struct span bytes)
{
    struct exchange *x = CONTAINER_OF(sink, struct exchange, sink);

    if (bytes.len > SMALL_ANSWER)
        return write_records(&x->fcgi, bytes);
    return FCGX_PutStr(bytes.ptr, (int)bytes.len, x->fcgi.out) == (int)bytes.len
               ? 0
               : -1;
}

/* A web server that gave the request up closes its connection. */
static bool client_is_gone(const struct request *request)
{
    const struct exchange *x = request->transport;
    struct pollfd peer = {.fd = x->fcgi.ipcFd, .events = POLLRDHUP};

    return poll(&peer, 1, 0) == 1 &&
           (peer.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

static void limit_silence(int connection, time_t seconds)
{
    struct timeval silence = {.tv_sec = seconds};

    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof(silence));
}

/*
 * Reads the parameters. libfcgi takes a connection it was given for one it
 * kept, and closes it at once, as it is marked detached, when no request
 * comes.
 *
 * A process that is stopped and continued, or frozen, while it reads from a
 * socket with a time limit is told EINTR even without a signal handler, and
 * libfcgi gives up; poll(2) goes on. So it is poll that waits for the web
 * server, which may be held up between its connect and its first write. Only
 * what comes in several writes is left to the limit.
 */
static bool read_parameters(FCGX_Request *fcgi, int connection)
{
    struct pollfd peer = {.fd = connection, .events = POLLIN};

    if (poll(&peer, 1, PARAMETERS_SECONDS * 1000) != 1) {
        close(connection);
        return false;
    }
    FCGX_InitRequest(fcgi, -1, FCGI_FAIL_ACCEPT_ON_INTR);
    fcgi->ipcFd = connection;
    fcgi->keepConnection = 1;
    fcgi->detached = 1;
    limit_silence(connection, PARAMETERS_SECONDS);
    return FCGX_Accept_r(fcgi) == 0;
}

/*
 * Takes the empty record that ends a body which is not there. nginx sends it
 * with the parameters; Apache sends it behind them, and fails the request
 * when we have closed by then.
 */
static bool body_is_empty(FCGX_Stream *in)
{
    int first = FCGX_GetChar(in);

    if (first == EOF)
        return true;
    FCGX_UnGetChar(first, in);
    return false;
}

static void look_for_body(struct exchange *x)
{
    const char *length = FCGX_GetParam("CONTENT_LENGTH", x->fcgi.envp);
    const char *coding = FCGX_GetParam("HTTP_TRANSFER_ENCODING", x->fcgi.envp);

    x->has_length = length != NULL &&
                    num_parse(span_of(length), UINT64_MAX, &x->length) == 0;
    /*
     * HTTP/2 announces neither a length nor a coding: until the first byte,
     * or the end, nobody can tell a slow body from none.
     */
    if (!x->has_length)
        limit_silence(x->fcgi.ipcFd, 0);
    x->ended = (x->has_length ? x->length == 0 : coding == NULL) &&
               body_is_empty(x->fcgi.in);
    /* Clients may be slow: how slow is the web server's to say. */
    if (!x->ended)
        limit_silence(x->fcgi.ipcFd, 0);
}

/*
 * Closing a socket with unread bytes resets it, which may overtake the answer
 * or fail the web server's next write before it has read the answer.
 */
static void linger(int connection)
{
    int64_t end = clock_monotonic_ns() + LINGER_MS * INT64_C(1000000);
    struct pollfd peer = {.fd = connection, .events = POLLIN};
    char waste[16 * 1024];
    int64_t left;

    shutdown(connection, SHUT_WR);
    while ((left = (end - clock_monotonic_ns()) / 1000000) > 0) {
        if (poll(&peer, 1, (int)left) != 1 ||
            read(connection, waste, sizeof(waste)) <= 0)
            break;
    }
}

void fastcgi_answer(const struct server *server, int connection)
{
    static const struct reader_ops ops = {read_body, close_body};
    struct exchange x = {.body = {&ops}, .sink = {write_answer}};

    if (!read_parameters(&x.fcgi, connection))
        return;
    look_for_body(&x);
    if (serve(server, (const char *const *)x.fcgi.envp, &x.body, client_is_gone,
              &x, &x.sink) == 0) {
        FCGX_FClose(x.fcgi.err);
        FCGX_FClose(x.fcgi.out);
        if (!x.ended)
            linger(connection);
    }
    FCGX_Free(&x.fcgi, 0);
    close(connection);
}
