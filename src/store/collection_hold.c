/* SPDX-License-Identifier: MIT */
#include "store/collection_hold.h"

#include "store/layout.h"

/* Another one may make it, too, in between. */
int collection_hold(const struct store *store, int64_t wait_ms,
                    struct collection_hold *out, struct err *err)
{
    static const enum driver_upload_mode modes[] = {
        DRIVER_UPLOAD_RESUME, DRIVER_UPLOAD_CREATE, DRIVER_UPLOAD_RESUME};

    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        err_clear(err);
        if (driver_open_upload(store->driver, LAYOUT_COLLECTOR, modes[i],
                               wait_ms, &out->lock, err) == 0)
            return 0;
        if (err->code != ERR_NOT_FOUND && err->code != ERR_EXISTS)
            break;
    }
    if (err->code == ERR_BUSY)
        err_set(err, ERR_BUSY, "a collection or a backup is going on");
    return -1;
}

void collection_hold_cleanup(struct collection_hold *hold)
{
    struct err ignored = {0};

    if (hold->lock != NULL)
        (void)!writer_suspend(hold->lock, &ignored);
    hold->lock = NULL;
}
