/* SPDX-License-Identifier: MIT */
/*
 * The digests that have a directory at some place of the tree: revisions,
 * layers, blobs. It outlives what was in it, so a link may be missing.
 */
#ifndef BERTH_STORE_DIGEST_LIST_H
#define BERTH_STORE_DIGEST_LIST_H

#include "oci/digest.h"
#include "store/layout.h"
#include "store/store.h"

typedef int digest_list_visit(void *context, const struct digest *digest,
                              struct err *err);

/*
 * Visits those of one algorithm at the path, in ascending order; none when the
 * path is not there.
 */
int digest_list(const struct store *store, const struct layout_path *path,
                enum hash_algorithm algorithm, digest_list_visit *visit,
                void *context, struct err *err) WARN_UNUSED;

/* The same for all algorithms at a place of a repository. */
typedef struct layout_path digest_list_place(const char *name,
                                             enum hash_algorithm);
int digest_list_links(const struct store *store, digest_list_place *place,
                      const char *name, digest_list_visit *visit, void *context,
                      struct err *err) WARN_UNUSED;

#endif
