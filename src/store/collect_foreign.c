/* SPDX-License-Identifier: MIT */
/*
 * Another program on the same tree, as registry:2, knows nothing of leases: it
 * would answer for what is taken away meanwhile. What it makes shows by its
 * mode. Not by its time, which we renew; but when it came into being nobody
 * can change, and what comes new into a directory changes that one's time.
 */
#include "store/collect_internal.h"

#include <stdio.h>

#include "store/catalog.h"

struct search {
    struct collection *c;
    const char *directory; /* the one at hand */
    const char *file;      /* what to look at in each directory there */
    struct err *err;       /* filled when something is found */
};

/* A driver that knows no times of directories has to look at them all. */
static bool is_quiet(const struct search *search, const char *directory,
                     bool *is_there, struct err *err)
{
    struct driver_stat stat;

    if (driver_stat_if_there(search->c->store->driver, directory, &stat,
                             is_there, err) < 0 ||
        !*is_there)
        return true;
    return stat.mtime_ns != 0 && stat.mtime_ns < search->c->cutoff_ns;
}

static int look_at(void *context, const char *name, bool is_directory,
                   struct err *err)
{
    struct search *search = context;
    char path[LAYOUT_PATH_MAX];
    struct driver_origin origin;
    struct err unreadable = {0};
    bool is_there;
    int len;

    (void)err;
    len = snprintf(path, sizeof(path), "%s/%s", search->directory, name);
    if (!is_directory || len < 0 || (size_t)len >= sizeof(path) ||
        is_quiet(search, path, &is_there, &unreadable))
        return 0;
    len = snprintf(path, sizeof(path), "%s/%s/%s", search->directory, name,
                   search->file);
    if (len < 0 || (size_t)len >= sizeof(path) ||
        driver_origin(search->c->store->driver, path, &origin, &unreadable) <
            0 ||
        !origin.is_foreign ||
        (origin.born_ns != 0 && origin.born_ns < search->c->cutoff_ns))
        return 0;
    err_set(search->err, ERR_DENIED,
            "%s was made by another program a short time ago; where registry:2 "
            "writes to the same tree, it must not be collected here",
            path);
    return 1;
}

static int search_directory(struct search *search,
                            const struct layout_path *directory)
{
    struct err unreadable = {0};
    bool is_there;

    if (is_quiet(search, directory->text, &is_there, &unreadable))
        return 0;
    search->directory = directory->text;
    (void)!driver_list(search->c->store->driver, directory->text, NULL, look_at,
                       search, &unreadable);
    return search->err->code != ERR_NONE;
}

static int search_repository(void *context, const char *name, struct err *err)
{
    struct search *search = context;
    struct layout_path uploads = layout_uploads(name);

    (void)err;
    search->file = "link";
    for (enum hash_algorithm i = 0; i < HASH_COUNT; i++) {
        struct layout_path layers = layout_layers_of(name, i);
        struct layout_path revisions = layout_revisions(name, i);

        if (search_directory(search, &layers) ||
            search_directory(search, &revisions))
            return 1;
    }
    search->file = "startedat";
    return search_directory(search, &uploads) || collect_is_over(search->c);
}

/* What cannot be read here, the mark will complain of. */
int collect_check_foreign(struct collection *c, struct err *err)
{
    struct search search = {.c = c, .err = err};
    struct err unreadable = {0};

    (void)!catalog_walk(c->store, search_repository, &search, &unreadable);
    return err->code == ERR_NONE ? 0 : -1;
}
