/* SPDX-License-Identifier: MIT */
/*
 * Keeps the referrers index true when another program wrote to the tree.
 * Private to referrers.c and the check of the tree.
 */
#ifndef BERTH_STORE_REFERRERS_INDEX_H
#define BERTH_STORE_REFERRERS_INDEX_H

#include <stdbool.h>

#include "oci/digest.h"
#include "store/store.h"

/*
 * Indexes every manifest of the repository that has a subject and was stored
 * since the last time. Costs two looks when nothing was.
 */
int referrers_refresh(const struct store *store, const char *name,
                      struct err *err) WARN_UNUSED;

/*
 * Whether that would look at this manifest: then it is no fault that it has
 * no entry yet.
 */
bool referrers_will_look_at(const struct store *store, const char *name,
                            const struct digest *digest);

#endif
