/* SPDX-License-Identifier: MIT */
/*
 * How much room repositories and namespaces take.
 *
 * A blob counts once in a row, whatever number of manifests there need it. It
 * is the row's own while no other row of that kind has it, and shared else; so
 * own bytes are what could go with the row. Sums go wrong only where two
 * blobs cannot be told apart (usage_blobs.h), and where somebody pushes or
 * deletes meanwhile.
 *
 * Takes 24 to 36 bytes of memory for each blob, and some 60 beside the name
 * for each repository; and a look at each blob and each link, and a reading of
 * each manifest.
 */
#ifndef BERTH_STORE_USAGE_H
#define BERTH_STORE_USAGE_H

#include <stdint.h>

#include "store/store.h"
#include "store/usage_blobs.h"

#define USAGE_DEPTH_MAX 127 /* components of a name */

struct usage_row {
    const char *name; /* lives as long as the usage */
    uint64_t blobs, bytes;
    uint64_t own_blobs, own_bytes; /* of those */
    uint64_t repositories;         /* in a namespace; 1 */
};

struct usage_totals {
    uint64_t blobs, bytes; /* in the store, each once */
    /* No manifest refers to them: what a collection frees, when old enough. */
    uint64_t unreferenced_blobs, unreferenced_bytes;
    uint64_t uploads, upload_bytes; /* in progress, or given up */
    /*
     * Manifests that could not be read as such. What their repositories have
     * counts as referred to, as a collection spares it.
     */
    uint64_t unreadable;
};

struct usage;

/*
 * Measures everything. `depth` is the number of components of a name that
 * make its namespace, at least 1. `tick` (may be NULL) is called as it goes
 * on, with the number of blobs and repositories it has seen; other than 0
 * ends it. Returns 0, -1, or what `tick` returned; `*out` only with 0.
 */
int usage_measure(const struct store *store, size_t depth, usage_tick *tick,
                  void *context, struct usage **out,
                  struct err *err) WARN_UNUSED;
void usage_free(struct usage *usage);
void usage_cleanup(struct usage **usage);

/* In the order of the catalog. */
size_t usage_row_count(const struct usage *usage, enum usage_group group);
void usage_row_at(const struct usage *usage, enum usage_group group,
                  size_t index, struct usage_row *out);
const struct usage_totals *usage_totals(const struct usage *usage);

#endif
