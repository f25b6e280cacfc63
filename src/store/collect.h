/* SPDX-License-Identifier: MIT */
/*
 * Online collection: what nothing refers to goes, while pushes, mounts and
 * deletions go on.
 *
 * One run is:
 *
 *   lock     the only one; t0 is the time of the storage at that moment
 *   remove   where that is asked for, manifests that no tag names
 *   mark     every manifest of every repository, and what it refers to;
 *            also one that a tag or an index names and that lost its link
 *   sweep    links and blobs that are not marked, and whose lease is older
 *            than the cutoff, t0 - 5/4 grace, go into the trash of the run
 *   verify   what was pushed since t0 is marked, too; if it refers to
 *            something in the trash, that comes back, and is counted: then
 *            something did not keep to the protocol
 *   purge    the trash of earlier runs goes for good
 *
 * Why nothing is lost that a client was promised: whoever promises renews the
 * lease of both link and bytes first (driver_protect), which leaves them a
 * lease of at most a quarter of the grace less than now. To be older than the
 * cutoff, a promise must have been made more than a grace before t0. By then
 * the manifest that it was made for is there and was marked, or the promise
 * is over. And retire looks at the lease under the same lock.
 *
 * A repository in which something cannot be read keeps all it has links to.
 * Where a directory cannot be listed, so that nobody knows what it would have
 * marked, no bytes are swept at all.
 *
 * Killed at any point it leaves a trash, which the next run looks through
 * while it marks.
 */
#ifndef BERTH_STORE_COLLECT_H
#define BERTH_STORE_COLLECT_H

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

enum collect_kind {
    COLLECT_BLOB,      /* bytes */
    COLLECT_LAYER,     /* the link by which a repository has a blob */
    COLLECT_MANIFEST,  /* the link by which it has a manifest */
    COLLECT_TAG_ENTRY, /* a note that a tag named something once */
    COLLECT_UPLOADS,   /* abandoned uploads of a repository, together */
    COLLECT_DIRECTORY, /* an empty one that was left */
};

/* What goes, or would go. Texts are borrowed for the call. */
struct collect_item {
    enum collect_kind kind;
    const char *repository; /* NULL for a blob */
    const char *what;       /* a digest, a path, a number of uploads */
    uint64_t bytes;
    const char *reason;
};

/* Any of these may be NULL. */
struct collect_watcher {
    void *context;
    void (*take)(void *context, const struct collect_item *item);
    /* Something is wrong at `where`, and the collection goes on. */
    void (*complain)(void *context, const char *where, const struct err *err);
    /* So many repositories and blobs have been looked at. */
    void (*progress)(void *context, uint64_t done);
    /* Whether to end before the next step. */
    bool (*is_over)(void *context);
};

/*
 * With `empty_trash` there is no time to think better of it, but there is room
 * at once. A disk may be so full that the trash has no room for a name: then
 * what would go there is deleted in its place, under the same lock and after
 * the same look. Nothing else stands between it and the trash; what is lost is
 * the verification, which is there for programs that break the rules.
 */
struct collect_options {
    uint64_t grace;        /* seconds, what the programs work with */
    uint64_t wanted_grace; /* seconds; 0, or larger than that */
    uint64_t upload_age;   /* seconds; 0 = uploads stay */
    uint64_t untagged_age; /* seconds; 0 = manifests without a tag stay */
    bool dry_run;
    bool empty_trash;     /* of this run as well, see below */
    bool deep;            /* looks for litter in each directory, too */
    bool no_other_writer; /* somebody has made sure of that */
    struct collect_watcher watcher;
};

struct collect_result {
    uint64_t repositories, manifests;
    uint64_t blobs;    /* that were there */
    uint64_t live;     /* that stay */
    uint64_t retired;  /* links and blobs that went into the trash */
    uint64_t restored; /* from the trash; must be 0 */
    uint64_t purged;   /* files that went for good */
    uint64_t bytes;    /* that are free now: of these, uploads and litter */
    uint64_t retired_bytes;
    uint64_t uploads, litter, directories;
    uint64_t untagged;   /* manifests removed as such; of the retired */
    uint64_t skipped;    /* others had them locked: next time */
    uint64_t complaints; /* calls of `complain` */
    bool is_blind;       /* no bytes were swept, see above */
    bool is_over;        /* by `is_over` */
    int64_t held_until;  /* seconds; not 0: nothing was swept, see `why` */
    const char *why;     /* it is held */
};

/*
 * Fails with ERR_BUSY when another collector is at work and with ERR_DENIED,
 * and a text for people, when another program writes to this tree. What goes
 * wrong with parts of the tree is told to the watcher, and no failure.
 * `*result` is filled in any case.
 */
int collect(const struct store *store, const struct collect_options *options,
            struct collect_result *result, struct err *err) WARN_UNUSED;

#endif
