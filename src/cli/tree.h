/* SPDX-License-Identifier: MIT */
/* The registry a command works on. */
#ifndef BERTH_CLI_TREE_H
#define BERTH_CLI_TREE_H

#include "base/compiler.h"
#include "base/err.h"
#include "store/settings.h"
#include "store/store.h"

struct tree {
    struct settings settings;
    struct rules *rules; /* the file, if there is one and it is right */
    struct store store;
};

/*
 * Loads the settings (`file` as in settings_load) and opens the tree they
 * name, which must be there: to open a driver would make it. When root runs
 * the command, the whole process becomes the tree's owner first: directories
 * root made would be closed to the programs of the registry.
 *
 * Rules that cannot be read are told on standard error; then the store changes
 * nothing that may be protected (store.h).
 *
 * ERR_NOT_FOUND, with a text for the administrator, when there is no registry
 * yet at the place. The caller ends it with CLEANUP(tree).
 */
int tree_open(const char *file, struct tree *out, struct err *err) WARN_UNUSED;

/* The two steps of it, for who has to look at the settings in between. */
int tree_open_at(const struct settings *settings, struct tree *out,
                 struct err *err) WARN_UNUSED;

/*
 * As tree_open_at, but at a root that holds no registry yet makes one, in the
 * name of the root's owner. The root must be there.
 */
int tree_open_or_make(const struct settings *settings, struct tree *out,
                      struct err *err) WARN_UNUSED;

/*
 * As tree_open, without becoming anybody: for what writes nothing to the tree,
 * and something in the name of whoever calls elsewhere.
 */
int tree_open_to_read(const char *file, struct tree *out,
                      struct err *err) WARN_UNUSED;

/* Ends what tree_open began; fine for a tree of zeros, too. */
void tree_cleanup(struct tree *tree);

#endif
