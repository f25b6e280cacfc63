/* SPDX-License-Identifier: MIT */
/*
 * Whether the times in the tree tell how old something is. A clock that is set
 * makes what is young look old. It shows when the time of day went another way
 * than the time since the machine was started, since the last collection.
 */
#ifndef BERTH_STORE_COLLECT_CLOCK_H
#define BERTH_STORE_COLLECT_CLOCK_H

#include <stdint.h>

#include "base/compiler.h"
#include "base/err.h"
#include "store/store.h"

/*
 * For who deletes by age: `*fault` is NULL when the times can be relied on,
 * else why not. What a collection finds out holds for a grace period.
 */
int collect_check_clock(const struct store *store, const char **fault,
                        struct err *err) WARN_UNUSED;

/*
 * The grace to delete by, in seconds: `grace`, of the settings, or one that was
 * larger at the last collection, for as long as programs may work with that.
 */
int collect_find_grace(const struct store *store, uint64_t grace, uint64_t *out,
                       struct err *err) WARN_UNUSED;

#endif
