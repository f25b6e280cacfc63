/* SPDX-License-Identifier: MIT */
/*
 * Another tree than the registry's: a backup, or what registry:2 wrote. Two
 * steps, as between them the process may become the owner of the registry's:
 * what it holds open stays open to it then.
 */
#ifndef BERTH_CLI_TRANSFER_OTHER_TREE_H
#define BERTH_CLI_TRANSFER_OTHER_TREE_H

#include <stdbool.h>

#include "base/compiler.h"
#include "base/err.h"
#include "cli/tree.h"
#include "store/store.h"

struct other_tree {
    const char *path; /* as the caller named it; borrowed */
    int directory;    /* that holds docker/registry/v2; -1 = not open */
    struct store store;
};

#define OTHER_TREE_INIT ((struct other_tree){.directory = -1})

/*
 * Opens the directory, which has to be there. With `make` it is made when it
 * is not, in the name of whoever owns the registry at `settings`.
 */
int other_tree_find(const char *path, const struct settings *settings,
                    bool make, struct other_tree *out,
                    struct err *err) WARN_UNUSED;

/*
 * Opens the tree in it. One that is to be written (`make`) is made; nothing in
 * it is synced but by driver_fs_flush. ERR_NOT_FOUND when there is none.
 */
int other_tree_open(struct other_tree *other, bool make,
                    struct err *err) WARN_UNUSED;

/* Refuses to take a tree for another one that it is itself. */
int other_tree_check(const struct other_tree *other, const struct tree *tree,
                     struct err *err) WARN_UNUSED;

/* Only one process at a time may write to it: ERR_BUSY. */
int other_tree_lock(const struct other_tree *other,
                    struct err *err) WARN_UNUSED;

void other_tree_cleanup(struct other_tree *other);

#endif
