/* SPDX-License-Identifier: MIT */
/*
 * A record: some bytes that processes read and change together while they run,
 * and the locks for that: what they would keep in shared memory if they had
 * one. Nothing is synced. After the machine has stopped, and wherever else the
 * bytes may be older than what was done by them, a record reads as one that
 * was never written. So it holds only what can be found out again.
 */
#ifndef BERTH_DRIVER_RECORD_H
#define BERTH_DRIVER_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

#define RECORD_BYTES_MAX 64
#define RECORD_SLOTS 8

struct record;

enum record_lock {
    RECORD_SHARED,
    RECORD_EXCLUSIVE,
};

struct record_ops {
    /* The first `size` bytes; zeros in place of what was never written. */
    int (*read)(struct record *, void *into, size_t size, struct err *err);

    /* Replaces the first bytes; alone under an exclusive lock that all take. */
    int (*write)(struct record *, struct span bytes, struct err *err);

    /*
     * Takes the lock `slot` (below RECORD_SLOTS), of which this handle has
     * none, waiting at most `wait_ms`: then ERR_BUSY. It ends with unlock,
     * with close and with the process.
     */
    int (*lock)(struct record *, unsigned int slot, enum record_lock how,
                int64_t wait_ms, struct err *err);
    void (*unlock)(struct record *, unsigned int slot);

    void (*close)(struct record *);
};

struct record {
    const struct record_ops *ops;
};

static inline int record_read(struct record *r, void *into, size_t size,
                              struct err *err)
{
    return r->ops->read(r, into, size, err);
}

static inline int record_write(struct record *r, struct span bytes,
                               struct err *err)
{
    return r->ops->write(r, bytes, err);
}

static inline int record_lock(struct record *r, unsigned int slot,
                              enum record_lock how, int64_t wait_ms,
                              struct err *err)
{
    return r->ops->lock(r, slot, how, wait_ms, err);
}

static inline void record_unlock(struct record *r, unsigned int slot)
{
    r->ops->unlock(r, slot);
}

static inline void record_cleanup(struct record **r)
{
    if (*r != NULL)
        (*r)->ops->close(*r);
}

#endif
