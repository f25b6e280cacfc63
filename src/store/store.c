/* SPDX-License-Identifier: MIT */
#include "store/store.h"

#include "driver/driver_fs.h"
#include "store/layout.h"

int store_open_driver(const struct settings *settings, struct driver **out,
                      struct err *err)
{
    struct driver_fs_options options = {
        .root = settings->root,
        .below = LAYOUT_ROOT,
        .grace_seconds = settings->grace,
    };

    return driver_fs_new(&options, out, err);
}
