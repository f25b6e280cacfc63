/* SPDX-License-Identifier: MIT */
#include "store/room.h"

#include <inttypes.h>
#include <string.h>

#include "store/quota.h"

/* A push makes a dozen files and directories; many may be on their way. */
#define FILES_LEFT 1000

/* --- the floor --- */

/* `percent` of `total`, without overflow. */
static uint64_t part_of(uint64_t total, uint64_t percent)
{
    return total / 100 * percent + total % 100 * percent / 100;
}

static int check_bytes(const struct config_share *floor,
                       const struct driver_space *space, struct err *err)
{
    uint64_t least = floor->bytes > 0
                         ? floor->bytes
                         : part_of(space->bytes_total, floor->percent);

    if (space->bytes_free >= least)
        return 0;
    err_set(err, ERR_NO_SPACE, "free_floor: %" PRIu64 " bytes are free",
            space->bytes_free);
    return err_detail(err, "less than %" PRIu64 " bytes are free", least);
}

static int check_files(const struct config_share *floor,
                       const struct driver_space *space, struct err *err)
{
    uint64_t least = part_of(space->files_total, floor->percent);

    if (least < FILES_LEFT)
        least = FILES_LEFT;
    if (space->files_total == 0 || space->files_free >= least)
        return 0;
    err_set(err, ERR_NO_SPACE, "free_floor: %" PRIu64 " inodes are free",
            space->files_free);
    return err_detail(err, "less than %" PRIu64 " inodes are free", least);
}

static int check_floor(const struct store *store, struct err *err)
{
    const struct config_share *floor = &store->free_floor;
    struct driver_space space;

    if (floor->bytes == 0 && floor->percent == 0)
        return 0;
    if (driver_space(store->driver, &space, err) < 0 ||
        check_bytes(floor, &space, err) < 0)
        return -1;
    return check_files(floor, &space, err);
}

/* --- both --- */

/* Which quota it is under, if any. */
static int find_quota(const struct store *store, const char *name,
                      struct quota *out, bool *is_there, struct err *err)
{
    if (store->rules == NULL)
        return err_set(err, ERR_MISCONFIGURED,
                       "no quota is known while there are no rules");
    *is_there = quota_find(store, name, out);
    return 0;
}

int room_take(const struct store *store, const char *name, uint64_t added,
              uint64_t moved, struct room *out, struct err *err)
{
    struct quota quota;
    bool is_there;

    if (check_floor(store, err) < 0 ||
        find_quota(store, name, &quota, &is_there, err) < 0)
        return -1;
    if (!is_there || (added == 0 && moved == 0))
        return 0;
    return quota_take(store, &quota, added, moved, &out->held, err);
}

int room_take_link(const struct store *store, const char *name,
                   const struct layout_path *link, uint64_t bytes,
                   struct room *out, struct err *err)
{
    struct driver_stat stat;
    struct quota quota;
    bool has_quota, is_there;

    if (check_floor(store, err) < 0 ||
        find_quota(store, name, &quota, &has_quota, err) < 0)
        return -1;
    if (!has_quota)
        return 0;
    if (driver_stat_if_there(store->driver, link->text, &stat, &is_there, err) <
        0)
        return -1;
    return quota_take(store, &quota, is_there ? 0 : bytes, is_there ? bytes : 0,
                      &out->held, err);
}

void room_cleanup(struct room *room)
{
    record_cleanup(&room->held);
    room->held = NULL;
}

int room_check(const struct store *store, const char *name, uint64_t bytes,
               struct err *err)
{
    struct quota quota;
    bool is_there;

    if (check_floor(store, err) < 0 ||
        find_quota(store, name, &quota, &is_there, err) < 0)
        return -1;
    if (!is_there || bytes == 0)
        return 0;
    return quota_check(store, &quota, bytes, err);
}

bool room_is_shared(const struct store *store, const char *name,
                    const char *other)
{
    struct quota one, two;

    return store->rules != NULL && quota_find(store, name, &one) &&
           quota_find(store, other, &two) &&
           strcmp(one.section, two.section) == 0;
}
