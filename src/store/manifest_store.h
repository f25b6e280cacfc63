/* SPDX-License-Identifier: MIT */
/*
 * Manifests as repositories have them (distribution-spec "Pulling manifests",
 * "Pushing manifests", "Deleting manifests"). Bytes go in and come out as
 * they are.
 *
 * A PUT is manifest_protect_references, manifest_put, manifest_confirm, then
 * tag_set for each tag, and manifest_check: when a deletion came in between,
 * manifest_put and what follows again; tag_check before all that spares what
 * would be for nothing. Each step is durable when it returns 0, so what a tag
 * names is always complete.
 */
#ifndef BERTH_STORE_MANIFEST_STORE_H
#define BERTH_STORE_MANIFEST_STORE_H

#include <stdbool.h>

#include "base/buf.h"
#include "oci/digest.h"
#include "oci/manifest.h"
#include "store/store.h"

/* Indexes of indexes of indexes of images: nobody goes deeper. */
#define MANIFEST_LEVELS_MAX 4

/* The most that is read back; what others stored may be above our limit. */
#define MANIFEST_BYTES_MAX (16 * 1024 * 1024)

/*
 * Appends the manifest's bytes. ERR_MANIFEST_UNKNOWN when the repository does
 * not have it as a manifest, whatever blobs it has.
 */
int manifest_get(const struct store *store, const char *name,
                 const struct digest *digest, struct buf *bytes,
                 struct err *err) WARN_UNUSED;

/*
 * Reads the manifest whose bytes are stored under this digest, as walks over
 * the tree do: `bytes` is room of the caller's, of MANIFEST_BYTES_MAX.
 * ERR_NOT_FOUND without bytes, ERR_TOO_LARGE, and ERR_MANIFEST_INVALID also
 * for bytes that have another digest, for they may name anything.
 */
int manifest_load(const struct store *store, const struct digest *stored,
                  struct buf *bytes, struct manifest **out,
                  struct err *err) WARN_UNUSED;

/*
 * Appends the bytes stored under this digest, whichever repository has them or
 * had them: for a manifest that somebody deletes while it is copied.
 */
int manifest_get_stored(const struct store *store, const struct digest *digest,
                        struct buf *bytes, struct err *err) WARN_UNUSED;

/*
 * The manifest stays for the grace period from now: who asks for a digest is
 * about to use it. Best effort; says nothing when it cannot be renewed.
 */
void manifest_lease(const struct store *store, const char *name,
                    const struct digest *digest);

/*
 * Verifies that the repository has everything the manifest refers to, and
 * renews it all, down through indexes of indexes: it then stays for the grace
 * period, within which the manifest itself will hold it. With `sparse`, what
 * is missing is passed over. ERR_MANIFEST_BLOB_UNKNOWN names what is missing.
 */
int manifest_protect_references(const struct store *store, const char *name,
                                const struct manifest *manifest, bool sparse,
                                struct err *err) WARN_UNUSED;

/* Stores the bytes, whose digest this is, as a manifest of the repository. */
int manifest_put(const struct store *store, const char *name,
                 const struct digest *digest, const struct manifest *manifest,
                 struct span bytes, struct err *err) WARN_UNUSED;

/*
 * Looks again at a manifest that was put and at all it refers to, and renews
 * it. A request that was held up after manifest_protect_references for longer
 * than the grace period finds here what a collector took away meanwhile; from
 * now on collectors see the manifest. ERR_MANIFEST_UNKNOWN when it is gone
 * itself, ERR_MANIFEST_BLOB_UNKNOWN as above.
 */
int manifest_confirm(const struct store *store, const char *name,
                     const struct digest *digest,
                     const struct manifest *manifest, bool sparse,
                     struct err *err) WARN_UNUSED;

/* ERR_MANIFEST_UNKNOWN when the repository does not have it (any more). */
int manifest_check(const struct store *store, const char *name,
                   const struct digest *digest, struct err *err) WARN_UNUSED;

/*
 * Removes it and every tag that names it. ERR_MANIFEST_UNKNOWN; ERR_DENIED and
 * others of protection.h, with nothing removed.
 */
int manifest_delete(const struct store *store, const char *name,
                    const struct digest *digest, struct err *err) WARN_UNUSED;

#endif
