/* SPDX-License-Identifier: MIT */
/*
 * Referrers: the manifests whose `subject` is a given digest
 * (distribution-spec "Listing Referrers").
 *
 * An index of ours, one small file per referrer under `_berth/referrers/`,
 * which can be rebuilt from the tree at any time: manifests that another
 * program stored are found by the times of the revision directories and
 * indexed by the next query. That also brings in what older clients listed
 * by themselves under the fallback tag `<alg>-<hex>`: those manifests have a
 * subject too, which is what the spec asks for ("Enabling the Referrers API").
 */
#ifndef BERTH_STORE_REFERRERS_H
#define BERTH_STORE_REFERRERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "oci/digest.h"
#include "store/store.h"

/* One page holds at most this many bytes of descriptors, and at least one. */
#define REFERRERS_PAGE_MAX (4 * 1024 * 1024)

struct referrers_query {
    struct span artifact_type; /* only these; empty = all */
    const struct digest *last; /* begin behind this one; NULL = the first */
    uint64_t limit;            /* descriptors in the page; 0 = no limit */
};

struct referrers_page {
    bool more;          /* there are others, behind `last` */
    struct digest last; /* of the page, when there are more */
};

/*
 * Appends the descriptors, separated by commas, in ascending order of their
 * digests. A subject nobody refers to, or nobody knows, has none.
 */
int referrers_list(const struct store *store, const char *name,
                   const struct digest *subject,
                   const struct referrers_query *query, struct buf *into,
                   struct referrers_page *page, struct err *err) WARN_UNUSED;

#endif
