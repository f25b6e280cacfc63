/* SPDX-License-Identifier: MIT */
/*
 * Which manifests of a repository refer to a subject: found by reading all of
 * them, and nothing is written. Requests ask the index of referrers.h.
 */
#ifndef BERTH_STORE_SUBJECTS_H
#define BERTH_STORE_SUBJECTS_H

#include "oci/digest.h"
#include "store/store.h"

typedef int subjects_visit(void *context, const struct digest *subject,
                           const struct digest *referrer, struct err *err);

int subjects_list(const struct store *store, const char *name,
                  subjects_visit *visit, void *context,
                  struct err *err) WARN_UNUSED;

#endif
