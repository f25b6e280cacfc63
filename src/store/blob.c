/* SPDX-License-Identifier: MIT */
#include "store/blob.h"

#include "store/link.h"
#include "store/protection.h"
#include "store/room.h"

static int unknown(const struct digest *digest, struct err *err)
{
    char text[DIGEST_TEXT_MAX];

    if (err->code != ERR_NOT_FOUND)
        return -1;
    digest_format(digest, text);
    err_detail(err, "%s", text);
    return err_recode(err, ERR_BLOB_UNKNOWN);
}

/* An empty file under another name is what a crash of registry:2 leaves. */
static bool is_damaged(const struct digest *stored, uint64_t size)
{
    struct digest empty;

    if (size > 0)
        return false;
    digest_of_bytes(stored->algorithm, SPAN(""), &empty);
    return !digest_equals(stored, &empty);
}

static int stat_stored(const struct store *store, struct blob *blob,
                       struct err *err)
{
    struct layout_path path = layout_blob(&blob->stored);
    struct driver_stat stat;

    if (driver_stat(store->driver, path.text, &stat, err) < 0)
        return -1;
    if (stat.is_directory || is_damaged(&blob->stored, stat.size))
        return err_set(err, ERR_NOT_FOUND, "%s is damaged", path.text);
    blob->size = stat.size;
    return 0;
}

int blob_find(const struct store *store, const char *name,
              const struct digest *digest, struct blob *out, struct err *err)
{
    struct layout_path link = layout_layer_link(name, digest);
    struct blob blob;

    if (link_resolve(store, &link, digest, &blob.stored, err) < 0 ||
        stat_stored(store, &blob, err) < 0)
        return unknown(digest, err);
    *out = blob;
    return 0;
}

int blob_find_stored(const struct store *store, const struct digest *digest,
                     struct blob *out, struct err *err)
{
    struct blob blob = {.stored = *digest};

    if (stat_stored(store, &blob, err) < 0)
        return unknown(digest, err);
    *out = blob;
    return 0;
}

int blob_lease(const struct store *store, const char *name,
               const struct digest *digest, struct blob *out, struct err *err)
{
    struct layout_path link = layout_layer_link(name, digest);
    struct blob blob;

    if (blob_find(store, name, digest, &blob, err) < 0)
        return -1;
    if (link_protect(store, &link, &blob.stored, err) < 0)
        return unknown(digest, err);
    *out = blob;
    return 0;
}

int blob_open(const struct store *store, const struct blob *blob,
              uint64_t offset, uint64_t length, struct reader **out,
              struct err *err)
{
    struct layout_path path = layout_blob(&blob->stored);

    if (driver_open_read(store->driver, path.text, offset, length, out, err) <
        0)
        return unknown(&blob->stored, err);
    return 0;
}

/* What another repository of the same quota has is in the count already. */
static int take_room(const struct store *store, const char *name,
                     const char *from, const struct blob *blob,
                     struct room *room, struct err *err)
{
    struct layout_path link = layout_layer_link(name, &blob->stored);

    if (from != NULL && room_is_shared(store, name, from))
        return room_take(store, name, 0, blob->size, room, err);
    return room_take_link(store, name, &link, blob->size, room, err);
}

int blob_mount(const struct store *store, const char *name, const char *from,
               const struct digest *digest, struct err *err)
{
    struct layout_path link = layout_layer_link(name, digest);
    struct blob blob = {.stored = *digest};
    CLEANUP(room) struct room room = {0};

    if (from != NULL ? blob_find(store, from, digest, &blob, err) < 0
                     : stat_stored(store, &blob, err) < 0)
        return unknown(digest, err);
    if (take_room(store, name, from, &blob, &room, err) < 0 ||
        link_write(store, &link, &blob.stored, err) < 0)
        return -1;
    /* After the link, so that a collector sees either it or the new lease. */
    if (link_protect(store, &link, &blob.stored, err) < 0)
        return unknown(digest, err);
    return 0;
}

int blob_delete(const struct store *store, const char *name,
                const struct digest *digest, struct err *err)
{
    struct layout_path link = layout_layer_link(name, digest);
    CLEANUP(protection) struct protection protection = {0};
    struct driver_stat stat;

    if (driver_stat(store->driver, link.text, &stat, err) < 0)
        return unknown(digest, err);
    if (protection_enter_to_delete(store, name, digest, &protection, err) < 0)
        return -1;
    if (driver_remove(store->driver, link.text, DRIVER_DURABLE, err) < 0)
        return unknown(digest, err);
    return 0;
}
