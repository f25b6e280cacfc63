/* SPDX-License-Identifier: MIT */
/*
 * Content that comes from elsewhere than a client: it goes the way of a push,
 * step by step, so that it is as durable and as safe from collectors, and what
 * binds a push binds it.
 */
#ifndef BERTH_STORE_INTAKE_H
#define BERTH_STORE_INTAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/reader.h"
#include "oci/digest.h"
#include "oci/manifest.h"
#include "store/store.h"

/*
 * Whether the repository has the blob, or is now given it from another one
 * that does: then it need not be read. A blob of another size is a damaged
 * one, to be replaced.
 */
int intake_find_blob(const struct store *store, const char *name,
                     const struct digest *digest, uint64_t size, bool *found,
                     struct err *err) WARN_UNUSED;

/* Stores a blob. ERR_DIGEST_INVALID when the bytes are others. */
int intake_blob(const struct store *store, const char *name,
                const struct digest *digest, struct reader *bytes,
                struct err *err) WARN_UNUSED;

/*
 * Stores one whose digest is known only from its bytes: they are hashed on
 * their way with SHA-256.
 */
int intake_new_blob(const struct store *store, const char *name,
                    struct reader *bytes, struct digest *digest, uint64_t *size,
                    struct err *err) WARN_UNUSED;

/*
 * Stores a manifest when the repository has what it refers to; `sparse` as in
 * manifest_protect_references.
 */
int intake_manifest(const struct store *store, const char *name,
                    const struct digest *digest,
                    const struct manifest *manifest, struct span bytes,
                    bool sparse, struct err *err) WARN_UNUSED;

/*
 * Lets a tag name a manifest of the repository. ERR_MANIFEST_UNKNOWN when
 * somebody has deleted that meanwhile; then no tag is left that names it.
 */
int intake_tag(const struct store *store, const char *name, const char *tag,
               const struct digest *digest, struct err *err) WARN_UNUSED;

/* The same, but only while the tag is as it was seen: see tag_set_seen. */
int intake_tag_seen(const struct store *store, const char *name,
                    const char *tag, const struct digest *digest,
                    const struct digest *seen, bool *is_set,
                    struct err *err) WARN_UNUSED;

#endif
