/* SPDX-License-Identifier: MIT */
#include "http/pool.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

/* A worker that dies within this time of its start is not replaced at once. */
#define YOUNG_NS CLOCK_NS_PER_SECOND

struct worker {
    pid_t pid; /* 0 = none, to be started */
    int64_t started_ns;
};

struct pool {
    int (*work)(void *context);
    void *context;
    struct worker workers[POOL_WORKERS_MAX];
    int count;
    bool stopping;
    sigset_t signals; /* what the master waits for */
    pid_t master;
};

static void run_worker(struct pool *pool)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != pool->master)
        exit(EXIT_SUCCESS);
    exit(pool->work(pool->context));
}

static void start(struct pool *pool, struct worker *worker)
{
    worker->started_ns = clock_monotonic_ns();
    worker->pid = fork();
    if (worker->pid == 0)
        run_worker(pool);
    if (worker->pid < 0) {
        log_message(LOG_PRIORITY_ERROR, "cannot start a worker: %s",
                    strerrordesc_np(errno));
        worker->pid = 0;
    }
}

/*
 * Starts who is missing. Returns the nanoseconds until somebody who died young
 * may be started again, -1 for nobody.
 */
static int64_t fill(struct pool *pool)
{
    int64_t now = clock_monotonic_ns(), wait = -1;

    for (int i = 0; i < pool->count && !pool->stopping; i++) {
        struct worker *worker = &pool->workers[i];
        int64_t rest = worker->started_ns + YOUNG_NS - now;

        if (worker->pid != 0)
            continue;
        if (worker->started_ns == 0 || rest <= 0)
            start(pool, worker);
        if (worker->pid == 0 && (wait < 0 || rest < wait))
            wait = rest > 0 ? rest : YOUNG_NS;
    }
    return wait;
}

static void tell_death(pid_t pid, int status)
{
    if (WIFSIGNALED(status))
        log_message(LOG_PRIORITY_ERROR, "worker %d died of signal %d (%s)",
                    (int)pid, WTERMSIG(status), sigdescr_np(WTERMSIG(status)));
    else
        log_message(LOG_PRIORITY_ERROR, "worker %d exited with status %d",
                    (int)pid, WEXITSTATUS(status));
}

static void reap(struct pool *pool)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (!pool->stopping || status != 0)
            tell_death(pid, status);
        for (int i = 0; i < pool->count; i++) {
            struct worker *worker = &pool->workers[i];

            if (worker->pid != pid)
                continue;
            worker->pid = 0;
            if (clock_monotonic_ns() - worker->started_ns > YOUNG_NS)
                worker->started_ns = 0;
        }
    }
}

static void stop(struct pool *pool)
{
    pool->stopping = true;
    for (int i = 0; i < pool->count; i++) {
        if (pool->workers[i].pid != 0)
            kill(pool->workers[i].pid, SIGTERM);
    }
}

static bool is_empty(const struct pool *pool)
{
    for (int i = 0; i < pool->count; i++) {
        if (pool->workers[i].pid != 0)
            return false;
    }
    return true;
}

static void wait_for_signal(struct pool *pool, int64_t wait_ns)
{
    struct timespec timeout = {wait_ns / CLOCK_NS_PER_SECOND,
                               wait_ns % CLOCK_NS_PER_SECOND};
    int number =
        sigtimedwait(&pool->signals, NULL, wait_ns < 0 ? NULL : &timeout);

    if (number > 0 && number != SIGCHLD)
        stop(pool);
    reap(pool);
}

int pool_run(int workers, int (*work)(void *context), void *context)
{
    struct pool pool = {
        .work = work,
        .context = context,
        .count = workers < POOL_WORKERS_MAX ? workers : POOL_WORKERS_MAX,
        .master = getpid(),
    };

    sigemptyset(&pool.signals);
    sigaddset(&pool.signals, SIGTERM);
    sigaddset(&pool.signals, SIGINT);
    sigaddset(&pool.signals, SIGUSR1);
    sigaddset(&pool.signals, SIGCHLD);
    /*
     * The workers inherit the mask, as crew.h wants it; so a signal that
     * comes before a worker is ready waits for it.
     */
    sigprocmask(SIG_BLOCK, &pool.signals, NULL);
    while (!pool.stopping || !is_empty(&pool))
        wait_for_signal(&pool, fill(&pool));
    return 0;
}
