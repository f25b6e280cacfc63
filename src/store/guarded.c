/* SPDX-License-Identifier: MIT */
#include "store/guarded.h"

#include "store/layout.h"

#define TEXT "a policy or tokens decide about each blob, see berth.conf\n"

static int unmark(const struct store *store, struct err *err)
{
    if (driver_remove(store->driver, LAYOUT_GUARDED, DRIVER_DURABLE, err) == 0)
        return 0;
    if (err->code != ERR_NOT_FOUND)
        return -1;
    err_clear(err); /* another was first */
    return 0;
}

int guarded_set(const struct store *store, bool guarded, struct err *err)
{
    struct driver_stat st;
    bool is_there;

    if (driver_stat_if_there(store->driver, LAYOUT_GUARDED, &st, &is_there,
                             err) < 0)
        return -1;
    if (is_there == guarded)
        return 0;
    return guarded ? driver_put(store->driver, LAYOUT_GUARDED, SPAN(TEXT),
                                DRIVER_DURABLE, err)
                   : unmark(store, err);
}
