/* SPDX-License-Identifier: MIT */
/* Taking away the directories of a repository that has nothing any more. */
#ifndef BERTH_STORE_REPOSITORY_CLEAR_H
#define BERTH_STORE_REPOSITORY_CLEAR_H

#include <stdint.h>

#include "base/compiler.h"
#include "base/err.h"
#include "store/store.h"

/*
 * Removes what is empty of `_manifests`, `_layers` and `_uploads`, in this
 * order: Distribution 3 stops at a repository that has the first and not the
 * second. Empty links from before `cutoff_ns` go along; they mean that a write
 * never happened (link.h). When nothing is left, our own directory goes, and
 * those above that are empty.
 *
 * Somebody who pushes meanwhile makes what he needs anew; a repository with
 * content has all its directories when this returns 0.
 */
int repository_clear(const struct store *store, const char *name,
                     int64_t cutoff_ns, struct err *err) WARN_UNUSED;

#endif
