/* SPDX-License-Identifier: MIT */
#include "http/pool.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

/* A worker that dies within this time of its start is not replaced at once. */
#define YOUNG_NS CLOCK_NS_PER_SECOND

struct worker {
    pid_t pid; /* 0 = none, to be started */
    int64_t started_ns;
};

struct pool {
    const struct pool_task *task;
    struct worker workers[POOL_WORKERS_MAX];
    int count;
    bool stopping;
    bool childless;   /* no worker is left, be it of an earlier program */
    pid_t trial;      /* of a program to come; 0 = none */
    sigset_t signals; /* what the master waits for */
    pid_t master;
};

/* In a child: it gets this signal when the master is gone. */
static void end_with_master(const struct pool *pool, int signal)
{
    prctl(PR_SET_PDEATHSIG, signal);
    if (getppid() != pool->master)
        exit(EXIT_SUCCESS);
}

static void run_worker(const struct pool *pool)
{
    end_with_master(pool, SIGTERM);
    exit(pool->task->work(pool->task->context));
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

/* --- a new program in the place of this one --- */

static void run_trial(const struct pool *pool)
{
    char *const *argv = pool->task->argv;
    size_t count = 0;
    char **trial;

    end_with_master(pool, SIGKILL);
    while (argv[count] != NULL)
        count++;
    trial = memory_new((count + 2) * sizeof(*trial));
    trial[0] = argv[0];
    trial[1] = (char *)(uintptr_t)pool->task->trial_option;
    memcpy(trial + 2, argv + 1, (count - 1) * sizeof(*trial));
    execvp(trial[0], trial);
    log_message(LOG_PRIORITY_ERROR, "%s: %s", trial[0], strerrordesc_np(errno));
    exit(EXIT_FAILURE);
}

static void begin_trial(struct pool *pool)
{
    pool->trial = fork();
    if (pool->trial == 0)
        run_trial(pool);
    if (pool->trial < 0) {
        log_message(LOG_PRIORITY_ERROR, "not reloaded: %s",
                    strerrordesc_np(errno));
        pool->trial = 0;
    }
}

static void dismiss_workers(struct pool *pool)
{
    for (int i = 0; i < pool->count; i++) {
        struct worker *worker = &pool->workers[i];

        if (worker->pid != 0)
            kill(worker->pid, SIGTERM);
        *worker = (struct worker){0};
    }
}

/*
 * Blocked and pending signals outlast the execution, and the children do. If
 * it fails after all, this program goes on with new workers.
 */
static void end_trial(struct pool *pool, int status)
{
    pool->trial = 0;
    if (pool->stopping)
        return;
    if (status != 0) {
        log_message(LOG_PRIORITY_ERROR,
                    "not reloaded: the new program cannot start; this one "
                    "goes on");
        return;
    }
    dismiss_workers(pool);
    log_message(LOG_PRIORITY_INFO, "%s: reloading", pool->task->argv[0]);
    execvp(pool->task->argv[0], pool->task->argv);
    log_message(LOG_PRIORITY_ERROR, "not reloaded: %s: %s", pool->task->argv[0],
                strerrordesc_np(errno));
}

/* --- deaths and signals --- */

static struct worker *find_worker(struct pool *pool, pid_t pid)
{
    for (int i = 0; i < pool->count; i++) {
        if (pool->workers[i].pid == pid)
            return &pool->workers[i];
    }
    return NULL;
}

static void bury(struct pool *pool, pid_t pid, int status)
{
    struct worker *worker = find_worker(pool, pid);

    /* One of an earlier program, or of a pool that stops, may end. */
    if (status != 0 || (worker != NULL && !pool->stopping))
        tell_death(pid, status);
    if (worker == NULL)
        return;
    worker->pid = 0;
    if (clock_monotonic_ns() - worker->started_ns > YOUNG_NS)
        worker->started_ns = 0;
}

static void reap(struct pool *pool)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == pool->trial)
            end_trial(pool, status);
        else
            bury(pool, pid, status);
    }
    pool->childless = pid < 0;
}

static void stop(struct pool *pool)
{
    pool->stopping = true;
    for (int i = 0; i < pool->count; i++) {
        if (pool->workers[i].pid != 0)
            kill(pool->workers[i].pid, SIGTERM);
    }
    if (pool->trial != 0)
        kill(pool->trial, SIGKILL);
}

/*
 * A hangup during a trial waits for its end: what the trial saw may be old by
 * then.
 */
static sigset_t awaited_signals(const struct pool *pool)
{
    sigset_t signals = pool->signals;

    if (pool->trial != 0 || pool->stopping)
        sigdelset(&signals, SIGHUP);
    return signals;
}

static void wait_for_signal(struct pool *pool, int64_t wait_ns)
{
    struct timespec timeout = {wait_ns / CLOCK_NS_PER_SECOND,
                               wait_ns % CLOCK_NS_PER_SECOND};
    sigset_t signals = awaited_signals(pool);
    int number = sigtimedwait(&signals, NULL, wait_ns < 0 ? NULL : &timeout);

    if (number == SIGHUP)
        begin_trial(pool);
    else if (number > 0 && number != SIGCHLD)
        stop(pool);
    reap(pool);
}

int pool_run(const struct pool_task *task)
{
    struct pool pool = {
        .task = task,
        .count =
            task->workers < POOL_WORKERS_MAX ? task->workers : POOL_WORKERS_MAX,
        .master = getpid(),
    };

    sigemptyset(&pool.signals);
    sigaddset(&pool.signals, SIGTERM);
    sigaddset(&pool.signals, SIGINT);
    sigaddset(&pool.signals, SIGUSR1);
    sigaddset(&pool.signals, SIGHUP);
    sigaddset(&pool.signals, SIGCHLD);
    /*
     * The workers inherit the mask, as crew.h wants it; so a signal that
     * comes before a worker is ready waits for it.
     */
    sigprocmask(SIG_BLOCK, &pool.signals, NULL);
    /*
     * Who started us may have it ignored, and nobody would hear of a death.
     * This forgets one that was told of during an execution.
     */
    signal(SIGCHLD, SIG_DFL);
    reap(&pool);
    while (!pool.stopping || !pool.childless)
        wait_for_signal(&pool, fill(&pool));
    return 0;
}
