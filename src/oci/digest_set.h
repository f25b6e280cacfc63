/* SPDX-License-Identifier: MIT */
/*
 * A set of digests, for walks that must not go twice where they have been.
 */
#ifndef BERTH_OCI_DIGEST_SET_H
#define BERTH_OCI_DIGEST_SET_H

#include "oci/digest.h"

struct digest_set {
    struct digest *slots; /* an empty one has no hex */
    size_t count, room;   /* room is a power of two, or 0 */
};

void digest_set_cleanup(struct digest_set *set);

bool digest_set_has(const struct digest_set *set, const struct digest *digest);

/* False when it was there already. */
bool digest_set_add(struct digest_set *set, const struct digest *digest);

#endif
