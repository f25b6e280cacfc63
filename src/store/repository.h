/* SPDX-License-Identifier: MIT */
/*
 * What one repository has, by its links: walks for those who count, show or
 * remove all of it. See layout.h for the tree.
 */
#ifndef BERTH_STORE_REPOSITORY_H
#define BERTH_STORE_REPOSITORY_H

#include <stdbool.h>
#include <stdint.h>

#include "oci/digest.h"
#include "store/store.h"

/* Whether the catalog lists it. */
int repository_exists(const struct store *store, const char *name, bool *exists,
                      struct err *err) WARN_UNUSED;

enum repository_part {
    REPOSITORY_BLOBS,
    REPOSITORY_MANIFESTS,
};

struct repository_link {
    struct digest digest; /* that the repository has */
    struct digest stored; /* under which the bytes are, see layout.h */
    int64_t mtime_ns; /* of its lease: pushed, or last asked for by pushers */
};

/* `link` is borrowed. Returns 0 to go on, 1 to stop, -1 with `err` filled. */
typedef int repository_visit(void *context, const struct repository_link *link,
                             struct err *err);

/*
 * Visits the links of a repository in ascending order of their digests, those
 * of sha256 first. What is no link, or an empty one, is passed over; where
 * there is no such repository, nothing is visited. Only links of sha512 are
 * read, as the others name what their path says.
 */
int repository_walk(const struct store *store, const char *name,
                    enum repository_part part, repository_visit *visit,
                    void *context, struct err *err) WARN_UNUSED;

#endif
