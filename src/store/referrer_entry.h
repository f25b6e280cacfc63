/* SPDX-License-Identifier: MIT */
/*
 * One entry of the referrers index: a small file that says what a manifest
 * with a `subject` is, ready to be listed. Written by manifest_store.c for
 * what is pushed and by referrers_index.c for what others stored; read by
 * referrers.c.
 *
 * The file holds the artifact type, a newline, and the descriptor as JSON.
 */
#ifndef BERTH_STORE_REFERRER_ENTRY_H
#define BERTH_STORE_REFERRER_ENTRY_H

#include <stdint.h>

#include "oci/digest.h"
#include "oci/manifest.h"
#include "store/store.h"

/* A descriptor has the annotations of its manifest: it may be as large. */
#define REFERRER_ENTRY_MAX (16 * 1024 * 1024)

/*
 * Enters a manifest of `size` bytes, before it is linked. Nobody takes an
 * entry out when the manifest is deleted: entries count only while their
 * manifest is there, and a manifest that comes back finds its own.
 */
int referrer_entry_write(const struct store *store, const char *name,
                         const struct digest *subject,
                         const struct digest *digest,
                         const struct manifest *manifest, uint64_t size,
                         struct err *err) WARN_UNUSED;

/* Whether there is an entry that says just that. */
bool referrer_entry_is_right(const struct store *store, const char *name,
                             const struct digest *subject,
                             const struct digest *digest,
                             const struct manifest *manifest, uint64_t size);

/* Enters one that is linked, whose entry may be there and right. */
int referrer_entry_mend(const struct store *store, const char *name,
                        const struct digest *subject,
                        const struct digest *digest,
                        const struct manifest *manifest, uint64_t size,
                        struct err *err) WARN_UNUSED;

/* Divides the bytes of an entry. */
void referrer_entry_split(struct span entry, struct span *artifact_type,
                          struct span *descriptor);

#endif
