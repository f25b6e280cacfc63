/* SPDX-License-Identifier: MIT */
#include "store/closure.h"

#include "oci/media_type.h"
#include "store/blob.h"
#include "store/manifest_store.h"

void closure_cleanup(struct closure *closure)
{
    digest_set_cleanup(&closure->manifests);
    digest_set_cleanup(&closure->blobs);
}

static int walk_manifest(struct closure *closure, const struct digest *digest,
                         const struct descriptor *child, int level,
                         struct err *err);

static int visit_absent(struct closure *closure, const struct digest *digest,
                        bool may_be_absent, const struct err *why,
                        struct err *err)
{
    struct closure_part part = {.kind = CLOSURE_ABSENT,
                                .digest = *digest,
                                .may_be_absent = may_be_absent,
                                .why = why};

    return closure->visit(closure->context, &part, err);
}

static int walk_blob(struct closure *closure, const struct digest *digest,
                     bool may_be_absent, struct err *err)
{
    struct closure_part part = {.kind = CLOSURE_BLOB, .digest = *digest};
    struct err why = {0};

    if (!digest_set_add(&closure->blobs, digest))
        return 0;
    if (closure->source->find(closure->source, digest, &part.size, &why) < 0)
        return visit_absent(closure, digest, may_be_absent, &why, err);
    return closure->visit(closure->context, &part, err);
}

static int walk_reference(struct closure *closure,
                          const struct manifest_reference *reference, int level,
                          struct err *err)
{
    const struct descriptor *descriptor = &reference->descriptor;

    switch (reference->kind) {
    case MANIFEST_SUBJECT:
        return 0;
    case MANIFEST_CHILD:
        return walk_manifest(closure, &descriptor->digest, descriptor,
                             level + 1, err);
    case MANIFEST_CONFIG:
    case MANIFEST_LAYER:
        break;
    }
    return walk_blob(closure, &descriptor->digest, reference->may_be_absent,
                     err);
}

static int walk_parts(struct closure *closure, const struct manifest *manifest,
                      int level, struct err *err)
{
    for (size_t i = 0; i < manifest_reference_count(manifest); i++) {
        struct manifest_reference reference;

        manifest_reference_at(manifest, i, &reference);
        if (walk_reference(closure, &reference, level, err) < 0)
            return -1;
    }
    return 0;
}

static int check_bytes(const struct digest *digest, struct span bytes,
                       struct err *why)
{
    struct digest actual;
    char text[DIGEST_TEXT_MAX];

    digest_of_bytes(digest->algorithm, bytes, &actual);
    if (digest_equals(&actual, digest))
        return 0;
    digest_format(digest, text);
    return err_set(why, ERR_DIGEST_INVALID, "manifest %s is damaged", text);
}

static bool is_declared(const struct descriptor *child)
{
    return child == NULL || media_type_is_index(child->media_type) ||
           media_type_is_image(child->media_type);
}

/*
 * A manifest, or the child of an index, which in old build caches may be a
 * blob.
 */
static int walk_manifest(struct closure *closure, const struct digest *digest,
                         const struct descriptor *child, int level,
                         struct err *err)
{
    struct closure_part part = {.kind = CLOSURE_MANIFEST, .digest = *digest};
    CLEANUP(buf) struct buf bytes = BUF_INIT(MANIFEST_BYTES_MAX);
    CLEANUP(manifest) struct manifest *manifest = NULL;
    bool declared = is_declared(child);
    struct err why = {0};

    if (digest_set_has(&closure->manifests, digest))
        return 0;
    if (level > CLOSURE_LEVELS_MAX)
        return err_set(err, ERR_MANIFEST_INVALID,
                       "more than %d indexes within each other",
                       CLOSURE_LEVELS_MAX);
    if (closure->source->get(closure->source, digest, declared, &bytes, &why) <
            0 &&
        !declared && why.code == ERR_MANIFEST_UNKNOWN)
        return walk_blob(closure, digest, false, err);
    digest_set_add(&closure->manifests, digest);
    if (why.code != ERR_NONE || check_bytes(digest, buf_span(&bytes), &why) < 0)
        return visit_absent(closure, digest, false, &why, err);
    if (manifest_parse(buf_span(&bytes), SPAN(""), &manifest, &why) == 0 &&
        walk_parts(closure, manifest, level, err) < 0)
        return -1;
    part.size = bytes.len;
    part.bytes = buf_span(&bytes);
    part.manifest = manifest;
    return closure->visit(closure->context, &part, err);
}

int closure_walk(struct closure *closure, const struct digest *root,
                 struct err *err)
{
    return walk_manifest(closure, root, NULL, 1, err);
}

/* --- a repository --- */

static int get_manifest(const struct closure_source *source,
                        const struct digest *digest, bool is_declared_one,
                        struct buf *bytes, struct err *err)
{
    const struct closure_repository *repository =
        (const struct closure_repository *)source;

    if (manifest_get(repository->store, repository->name, digest, bytes, err) ==
        0)
        return 0;
    if (err->code != ERR_MANIFEST_UNKNOWN || !is_declared_one)
        return -1;
    buf_clear(bytes);
    if (manifest_get_stored(repository->store, digest, bytes, err) < 0)
        return -1;
    err_clear(err);
    return 0;
}

int closure_find_blob(const struct closure_repository *repository,
                      const struct digest *digest, struct blob *out,
                      struct err *err)
{
    if (blob_find(repository->store, repository->name, digest, out, err) == 0)
        return 0;
    if (err->code != ERR_BLOB_UNKNOWN)
        return -1;
    err_clear(err);
    return blob_find_stored(repository->store, digest, out, err);
}

static int find_blob(const struct closure_source *source,
                     const struct digest *digest, uint64_t *size,
                     struct err *err)
{
    struct blob blob;

    if (closure_find_blob((const struct closure_repository *)source, digest,
                          &blob, err) < 0)
        return -1;
    *size = blob.size;
    return 0;
}

struct closure_repository closure_repository(const struct store *store,
                                             const char *name)
{
    return (struct closure_repository){
        .source = {.get = get_manifest, .find = find_blob},
        .store = store,
        .name = name};
}
