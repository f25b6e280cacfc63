/* SPDX-License-Identifier: MIT */
/*
 * Temporary files of registry:2 from 3.1 on, which writes `<file>.<uuid>.tmp`
 * beside the file it makes and leaves it there when it is killed. They are in
 * nobody's way, but nobody else clears them away.
 */
#ifndef BERTH_STORE_LITTER_H
#define BERTH_STORE_LITTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "store/store.h"

/* Whether a file has such a name: "<something>.<uuid>.tmp". */
bool litter_is_temporary(struct span name);

/*
 * Deletes those last written before `cutoff_ns`, or with `dry_run` only
 * counts them. It reads every directory of the store, but for uploads, which
 * go as a whole (upload_purge.h). Adds to `*swept`, also when it fails; goes
 * on past what cannot be read or deleted and fails at its end.
 */
int litter_purge(const struct store *store, int64_t cutoff_ns, bool dry_run,
                 struct driver_swept *swept, struct err *err) WARN_UNUSED;

#endif
