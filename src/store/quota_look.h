/* SPDX-License-Identifier: MIT */
/*
 * What the repositories of a quota have, looked up in the tree: the bytes of
 * all blobs, configs and manifests that their links name, each once, and of
 * all their uploads. Private to quota.c and its tests.
 */
#ifndef BERTH_STORE_QUOTA_LOOK_H
#define BERTH_STORE_QUOTA_LOOK_H

#include <stdint.h>

#include "store/store.h"

struct quota_look {
    const struct store *store; /* with its rules */
    const char *section;       /* the pattern whose quota it is */
};

/*
 * Adds it up. While others push, delete and commit, it may miss what they
 * changed meanwhile, and nothing else. It takes some microseconds for each
 * link and, while it lasts, 64 bytes of memory at most. What cannot be read
 * makes it fail, as nobody knows how large it is.
 */
int quota_look(const struct quota_look *look, uint64_t *bytes,
               struct err *err) WARN_UNUSED;

#endif
