/* SPDX-License-Identifier: MIT */
/*
 * Removing the manifests of a repository that nothing names.
 *
 * A manifest stays that a tag names; that was pushed, or asked for by its
 * digest, since the cutoff (its lease, see driver.h); that is a part of an
 * index that stays; that refers to one that stays, as its `subject`: a
 * signature goes no sooner than what it signs. The others go, an index before
 * its parts, so that a process may be killed at any moment.
 *
 * Safe beside pushes, deletions and others who do the same. Who lets a tag
 * name a manifest that is there already renews its lease before (by
 * manifest_lease) and looks for it afterwards (manifest_check); a push does
 * so by storing it again.
 */
#ifndef BERTH_STORE_UNTAGGED_H
#define BERTH_STORE_UNTAGGED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/err.h"
#include "oci/digest.h"
#include "store/store.h"

enum untagged_verdict {
    UNTAGGED_GOES,     /* gone, or with dry_run would be */
    UNTAGGED_TAGGED,   /* `tag` names it */
    UNTAGGED_YOUNG,    /* its lease is younger than the cutoff */
    UNTAGGED_PART,     /* of the index `of` */
    UNTAGGED_REFERRER, /* of the manifest `of` */
    UNTAGGED_RENEWED,  /* somebody came before it could go */
};

/* One manifest, as it is told to a visitor. */
struct untagged_manifest {
    const struct digest *digest;
    int64_t lease_ns;
    enum untagged_verdict verdict;
    const char *tag;         /* one of them; else NULL */
    const struct digest *of; /* else NULL */
};

/* Returns 0 to go on, 1 to stop, -1 with `err` filled. */
typedef int untagged_visit(void *context,
                           const struct untagged_manifest *manifest,
                           struct err *err);

struct untagged {
    int64_t cutoff_ns; /* of untagged_cutoff */
    bool dry_run;      /* only look */

    /* Tags that count as deleted; NULL = none. For a dry run. */
    bool (*ignores_tag)(void *context, const char *tag);

    /*
     * Told of each manifest, NULL = nobody: first of those that go, right
     * after they went; then of those that stay, in the order of their digests.
     */
    untagged_visit *visit;
    void *context; /* of both */
};

struct untagged_removed {
    uint64_t count;  /* manifests that went, or would have */
    uint64_t stayed; /* that did not */
};

/*
 * For how many seconds nobody has used what goes: `age`, and at least 5/4 of
 * the grace period, within which a lease is not always renewed.
 */
uint64_t untagged_age(uint64_t age, uint64_t grace);

/* The cutoff for that. */
int64_t untagged_cutoff(int64_t now_ns, uint64_t age, uint64_t grace);

/*
 * Removes those of one repository, which need not exist. Adds to `*removed`,
 * also when it fails. Where a manifest cannot be read, nobody knows what it
 * needs: then nothing goes, and ERR_MANIFEST_UNKNOWN or the storage's own code
 * names it. ERR_MISCONFIGURED as in protection.h. Takes some 200 bytes of
 * memory for each manifest of the repository.
 */
int untagged_remove(const struct store *store, const char *name,
                    const struct untagged *how,
                    struct untagged_removed *removed,
                    struct err *err) WARN_UNUSED;

#endif
