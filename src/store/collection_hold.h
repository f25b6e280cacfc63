/* SPDX-License-Identifier: MIT */
/*
 * No collector begins while this is held: what is read for a backup stays. It
 * is the lock of the collector itself, which goes with the process that has
 * it. Requests do not know of it.
 */
#ifndef BERTH_STORE_COLLECTION_HOLD_H
#define BERTH_STORE_COLLECTION_HOLD_H

#include <stdint.h>

#include "store/store.h"

struct collection_hold {
    struct writer *lock; /* NULL = not held */
};

/* Waits at most `wait_ms` for a collector at work, then ERR_BUSY. */
int collection_hold(const struct store *store, int64_t wait_ms,
                    struct collection_hold *out, struct err *err) WARN_UNUSED;

/* Lets it go; fine when it is not held. */
void collection_hold_cleanup(struct collection_hold *hold);

#endif
