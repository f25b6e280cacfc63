/* SPDX-License-Identifier: MIT */
/*
 * Repositories carried from one store to another: import of a tree, backup and
 * restore.
 *
 * Both may be in use meanwhile. What is written is complete at each moment: a
 * link never before its bytes, a manifest never before its parts, a tag never
 * before its manifest. So whoever is stopped anywhere, by whatever, leaves a
 * tree in order, and goes on by beginning again: what is there already is not
 * carried a second time.
 *
 * What is read may be deleted meanwhile. A tag is carried with the manifest it
 * named when it was looked at, whatever becomes of it: its bytes stay as long
 * as no collector takes them, which is the caller's to prevent.
 */
#ifndef BERTH_STORE_CARRY_H
#define BERTH_STORE_CARRY_H

#include <stdbool.h>
#include <stdint.h>

#include "oci/digest.h"
#include "store/store.h"

struct carry_counts {
    uint64_t repositories;
    uint64_t tags, manifests, blobs; /* written */
    uint64_t bytes;                  /* of those blobs and manifests */
    uint64_t kept;                   /* of all three: there already */
    uint64_t removed;                /* by mirroring */
    uint64_t problems;               /* told by `complain` */
};

enum carry_manner {
    /* As a push: a manifest without its parts is refused. */
    CARRY_AS_PUSH,
    /* As it is, with what is missing, and the layers nobody refers to. */
    CARRY_AS_IS,
};

enum carry_verdict {
    CARRY_MOVE,
    CARRY_KEEP,   /* as it is, and well so */
    CARRY_REFUSE, /* it is kept, and told as a problem */
};

struct carry {
    const struct store *from, *to;
    enum carry_manner manner;
    bool sparse;  /* for pushes: see settings.h */
    bool is_live; /* `to` is in use: what is there is leased, too */
    bool mirror;  /* takes from `to` what `from` does not have any more */
    bool verify;  /* hashes also the blobs that are in `to` already */

    /*
     * Puts a blob into `to` without copying, or NULL: see driver_fs_share.
     * With `verify_shared` it is hashed before.
     */
    int (*share)(struct driver *from, struct driver *to, const char *from_path,
                 const char *to_path, struct err *err);
    bool verify_shared;

    /*
     * Whether a tag of `to` that names `there`, another manifest, may be moved;
     * NULL = each may. With it, what was asked about is what is moved: a tag
     * that is set meanwhile is asked about again.
     */
    enum carry_verdict (*may_move)(void *context, const char *name,
                                   const char *tag, const struct digest *there);

    /*
     * What could not be carried and why, in a sentence; the rest goes on.
     * `name` is the repository, or "" for blobs that are in none.
     */
    void (*complain)(void *context, const char *name, const char *why);
    /* Called now and then; true to stop: ERR_BUSY. */
    bool (*should_stop)(void *context, const struct carry_counts *counts);
    void *context;

    struct carry_counts counts;
};

/*
 * One repository with its manifests, tags and their history, to the same name.
 * -1 when it was stopped or cannot go on: `to` is full or closed.
 */
int carry_repository(struct carry *carry, const char *name,
                     struct err *err) WARN_UNUSED;

/*
 * The end of mirroring: takes from `to` the repositories and then the blobs
 * that `from` does not have. Blobs stay when there were problems: `to` may have
 * the last good copy.
 */
int carry_mirror(struct carry *carry, struct err *err) WARN_UNUSED;

/*
 * Calls `visit` for each tag of the repository in `from` that names another
 * manifest in `to`: what carrying it would move.
 */
typedef int carry_conflict(void *context, const char *name, const char *tag,
                           const struct digest *from, const struct digest *to,
                           struct err *err);
int carry_find_conflicts(const struct store *from, const struct store *to,
                         const char *name, carry_conflict *visit, void *context,
                         struct err *err) WARN_UNUSED;

#endif
