/* SPDX-License-Identifier: MIT */
#include "store/catalog.h"

#include <limits.h>
#include <stdio.h>

#include "oci/name.h"
#include "store/children.h"
#include "store/layout.h"
#include "store/repository.h"

struct walk {
    const struct store *store;
    catalog_visit *visit, *odd; /* the latter may be NULL */
    void *context;
    char name[NAME_MAX_LENGTH + 1]; /* where the walk stands; "" at the top */
    size_t length;
    bool everywhere;       /* visits what has no content, too */
    struct err unreadable; /* what could not be, if it goes past that */
    bool stopped;          /* by the visitor */
};

static int walk_below(struct walk *walk, const char *after, struct err *err);

static int visit_here(struct walk *walk, struct err *err)
{
    int result = walk->visit(walk->context, walk->name, err);

    walk->stopped = result != 0;
    return result;
}

static int visit_if_repository(struct walk *walk, struct err *err)
{
    bool exists;

    if (repository_exists(walk->store, walk->name, &exists, err) < 0)
        return -1;
    return exists ? visit_here(walk, err) : 0;
}

/* Steps down to a child; false when that gives no repository name. */
static bool enter(struct walk *walk, struct span child)
{
    size_t at = walk->length + (walk->length > 0);

    if (!name_is_valid(child) || at + child.len > NAME_MAX_LENGTH)
        return false;
    snprintf(walk->name + walk->length, sizeof(walk->name) - walk->length,
             "%s%.*s", walk->length > 0 ? "/" : "", SPAN_ARGS(child));
    walk->length = at + child.len;
    return true;
}

static void leave(struct walk *walk, size_t length)
{
    walk->length = length;
    walk->name[length] = '\0';
}

static struct layout_path place(const struct walk *walk)
{
    struct layout_path top = {LAYOUT_REPOSITORIES};

    return walk->length > 0 ? layout_repository(walk->name) : top;
}

/* What begins with '_' is part of a repository, or ours. */
static int tell_odd(struct walk *walk, const char *child, struct err *err)
{
    CLEANUP(buf) struct buf path = BUF_INIT(PATH_MAX);

    if (walk->odd == NULL || child[0] == '_')
        return 0;
    buf_add_format(&path, "%s/%s", place(walk).text, child);
    return walk->odd(walk->context, buf_text(&path), err);
}

static int walk_child(void *context, const char *child, struct err *err)
{
    struct walk *walk = context;
    size_t length = walk->length;
    int result;

    if (!enter(walk, span_of(child)))
        return tell_odd(walk, child, err);
    result = walk->everywhere ? visit_here(walk, err)
                              : visit_if_repository(walk, err);
    if (result == 0)
        result = walk_below(walk, NULL, err);
    leave(walk, length);
    return result;
}

static int walk_directory(void *context, const char *child, bool is_directory,
                          struct err *err)
{
    return is_directory ? walk_child(context, child, err) : 0;
}

/*
 * The children of the place behind `after`. Who goes everywhere has use for
 * no index; who does not finds no repository in what is no directory.
 */
static int walk_children(struct walk *walk, const char *after, struct err *err)
{
    struct driver *driver = walk->store->driver;
    struct layout_path path = place(walk);
    struct layout_path index = layout_catalog_index(walk->name);
    const struct children children = {path.text, index.text,
                                      CHILDREN_INDEXED_FROM};

    return walk->everywhere
               ? driver_list(driver, path.text, after, walk_directory, walk,
                             err)
               : children_list(driver, &children, after, walk_child, walk, err);
}

/* Below the first component of `after`, behind the rest of it. */
static int walk_rest(struct walk *walk, struct span first, struct span rest,
                     struct err *err)
{
    char after[NAME_MAX_LENGTH + 1];
    size_t length = walk->length;
    int result;

    if (!enter(walk, first))
        return 0;
    snprintf(after, sizeof(after), "%.*s", SPAN_ARGS(rest));
    result = walk_below(walk, after, err);
    leave(walk, length);
    return result;
}

/*
 * All below the place, behind `after` when that is given. Returns 1 when the
 * visitor stopped the walk.
 */
static int walk_below(struct walk *walk, const char *after, struct err *err)
{
    struct span rest = span_of(after ? after : "");
    struct span first = span_cut(&rest, '/');
    char from[NAME_MAX_LENGTH + 1];
    int result = 0;

    if (first.len > 0)
        result = walk_rest(walk, first, rest, err);
    if (result != 0)
        return result;
    snprintf(from, sizeof(from), "%.*s", SPAN_ARGS(first));
    result = walk_children(walk, from, err);
    if (result < 0 && err->code == ERR_NOT_FOUND) {
        err_clear(err);
        return 0;
    }
    if (result < 0 && walk->everywhere && !walk->stopped) {
        walk->unreadable = *err;
        err_clear(err);
        return 0;
    }
    if (result < 0)
        return -1;
    return walk->stopped ? 1 : 0;
}

int catalog_list(const struct store *store, const char *last,
                 catalog_visit *visit, void *context, struct err *err)
{
    struct walk walk = {.store = store, .visit = visit, .context = context};
    struct span after = span_of(last);

    if (after.len > NAME_MAX_LENGTH)
        return err_set(err, ERR_NAME_INVALID, "last is no repository name");
    return walk_below(&walk, last, err) < 0 ? -1 : 0;
}

static int walk_everywhere(struct walk *walk, const char *top, struct err *err)
{
    int result = 0;

    walk->everywhere = true;
    if (top[0] != '\0') {
        if (!enter(walk, span_of(top)))
            return err_set(err, ERR_NAME_INVALID, "%s is no name", top);
        result = visit_here(walk, err);
    }
    if (result == 0)
        result = walk_below(walk, NULL, err);
    if (result < 0)
        return -1;
    if (walk->unreadable.code == ERR_NONE)
        return 0;
    *err = walk->unreadable;
    return -1;
}

int catalog_walk_below(const struct store *store, const char *top,
                       catalog_visit *visit, void *context, struct err *err)
{
    struct walk walk = {.store = store, .visit = visit, .context = context};

    return walk_everywhere(&walk, top, err);
}

int catalog_walk(const struct store *store, catalog_visit *visit, void *context,
                 struct err *err)
{
    return catalog_walk_below(store, "", visit, context, err);
}

int catalog_walk_telling(const struct store *store, catalog_visit *visit,
                         catalog_visit *odd, void *context, struct err *err)
{
    struct walk walk = {
        .store = store, .visit = visit, .odd = odd, .context = context};

    return walk_everywhere(&walk, "", err);
}
