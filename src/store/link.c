/* SPDX-License-Identifier: MIT */
#include "store/link.h"

#include <errno.h>

#define LINK_BYTES_MAX 1024

int link_read(const struct store *store, const struct layout_path *path,
              struct digest *out, struct err *err)
{
    CLEANUP(buf) struct buf text = BUF_INIT(LINK_BYTES_MAX);

    if (driver_get(store->driver, path->text, &text, NULL, err) < 0) {
        if (err->code == ERR_TOO_LARGE)
            err_recode(err, ERR_NOT_FOUND);
        return -1;
    }
    if (digest_parse(buf_span(&text), out, err) < 0) {
        err_wrap(err, "link %s", path->text);
        return err_recode(err, ERR_NOT_FOUND);
    }
    return 0;
}

int link_resolve(const struct store *store, const struct layout_path *path,
                 const struct digest *digest, struct digest *out,
                 struct err *err)
{
    struct digest found;

    if (link_read(store, path, &found, err) < 0)
        return -1;
    if (found.algorithm == digest->algorithm && !digest_equals(&found, digest))
        return err_set(err, ERR_NOT_FOUND, "link %s names another blob",
                       path->text);
    *out = found;
    return 0;
}

int link_write(const struct store *store, const struct layout_path *path,
               const struct digest *digest, struct err *err)
{
    char text[DIGEST_TEXT_MAX];

    digest_format(digest, text);
    return driver_put(store->driver, path->text, span_of(text), DRIVER_DURABLE,
                      err);
}

int link_protect(const struct store *store, const struct layout_path *link,
                 const struct digest *target, struct err *err)
{
    struct layout_path blob = layout_blob(target);
    const char *paths[] = {link->text, blob.text};
    size_t missing;

    if (driver_protect(store->driver, paths, ARRAY_SIZE(paths), &missing,
                       err) == 0)
        return 0;
    if (err->code == ERR_READ_ONLY && err->sys_errno == EROFS) {
        err_clear(err);
        return 0;
    }
    if (err->code == ERR_READ_ONLY)
        return err_recode(err, ERR_NOT_FOUND);
    return -1;
}

/* A read that is refused keeps its code, ERR_READ_ONLY. */
bool link_was_refused(const struct err *err)
{
    return err->code != ERR_NONE && err->code != ERR_READ_ONLY &&
           (err->sys_errno == EACCES || err->sys_errno == EPERM);
}
