/* SPDX-License-Identifier: MIT */
/*
 * Uploads: blobs on their way in, over one request or many, through any
 * process that shares the tree (distribution-spec "Pushing a blob in chunks").
 *
 *     upload_start                          POST
 *     upload_open, upload_receive, upload_suspend     PATCH
 *     upload_open, upload_receive?, upload_commit     PUT
 *     upload_status                         GET
 *     upload_cancel                         DELETE
 *
 * Between requests an upload is files (layout.h): the bytes, and the state of
 * the hash over them, saved at the end of each request in registry:2's form.
 * The largest saved offset is the truth: what stands behind it came from a
 * request that died, and the next one cuts it off. One request at a time
 * holds an upload open.
 */
#ifndef BERTH_STORE_UPLOAD_H
#define BERTH_STORE_UPLOAD_H

#include <stdint.h>

#include "base/hash.h"
#include "base/reader.h"
#include "oci/digest.h"
#include "oci/name.h"
#include "store/store.h"

struct upload;

/*
 * Begins an upload, whose bytes will be hashed with `algorithm` as they
 * arrive, and names it: a random UUID (RFC 9562 version 4). ERR_QUOTA_EXCEEDED
 * and ERR_NO_SPACE when there is no room for a single byte (room.h); so do
 * the functions below fail when there is none for theirs.
 */
int upload_start(const struct store *store, const char *name,
                 enum hash_algorithm algorithm, char uuid[UUID_LENGTH + 1],
                 struct err *err) WARN_UNUSED;

/*
 * Opens it for writing. ERR_BLOB_UPLOAD_UNKNOWN when the repository has no
 * such upload, ERR_UPLOAD_BUSY when another request has held it for 5 s. The
 * upload ends with exactly one of suspend, commit and close. `name` is
 * borrowed until then.
 */
int upload_open(const struct store *store, const char *name, const char *uuid,
                struct upload **out, struct err *err) WARN_UNUSED;

/* Bytes it has. */
uint64_t upload_size(const struct upload *upload);

/* The digest of those bytes, by the algorithm it began with. */
void upload_digest(const struct upload *upload, struct digest *out);

/*
 * Appends a request body to its end; `*received` counts its bytes. On failure
 * the upload is again what it was when opened.
 */
int upload_receive(struct upload *upload, struct reader *body,
                   uint64_t *received, struct err *err) WARN_UNUSED;

/* Keeps what was received, durably, for the next request. Frees the upload. */
int upload_suspend(struct upload *upload, struct err *err) WARN_UNUSED;

/*
 * Makes the bytes the blob `digest` of the repository, replacing what the
 * store had under that digest, and ends the upload; durable when it returns
 * 0. ERR_DIGEST_INVALID when the bytes are not those: the upload then is what
 * it was when opened. Only when the link of the blob cannot be written has the
 * upload ended by a failure. Frees the upload in any case.
 */
int upload_commit(struct upload *upload, const struct digest *digest,
                  struct err *err) WARN_UNUSED;

/* Puts the upload back to what it was when opened. Frees it; accepts NULL. */
void upload_close(struct upload *upload);
void upload_cleanup(struct upload **upload);
struct upload *upload_take(struct upload **upload);

/* Bytes an upload has, without waiting for who holds it open. */
int upload_status(const struct store *store, const char *name, const char *uuid,
                  uint64_t *size, struct err *err) WARN_UNUSED;

/* Ends an upload and deletes its bytes. */
int upload_cancel(const struct store *store, const char *name, const char *uuid,
                  struct err *err) WARN_UNUSED;

#endif
