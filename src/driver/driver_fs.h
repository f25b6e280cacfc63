/* SPDX-License-Identifier: MIT */
/*
 * The driver of a directory tree: rename for atomicity, fsync for durability,
 * kernel locks and mtimes for liveness.
 *
 * Durable means so on a file system with a journal (ext4, XFS) or a log tree
 * (btrfs). Without one (ext2) a gap is left: what is put into a directory that
 * another request has made a moment ago, and is about to sync, may be lost
 * with it. tests/fault/powercut/model.py tells what is assumed of each.
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

    /*
     * Nothing is synced but by driver_fs_flush: for a tree that counts only
     * when it is finished, and is begun again after a power cut.
     */
    bool is_bulk;
};

/* Opens the tree. The caller owns `*out` and ends it with driver_free. */
int driver_fs_new(const struct driver_fs_options *options, struct driver **out,
                  struct err *err) WARN_UNUSED;

/* Makes everything durable that was written so far. */
int driver_fs_flush(struct driver *driver, struct err *err) WARN_UNUSED;

/*
 * Makes the object at `from_path` one of another tree, too: a hard link, so
 * both are of this driver and on one file system. It gets a fresh lease, which
 * counts in both. ERR_READ_ONLY when the file belongs to somebody else, who
 * could change it.
 */
int driver_fs_share(struct driver *from, struct driver *to,
                    const char *from_path, const char *to_path,
                    struct err *err) WARN_UNUSED;

#endif
