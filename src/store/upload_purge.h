/* SPDX-License-Identifier: MIT */
/*
 * Clearing away uploads whose clients have given up: registry:2's
 * "uploadpurging", whose uploads go like our own.
 *
 * An upload shows by two times that somebody may still want it: the one it
 * began at, which it says itself, and the one its bytes were last written at.
 * Where neither is known, for a process was killed while it made the upload,
 * the time of what there is counts. An upload some request holds open stays,
 * whatever its age.
 */
#ifndef BERTH_STORE_UPLOAD_PURGE_H
#define BERTH_STORE_UPLOAD_PURGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

struct upload_purge {
    int64_t cutoff_ns; /* goes when both times are before this */
    bool dry_run;      /* only look */

    /* For a request that has other things to do: */
    const char *behind; /* begin there and go round; NULL = at the first */
    size_t looks;       /* uploads to look at at most; 0 = all */
    size_t removals;    /* uploads to remove at most; 0 = all */
};

struct upload_purged {
    uint64_t count;  /* uploads that went, or would have */
    uint64_t bytes;  /* that they had received */
    uint64_t listed; /* uploads that were there */
};

/*
 * Purges the uploads of one repository, which need not exist. A request that
 * comes at the same moment finds the upload whole or not at all
 * (ERR_BLOB_UPLOAD_UNKNOWN). Adds to `*purged`, also when it fails; goes on
 * past what cannot be removed and fails at its end. Whatever the limits, it
 * lists all uploads of the repository, some microseconds and 80 bytes for each.
 */
int upload_purge(const struct store *store, const char *name,
                 const struct upload_purge *how, struct upload_purged *purged,
                 struct err *err) WARN_UNUSED;

/* The same for one upload, which need not be there. */
int upload_purge_one(const struct store *store, const char *name,
                     const char *uuid, const struct upload_purge *how,
                     struct upload_purged *purged, struct err *err) WARN_UNUSED;

#endif
