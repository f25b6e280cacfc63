/* SPDX-License-Identifier: MIT */
#include "store/store.h"

#include <stdio.h>

#include "driver/driver_fs.h"
#include "store/layout.h"

int store_open_driver(const struct settings *settings, struct driver **out,
                      struct err *err)
{
    char root[SETTINGS_PATH_MAX + sizeof("/" LAYOUT_ROOT)];
    struct driver_fs_options options = {
        .root = root,
        .grace_seconds = settings->grace,
    };

    snprintf(root, sizeof(root), "%s/" LAYOUT_ROOT, settings->root);
    return driver_fs_new(&options, out, err);
}
