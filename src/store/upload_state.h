/* SPDX-License-Identifier: MIT */
/*
 * The saved hash states of an upload: how many of its bytes count, and the
 * hash over them. Private to upload.c.
 */
#ifndef BERTH_STORE_UPLOAD_STATE_H
#define BERTH_STORE_UPLOAD_STATE_H

#include "base/hash.h"
#include "store/store.h"

/*
 * Loads the state of the largest offset that is at most `size`, the bytes
 * present, into `out` (hash->length is the offset). ERR_NOT_FOUND when no
 * usable state was saved, as in uploads of other programs: then all bytes
 * count and have to be hashed again.
 */
int upload_state_load(const struct store *store, const char *name,
                      const char *uuid, uint64_t size, struct hash *out,
                      struct err *err) WARN_UNUSED;

/* Saves the state under its offset. */
int upload_state_save(const struct store *store, const char *name,
                      const char *uuid, const struct hash *hash,
                      struct err *err) WARN_UNUSED;

#endif
