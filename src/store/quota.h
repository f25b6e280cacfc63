/* SPDX-License-Identifier: MIT */
/*
 * Quotas: how many bytes the repositories of one section of the rules
 * (rules.h) may have together. What counts is every blob, config and manifest
 * that a link of theirs names, each once, and what their unfinished uploads
 * have received.
 *
 * Each push takes its bytes from the quota before it writes them, so that any
 * number of pushes never pass it by a byte. What is known of the bytes in the
 * tree may be too much for a while: after pushes that broke off or were
 * killed, after deletions, after blobs that were there already. Therefore
 * nothing is refused without having looked at the tree (quota_count.h), or
 * having learnt that somebody did a moment ago.
 *
 * What others than Berth write is counted when somebody looks.
 */
#ifndef BERTH_STORE_QUOTA_H
#define BERTH_STORE_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#include "store/layout.h"
#include "store/quota_count.h"
#include "store/store.h"

struct quota {
    const char *section; /* of the rules of the store */
    uint64_t limit;
    struct layout_path record;
};

/*
 * The quota the repository is under; false when it is under none. The store
 * has rules.
 */
bool quota_find(const struct store *store, const char *name, struct quota *out);

/* The one of a section. */
void quota_of_section(const struct store *store, const char *section,
                      uint64_t limit, struct quota *out);

/*
 * Takes `added` bytes for what is to be written, and tells of `moved` ones
 * that change their place; see quota_count_take for `*held`. The error is
 * ERR_QUOTA_EXCEEDED when they do not fit, ERR_BUSY when it took too long to
 * find out.
 */
int quota_take(const struct store *store, const struct quota *quota,
               uint64_t added, uint64_t moved, struct record **held,
               struct err *err) WARN_UNUSED;

/* Fails like that when as many bytes would not fit now. */
int quota_check(const struct store *store, const struct quota *quota,
                uint64_t bytes, struct err *err) WARN_UNUSED;

/* What is known of the bytes in the tree. */
int quota_read(const struct store *store, const struct quota *quota,
               struct quota_state *out, struct err *err) WARN_UNUSED;

/* Looks at the tree, whenever somebody last did. */
int quota_recount(const struct store *store, const struct quota *quota,
                  struct err *err) WARN_UNUSED;

/*
 * The same for every section with a quota, for who has changed much at once:
 * goes on after a failure, and tells the first. Nothing to do where no rules
 * are known.
 */
int quota_recount_all(const struct store *store, struct err *err) WARN_UNUSED;

#endif
