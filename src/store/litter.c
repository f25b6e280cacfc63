/* SPDX-License-Identifier: MIT */
#include "store/litter.h"

#include <limits.h>
#include <string.h>

#include "oci/name.h"
#include "store/layout.h"

#define SUFFIX ".tmp"

struct walk {
    const struct store *store;
    int64_t cutoff_ns;
    bool dry_run;
    struct driver_swept *swept;
    struct buf path; /* of where the walk stands */
    struct err failure;
};

static void walk_here(struct walk *walk);

bool litter_is_temporary(struct span name)
{
    struct span uuid;

    if (!span_ends_with(name, SPAN(SUFFIX)))
        return false;
    name.len -= strlen(SUFFIX);
    if (name.len < UUID_LENGTH + 2)
        return false;
    uuid = span_from(name, name.len - UUID_LENGTH);
    return uuid.ptr[-1] == '.' && uuid_is_valid(uuid);
}

static void take_away(struct walk *walk)
{
    struct driver *driver = walk->store->driver;
    const char *path = buf_text(&walk->path);
    struct driver_stat stat;
    struct err err = {0};

    if (driver_stat(driver, path, &stat, &err) == 0) {
        if (stat.mtime_ns >= walk->cutoff_ns)
            return;
        if (walk->dry_run ||
            driver_remove(driver, path, DRIVER_RELAXED, &err) == 0) {
            walk->swept->count++;
            walk->swept->bytes += stat.size;
            return;
        }
    }
    if (err.code != ERR_NOT_FOUND)
        walk->failure = err;
}

static int visit(void *context, const char *name, bool is_directory,
                 struct err *err)
{
    struct walk *walk = context;
    size_t len = walk->path.len;

    (void)err;
    if (is_directory ? strcmp(name, LAYOUT_UPLOADS) == 0
                     : !litter_is_temporary(span_of(name)))
        return 0;
    buf_add_format(&walk->path, "/%s", name);
    if (walk->path.overflowed)
        err_set(&walk->failure, ERR_TOO_LARGE, "%s: paths too long",
                buf_text(&walk->path));
    else if (is_directory)
        walk_here(walk);
    else
        take_away(walk);
    buf_truncate(&walk->path, len);
    walk->path.overflowed = false;
    return 0;
}

static void walk_here(struct walk *walk)
{
    struct err err = {0};

    if (driver_list_if_there(walk->store->driver, buf_text(&walk->path), NULL,
                             visit, walk, &err) < 0)
        walk->failure = err;
}

int litter_purge(const struct store *store, int64_t cutoff_ns, bool dry_run,
                 struct driver_swept *swept, struct err *err)
{
    static const char *const tops[] = {LAYOUT_BLOBS, LAYOUT_REPOSITORIES};
    struct walk walk = {.store = store,
                        .cutoff_ns = cutoff_ns,
                        .dry_run = dry_run,
                        .swept = swept,
                        .path = BUF_INIT(PATH_MAX - 1)};

    /* So that it stays in place: a list goes on with the path it was given. */
    (void)buf_reserve(&walk.path, PATH_MAX - 1);
    for (size_t i = 0; i < ARRAY_SIZE(tops); i++) {
        buf_clear(&walk.path);
        buf_add(&walk.path, span_of(tops[i]));
        walk_here(&walk);
    }
    buf_cleanup(&walk.path);
    if (walk.failure.code == ERR_NONE)
        return 0;
    *err = walk.failure;
    return -1;
}
