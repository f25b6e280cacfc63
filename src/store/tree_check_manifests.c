/* SPDX-License-Identifier: MIT */
#include "store/tree_check_internal.h"

#include "store/manifest_store.h"

/* As deep as a push looks, see manifest_store.c. */
#define LEVELS_MAX 4

/* --- bytes of manifests --- */

enum reading {
    READING_RIGHT,
    READING_GONE,
    READING_WRONG,     /* which has been told */
    READING_TOO_LARGE, /* right or not, it is no manifest */
};

/* They are small, so they are always held against their digest. */
static enum reading read_manifest(struct tree_repository *repository,
                                  const struct digest *digest,
                                  struct buf *bytes)
{
    struct tree_run *run = repository->run;
    struct layout_path path = layout_blob(digest);
    struct driver_stat stat;
    struct err failure = {0};
    struct digest found;

    switch (tree_look_at_blob(run, digest, TREE_SIZE_UNKNOWN)) {
    case TREE_BYTES_GONE:
        return READING_GONE;
    case TREE_BYTES_BAD:
        return READING_WRONG;
    case TREE_BYTES_GOOD:
        break;
    }
    if (driver_get(run->store->driver, path.text, bytes, &stat, &failure) < 0) {
        if (failure.code == ERR_NOT_FOUND)
            return READING_GONE;
        if (failure.code == ERR_TOO_LARGE)
            return READING_TOO_LARGE;
        digest_set_add(&run->bad, digest);
        tree_tell(repository, TREE_UNREADABLE, TREE_LEFT, digest, &path,
                  &failure);
        return READING_WRONG;
    }
    digest_of_bytes(digest->algorithm, buf_span(bytes), &found);
    if (digest_equals(&found, digest))
        return READING_RIGHT;
    tree_condemn(run, digest, TREE_BLOB_CORRUPT, &stat);
    return READING_WRONG;
}

/* Whether the bytes are there and right and make a manifest. */
static bool has_manifest(struct tree_repository *repository,
                         const struct digest *digest)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(MANIFEST_BYTES_MAX);
    CLEANUP(manifest) struct manifest *manifest = NULL;
    struct err ignored = {0};

    return read_manifest(repository, digest, &bytes) == READING_RIGHT &&
           manifest_parse(buf_span(&bytes), SPAN(""), &manifest, &ignored) == 0;
}

/* --- what a manifest refers to --- */

struct parent {
    struct tree_repository *repository;
    const struct digest *digest;
    int level;
};

/*
 * Not if the manifest was deleted while we looked, perhaps with the blob. One
 * whose link is missing is looked at as if it were mended.
 */
static bool is_still_there(const struct parent *parent)
{
    struct layout_path link =
        layout_revision_link(parent->repository->name, parent->digest);

    return digest_set_has(&parent->repository->linked, parent->digest) ||
           tree_is_there(parent->repository->run, link.text);
}

static void tell_missing(const struct parent *parent, enum tree_damage damage,
                         const struct digest *digest)
{
    struct tree_repository *repository = parent->repository;
    struct layout_path path = layout_blob(digest);
    struct err nothing = {0};

    if (!is_still_there(parent))
        return;
    tree_add_hurt(repository, parent->digest, digest);
    if (digest_set_add(&repository->told, digest))
        tree_tell(repository, damage, TREE_LEFT, digest, &path, &nothing);
}

/* The bytes are good; the link is absent or broken. */
static void mend_layer(const struct parent *parent, const struct digest *digest,
                       const struct layout_path *path,
                       const struct tree_link_look *look)
{
    struct tree_repository *repository = parent->repository;
    struct layout_path within = layout_repository(repository->name);
    enum tree_outcome outcome;
    struct err failure = {0};

    /* Told by another manifest, and not mended. */
    if (!is_still_there(parent) || digest_set_has(&repository->told, digest))
        return;
    digest_set_add(&repository->told, digest);
    outcome = tree_mend_link(repository->run, path, within.text, look, digest,
                             &failure);
    tree_tell(repository,
              look->state == TREE_LINK_BROKEN ? look->damage
                                              : TREE_LAYER_UNLINKED,
              outcome, digest, path, &failure);
}

static void check_bytes(const struct parent *parent,
                        const struct manifest_reference *reference,
                        const struct digest *stored)
{
    struct tree_repository *repository = parent->repository;

    switch (tree_look_at_blob(repository->run, stored,
                              reference->descriptor.size)) {
    case TREE_BYTES_GOOD:
        return;
    case TREE_BYTES_BAD:
        tree_add_hurt(repository, parent->digest, stored);
        return;
    case TREE_BYTES_GONE:
        break;
    }
    digest_set_add(&repository->needed, &reference->descriptor.digest);
    tell_missing(parent, TREE_BLOB_MISSING, stored);
}

/* A link that was never there may be meant: see tree_check.h. */
static bool may_lack(const struct parent *parent,
                     const struct manifest_reference *reference,
                     const struct tree_link_look *look)
{
    return look->state == TREE_LINK_ABSENT &&
           (reference->may_be_absent || parent->repository->run->how->sparse);
}

