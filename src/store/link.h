/* SPDX-License-Identifier: MIT */
/*
 * Link files: a digest as text, saying that a repository has a blob or a
 * manifest, or what a tag names. See layout.h for where they stand.
 */
#ifndef BERTH_STORE_LINK_H
#define BERTH_STORE_LINK_H

#include <stdbool.h>

#include "oci/digest.h"
#include "store/layout.h"
#include "store/store.h"

/*
 * Reads the digest in the link at `path`. ERR_NOT_FOUND when there is no
 * link, and also when it is empty or no digest: registry:2 before 3.1 leaves
 * such files after a crash, and they mean that the write never happened.
 */
int link_read(const struct store *store, const struct layout_path *path,
              struct digest *out, struct err *err) WARN_UNUSED;

/*
 * Reads the link by which a repository has `digest`. It names that digest, or
 * one of another algorithm under which registry:2 stored the same bytes;
 * another digest of the same algorithm is damage, and ERR_NOT_FOUND.
 */
int link_resolve(const struct store *store, const struct layout_path *path,
                 const struct digest *digest, struct digest *out,
                 struct err *err) WARN_UNUSED;

/* Writes it, durably and with a fresh lease. */
int link_write(const struct store *store, const struct layout_path *path,
               const struct digest *digest, struct err *err) WARN_UNUSED;

/*
 * Renews the leases of a link and of the blob it names, so that both stay
 * for the grace period (driver.h). Returns 0 also on storage that is
 * mounted read-only, from which no collector can take anything.
 * ERR_NOT_FOUND when either is gone, or when the lease cannot be renewed
 * because the file is somebody else's: the caller treats it as not there.
 */
int link_protect(const struct store *store, const struct layout_path *link,
                 const struct digest *target, struct err *err) WARN_UNUSED;

/*
 * Whether something was taken as not there only because its lease could not
 * be renewed: also for the codes that layers above made of ERR_NOT_FOUND.
 */
bool link_was_refused(const struct err *err);

#endif
