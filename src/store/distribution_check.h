/* SPDX-License-Identifier: MIT */
/*
 * What the garbage collector of CNCF Distribution would make of a tree: where
 * it would stop, so that nothing is collected, and where it would take away
 * what is needed. For those who go back, or let it collect while Berth rests.
 * See oci/distribution.h for manifests by themselves.
 */
#ifndef BERTH_STORE_DISTRIBUTION_CHECK_H
#define BERTH_STORE_DISTRIBUTION_CHECK_H

#include "oci/digest.h"
#include "store/store.h"

enum distribution_effect {
    DISTRIBUTION_STOPS,
    DISTRIBUTION_MAY_STOP, /* it cannot be told from here */
    DISTRIBUTION_DELETES,  /* what is needed */
};

/* All texts are borrowed for the call. */
struct distribution_finding {
    enum distribution_effect effect;
    const char *where;    /* a digest, or a path in the repository */
    const char *releases; /* "2.8 and 3", "3", "2.8 and 3 with -m" */
    const char *reason;
};

/* Returns 0 to go on, 1 to stop, -1 with `err` filled. */
typedef int distribution_visit(void *context,
                               const struct distribution_finding *finding,
                               struct err *err);

/*
 * One manifest, as bytes that are stored or about to be, in a repository that
 * has what it refers to. Returns what `visit` returned last, or 0.
 */
int distribution_check_manifest(const struct store *store, const char *name,
                                const struct digest *digest, struct span bytes,
                                distribution_visit *visit, void *context,
                                struct err *err) WARN_UNUSED;

/* Everything of one repository. */
int distribution_check_repository(const struct store *store, const char *name,
                                  distribution_visit *visit, void *context,
                                  struct err *err) WARN_UNUSED;

#endif
