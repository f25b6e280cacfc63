/* SPDX-License-Identifier: MIT */
/*
 * The driver of a directory tree: rename for atomicity, fsync for durability,
 * kernel locks and mtimes for liveness.
 *
 * Its own data (locks, temporary files, trash) lives in `_berth/` under its
 * root and nowhere else.
 */
#ifndef BERTH_DRIVER_DRIVER_FS_H
#define BERTH_DRIVER_DRIVER_FS_H

#include "driver/driver.h"

struct driver_fs_options {
    const char *root;  /* absolute; made when its parent exists */
    const char *below; /* NULL, or the tree's place in it; made with parents */
    uint64_t grace_seconds;
};

/* Opens the tree. The caller owns `*out` and ends it with driver_free. */
int driver_fs_new(const struct driver_fs_options *options, struct driver **out,
                  struct err *err) WARN_UNUSED;

#endif
