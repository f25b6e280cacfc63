/* SPDX-License-Identifier: MIT */
/*
 * A pool: one master that keeps a number of forked workers alive.
 *
 * Workers share what the program loaded before (libraries, relocations), so
 * each costs little memory. A worker that dies is replaced at once, one that
 * dies young after a second. SIGTERM, SIGINT or SIGUSR1 to the master
 * stops the pool: each worker finishes what it has, and the master ends after
 * the last. Workers end in the same way when their master is gone. They start
 * with these signals blocked: see crew.h.
 *
 * SIGHUP makes the program anew without losing a request: the master has a
 * trial process see whether the program as it is on disk now, with the
 * configuration of now, can start. If not, nothing changes. Else the workers
 * are told to finish, and the master executes the program in its place: the
 * same process, command line and listening socket, in whose queue requests
 * wait meanwhile. The old workers stay its children, and a stop waits for
 * them as well. What breaks after the trial ends the new master, as at any
 * start; a trial that hangs, as on a network disk that is away, is waited for.
 */
#ifndef BERTH_FCGI_HTTP_POOL_H
#define BERTH_FCGI_HTTP_POOL_H

#define POOL_WORKERS_MAX 256

struct pool_task {
    int workers;
    /* Run in each worker; its result is the exit status. */
    int (*work)(void *context);
    void *context;
    char *const *argv; /* the program's own command line */
    /* With this option in front it only says whether it could start. */
    const char *trial_option;
};

/* Returns the master's exit status. SIGHUP must be blocked: see crew.h. */
int pool_run(const struct pool_task *task);

#endif
