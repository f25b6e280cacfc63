/* SPDX-License-Identifier: MIT */
#include "store/intake.h"

#include "store/blob.h"
#include "store/layout.h"
#include "store/manifest_store.h"
#include "store/tag.h"
#include "store/upload.h"

/* True with `err` empty for a blob that is not there, or not as it should. */
static bool is_absent(struct err *err)
{
    if (err->code != ERR_BLOB_UNKNOWN)
        return false;
    err_clear(err);
    return true;
}

int intake_find_blob(const struct store *store, const char *name,
                     const struct digest *digest, uint64_t size, bool *found,
                     struct err *err)
{
    struct blob blob;

    *found = false;
    if (blob_lease(store, name, digest, &blob, err) == 0) {
        *found = blob.size == size;
        return 0;
    }
    if (!is_absent(err))
        return -1;
    if (blob_find_stored(store, digest, &blob, err) < 0)
        return is_absent(err) ? 0 : -1;
    if (blob.size != size)
        return 0;
    if (blob_mount(store, name, NULL, digest, err) < 0)
        return is_absent(err) ? 0 : -1;
    *found = true;
    return 0;
}

/* The digest in `*digest`, or with `is_new` the one it gets. */
static int receive(const struct store *store, const char *name,
                   const char *uuid, struct reader *bytes, bool is_new,
                   struct digest *digest, uint64_t *size, struct err *err)
{
    CLEANUP(upload) struct upload *upload = NULL;

    if (upload_open(store, name, uuid, &upload, err) < 0 ||
        upload_receive(upload, bytes, size, err) < 0)
        return -1;
    if (is_new)
        upload_digest(upload, digest);
    return upload_commit(upload_take(&upload), digest, err);
}

static int take_in(const struct store *store, const char *name,
                   struct reader *bytes, bool is_new, struct digest *digest,
                   uint64_t *size, struct err *err)
{
    enum hash_algorithm algorithm = is_new ? HASH_SHA256 : digest->algorithm;
    char uuid[UUID_LENGTH + 1];
    struct err ignored = {0};

    if (upload_start(store, name, algorithm, uuid, err) < 0)
        return -1;
    if (receive(store, name, uuid, bytes, is_new, digest, size, err) == 0)
        return 0;
    (void)!upload_cancel(store, name, uuid, &ignored);
    return -1;
}

int intake_blob(const struct store *store, const char *name,
                const struct digest *digest, struct reader *bytes,
                struct err *err)
{
    struct digest wanted = *digest;
    uint64_t size;

    return take_in(store, name, bytes, false, &wanted, &size, err);
}

int intake_new_blob(const struct store *store, const char *name,
                    struct reader *bytes, struct digest *digest, uint64_t *size,
                    struct err *err)
{
    return take_in(store, name, bytes, true, digest, size, err);
}

int intake_manifest(const struct store *store, const char *name,
                    const struct digest *digest,
                    const struct manifest *manifest, struct span bytes,
                    bool sparse, struct err *err)
{
    if (manifest_protect_references(store, name, manifest, sparse, err) < 0 ||
        manifest_put(store, name, digest, manifest, bytes, err) < 0)
        return -1;
    return manifest_confirm(store, name, digest, manifest, sparse, err);
}

static int check_manifest(const struct store *store, const char *name,
                          const struct digest *digest, struct err *err)
{
    char text[DIGEST_TEXT_MAX];

    if (manifest_check(store, name, digest, err) == 0)
        return 0;
    if (err->code != ERR_MANIFEST_UNKNOWN)
        return -1;
    digest_format(digest, text);
    return err_set(err, ERR_MANIFEST_UNKNOWN, "%s was deleted meanwhile", text);
}

/* Who deleted the manifest may have looked for its tags before this one. */
static int check_tagged(const struct store *store, const char *name,
                        const struct digest *digest, struct err *err)
{
    struct layout_path link = layout_revision_link(name, digest);
    struct err ignored = {0};

    if (check_manifest(store, name, digest, err) == 0)
        return 0;
    if (err->code == ERR_MANIFEST_UNKNOWN)
        (void)!tag_delete_all(store, name, digest, link.text, &ignored);
    return -1;
}

/*
 * The same leases and the same look behind as for a push by digest: a
 * collector, or who deletes the manifest, may be at work.
 */
static int begin_tag(const struct store *store, const char *name,
                     const struct digest *digest, struct err *err)
{
    manifest_lease(store, name, digest);
    return check_manifest(store, name, digest, err);
}

int intake_tag(const struct store *store, const char *name, const char *tag,
               const struct digest *digest, struct err *err)
{
    if (begin_tag(store, name, digest, err) < 0 ||
        tag_set(store, name, tag, digest, err) < 0)
        return -1;
    return check_tagged(store, name, digest, err);
}

int intake_tag_seen(const struct store *store, const char *name,
                    const char *tag, const struct digest *digest,
                    const struct digest *seen, bool *is_set, struct err *err)
{
    if (begin_tag(store, name, digest, err) < 0 ||
        tag_set_seen(store, name, tag, digest, seen, is_set, err) < 0)
        return -1;
    return *is_set ? check_tagged(store, name, digest, err) : 0;
}
