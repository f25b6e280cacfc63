/* SPDX-License-Identifier: MIT */
#include "http/crew.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

/*
 * Handlers keep their pieces on the heap; the deepest recursion, a JSON
 * document, is bounded. A sanitizer's frames are several times as large.
 */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define STACK_SIZE (2 * 1024 * 1024)
#else
#define STACK_SIZE (256 * 1024)
#endif

/* Threads that wait beside the leader; more of them end. */
#define IDLE_MAX 1

#define SHORTAGE_PAUSE_MS 100
#define SHORTAGE_LOG_NS (10 * CLOCK_NS_PER_SECOND)

struct crew {
    const struct crew_task *task;
    int epoll;

    /* Only the leader's. */
    int64_t stop_ns;     /* when a stop signal was seen; 0 = not yet */
    int64_t shortage_ns; /* when a shortage was last logged; 0 = never */
    int failure;         /* errno of what broke the socket */

    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int threads, idle;
    bool led;
    bool ended; /* no more connections are taken */
};

static sigset_t stop_signals(void)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    /* What process managers of FastCGI programs send for a graceful end. */
    sigaddset(&signals, SIGUSR1);
    return signals;
}

void crew_block_signals(void)
{
    sigset_t signals = stop_signals();

    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
}

static int watch(int epoll, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data = {.fd = fd}};

    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

/*
 * Waits until a connection may be there, or a stop signal. The signal is not
 * taken off the descriptor: it stops the crew for good.
 */
static void wait_for_event(struct crew *crew)
{
    struct epoll_event events[2];
    int count = epoll_wait(crew->epoll, events, ARRAY_SIZE(events), -1);

    for (int i = 0; i < count; i++) {
        if (events[i].data.fd != crew->task->listener)
            crew->stop_ns = clock_monotonic_ns();
    }
}

/*
 * No descriptor or memory for another connection: what is being answered will
 * give some back. Ending instead would only lose the requests that wait.
 */
static void sit_out_shortage(struct crew *crew, int failure)
{
    int64_t now = clock_monotonic_ns();

    if (crew->shortage_ns == 0 || now - crew->shortage_ns > SHORTAGE_LOG_NS) {
        log_message(LOG_PRIORITY_ERROR, "cannot accept: %s",
                    strerrordesc_np(failure));
        crew->shortage_ns = now;
    }
    poll(NULL, 0, SHORTAGE_PAUSE_MS);
}

static bool has_drained_long(const struct crew *crew)
{
    return clock_monotonic_ns() - crew->stop_ns >
           CREW_DRAIN_MS * (CLOCK_NS_PER_SECOND / 1000);
}

enum accept_failure {
    ACCEPT_NOTHING,   /* another process was faster, or nobody waits */
    ACCEPT_SHORTAGE,  /* of descriptors or memory */
    ACCEPT_TRY_AGAIN, /* this one connection is gone */
    ACCEPT_BROKEN,    /* the socket */
};

static enum accept_failure judge(int failure)
{
    switch (failure) {
    case EAGAIN:
        return ACCEPT_NOTHING;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        return ACCEPT_SHORTAGE;
    case EBADF:
    case EINVAL:
    case ENOTSOCK:
    case EOPNOTSUPP:
        return ACCEPT_BROKEN;
    default:
        return ACCEPT_TRY_AGAIN;
    }
}

/* The leader's part: the next connection, or -1 for the end of the crew. */
static int next_connection(struct crew *crew)
{
    for (;;) {
        int connection;

        if (crew->stop_ns == 0)
            wait_for_event(crew);
        else if (has_drained_long(crew))
            return -1;
        connection = accept4(crew->task->listener, NULL, NULL, SOCK_CLOEXEC);
        if (connection >= 0)
            return connection;
        switch (judge(errno)) {
        case ACCEPT_NOTHING:
            if (crew->stop_ns != 0)
                return -1;
            break;
        case ACCEPT_SHORTAGE:
            sit_out_shortage(crew, errno);
            break;
        case ACCEPT_TRY_AGAIN:
            break;
        case ACCEPT_BROKEN:
            crew->failure = errno;
            return -1;
        }
    }
}

static void *run_thread(void *context);

