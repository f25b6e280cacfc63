/* SPDX-License-Identifier: MIT */
#include "store/blob.h"
#include "store/carry_internal.h"
#include "store/intake.h"
#include "store/layout.h"

#define PIECE_BYTES (256 * 1024)

static int hash_stored(const struct store *store, const struct blob *blob,
                       const struct digest *digest, struct err *err)
{
    CLEANUP(reader) struct reader *bytes = NULL;
    CLEANUP(buf) struct buf piece = BUF_INIT(PIECE_BYTES);
    char *room = buf_reserve(&piece, PIECE_BYTES);
    char text[DIGEST_TEXT_MAX];
    struct digest actual;
    struct hash hash;
    ssize_t count;

    if (blob_open(store, blob, 0, blob->size, &bytes, err) < 0)
        return -1;
    hash_init(&hash, digest->algorithm);
    while ((count = reader_read(bytes, room, PIECE_BYTES, err)) > 0)
        hash_update(&hash, room, (size_t)count);
    if (count < 0)
        return -1;
    digest_finish(&hash, &actual);
    if (digest_equals(&actual, digest))
        return 0;
    digest_format(digest, text);
    return err_set(err, ERR_DIGEST_INVALID, "%s is damaged", text);
}

/* Whether `to` has it, whole as far as one looks. */
static int find_carried(struct carried *carried, const struct digest *digest,
                        uint64_t size, bool *found, struct err *err)
{
    struct carry *carry = carried->carry;
    struct err failure = {0};
    struct blob blob;

    if (!carry->is_live &&
        blob_find(carry->to, carried->name, digest, &blob, &failure) == 0 &&
        blob.size == size)
        *found = true;
    else if (intake_find_blob(carry->to, carried->name, digest, size, found,
                              err) < 0)
        return -1;
    if (!*found || !carry->verify)
        return 0;
    err_clear(&failure);
    *found =
        blob_find(carry->to, carried->name, digest, &blob, &failure) == 0 &&
        hash_stored(carry->to, &blob, digest, &failure) == 0;
    return 0;
}

static int share_blob(struct carried *carried, const struct blob *blob,
                      const struct digest *digest, struct err *err)
{
    struct carry *carry = carried->carry;
    struct layout_path from = layout_blob(&blob->stored);
    struct layout_path to = layout_blob(digest);

    if (carry->verify_shared && hash_stored(carry->from, blob, digest, err) < 0)
        return -1;
    if (carry->share(carry->from->driver, carry->to->driver, from.text, to.text,
                     err) < 0)
        return -1;
    return blob_mount(carry->to, carried->name, NULL, digest, err);
}

static int copy_blob(struct carried *carried, const struct blob *blob,
                     const struct digest *digest, struct err *err)
{
    CLEANUP(reader) struct reader *bytes = NULL;
    struct carry *carry = carried->carry;
    char text[DIGEST_TEXT_MAX];

    if (blob_open(carry->from, blob, 0, blob->size, &bytes, err) == 0 &&
        intake_blob(carry->to, carried->name, digest, bytes, err) == 0)
        return 0;
    digest_format(digest, text);
    return err_wrap(err, "%s", text);
}

int carried_blob(struct carried *carried, const struct digest *digest,
                 struct err *err)
{
    struct carry *carry = carried->carry;
    struct blob blob;
    bool found;

    if (carry_check(carry, err) < 0 ||
        closure_find_blob(&carried->source, digest, &blob, err) < 0 ||
        find_carried(carried, digest, blob.size, &found, err) < 0)
        return -1;
    if (found) {
        carry->counts.kept++;
        return 0;
    }
    if (carry->share != NULL ? share_blob(carried, &blob, digest, err) < 0
                             : copy_blob(carried, &blob, digest, err) < 0)
        return -1;
    carry->counts.blobs++;
    carry->counts.bytes += blob.size;
    return 0;
}
