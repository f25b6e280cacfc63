/* SPDX-License-Identifier: MIT */
/*
 * In the order of deletions: tags, manifests, layers, whole repositories, and
 * at last the bytes that no link can need.
 */
#include <stdlib.h>

#include "store/blob.h"
#include "store/carry_internal.h"
#include "store/catalog.h"
#include "store/layout.h"
#include "store/manifest_store.h"
#include "store/repository.h"
#include "store/tag.h"

/* Gone already is as good as removed. */
static int removed(struct carry *carry, int result, struct err *err)
{
    if (result == 0) {
        carry->counts.removed++;
        return 0;
    }
    if (err->code != ERR_NOT_FOUND && err->code != ERR_MANIFEST_UNKNOWN &&
        err->code != ERR_BLOB_UNKNOWN)
        return -1;
    err_clear(err);
    return 0;
}

static int compare_tag(const void *name, const void *tag)
{
    return strcmp(name, ((const struct carry_tag *)tag)->name);
}

/* They came in ascending order. */
static bool is_tag_of(const struct carried *carried, const char *tag)
{
    return carried->tag_count > 0 &&
           bsearch(tag, carried->tags, carried->tag_count,
                   sizeof(*carried->tags), compare_tag) != NULL;
}

static int remove_tag(void *context, const char *tag, struct err *err)
{
    struct carried *carried = context;

    if (is_tag_of(carried, tag))
        return 0;
    return removed(carried->carry,
                   tag_delete(carried->carry->to, carried->name, tag, err),
                   err);
}

static int remove_revision(void *context, const struct digest *digest,
                           struct err *err)
{
    struct carried *carried = context;

    if (digest_set_has(&carried->closure.manifests, digest))
        return 0;
    return removed(
        carried->carry,
        manifest_delete(carried->carry->to, carried->name, digest, err), err);
}

static int remove_layer(void *context, const struct digest *digest,
                        struct err *err)
{
    struct carried *carried = context;

    if (digest_set_has(&carried->closure.blobs, digest))
        return 0;
    return removed(carried->carry,
                   blob_delete(carried->carry->to, carried->name, digest, err),
                   err);
}

/* What a run that was killed had begun. */
static int remove_uploads(struct carried *carried, struct err *err)
{
    struct layout_path path = layout_uploads(carried->name);

    if (driver_remove(carried->carry->to->driver, path.text, DRIVER_RELAXED,
                      err) == 0)
        return 0;
    if (err->code != ERR_NOT_FOUND)
        return -1;
    err_clear(err);
    return 0;
}

int carry_remove_rest(struct carried *carried, struct err *err)
{
    const struct store *to = carried->carry->to;

    if (tag_list(to, carried->name, NULL, remove_tag, carried, err) < 0) {
        if (err->code != ERR_NAME_UNKNOWN)
            return -1;
        err_clear(err);
    }
    if (digest_list_links(to, layout_revisions, carried->name, remove_revision,
                          carried, err) < 0 ||
        digest_list_links(to, layout_layers_of, carried->name, remove_layer,
                          carried, err) < 0)
        return -1;
    return remove_uploads(carried, err);
}

/* --- repositories --- */

/* Its own directories alone: others may lie below it. */
static int remove_repository(void *context, const char *name, struct err *err)
{
    struct carry *carry = context;
    const struct layout_path parts[] = {
        layout_tags(name),    layout_manifests(name), layout_layers(name),
        layout_uploads(name), layout_own(name),
    };
    bool in_from, in_to;

    if (carry_check(carry, err) < 0 ||
        repository_exists(carry->from, name, &in_from, err) < 0 ||
        repository_exists(carry->to, name, &in_to, err) < 0)
        return -1;
    if (in_from || !in_to)
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        if (driver_remove(carry->to->driver, parts[i].text, DRIVER_DURABLE,
                          err) == 0)
            continue;
        if (err->code != ERR_NOT_FOUND)
            return -1;
        err_clear(err);
    }
    carry->counts.removed++;
    return 0;
}

/* --- blobs --- */

struct blob_walk {
    struct carry *carry;
    enum hash_algorithm algorithm;
};

static int remove_blob(void *context, const struct digest *digest,
                       struct err *err)
{
    struct carry *carry = context;
    struct layout_path path = layout_blob_directory(digest);
    struct blob blob;

    if (carry_check(carry, err) < 0)
        return -1;
    if (blob_find_stored(carry->from, digest, &blob, err) == 0)
        return 0;
    if (err->code != ERR_BLOB_UNKNOWN)
        return -1;
    err_clear(err);
    return removed(
        carry, driver_remove(carry->to->driver, path.text, DRIVER_RELAXED, err),
        err);
}

static int walk_shard(void *context, const char *shard, bool is_directory,
                      struct err *err)
{
    struct blob_walk *walk = context;
    struct layout_path path;

    if (!is_directory || strlen(shard) != 2)
        return 0;
    path = layout_blob_shard(walk->algorithm, shard);
    return digest_list(walk->carry->to, &path, walk->algorithm, remove_blob,
                       walk->carry, err);
}

static int remove_blobs(struct carry *carry, struct err *err)
{
    for (int i = 0; i < HASH_COUNT; i++) {
        struct blob_walk walk = {carry, (enum hash_algorithm)i};
        struct layout_path path = layout_blobs_of(walk.algorithm);

        if (driver_list_if_there(carry->to->driver, path.text, NULL, walk_shard,
                                 &walk, err) < 0)
            return -1;
    }
    return 0;
}

int carry_mirror(struct carry *carry, struct err *err)
{
    if (catalog_walk(carry->to, remove_repository, carry, err) < 0)
        return -1;
    return carry->counts.problems > 0 ? 0 : remove_blobs(carry, err);
}
