/* SPDX-License-Identifier: MIT */
/*
 * Retention: which tags of a repository stay, and which go (rules.h).
 *
 * A tag stays that is protected, that a pattern of keep_matching names, that
 * is among the keep_last that were pushed last, or that was pushed within
 * keep_newer; the others go, where the rules say any of these. To push a tag
 * again counts, also when it names what it named before. Then manifests that
 * nothing names go, where the rules say `untagged`: see untagged.h.
 *
 * Safe beside pushes, deletions and others who do the same, and to be killed:
 * a tag goes only while it is as it was when it was judged.
 */
#ifndef BERTH_STORE_RETENTION_H
#define BERTH_STORE_RETENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/err.h"
#include "store/rules.h"
#include "store/store.h"
#include "store/tag.h"
#include "store/untagged.h"

enum retention_verdict {
    RETENTION_GOES,      /* gone, or with dry_run would be */
    RETENTION_PROTECTED, /* by `pattern` */
    RETENTION_MATCHING,  /* `pattern` */
    RETENTION_LAST,      /* one of the keep_last */
    RETENTION_NEWER,     /* than keep_newer */
    RETENTION_PUSHED,    /* again, before it could go */
};

/* One tag, as it is told to a visitor; texts are borrowed. */
struct retention_tag {
    const char *tag;
    struct tag_info info;
    size_t rank; /* 1 = pushed last of all */
    enum retention_verdict verdict;
    const char *pattern; /* else NULL */
};

/* Returns 0 to go on, 1 to stop, -1 with `err` filled. */
typedef int retention_visit(void *context, const struct retention_tag *tag,
                            struct err *err);

struct retention {
    int64_t now_ns;
    uint64_t grace; /* seconds, of collect_find_grace */
    bool dry_run;   /* only look */

    /*
     * Told of each tag, from the one pushed last, and then of each manifest;
     * what goes, right after it went. NULL = nobody.
     */
    retention_visit *visit_tag;
    untagged_visit *visit_manifest;
    void *context;
};

struct retention_result {
    uint64_t tags_gone, tags_kept; /* or would be, with dry_run */
    struct untagged_removed manifests;
};

/* True where the rules say nothing that would let anything go. */
bool retention_is_idle(const struct rules_found *rules);

/*
 * Applies what the store's rules say to one repository, which need not exist.
 * Adds to `*result`, also when it fails. ERR_MISCONFIGURED as in protection.h.
 */
int retention_apply(const struct store *store, const char *name,
                    const struct retention *how,
                    struct retention_result *result,
                    struct err *err) WARN_UNUSED;

#endif
