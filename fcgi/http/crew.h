/* SPDX-License-Identifier: MIT */
/*
 * The threads of one process that answer connections of a listening socket.
 *
 * They take turns: one of them, the leader, waits for a connection; when it
 * has one, it hands the lead over and answers. So an idle process has one or
 * two threads, one that is allowed no more has one for ever, and a slow
 * request holds a thread, not the process.
 *
 * The stop signals (SIGTERM, SIGINT, SIGUSR1) are never delivered: they stay
 * blocked and are looked at where a connection is waited for. So no system
 * call of a request is interrupted, and no signal can fall between a test and
 * the wait behind it, nor starve while connections keep coming.
 */
#ifndef BERTH_FCGI_HTTP_CREW_H
#define BERTH_FCGI_HTTP_CREW_H

#include "base/compiler.h"
#include "base/err.h"

#define CREW_THREADS_MAX 32

/*
 * For how long a stopping crew takes what waits in the backlog. A successor
 * has its own socket by then, or the same one; so this only ends a crew whose
 * socket never runs dry.
 */
#define CREW_DRAIN_MS 2000

struct crew_task {
    int listener; /* accept must not wait; several processes may share it */
    int threads;  /* at most this many connections at once */
    /* Answers one connection, which is a blocking descriptor, and closes it. */
    void (*answer)(void *context, int connection);
    void *context;
};

/*
 * Blocks the stop signals, in this thread and those it will start. Before
 * anything else, so that a signal at the start is not lost either. SIGHUP as
 * well: a pool's master takes it, to anybody else it means nothing.
 */
void crew_block_signals(void);

/*
 * Answers until a stop signal has come, the backlog is empty and all that was
 * begun is done. -1 when it could not start.
 */
int crew_run(const struct crew_task *task, struct err *err) WARN_UNUSED;

#endif
