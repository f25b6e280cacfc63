/* SPDX-License-Identifier: MIT */
/*
 * How much the repositories of a quota have: one number in a record
 * (driver/record.h), which any number of processes add to before they add
 * bytes, and which one of them now and then finds out anew. Private to
 * quota.c and its tests.
 *
 * The number may be too large, never too small: whatever is killed wherever
 * it stands, what lies in the tree has been added before. Nothing is taken
 * off but by a recount, which looks at the tree while others go on:
 *
 *   1. Note the number, and turn the gate: whoever comes now goes through the
 *      other one.
 *   2. Wait until those who came through the first gate are done. What they
 *      added to the number shows in the tree from now on.
 *   3. Look at the tree.
 *   4. The number is what was seen, and what was added since it was noted:
 *      some of that was seen, too, and is in it twice, until the next time.
 *
 * What moves within the tree may be missed where it came from and where it
 * went. So who moves bytes while there is a recount adds them once more.
 *
 * A recount that was killed has turned the gate and no more; the next one
 * waits for both.
 */
#ifndef BERTH_STORE_QUOTA_COUNT_H
#define BERTH_STORE_QUOTA_COUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "driver/driver.h"

struct quota_count {
    struct driver *driver;
    const char *path; /* of the record */
};

/* What a record says. */
struct quota_state {
    bool is_known;     /* else it takes a recount to know anything */
    uint64_t bytes;    /* at most as many lie in the tree */
    uint64_t recounts; /* that have come to their end */
    int64_t ended_ns;  /* the last of them, by clock_monotonic_ns */
    int64_t lasted_ns;
};

int quota_count_read(const struct quota_count *count, struct quota_state *out,
                     struct err *err) WARN_UNUSED;

/* Bytes about to be added to the tree, or to be moved in it. */
struct quota_need {
    uint64_t added;
    uint64_t moved;
    uint64_t limit; /* of the number, for what is added */
};

/*
 * Adds what is needed to the number. With `*fits`, `*held` is to be closed
 * (record_cleanup) when the bytes are in the tree, or will never be. Without,
 * nothing has changed, and `*state` says why: it is not known, or too much.
 */
int quota_count_take(const struct quota_count *count,
                     const struct quota_need *need, struct record **held,
                     struct quota_state *state, bool *fits,
                     struct err *err) WARN_UNUSED;

struct quota_recount {
    /* Adds up what lies in the tree. */
    int (*look)(void *context, uint64_t *bytes, struct err *err);
    void *context;
    int64_t wait_ms; /* for another recount, and for those within the gates */

    /*
     * After a recount of a second none begins for ten, and so on: who has to
     * wait longer than `patience_ms` for that gets no recount. Nor does who
     * has only to hear of one more than `seen`, of another process.
     */
    int64_t patience_ms;
    uint64_t seen; /* quota_state.recounts; UINT64_MAX = one of our own */
};

/*
 * Recounts. Returns 0 also when there was none, for want of patience.
 * ERR_BUSY when somebody else was at it for too long.
 */
int quota_count_recount(const struct quota_count *count,
                        const struct quota_recount *recount,
                        struct err *err) WARN_UNUSED;

#endif
