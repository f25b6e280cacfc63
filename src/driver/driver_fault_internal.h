/* SPDX-License-Identifier: MIT */
/*
 * What the files of driver_fault share. Nobody else includes this.
 *
 *     driver_fault.c         the plan, and the operations
 *     driver_fault_stream.c  the reader and the writer
 */
#ifndef BERTH_DRIVER_DRIVER_FAULT_INTERNAL_H
#define BERTH_DRIVER_DRIVER_FAULT_INTERNAL_H

#include <pthread.h>

#include "driver/driver_fault.h"

struct driver_fault {
    struct driver base;
    struct driver *inner;
    pthread_mutex_t mutex; /* over what follows */
    struct driver_fault_plan plan;
    uint64_t calls;
    struct buf log;
    driver_fault_ask *ask; /* NULL = the plan above */
    void *context;
};

/* What happens to one call. */
struct fault_call {
    uint64_t number;
    enum driver_fault_kind kind; /* NONE also where a DELAY is over */
    enum err_code code;
};

/*
 * Counts a call on `path` and finds out what happens to it. What comes before
 * the call, a delay or death, has happened then.
 */
struct fault_call fault_begin(struct driver_fault *fault, const char *operation,
                              const char *path);

/* Whether the call fails without having been made. */
bool fault_comes_before(const struct fault_call *call);

/* The failure that was ordered. Returns -1. */
int fault_fail(const struct fault_call *call, struct err *err);

/* The result of a call that was made, unless it is to fail all the same. */
int fault_end(const struct fault_call *call, int result, struct err *err);

int fault_open_read(struct driver *driver, const char *path, uint64_t offset,
                    uint64_t length, struct reader **out, struct err *err);
int fault_open_upload(struct driver *driver, const char *path,
                      enum driver_upload_mode mode, int64_t wait_ms,
                      struct writer **out, struct err *err);

#endif
