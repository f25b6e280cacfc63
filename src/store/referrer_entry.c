/* SPDX-License-Identifier: MIT */
#include "store/referrer_entry.h"

#include "store/layout.h"

static int print(const struct digest *digest, const struct manifest *manifest,
                 uint64_t size, struct buf *entry, struct err *err)
{
    buf_add(entry, manifest_artifact_type(manifest));
    buf_add_char(entry, '\n');
    manifest_descriptor_print(manifest, digest, size, entry);
    if (entry->overflowed)
        return err_set(err, ERR_INTERNAL, "descriptor too long");
    return 0;
}

static int put(const struct store *store, const struct layout_path *path,
               const struct buf *entry, struct err *err)
{
    return driver_put(store->driver, path->text, buf_span(entry),
                      DRIVER_DURABLE, err);
}

int referrer_entry_write(const struct store *store, const char *name,
                         const struct digest *subject,
                         const struct digest *digest,
                         const struct manifest *manifest, uint64_t size,
                         struct err *err)
{
    struct layout_path path = layout_referrer(name, subject, digest);
    CLEANUP(buf) struct buf entry = BUF_INIT(REFERRER_ENTRY_MAX);

    if (print(digest, manifest, size, &entry, err) < 0)
        return -1;
    return put(store, &path, &entry, err);
}

static bool is_there(const struct store *store, const struct layout_path *path,
                     const struct buf *entry)
{
    CLEANUP(buf) struct buf found = BUF_INIT(REFERRER_ENTRY_MAX);
    struct err ignored = {0};

    return driver_get(store->driver, path->text, &found, NULL, &ignored) == 0 &&
           span_equals(buf_span(&found), buf_span(entry));
}

bool referrer_entry_is_right(const struct store *store, const char *name,
                             const struct digest *subject,
                             const struct digest *digest,
                             const struct manifest *manifest, uint64_t size)
{
    struct layout_path path = layout_referrer(name, subject, digest);
    CLEANUP(buf) struct buf entry = BUF_INIT(REFERRER_ENTRY_MAX);
    struct err ignored = {0};

    return print(digest, manifest, size, &entry, &ignored) == 0 &&
           is_there(store, &path, &entry);
}

int referrer_entry_mend(const struct store *store, const char *name,
                        const struct digest *subject,
                        const struct digest *digest,
                        const struct manifest *manifest, uint64_t size,
                        struct err *err)
{
    struct layout_path path = layout_referrer(name, subject, digest);
    CLEANUP(buf) struct buf entry = BUF_INIT(REFERRER_ENTRY_MAX);

    if (print(digest, manifest, size, &entry, err) < 0)
        return -1;
    return is_there(store, &path, &entry) ? 0 : put(store, &path, &entry, err);
}

void referrer_entry_split(struct span entry, struct span *artifact_type,
                          struct span *descriptor)
{
    *descriptor = entry;
    *artifact_type = span_cut(descriptor, '\n');
}
