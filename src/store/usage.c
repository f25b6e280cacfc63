/* SPDX-License-Identifier: MIT */
#include "store/usage.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "oci/manifest.h"
#include "oci/name.h"
#include "store/blob.h"
#include "store/catalog.h"
#include "store/layout.h"
#include "store/manifest_store.h"
#include "store/repository.h"

#define NAMES_MAX (SIZE_MAX / 2) /* as long as all paths of the tree */

struct row {
    size_t name; /* offset in `names` */
    uint64_t blobs, bytes;
    uint64_t own_blobs, own_bytes;
    uint64_t repositories;
};

struct rows {
    struct row *list;
    size_t count, room;
};

struct usage {
    struct usage_blobs blobs;
    struct rows rows[USAGE_GROUPS];
    struct buf names;
    struct usage_totals totals;
};

struct measure {
    const struct store *store;
    struct usage *usage;
    const char *name; /* of the repository */
    size_t depth;
    usage_tick *tick;
    void *context;
    uint64_t done;
    int ended;       /* what `tick` returned */
    bool is_damaged; /* the repository has a manifest that cannot be read */
};

static void add_row(struct usage *usage, enum usage_group group,
                    struct span name)
{
    struct rows *rows = &usage->rows[group];

    if (rows->count == rows->room) {
        rows->room += rows->room / 2 + 16;
        rows->list =
            memory_resize(rows->list, rows->room * sizeof(*rows->list));
    }
    rows->list[rows->count++] = (struct row){.name = usage->names.len};
    buf_add(&usage->names, name);
    buf_add_char(&usage->names, '\0');
}

static struct span namespace_of(const char *name, size_t depth)
{
    struct span rest = span_of(name), last = {0};

    while (depth-- > 0 && rest.ptr != NULL)
        last = span_cut(&rest, '/');
    return (struct span){name, (size_t)(last.ptr + last.len - name)};
}

/* Repositories of one namespace follow one another, by the catalog's order. */
static void add_rows(struct measure *measure, const char *name)
{
    struct usage *usage = measure->usage;
    struct rows *namespaces = &usage->rows[USAGE_NAMESPACE];
    struct span namespace = namespace_of(name, measure->depth);

    add_row(usage, USAGE_REPOSITORY, span_of(name));
    if (namespaces->count == 0 ||
        !span_equals(namespace,
                     span_of(usage->names.ptr +
                             namespaces->list[namespaces->count - 1].name)))
        add_row(usage, USAGE_NAMESPACE, namespace);
    usage->rows[USAGE_REPOSITORY]
        .list[usage->rows[USAGE_REPOSITORY].count - 1]
        .repositories = 1;
    namespaces->list[namespaces->count - 1].repositories++;
}

/* The row that stands last in its group has the blob. */
static void claim(struct usage *usage, enum usage_group group,
                  struct usage_blob *blob)
{
    struct rows *rows = &usage->rows[group];
    uint32_t last = blob->owner[group] & ~USAGE_SHARED;
    struct row *row = &rows->list[rows->count - 1];

    if (last == rows->count)
        return;
    row->blobs++;
    row->bytes += blob->size;
    if (last == USAGE_NOBODY) {
        row->own_blobs++;
        row->own_bytes += blob->size;
    } else if ((blob->owner[group] & USAGE_SHARED) == 0) {
        rows->list[last - 1].own_blobs--;
        rows->list[last - 1].own_bytes -= blob->size;
        blob->owner[group] = USAGE_SHARED;
    }
    blob->owner[group] =
        (blob->owner[group] & USAGE_SHARED) | (uint32_t)rows->count;
}

static void claim_all(struct measure *measure, struct usage_blob *blob)
{
    claim(measure->usage, USAGE_REPOSITORY, blob);
    claim(measure->usage, USAGE_NAMESPACE, blob);
}

static int claim_blob(void *context, const struct repository_link *link,
                      struct err *err UNUSED)
{
    struct measure *measure = context;
    struct usage_blob *blob =
        usage_blobs_find(&measure->usage->blobs, &link->stored);

    if (blob != NULL)
        claim_all(measure, blob);
    return 0;
}

static int refer_to_blob(void *context, const struct repository_link *link,
                         struct err *err UNUSED)
{
    struct measure *measure = context;
    struct usage_blob *blob =
        usage_blobs_find(&measure->usage->blobs, &link->stored);

    if (blob != NULL)
        blob->is_referenced = 1;
    return 0;
}

/* A sha512 may be stored as its sha256, which the link of the layer tells. */
static int refer_to(struct measure *measure, const struct digest *digest,
                    struct err *err)
{
    struct usage_blobs *blobs = &measure->usage->blobs;
    struct usage_blob *found = usage_blobs_find(blobs, digest);
    struct blob blob;

    if (found == NULL && digest->algorithm != HASH_SHA256) {
        if (blob_find(measure->store, measure->name, digest, &blob, err) == 0)
            found = usage_blobs_find(blobs, &blob.stored);
        else if (err->code != ERR_BLOB_UNKNOWN)
            return -1;
        err_clear(err);
    }
    if (found != NULL)
        found->is_referenced = 1;
    return 0;
}

static int refer_to_parts(struct measure *measure,
                          const struct manifest *manifest, struct err *err)
{
    for (size_t i = 0; i < manifest_reference_count(manifest); i++) {
        struct manifest_reference reference;

        manifest_reference_at(manifest, i, &reference);
        if (reference.kind != MANIFEST_SUBJECT &&
            refer_to(measure, &reference.descriptor.digest, err) < 0)
            return -1;
    }
    return 0;
}

