/* SPDX-License-Identifier: MIT */
#include "store/repository.h"

#include "store/layout.h"
#include "store/link.h"

int repository_exists(const struct store *store, const char *name, bool *exists,
                      struct err *err)
{
    struct layout_path manifests = layout_manifests(name);
    struct layout_path layers = layout_layers(name);
    struct driver_stat stat;

    if (driver_stat_if_there(store->driver, manifests.text, &stat, exists,
                             err) < 0)
        return -1;
    return *exists ? 0
                   : driver_stat_if_there(store->driver, layers.text, &stat,
                                          exists, err);
}

struct walk {
    const struct store *store;
    const char *name;
    enum repository_part part;
    enum hash_algorithm algorithm;
    repository_visit *visit;
    void *context;
    bool stopped;
};

/* `*is_there` is false for what requests would take as not there, too. */
static int look(const struct walk *walk, struct repository_link *link,
                bool *is_there, struct err *err)
{
    struct layout_path path =
        walk->part == REPOSITORY_BLOBS
            ? layout_layer_link(walk->name, &link->digest)
            : layout_revision_link(walk->name, &link->digest);
    struct driver_stat stat;

    if (driver_stat_if_there(walk->store->driver, path.text, &stat, is_there,
                             err) < 0)
        return -1;
    if (!*is_there)
        return 0;
    *is_there = !stat.is_directory && stat.size > 0;
    link->mtime_ns = stat.mtime_ns;
    link->stored = link->digest;
    if (!*is_there || walk->algorithm == HASH_SHA256)
        return 0;
    *is_there = link_resolve(walk->store, &path, &link->digest, &link->stored,
                             err) == 0;
    if (*is_there)
        return 0;
    if (err->code != ERR_NOT_FOUND)
        return -1;
    err_clear(err);
    return 0;
}

static int visit_hex(void *context, const char *hex, bool is_directory,
                     struct err *err)
{
    struct walk *walk = context;
    struct repository_link link;
    bool is_there;
    int result;

    if (!is_directory ||
        !digest_of_hex(walk->algorithm, span_of(hex), &link.digest))
        return 0;
    if (look(walk, &link, &is_there, err) < 0)
        return -1;
    if (!is_there)
        return 0;
    result = walk->visit(walk->context, &link, err);
    walk->stopped = result > 0;
    return result;
}

int repository_walk(const struct store *store, const char *name,
                    enum repository_part part, repository_visit *visit,
                    void *context, struct err *err)
{
    struct walk walk = {store, name, part, HASH_SHA256, visit, context, false};

    for (enum hash_algorithm i = 0; i < HASH_COUNT && !walk.stopped; i++) {
        struct layout_path path = part == REPOSITORY_BLOBS
                                      ? layout_layers_of(name, i)
                                      : layout_revisions(name, i);

        walk.algorithm = i;
        if (driver_list_if_there(store->driver, path.text, NULL, visit_hex,
                                 &walk, err) < 0)
            return -1;
    }
    return 0;
}
