/* SPDX-License-Identifier: MIT */
/*
 * A driver that lets one call go wrong: the double by which tests ask what
 * becomes of an operation when the storage fails in the middle of it.
 *
 *     struct driver *fault = driver_fault_new(inner);
 *     uint64_t n = 0;
 *
 *     do {
 *         struct driver_fault_plan plan = {
 *             .call = ++n, .kind = DRIVER_FAULT_FAIL, .code = ERR_NO_SPACE};
 *
 *         driver_fault_plan(fault, &plan);
 *         ... one operation on `fault`, then a look at `inner` ...
 *     } while (driver_fault_calls(fault) >= n);
 *
 * Every operation of the driver and of its writers, and every read of its
 * readers, is a call; calls are counted from 1 in the order in which they
 * begin, over all threads. Closing a reader is none, nor is what is done to a
 * record that was opened. Without a plan, or away from the call the plan
 * names, it does what the driver within does.
 *
 * An abort cannot report anything: one that fails leaves the bytes.
 */
#ifndef BERTH_DRIVER_DRIVER_FAULT_H
#define BERTH_DRIVER_DRIVER_FAULT_H

#include "driver/driver.h"

enum driver_fault_kind {
    DRIVER_FAULT_NONE,

    /* Fails, and nothing has happened. */
    DRIVER_FAULT_FAIL,

    /* Takes effect and fails all the same: an fsync after the rename. */
    DRIVER_FAULT_FAIL_AFTER,

    /*
     * Half is done. A read gives a part of the bytes, and after it the reader
     * has no more: ERR_IO, whatever the code. A list fails behind half of the
     * children. An append leaves half of its bytes and fails. A commit fails
     * as an fsync does, and the bytes are gone; so does a sync or suspend of
     * a writer that was appended to. Any other call cannot be half done, and
     * fails as with FAIL.
     */
    DRIVER_FAULT_SHORT,

    /* Something else comes first: `meanwhile`, or without it a delay. */
    DRIVER_FAULT_DELAY,

    /* The process is killed (SIGKILL) before the call. */
    DRIVER_FAULT_DIE,

    /* This call and all after it fail, and nothing has happened. */
    DRIVER_FAULT_DEAD,

    DRIVER_FAULT_LAST = DRIVER_FAULT_DEAD,
};

struct driver_fault_plan {
    uint64_t call; /* which, from 1; 0 = none */
    enum driver_fault_kind kind;
    enum err_code code; /* ERR_NO_SPACE, ERR_READ_ONLY and ERR_IO with errno */

    /*
     * Of DELAY: runs on the thread of the call, before it, with no lock held,
     * and may use this driver and the one within.
     */
    void (*meanwhile)(void *context);
    void *context;
    int64_t delay_ms;
};

/* Wraps `inner`, which it borrows; ended by driver_free. */
struct driver *driver_fault_new(struct driver *inner);

/*
 * From now on this happens, and calls are counted from 1 again; NULL for
 * nothing. To be called while no operation runs, or from `meanwhile`.
 */
void driver_fault_plan(struct driver *fault,
                       const struct driver_fault_plan *plan);

/* The calls since. */
uint64_t driver_fault_calls(struct driver *fault);

/*
 * The calls since, one a line: "3 put repositories/a/link". For messages;
 * borrowed until the next call, and it ends after some hundred.
 */
const char *driver_fault_log(struct driver *fault);

/*
 * Lets `ask` say at each call which one it is and what the plan is, instead:
 * so the calls of several processes are counted together, and a plan comes
 * from elsewhere. It is asked from several threads at once; `what` is a line
 * of the log without the number.
 */
typedef uint64_t driver_fault_ask(void *context, const char *what,
                                  struct driver_fault_plan *plan);
void driver_fault_follow(struct driver *fault, driver_fault_ask *ask,
                         void *context);

#endif
