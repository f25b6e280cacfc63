/* SPDX-License-Identifier: MIT */
/*
 * The children of a directory in order, from any position, in a time that
 * does not grow with their number: where they are very many, an index of
 * their names is kept in a file, see children_index.h.
 *
 * The index is believed only while the directory has the version it was made
 * of. So what any program did is seen at once, and whatever happens to the
 * file, or keeps it from being written, costs time and nothing else.
 */
#ifndef BERTH_STORE_CHILDREN_H
#define BERTH_STORE_CHILDREN_H

#include "base/compiler.h"
#include "base/err.h"
#include "driver/driver.h"

/* To read and sort fewer takes a few milliseconds. */
#define CHILDREN_INDEXED_FROM 10000

struct children {
    const char *directory;
    const char *index;   /* where the file is, or would be; ours alone */
    size_t indexed_from; /* how many there are at least where one is kept */
};

/*
 * `name` is borrowed; what stands there the visitor looks at itself. Returns
 * 0 to go on, 1 to stop, -1 with `err` filled.
 */
typedef int children_visit(void *context, const char *name, struct err *err);

/*
 * Visits them in ascending strcmp order, beginning behind `after` (NULL or ""
 * = from the first). ERR_NOT_FOUND when there is no such directory.
 */
int children_list(struct driver *driver, const struct children *children,
                  const char *after, children_visit *visit, void *context,
                  struct err *err) WARN_UNUSED;

#endif