/* Under the mutex. A thread that cannot be had is one fewer at work. */
static void add_thread(struct crew *crew)
{
    pthread_attr_t attributes;
    pthread_t thread;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &attributes, run_thread, crew) == 0)
        crew->threads++;
    pthread_attr_destroy(&attributes);
}

/*
 * Waits until this thread leads. False when it is not needed any more; the
 * first thread always is, as the process ends with it.
 */
static bool become_leader(struct crew *crew, bool is_first)
{
    bool leads = false;

    pthread_mutex_lock(&crew->mutex);
    if (!crew->led || is_first || crew->idle < IDLE_MAX) {
        crew->idle++;
        while (crew->led && !crew->ended)
            pthread_cond_wait(&crew->changed, &crew->mutex);
        crew->idle--;
        leads = !crew->ended;
        if (leads)
            crew->led = true;
    }
    pthread_mutex_unlock(&crew->mutex);
    return leads;
}

static void hand_over(struct crew *crew, bool ended)
{
    pthread_mutex_lock(&crew->mutex);
    crew->led = false;
    crew->ended = ended;
    if (ended)
        pthread_cond_broadcast(&crew->changed);
    else if (crew->idle > 0)
        pthread_cond_signal(&crew->changed);
    else if (crew->threads < crew->task->threads)
        add_thread(crew);
    pthread_mutex_unlock(&crew->mutex);
}

static void take_turns(struct crew *crew, bool is_first)
{
    while (become_leader(crew, is_first)) {
        int connection = next_connection(crew);

        hand_over(crew, connection < 0);
        if (connection >= 0)
            crew->task->answer(crew->task->context, connection);
    }
}

/*
 * The C library keeps the stacks of ended threads for later ones, each with
 * 16 KiB of pages that were used once: after many slow uploads, more than all
 * else an idle pool has. What lies a page below this frame is not in use.
 */
static void give_back_stack(void)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    pthread_attr_t attributes;
    void *lowest;
    size_t size;

    if (pthread_getattr_np(pthread_self(), &attributes) != 0)
        return;
    if (pthread_attr_getstack(&attributes, &lowest, &size) == 0)
        madvise(lowest, (here & ~(page - 1)) - page - (uintptr_t)lowest,
                MADV_DONTNEED);
    pthread_attr_destroy(&attributes);
}

static void *run_thread(void *context)
{
    struct crew *crew = context;

    take_turns(crew, false);
    give_back_stack();
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

/*
 * A web server connects, then writes the request. A thread that interrupts it
 * in between finds nothing to read and has to be woken a second time; one of
 * this policy waits for its turn instead. Threads inherit it. Where it is not
 * allowed, things are slower, that is all.
 */
static void wait_for_turns(void)
{
    const struct sched_param none = {0};

    (void)!sched_setscheduler(0, SCHED_BATCH, &none);
}

/*
 * EPOLLEXCLUSIVE: a connection wakes one of the processes that share the
 * socket, not all of them.
 */
static int watch_all(int epoll, int signals, int listener, struct err *err)
{
    if (epoll < 0 || signals < 0 || watch(epoll, signals, EPOLLIN) < 0 ||
        watch(epoll, listener, EPOLLIN | EPOLLEXCLUSIVE) < 0)
        return err_set_errno(err, errno, "cannot wait for connections");
    return 0;
}

int crew_run(const struct crew_task *task, struct err *err)
{
    struct crew crew = {.task = task,
                        .threads = 1,
                        .mutex = PTHREAD_MUTEX_INITIALIZER,
                        .changed = PTHREAD_COND_INITIALIZER};
    sigset_t stops = stop_signals();
    int signals, result;

    wait_for_turns();
    crew_block_signals();
    signals = signalfd(-1, &stops, SFD_CLOEXEC | SFD_NONBLOCK);
    crew.epoll = epoll_create1(EPOLL_CLOEXEC);
    result = watch_all(crew.epoll, signals, task->listener, err);
    if (result == 0) {
        take_turns(&crew, true);
        wait_for_others(&crew);
        if (crew.failure != 0)
            result = err_set_errno(err, crew.failure, "cannot accept");
    }
    close(crew.epoll);
    close(signals);
    return result;
}
