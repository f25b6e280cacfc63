/* SPDX-License-Identifier: MIT */
#include "store/collection_hold.h"

#include "store/layout.h"

static int open_lock(const struct store *store, enum driver_upload_mode mode,
                     int64_t wait_ms, struct collection_hold *out,
                     struct err *err)
{
    return driver_open_upload(store->driver, LAYOUT_COLLECTOR, mode, wait_ms,
                              &out->lock, err);
}

int collection_hold(const struct store *store, int64_t wait_ms,
                    struct collection_hold *out, struct err *err)
{
    if (open_lock(store, DRIVER_UPLOAD_RESUME, wait_ms, out, err) == 0)
        return 0;
    if (err->code != ERR_NOT_FOUND)
        return -1;
    err_clear(err);
    if (open_lock(store, DRIVER_UPLOAD_CREATE, wait_ms, out, err) == 0)
        return 0;
    if (err->code != ERR_EXISTS)
        return -1;
    /* Another one has made it in between. */
    err_clear(err);
    return open_lock(store, DRIVER_UPLOAD_RESUME, wait_ms, out, err);
}

void collection_hold_cleanup(struct collection_hold *hold)
{
    struct err ignored = {0};

    if (hold->lock != NULL)
        (void)!writer_suspend(hold->lock, &ignored);
    hold->lock = NULL;
}
