/* SPDX-License-Identifier: MIT */
/*
 * FastCGI by libfcgi, whose only user this file is.
 *
 * Threads take turns: one of them, the leader, waits for a connection; when
 * it has one, it makes another the leader and answers. So an idle process has
 * one or two threads, and a slow upload holds one thread, not the process.
 */
#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/num.h"
#include "http/transport.h"

#define LISTEN_FD 0
#define STACK_SIZE (256 * 1024)

/* Idle threads kept beside the leader. */
#define IDLE_MAX 1

static volatile sig_atomic_t stopping;

static void stop(int number)
{
    (void)number;
    stopping = 1;
}

bool fastcgi_is_offered(void)
{
    int listening = 0;
    socklen_t size = sizeof(listening);

    return getsockopt(LISTEN_FD, SOL_SOCKET, SO_ACCEPTCONN, &listening,
                      &size) == 0 &&
           listening;
}

void fastcgi_init(void)
{
    struct sigaction action = {.sa_handler = stop};
    int flags = fcntl(LISTEN_FD, F_GETFL);

    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    /* mod_fcgid's way of asking for an end. */
    sigaction(SIGUSR1, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    FCGX_Init();
    /* Several wait for each connection; who comes late must not block. */
    fcntl(LISTEN_FD, F_SETFL, flags | O_NONBLOCK);
}

struct crew {
    const struct server *server;
    int epoll;
    int threads_max;
    sigset_t waiting_mask; /* lets the stop signals in */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int threads, idle;
    bool led;
};

struct fcgi_body {
    struct reader reader;
    FCGX_Stream *in;
    bool has_length;
    uint64_t length, received;
};

/*
 * libfcgi reports a vanished web server like the end of the body: the error
 * state of the stream and the announced length tell the difference.
 */
static ssize_t end_of_body(const struct fcgi_body *body, struct err *err)
{
    if (FCGX_GetError(body->in) != 0)
        return err_set(err, ERR_BODY_INCOMPLETE, "the body broke off");
    if (body->has_length && body->received != body->length)
        return err_set(err, ERR_BODY_INCOMPLETE,
                       "the body is not as long as announced");
    return 0;
}

static ssize_t read_body(struct reader *reader, void *into, size_t size,
                         struct err *err)
{
    struct fcgi_body *body = (struct fcgi_body *)(void *)reader;
    int count = FCGX_GetStr(into, (int)size, body->in);

    if (count <= 0)
        return end_of_body(body, err);
    body->received += (uint64_t)count;
    return count;
}

static void close_body(struct reader *reader)
{
    (void)reader;
}

struct fcgi_sink {
    struct sink sink;
    FCGX_Stream *out;
};

static int write_out(struct sink *sink, struct span bytes)
{
    struct fcgi_sink *to = (struct fcgi_sink *)(void *)sink;

    return FCGX_PutStr(bytes.ptr, (int)bytes.len, to->out) == (int)bytes.len
               ? 0
               : -1;
}

/* A web server that gave the request up closes its connection. */
static bool client_is_gone(const struct request *request)
{
    const FCGX_Request *fcgi = request->transport;
    struct pollfd peer = {.fd = fcgi->ipcFd, .events = POLLRDHUP};

    return poll(&peer, 1, 0) == 1 &&
           (peer.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

static void answer(const struct server *server, FCGX_Request *request)
{
    static const struct reader_ops ops = {read_body, close_body};
    struct fcgi_body body = {.reader = {&ops}, .in = request->in};
    struct fcgi_sink sink = {{write_out}, request->out};
    const char *length = FCGX_GetParam("CONTENT_LENGTH", request->envp);

    body.has_length = length != NULL &&
                      num_parse(span_of(length), UINT64_MAX, &body.length) == 0;
    if (serve(server, (const char *const *)request->envp, &body.reader,
              client_is_gone, request, &sink.sink) == 0)
        FCGX_Finish_r(request);
    else /* without the closing record, the web server sees the break */
        FCGX_Free(request, 1);
}

/*
 * Waits for a connection and reads its request. False when the process is to
 * end and the backlog is empty.
 */
static bool accept_request(struct crew *crew, FCGX_Request *request)
{
    for (;;) {
        struct epoll_event event;
        int failure;

        if (!stopping)
            epoll_pwait(crew->epoll, &event, 1, -1, &crew->waiting_mask);
        if (FCGX_Accept_r(request) == 0)
            return true;
        failure = errno;
        /* Nothing there, taken by another, or no request: wait again. */
        FCGX_Free(request, 1);
        if (stopping)
            return false;
        if (failure == EMFILE || failure == ENFILE || failure == ENOMEM)
            poll(NULL, 0, 100);
    }
}

static void *take_turns(void *context);

/* Under the mutex. A thread that cannot be had is one fewer at work. */
static void add_thread(struct crew *crew)
{
    pthread_attr_t attributes;
    pthread_t thread;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &attributes, take_turns, crew) == 0)
        crew->threads++;
    pthread_attr_destroy(&attributes);
}

/* Waits until this thread leads; false when it is not needed any more. */
static bool become_leader(struct crew *crew, bool is_first)
{
    bool needed;

    pthread_mutex_lock(&crew->mutex);
    if (crew->led && crew->idle >= IDLE_MAX && !is_first) {
        pthread_mutex_unlock(&crew->mutex);
        return false;
    }
    crew->idle++;
    while (crew->led && !stopping)
        pthread_cond_wait(&crew->changed, &crew->mutex);
    crew->idle--;
    needed = !crew->led;
    if (needed)
        crew->led = true;
    pthread_mutex_unlock(&crew->mutex);
    return needed;
}

static void hand_over(struct crew *crew)
{
    pthread_mutex_lock(&crew->mutex);
    crew->led = false;
    if (stopping)
        pthread_cond_broadcast(&crew->changed);
    else if (crew->idle > 0)
        pthread_cond_signal(&crew->changed);
    else if (crew->threads < crew->threads_max)
        add_thread(crew);
    pthread_mutex_unlock(&crew->mutex);
}

static void work(struct crew *crew, bool is_first)
{
    FCGX_Request request;

    FCGX_InitRequest(&request, LISTEN_FD, FCGI_FAIL_ACCEPT_ON_INTR);
    while (become_leader(crew, is_first)) {
        bool accepted = accept_request(crew, &request);

        hand_over(crew);
        if (!accepted)
            break;
        answer(crew->server, &request);
    }
    FCGX_Free(&request, 1);
}

static void *take_turns(void *context)
{
    struct crew *crew = context;

    work(crew, false);
    pthread_mutex_lock(&crew->mutex);
    crew->threads--;
    pthread_cond_broadcast(&crew->changed);
    pthread_mutex_unlock(&crew->mutex);
    return NULL;
}

static void wait_for_others(struct crew *crew)
{
    pthread_mutex_lock(&crew->mutex);
    while (crew->threads > 1)
        pthread_cond_wait(&crew->changed, &crew->mutex);
    pthread_mutex_unlock(&crew->mutex);
}

/* The stop signals come in while a leader waits, and at no other moment. */
static void block_signals(struct crew *crew)
{
    sigset_t stops;

    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &stops, &crew->waiting_mask);
    sigdelset(&crew->waiting_mask, SIGTERM);
    sigdelset(&crew->waiting_mask, SIGINT);
    sigdelset(&crew->waiting_mask, SIGUSR1);
}

int fastcgi_serve(const struct server *server, int threads)
{
    struct crew crew = {.server = server,
                        .threads_max = threads,
                        .threads = 1,
                        .mutex = PTHREAD_MUTEX_INITIALIZER,
                        .changed = PTHREAD_COND_INITIALIZER};
    /* One connection wakes one process. */
    struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE};

    block_signals(&crew);
    crew.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (crew.epoll < 0 ||
        epoll_ctl(crew.epoll, EPOLL_CTL_ADD, LISTEN_FD, &event) < 0) {
        log_message(LOG_PRIORITY_ERROR, "epoll: %s", strerrordesc_np(errno));
        return EXIT_FAILURE;
    }
    work(&crew, true);
    wait_for_others(&crew);
    close(crew.epoll);
    return EXIT_SUCCESS;
}
