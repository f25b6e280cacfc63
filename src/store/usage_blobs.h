/* SPDX-License-Identifier: MIT */
/*
 * Every blob of the store in 24 bytes each: how large it is and who has it.
 * Private to usage.c.
 *
 * Blobs are told apart by the first 64 bits of their digests. Among a million
 * there are two with the same in one store of 37 million; then one counts as
 * the other, in these sums and nowhere else.
 */
#ifndef BERTH_STORE_USAGE_BLOBS_H
#define BERTH_STORE_USAGE_BLOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "oci/digest.h"
#include "store/store.h"

enum usage_group {
    USAGE_REPOSITORY,
    USAGE_NAMESPACE,
    USAGE_GROUPS,
};

struct usage_blob {
    uint64_t key;
    uint64_t size : 62; /* bytes */
    uint64_t is_referenced : 1;
    uint64_t is_read : 1; /* as a manifest */
    uint32_t owner[USAGE_GROUPS];
};

/* Who has a blob: the last row that was told, and whether others have. */
#define USAGE_NOBODY 0U
#define USAGE_SHARED (UINT32_C(1) << 31)

struct usage_blobs {
    struct usage_blob *lists[HASH_COUNT]; /* in ascending order of keys */
    size_t counts[HASH_COUNT], room[HASH_COUNT];
};

void usage_blobs_cleanup(struct usage_blobs *blobs);

/* Calls `tick` (may be NULL) as it goes on; other than 0 ends it with that. */
typedef int usage_tick(void *context, uint64_t done);

/* Lists the store, from nothing. Returns 0, -1, or what `tick` returned. */
int usage_blobs_load(const struct store *store, struct usage_blobs *blobs,
                     usage_tick *tick, void *context,
                     struct err *err) WARN_UNUSED;

/* NULL when it was not there when the store was listed. */
struct usage_blob *usage_blobs_find(const struct usage_blobs *blobs,
                                    const struct digest *digest);

#endif
