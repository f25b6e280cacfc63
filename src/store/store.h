/* SPDX-License-Identifier: MIT */
/*
 * What every operation of the store works on: a driver rooted at
 * `<root>/docker/registry/v2`, and the rules of the administrator. The store
 * keeps no state of its own between calls, so any number of processes may
 * share a tree.
 *
 * The operations live beside this file, one subject each: blob.h, upload.h,
 * manifest_store.h, tag.h, referrers.h, catalog.h. Repository names and tags
 * given to them have passed oci/name.h; where they say so they turn driver
 * codes into domain codes (ERR_NOT_FOUND into ERR_BLOB_UNKNOWN).
 */
#ifndef BERTH_STORE_STORE_H
#define BERTH_STORE_STORE_H

#include "base/compiler.h"
#include "base/err.h"
#include "driver/driver.h"
#include "store/rules.h"
#include "store/settings.h"

struct store {
    struct driver *driver; /* borrowed */

    /*
     * Borrowed; rules_none() where the settings name no file. NULL = they are
     * not known: then no tag is changed and nothing is deleted, as it might
     * be protected.
     */
    const struct rules *rules;

    struct config_share free_floor; /* see room.h */
};

/*
 * Opens the filesystem driver at the registry's place under settings->root.
 * The caller ends `*out` with driver_free.
 */
int store_open_driver(const struct settings *settings, struct driver **out,
                      struct err *err) WARN_UNUSED;

#endif
