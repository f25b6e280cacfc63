/* SPDX-License-Identifier: MIT */
#include "store/repository_clear.h"

#include <string.h>

#include "store/layout.h"
#include "store/protection.h"
#include "store/repository.h"

#define PATH_BYTES_MAX 4096

struct clearing {
    const struct store *store;
    int64_t cutoff_ns;
    struct buf path; /* of the directory the walk is in */
};

static void clearing_cleanup(struct clearing *clearing)
{
    buf_cleanup(&clearing->path);
}

static int clear_here(struct clearing *clearing, struct err *err);

/* A link with nothing in it, which no reader takes for one. */
static int clear_link(struct clearing *clearing, struct err *err)
{
    const struct driver_condition condition = {
        .member = LAYOUT_LINK, .before_ns = clearing->cutoff_ns};

    if (driver_remove_if(clearing->store->driver, buf_text(&clearing->path),
                         &condition, err) == 0)
        return 0;
    if (err->code != ERR_EXISTS && err->code != ERR_NOT_FOUND)
        return -1;
    err_clear(err);
    return 0;
}

static int clear_child(void *context, const char *name, bool is_directory,
                       struct err *err)
{
    struct clearing *clearing = context;
    size_t length = clearing->path.len;
    int result;

    if (!is_directory)
        return strcmp(name, LAYOUT_LINK) == 0 ? clear_link(clearing, err) : 0;
    buf_add_format(&clearing->path, "/%s", name);
    if (clearing->path.overflowed)
        return err_set(err, ERR_INTERNAL, "%s: too long", name);
    result = clear_here(clearing, err);
    buf_truncate(&clearing->path, length);
    return result;
}

/* The innermost first; what is not empty stays, and what is above it. */
static int clear_here(struct clearing *clearing, struct err *err)
{
    struct driver *driver = clearing->store->driver;

    if (driver_list(driver, buf_text(&clearing->path), NULL, clear_child,
                    clearing, err) == 0 &&
        driver_remove_empty(driver, buf_text(&clearing->path), err) == 0)
        return 0;
    if (err->code != ERR_EXISTS && err->code != ERR_NOT_FOUND)
        return -1;
    err_clear(err);
    return 0;
}

static int clear_tree(const struct store *store, const char *path,
                      int64_t cutoff_ns, struct err *err)
{
    CLEANUP(clearing)
    struct clearing clearing = {store, cutoff_ns, BUF_INIT(PATH_BYTES_MAX)};

    /* So that it stays in place: a list goes on with the path it was given. */
    (void)buf_reserve(&clearing.path, PATH_BYTES_MAX);
    buf_add(&clearing.path, span_of(path));
    return clear_here(&clearing, err);
}

/* Somebody pushed meanwhile: he may have found the directories in place. */
static int complete(const struct store *store, const char *name,
                    struct err *err)
{
    struct layout_path layers = layout_layers(name);
    struct layout_path tags = layout_tags(name);

    if (driver_make_directory(store->driver, layers.text, err) < 0)
        return -1;
    return driver_make_directory(store->driver, tags.text, err);
}

/* As the only one who deletes, for whoever waits has his lock in there. */
static int clear_own(const struct store *store, const char *name,
                     struct err *err)
{
    CLEANUP(protection) struct protection protection = {0};
    struct layout_path own = layout_own(name);

    if (protection_enter(store, name, &protection, err) < 0)
        return -1;
    if (driver_remove(store->driver, own.text, DRIVER_DURABLE, err) == 0)
        return 0;
    if (err->code != ERR_NOT_FOUND)
        return -1;
    err_clear(err);
    return 0;
}

/* The repository's directory, and those above it up to the first that is
 * not empty: "team/app", then "team". */
static int clear_above(const struct store *store, const char *name,
                       struct err *err)
{
    CLEANUP(buf) struct buf above = BUF_INIT(PATH_BYTES_MAX);

    buf_add(&above, span_of(name));
    while (above.len > 0) {
        struct layout_path path = layout_repository(buf_text(&above));
        const char *slash;

        if (driver_remove_empty(store->driver, path.text, err) < 0) {
            if (err->code != ERR_EXISTS && err->code != ERR_NOT_FOUND)
                return -1;
            err_clear(err);
            return 0;
        }
        slash = strrchr(buf_text(&above), '/');
        buf_truncate(&above, slash ? (size_t)(slash - above.ptr) : 0);
    }
    return 0;
}

int repository_clear(const struct store *store, const char *name,
                     int64_t cutoff_ns, struct err *err)
{
    struct layout_path manifests = layout_manifests(name);
    struct layout_path layers = layout_layers(name);
    struct layout_path uploads = layout_uploads(name);
    struct driver_stat stat;
    bool exists;

    if (clear_tree(store, manifests.text, cutoff_ns, err) < 0 ||
        driver_stat_if_there(store->driver, manifests.text, &stat, &exists,
                             err) < 0 ||
        (!exists && clear_tree(store, layers.text, cutoff_ns, err) < 0) ||
        clear_tree(store, uploads.text, cutoff_ns, err) < 0 ||
        repository_exists(store, name, &exists, err) < 0)
        return -1;
    if (exists)
        return complete(store, name, err);
    return clear_own(store, name, err) < 0 ? -1 : clear_above(store, name, err);
}