static int read_parts(struct measure *measure, const struct digest *digest,
                      struct err *err)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(MANIFEST_BYTES_MAX);
    CLEANUP(manifest) struct manifest *manifest = NULL;

    if (manifest_get(measure->store, measure->name, digest, &bytes, err) == 0 &&
        manifest_parse(buf_span(&bytes), SPAN(""), &manifest, err) == 0)
        return refer_to_parts(measure, manifest, err);
    if (err->code != ERR_MANIFEST_UNKNOWN && err->code != ERR_TOO_LARGE &&
        err->code != ERR_MANIFEST_INVALID)
        return -1;
    /* Deleted meanwhile, it refers to nothing. */
    if (err->code != ERR_MANIFEST_UNKNOWN) {
        measure->is_damaged = true;
        measure->usage->totals.unreadable++;
    }
    err_clear(err);
    return 0;
}

/* What it refers to is the same in whatever repository it is. */
static int claim_manifest(void *context, const struct repository_link *link,
                          struct err *err)
{
    struct measure *measure = context;
    struct usage_blob *blob =
        usage_blobs_find(&measure->usage->blobs, &link->stored);

    if (blob == NULL)
        return 0;
    claim_all(measure, blob);
    blob->is_referenced = 1;
    if (blob->is_read)
        return 0;
    if (read_parts(measure, &link->digest, err) < 0)
        return -1;
    blob->is_read = !measure->is_damaged;
    return 0;
}

static int measure_content(struct measure *measure, struct err *err)
{
    const struct store *store = measure->store;
    const char *name = measure->name;

    add_rows(measure, name);
    measure->is_damaged = false;
    if (repository_walk(store, name, REPOSITORY_BLOBS, claim_blob, measure,
                        err) < 0 ||
        repository_walk(store, name, REPOSITORY_MANIFESTS, claim_manifest,
                        measure, err) < 0)
        return -1;
    return measure->is_damaged ? repository_walk(store, name, REPOSITORY_BLOBS,
                                                 refer_to_blob, measure, err)
                               : 0;
}

static int add_upload(void *context, const char *uuid, bool is_directory,
                      struct err *err)
{
    struct measure *measure = context;
    struct usage_totals *totals = &measure->usage->totals;
    struct layout_path path;
    struct driver_stat stat = {0};
    bool is_there;

    if (!is_directory || !uuid_is_valid(span_of(uuid)))
        return 0;
    path = layout_upload_data(measure->name, uuid);
    if (driver_stat_if_there(measure->store->driver, path.text, &stat,
                             &is_there, err) < 0)
        return -1;
    totals->uploads++;
    totals->upload_bytes += stat.size;
    return 0;
}

static int measure_uploads(struct measure *measure, struct err *err)
{
    struct layout_path path = layout_uploads(measure->name);

    return driver_list_if_there(measure->store->driver, path.text, NULL,
                                add_upload, measure, err);
}

/* Also where nothing is but uploads. */
static int measure_repository(void *context, const char *name, struct err *err)
{
    struct measure *measure = context;
    bool exists;

    measure->name = name;
    if (repository_exists(measure->store, name, &exists, err) < 0 ||
        (exists && measure_content(measure, err) < 0) ||
        measure_uploads(measure, err) < 0)
        return err_wrap(err, "%s", name);
    if (measure->tick != NULL)
        measure->ended = measure->tick(measure->context, ++measure->done);
    return measure->ended != 0 ? 1 : 0;
}

static void add_up(struct usage *usage)
{
    struct usage_totals *totals = &usage->totals;

    for (size_t i = 0; i < HASH_COUNT; i++) {
        totals->blobs += usage->blobs.counts[i];
        for (size_t j = 0; j < usage->blobs.counts[i]; j++) {
            const struct usage_blob *blob = &usage->blobs.lists[i][j];

            totals->bytes += blob->size;
            totals->unreferenced_blobs += !blob->is_referenced;
            totals->unreferenced_bytes += blob->is_referenced ? 0 : blob->size;
        }
    }
}

int usage_measure(const struct store *store, size_t depth, usage_tick *tick,
                  void *context, struct usage **out, struct err *err)
{
    CLEANUP(usage) struct usage *usage = memory_new(sizeof(*usage));
    struct measure measure = {.store = store,
                              .usage = usage,
                              .depth = depth,
                              .tick = tick,
                              .context = context};
    int result;

    usage->names = BUF_INIT(NAMES_MAX);
    result = usage_blobs_load(store, &usage->blobs, tick, context, err);
    if (result != 0)
        return result;
    for (size_t i = 0; i < HASH_COUNT; i++)
        measure.done += usage->blobs.counts[i];
    if (catalog_walk(store, measure_repository, &measure, err) < 0)
        return -1;
    if (measure.ended != 0)
        return measure.ended;
    add_up(usage);
    *out = usage;
    usage = NULL;
    return 0;
}

void usage_free(struct usage *usage)
{
    if (usage == NULL)
        return;
    usage_blobs_cleanup(&usage->blobs);
    for (size_t i = 0; i < USAGE_GROUPS; i++)
        free(usage->rows[i].list);
    buf_cleanup(&usage->names);
    free(usage);
}

void usage_cleanup(struct usage **usage)
{
    usage_free(*usage);
    *usage = NULL;
}

size_t usage_row_count(const struct usage *usage, enum usage_group group)
{
    return usage->rows[group].count;
}

void usage_row_at(const struct usage *usage, enum usage_group group,
                  size_t index, struct usage_row *out)
{
    const struct row *row = &usage->rows[group].list[index];

    *out = (struct usage_row){.name = usage->names.ptr + row->name,
                              .blobs = row->blobs,
                              .bytes = row->bytes,
                              .own_blobs = row->own_blobs,
                              .own_bytes = row->own_bytes,
                              .repositories = row->repositories};
}

const struct usage_totals *usage_totals(const struct usage *usage)
{
    return &usage->totals;
}
