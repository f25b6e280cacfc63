/* SPDX-License-Identifier: MIT */
#include "store/referrer_entry.h"

#include "store/layout.h"

int referrer_entry_write(const struct store *store, const char *name,
                         const struct digest *subject,
                         const struct digest *digest,
                         const struct manifest *manifest, uint64_t size,
                         struct err *err)
{
    struct layout_path path = layout_referrer(name, subject, digest);
    CLEANUP(buf) struct buf entry = BUF_INIT(REFERRER_ENTRY_MAX);

    buf_add(&entry, manifest_artifact_type(manifest));
    buf_add_char(&entry, '\n');
    manifest_descriptor_print(manifest, digest, size, &entry);
    if (entry.overflowed)
        return err_set(err, ERR_INTERNAL, "descriptor too long");
    return driver_put(store->driver, path.text, buf_span(&entry),
                      DRIVER_DURABLE, err);
}

void referrer_entry_split(struct span entry, struct span *artifact_type,
                          struct span *descriptor)
{
    *descriptor = entry;
    *artifact_type = span_cut(descriptor, '\n');
}
