/* SPDX-License-Identifier: MIT */
/*
 * Removing a whole repository, while others may push to it.
 *
 * What was there when it began goes: tags, then manifests (indexes before
 * their parts), then blobs that no manifest needs any more, then empty
 * directories. What came or was renewed since stays, and all that it needs; so
 * do protected tags, and a repository in which something stays is whole. A
 * process that is killed leaves a tree that is in order, and another run goes
 * on.
 *
 * Blobs are the promise of a push that may be going on: who was told that the
 * repository has one relies on it for the grace period (driver.h). So a blob
 * whose lease is younger stays, and with it an empty repository, for the next
 * collection; unless `now` says that nobody pushes. Then a push that is at
 * work all the same may be told that a blob is unknown; one that was complete
 * gets back what it needs.
 */
#ifndef BERTH_STORE_REPOSITORY_REMOVE_H
#define BERTH_STORE_REPOSITORY_REMOVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/err.h"
#include "store/store.h"

struct repository_removal {
    uint64_t grace;      /* seconds, of collect_find_grace */
    uint64_t upload_age; /* seconds, of the settings; 0 = uploads stay */
    bool now;            /* nobody pushes: blobs and uploads of any age go */

    /* Asked between two steps (may be NULL): true ends it in good order. */
    bool (*is_ended)(void *context);
    void *context;
};

struct repository_removed {
    uint64_t tags, manifests, blobs, uploads; /* that went */
    /* That stay: protected tags, what is newer, what those need. */
    uint64_t kept_tags, protected_tags, kept_manifests, kept_blobs;
    bool is_gone; /* it is in no catalog any more */
};

/*
 * Adds to `*removed`, also when it fails. A repository that is not there is
 * gone. ERR_MISCONFIGURED when nobody knows which tags are protected; then
 * nothing went. ERR_EXHAUSTED when the clock was set back meanwhile: what is
 * new cannot be told from what is old.
 */
int repository_remove(const struct store *store, const char *name,
                      const struct repository_removal *how,
                      struct repository_removed *removed,
                      struct err *err) WARN_UNUSED;

#endif
