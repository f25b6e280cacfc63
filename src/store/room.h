/* SPDX-License-Identifier: MIT */
/*
 * Whether a push finds room: within the quota of its repository (quota.h),
 * and with as much space left free as the administrator wants (free_floor).
 * What is no push asks nobody: a registry without room serves and deletes.
 *
 *     CLEANUP(room) struct room room = {0};
 *
 *     if (room_take(store, name, size, 0, &room, err) < 0)
 *         return -1;
 *     ... write as many bytes ...
 *
 * Where neither is set, this costs nothing.
 */
#ifndef BERTH_STORE_ROOM_H
#define BERTH_STORE_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include "store/layout.h"
#include "store/store.h"

struct room {
    struct record *held; /* NULL = nothing to be given back */
};

/*
 * Takes room in `name` for bytes that it does not have yet, until
 * room_cleanup: by then they are written, or never will be. `moved` are bytes
 * it has that change their place, as those of an upload do. What lasts as long
 * as a client wants must not come in between. ERR_QUOTA_EXCEEDED, and
 * ERR_NO_SPACE below the floor.
 */
int room_take(const struct store *store, const char *name, uint64_t added,
              uint64_t moved, struct room *out, struct err *err) WARN_UNUSED;
void room_cleanup(struct room *room);

/*
 * The same for the bytes that a link is to give to `name`: what it has by this
 * link is in the count already.
 */
int room_take_link(const struct store *store, const char *name,
                   const struct layout_path *link, uint64_t bytes,
                   struct room *out, struct err *err) WARN_UNUSED;

/*
 * Fails in the same way when as many bytes would find no room now: to be
 * asked before they are received.
 */
int room_check(const struct store *store, const char *name, uint64_t bytes,
               struct err *err) WARN_UNUSED;

/* Whether what one of two repositories has costs the other nothing. */
bool room_is_shared(const struct store *store, const char *name,
                    const char *other);

#endif
