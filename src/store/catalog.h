/* SPDX-License-Identifier: MIT */
/* The repositories of the store: the `_catalog` extension of registry:2. */
#ifndef BERTH_STORE_CATALOG_H
#define BERTH_STORE_CATALOG_H

#include "store/store.h"

/* `name` is borrowed. Returns 0 to go on, 1 to stop, -1 with `err` filled. */
typedef int catalog_visit(void *context, const char *name, struct err *err);

/*
 * Visits the repositories that have content, beginning behind `last` (NULL
 * or "" = from the first; it need not exist). The order is that of a sorted
 * tree: by components, "a" then "a/b" then "a-b".
 *
 * The walk skips what stands before `last` and reads only the directories on
 * its way; of large ones an index, see children.h. So a page takes no longer
 * behind the last name than at the first, and shows what any program wrote.
 */
int catalog_list(const struct store *store, const char *last,
                 catalog_visit *visit, void *context,
                 struct err *err) WARN_UNUSED;

/*
 * Visits every place below the top where a repository can be, in that order,
 * also where nothing is but uploads, or nothing at all. Goes on past what
 * cannot be read, and fails at its end with what was said of the last.
 */
int catalog_walk(const struct store *store, catalog_visit *visit, void *context,
                 struct err *err) WARN_UNUSED;

/*
 * The same, and tells `odd` of the path of each directory on the way that can
 * be no repository by its name, and so is not entered: whoever made it may
 * have put something there.
 */
int catalog_walk_telling(const struct store *store, catalog_visit *visit,
                         catalog_visit *odd, void *context,
                         struct err *err) WARN_UNUSED;

/* The same, of the place `top`, which need not be there, and all below it. */
int catalog_walk_below(const struct store *store, const char *top,
                       catalog_visit *visit, void *context,
                       struct err *err) WARN_UNUSED;

#endif
