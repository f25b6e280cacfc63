/* SPDX-License-Identifier: MIT */
/*
 * Blobs as repositories have them: the bytes stand once in the store, and a
 * link in each repository says that it has them (distribution-spec "Pulling
 * blobs", "Mounting", "Deleting blobs").
 */
#ifndef BERTH_STORE_BLOB_H
#define BERTH_STORE_BLOB_H

#include <stdint.h>

#include "base/reader.h"
#include "oci/digest.h"
#include "store/layout.h"
#include "store/store.h"

struct blob {
    struct digest stored; /* what the link names: where the bytes are */
    uint64_t size;        /* bytes */
};

/*
 * Finds a blob of a repository. ERR_BLOB_UNKNOWN when the repository does not
 * have it, also when the link is there and the bytes are not, or when they
 * are empty though the digest is not that of nothing.
 */
int blob_find(const struct store *store, const char *name,
              const struct digest *digest, struct blob *out,
              struct err *err) WARN_UNUSED;

/*
 * The same wherever the bytes are, whoever has a link to them: for a blob that
 * somebody deletes while it is copied.
 */
int blob_find_stored(const struct store *store, const struct digest *digest,
                     struct blob *out, struct err *err) WARN_UNUSED;

/*
 * As blob_find, and the blob then stays usable in this repository for the grace
 * period: what HEAD promises a client that skips an upload.
 */
int blob_lease(const struct store *store, const char *name,
               const struct digest *digest, struct blob *out,
               struct err *err) WARN_UNUSED;

/* Opens `length` bytes from `offset`, both within the blob. */
int blob_open(const struct store *store, const struct blob *blob,
              uint64_t offset, uint64_t length, struct reader **out,
              struct err *err) WARN_UNUSED;

/*
 * Gives the blob to `name` as well. `from` is a repository that has it; NULL
 * takes it from wherever it is. ERR_BLOB_UNKNOWN when it is not there.
 */
int blob_mount(const struct store *store, const char *name, const char *from,
               const struct digest *digest, struct err *err) WARN_UNUSED;

/*
 * Takes the blob from the repository. ERR_BLOB_UNKNOWN when it has none;
 * ERR_DENIED and others of protection.h.
 */
int blob_delete(const struct store *store, const char *name,
                const struct digest *digest, struct err *err) WARN_UNUSED;

#endif