static void check_layer(const struct parent *parent,
                        const struct manifest_reference *reference)
{
    const struct digest *digest = &reference->descriptor.digest;
    struct layout_path path =
        layout_layer_link(parent->repository->name, digest);
    CLEANUP(tree_link_look) struct tree_link_look look;

    tree_look_at_link(parent->repository, &path, digest, &look);
    if (look.state == TREE_LINK_GOOD)
        check_bytes(parent, reference, &look.named);
    else if (look.state == TREE_LINK_CLOSED)
        tree_add_hurt(parent->repository, parent->digest, digest);
    else if (may_lack(parent, reference, &look))
        return;
    else if (tree_look_at_blob(parent->repository->run, digest,
                               reference->descriptor.size) == TREE_BYTES_GOOD)
        mend_layer(parent, digest, &path, &look);
    else
        check_bytes(parent, reference, digest);
}

bool tree_link_manifest(struct tree_repository *repository,
                        const struct digest *digest, int level)
{
    struct layout_path path = layout_revision_link(repository->name, digest);
    struct layout_path within = layout_repository(repository->name);
    const struct tree_link_look absent = {.state = TREE_LINK_ABSENT};
    enum tree_outcome outcome;
    struct err failure = {0};

    if (digest_set_has(&repository->linked, digest))
        return true;
    if (!has_manifest(repository, digest))
        return false;
    digest_set_add(&repository->linked, digest);
    outcome = tree_mend_link(repository->run, &path, within.text, &absent,
                             digest, &failure);
    tree_tell(repository, TREE_MANIFEST_UNLINKED, outcome, digest, &path,
              &failure);
    tree_check_manifest(repository, digest, level);
    return true;
}

/*
 * A manifest, or in old build caches a blob. The link of a manifest that is
 * there is judged when the manifests are listed.
 */
static void check_child(const struct parent *parent,
                        const struct manifest_reference *reference)
{
    struct tree_repository *repository = parent->repository;
    const struct digest *digest = &reference->descriptor.digest;
    struct layout_path revision =
        layout_revision_link(repository->name, digest);
    struct layout_path layer = layout_layer_link(repository->name, digest);

    if (tree_is_there(repository->run, revision.text))
        return;
    if (tree_is_there(repository->run, layer.text)) {
        check_layer(parent, reference);
        return;
    }
    if (reference->may_be_absent || repository->run->how->sparse ||
        !is_still_there(parent) || parent->level >= LEVELS_MAX ||
        tree_link_manifest(repository, digest, parent->level + 1))
        return;
    switch (tree_look_at_blob(repository->run, digest, TREE_SIZE_UNKNOWN)) {
    case TREE_BYTES_GOOD:
        check_layer(parent, reference);
        break;
    case TREE_BYTES_BAD:
        tree_add_hurt(repository, parent->digest, digest);
        break;
    case TREE_BYTES_GONE:
        tell_missing(parent, TREE_CHILD_MISSING, digest);
        break;
    }
}

static void check_references(const struct parent *parent,
                             const struct manifest *manifest)
{
    for (size_t i = 0; i < manifest_reference_count(manifest) &&
                       !tree_stopped(parent->repository->run);
         i++) {
        struct manifest_reference reference;

        manifest_reference_at(manifest, i, &reference);
        switch (reference.kind) {
        case MANIFEST_CONFIG:
        case MANIFEST_LAYER:
            check_layer(parent, &reference);
            break;
        case MANIFEST_CHILD:
            check_child(parent, &reference);
            break;
        case MANIFEST_SUBJECT:
            break;
        }
    }
}

/* --- one manifest --- */

static void check_right_bytes(const struct parent *parent, struct span bytes)
{
    struct tree_repository *repository = parent->repository;
    CLEANUP(manifest) struct manifest *manifest = NULL;
    struct layout_path path = layout_blob(parent->digest);
    struct err failure = {0};

    if (manifest_parse(bytes, SPAN(""), &manifest, &failure) < 0) {
        repository->has_unread = true;
        tree_tell(repository, TREE_MANIFEST_INVALID, TREE_LEFT, parent->digest,
                  &path, &failure);
        return;
    }
    check_references(parent, manifest);
    tree_check_referrer(repository, parent->digest, manifest, bytes.len);
}

static void check_stored(const struct parent *parent,
                         const struct digest *stored)
{
    struct tree_repository *repository = parent->repository;
    CLEANUP(buf) struct buf bytes = BUF_INIT(MANIFEST_BYTES_MAX);
    struct layout_path path = layout_blob(stored);
    struct err too_large = {0};

    switch (read_manifest(repository, stored, &bytes)) {
    case READING_RIGHT:
        check_right_bytes(parent, buf_span(&bytes));
        return;
    case READING_TOO_LARGE:
        repository->has_unread = true;
        err_set(&too_large, ERR_TOO_LARGE, "it is longer than 16 MiB");
        tree_tell(repository, TREE_MANIFEST_INVALID, TREE_LEFT, stored, &path,
                  &too_large);
        return;
    case READING_WRONG:
        repository->has_unread = true;
        tree_add_hurt(repository, parent->digest, stored);
        return;
    case READING_GONE:
        repository->has_unread = true;
        tell_missing(parent, TREE_MANIFEST_MISSING, stored);
    }
}

