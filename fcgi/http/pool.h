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
 */
#ifndef BERTH_FCGI_HTTP_POOL_H
#define BERTH_FCGI_HTTP_POOL_H

#define POOL_WORKERS_MAX 256

/*
 * Runs `work` in each of `workers` processes; its result is their exit
 * status. Returns the master's exit status.
 */
int pool_run(int workers, int (*work)(void *context), void *context);

#endif
