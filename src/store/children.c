/* SPDX-License-Identifier: MIT */
#include "store/children.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "store/children_index.h"

/* Of all names together, as in the driver. */
#define NAMES_BYTES_MAX (UINT32_C(1) << 30)

struct listing {
    struct driver *driver;
    const struct children *children;
    children_visit *visit;
    void *context;
};

/* --- without an index --- */

static int visit_child(void *context, const char *name,
                       bool is_directory UNUSED, struct err *err)
{
    const struct listing *listing = context;

    return listing->visit(listing->context, name, err);
}

static int list_directory(struct listing *listing, const char *after,
                          struct err *err)
{
    return driver_list(listing->driver, listing->children->directory, after,
                       visit_child, listing, err);
}

/* --- with one --- */

/*
 * Where the index is of no more use, the directory goes on; and the next one
 * who comes makes another.
 */
static int list_index(struct listing *listing, struct children_index *index,
                      const char *after, struct err *err)
{
    char last[CHILDREN_NAME_MAX + 1];
    struct err ignored = {0};
    const char *name;
    int more;

    while ((more = children_index_next(index, &name)) > 0) {
        int result;

        snprintf(last, sizeof(last), "%s", name);
        after = last;
        result = listing->visit(listing->context, last, err);
        if (result != 0)
            return result < 0 ? -1 : 0;
    }
    if (more == 0)
        return 0;
    (void)!driver_remove(listing->driver, listing->children->index,
                         DRIVER_RELAXED, &ignored);
    return list_directory(listing, after, err);
}

/* --- making one --- */

struct gathering {
    struct buf names; /* each ended by a NUL */
    size_t count;
    bool has_long; /* one that no index takes */
};

static int gather(void *context, const char *name, bool is_directory UNUSED,
                  struct err *err UNUSED)
{
    struct gathering *gathering = context;
    size_t len = strlen(name);

    buf_add(&gathering->names, (struct span){name, len + 1});
    gathering->count++;
    if (len > CHILDREN_NAME_MAX)
        gathering->has_long = true;
    return 0;
}

static int visit_gathered(const struct listing *listing, struct span names,
                          const char *after, struct err *err)
{
    while (names.len > 0) {
        const char *name = names.ptr;
        int result = 0;

        if (strcmp(name, after) > 0)
            result = listing->visit(listing->context, name, err);
        if (result != 0)
            return result < 0 ? -1 : 0;
        names = span_from(names, strlen(name) + 1);
    }
    return 0;
}

/*
 * The version was looked at before the names were, and nothing that happens
 * later leaves it as it is. A failure is none: a full disk or a tree that
 * cannot be written has no index.
 */
static void keep_index(const struct listing *listing,
                       const struct driver_version *version,
                       const struct gathering *gathering, bool is_there)
{
    const struct children *children = listing->children;
    struct err ignored = {0};

    if (gathering->count >= children->indexed_from && !gathering->has_long)
        (void)!children_index_write(listing->driver, children->index, version,
                                    buf_span(&gathering->names), &ignored);
    else if (is_there)
        (void)!driver_remove(listing->driver, children->index, DRIVER_RELAXED,
                             &ignored);
}

static int list_and_index(struct listing *listing,
                          const struct driver_version *version, bool is_there,
                          const char *after, struct err *err)
{
    struct gathering gathering = {.names = BUF_INIT(NAMES_BYTES_MAX)};
    int result = driver_list(listing->driver, listing->children->directory,
                             NULL, gather, &gathering, err);

    if (result == 0 && gathering.names.overflowed)
        result = err_set(err, ERR_TOO_LARGE, "too many names");
    if (result == 0) {
        keep_index(listing, version, &gathering, is_there);
        result =
            visit_gathered(listing, buf_span(&gathering.names), after, err);
    }
    buf_cleanup(&gathering.names);
    return result;
}

int children_list(struct driver *driver, const struct children *children,
                  const char *after, children_visit *visit, void *context,
                  struct err *err)
{
    struct listing listing = {driver, children, visit, context};
    enum children_index_state state;
    struct children_index index;
    struct driver_stat stat;

    if (after == NULL)
        after = "";
    if (driver_stat(driver, children->directory, &stat, err) < 0)
        return -1;
    if (!stat.is_directory)
        return err_set(err, ERR_NOT_FOUND, "%s: no directory",
                       children->directory);
    if (!driver_version_is_known(&stat.version))
        return list_directory(&listing, after, err);
    state = children_index_open(driver, children->index, &stat.version, after,
                                &index);
    if (state == CHILDREN_INDEX_GOOD)
        return list_index(&listing, &index, after, err);
    return list_and_index(&listing, &stat.version,
                          state == CHILDREN_INDEX_USELESS, after, err);
}