void tree_check_manifest(struct tree_repository *repository,
                         const struct digest *digest, int level)
{
    check_stored(&(struct parent){repository, digest, level}, digest);
}

/* --- all that are linked --- */

/* True when the link is now, or could be made, a good one. */
static bool mend_revision(struct tree_repository *repository,
                          const struct digest *digest,
                          const struct layout_path *path,
                          const struct tree_link_look *look)
{
    struct layout_path within = layout_repository(repository->name);
    struct err failure = {0};
    enum tree_outcome outcome;
    bool is_whole = has_manifest(repository, digest);

    if (!tree_is_there(repository->run, path->text))
        return false;
    outcome = is_whole ? tree_mend_link(repository->run, path, within.text,
                                        look, digest, &failure)
                       : tree_take_away(repository->run, path->text, &failure);
    if (!is_whole) {
        repository->has_unread = true;
        tree_add_hurt(repository, digest, digest);
    }
    tree_tell(repository, look->damage, outcome, digest, path, &failure);
    return is_whole;
}

static void check_revision(struct tree_repository *repository,
                           const struct digest *digest)
{
    struct layout_path path = layout_revision_link(repository->name, digest);
    const struct parent parent = {repository, digest, 1};
    CLEANUP(tree_link_look) struct tree_link_look look;

    tree_look_at_link(repository, &path, digest, &look);
    switch (look.state) {
    case TREE_LINK_ABSENT:
        return; /* deleted */
    case TREE_LINK_CLOSED:
        repository->has_unread = true;
        tree_add_hurt(repository, digest, digest);
        return;
    case TREE_LINK_GOOD:
        check_stored(&parent, &look.named);
        return;
    case TREE_LINK_BROKEN:
        if (mend_revision(repository, digest, &path, &look))
            check_stored(&parent, digest);
    }
}

static int visit_revision(void *context, const char *hex, bool is_directory,
                          struct err *err)
{
    struct tree_repository *repository = context;
    struct digest digest;

    (void)err;
    if (is_directory && tree_digest_of(repository->algorithm, hex, &digest) &&
        !digest_set_has(&repository->linked, &digest))
        check_revision(repository, &digest);
    return tree_go_on(repository->run);
}

static void each_revision(struct tree_repository *repository,
                          driver_visit *visit, void *context)
{
    for (enum hash_algorithm i = 0; i < HASH_COUNT; i++) {
        struct layout_path path = layout_revisions(repository->name, i);

        repository->algorithm = i;
        tree_list(repository->run, repository->name, path.text, visit, context);
    }
}

void tree_check_manifests(struct tree_repository *repository)
{
    each_revision(repository, visit_revision, repository);
}

/* --- what is hurt through an index --- */

static void spread_to(struct tree_repository *repository,
                      const struct digest *digest,
                      const struct manifest *manifest)
{
    for (size_t i = 0; i < manifest_reference_count(manifest); i++) {
        struct manifest_reference reference;

        manifest_reference_at(manifest, i, &reference);
        if (reference.kind != MANIFEST_CHILD)
            continue;
        if (!tree_is_hurt(repository, &reference.descriptor.digest))
            continue;
        for (size_t j = 0; j < repository->hurt_count; j++) {
            struct tree_hurting child = repository->hurt[j];

            if (!digest_equals(&child.manifest, &reference.descriptor.digest))
                continue;
            tree_add_hurt(repository, digest, &child.lost);
            return;
        }
    }
}

static int visit_index(void *context, const char *hex, bool is_directory,
                       struct err *err)
{
    struct tree_repository *repository = context;
    CLEANUP(buf) struct buf bytes = BUF_INIT(MANIFEST_BYTES_MAX);
    CLEANUP(manifest) struct manifest *manifest = NULL;
    struct err ignored = {0};
    struct digest digest;

    (void)err;
    if (is_directory && tree_digest_of(repository->algorithm, hex, &digest) &&
        !tree_is_hurt(repository, &digest) &&
        manifest_get(repository->run->store, repository->name, &digest, &bytes,
                     &ignored) == 0 &&
        manifest_parse(buf_span(&bytes), SPAN(""), &manifest, &ignored) == 0)
        spread_to(repository, &digest, manifest);
    return tree_go_on(repository->run);
}

void tree_spread_hurt(struct tree_repository *repository)
{
    for (int level = 1; level < LEVELS_MAX; level++) {
        size_t before = repository->hurt_count;

        each_revision(repository, visit_index, repository);
        if (repository->hurt_count == before)
            return;
    }
}
