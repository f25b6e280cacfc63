/* SPDX-License-Identifier: MIT */
#include "store/tree_check_internal.h"

#include "oci/name.h"
#include "store/link.h"

static bool has_revision(struct tree_repository *repository,
                         const struct digest *digest)
{
    struct layout_path link = layout_revision_link(repository->name, digest);

    return tree_is_there(repository->run, link.text);
}

/* A deletion leaves the directory; what was lost with it may come back. */
static bool is_deleted(struct tree_repository *repository,
                       const struct digest *digest)
{
    struct layout_path revision = layout_revision(repository->name, digest);
    struct layout_path blob = layout_blob(digest);

    return !has_revision(repository, digest) &&
           (tree_is_there(repository->run, revision.text) ||
            !tree_is_there(repository->run, blob.text));
}

/* --- the index of a tag --- */

struct entries {
    struct tree_repository *repository;
    enum hash_algorithm algorithm;
    const struct digest *current; /* NULL = not known */
    size_t count;                 /* whose manifests are there */
    struct digest last;           /* of those */
};

static void check_entry(struct entries *entries, const struct digest *digest)
{
    struct tree_repository *repository = entries->repository;
    struct layout_path path =
        layout_tag_index_link(repository->name, repository->tag, digest);
    struct layout_path within = layout_tag(repository->name, repository->tag);
    bool has_manifest = has_revision(repository, digest);
    CLEANUP(tree_link_look) struct tree_link_look look;
    struct err failure = {0};

    tree_look_at_link(repository, &path, digest, &look);
    if (look.state == TREE_LINK_BROKEN)
        tree_tell(repository, TREE_TAG_INDEX_BROKEN,
                  has_manifest
                      ? tree_mend_link(repository->run, &path, within.text,
                                       &look, digest, &failure)
                      : tree_take_away(repository->run, path.text, &failure),
                  digest, &path, &failure);
    else if (look.state == TREE_LINK_GOOD && is_deleted(repository, digest) &&
             (entries->current == NULL ||
              !digest_equals(entries->current, digest)))
        tree_tell(repository, TREE_TAG_INDEX_STALE,
                  tree_take_away(repository->run, path.text, &failure), digest,
                  &path, &failure);
    if (look.state == TREE_LINK_ABSENT || !has_manifest)
        return;
    entries->count++;
    entries->last = *digest;
}

static int visit_entry(void *context, const char *hex, bool is_directory,
                       struct err *err)
{
    struct entries *entries = context;
    struct digest digest;

    (void)err;
    if (is_directory && tree_digest_of(entries->algorithm, hex, &digest))
        check_entry(entries, &digest);
    return tree_go_on(entries->repository->run);
}

static void check_entries(struct entries *entries)
{
    struct tree_repository *repository = entries->repository;

    for (enum hash_algorithm i = 0; i < HASH_COUNT; i++) {
        struct layout_path path =
            layout_tag_index(repository->name, repository->tag, i);

        entries->algorithm = i;
        tree_list(repository->run, repository->name, path.text, visit_entry,
                  entries);
    }
}

/* registry:2 collects by the index: what the tag names has to be in it. */
static void check_current_entry(struct tree_repository *repository,
                                const struct digest *digest)
{
    struct layout_path path =
        layout_tag_index_link(repository->name, repository->tag, digest);
    struct layout_path within = layout_tag(repository->name, repository->tag);
    CLEANUP(tree_link_look) struct tree_link_look look;
    struct err failure = {0};

    tree_look_at_link(repository, &path, digest, &look);
    if (look.state == TREE_LINK_ABSENT && has_revision(repository, digest) &&
        tree_is_there(repository->run, within.text))
        tree_tell(repository, TREE_TAG_INDEX_MISSING,
                  tree_mend_link(repository->run, &path, within.text, &look,
                                 digest, &failure),
                  digest, &path, &failure);
}

/* --- what a tag names --- */

/*
 * A deletion leaves the directory of the link. Where even that is gone, it
 * was no deletion, and what the tag names may come back.
 */
static void check_target(struct tree_repository *repository,
                         const struct layout_path *current,
                         const struct digest *digest)
{
    struct layout_path revision = layout_revision(repository->name, digest);
    struct err nothing = {0};

    if (has_revision(repository, digest))
        return;
    if (!tree_is_there(repository->run, revision.text) &&
        tree_link_manifest(repository, digest, 1))
        return;
    if (tree_is_there(repository->run, current->text) &&
        !has_revision(repository, digest))
        tree_tell(repository, TREE_TAG_DANGLING, TREE_LEFT, digest, current,
                  &nothing);
}

/* It is restored where its index leaves no doubt. */
static void mend_current(struct tree_repository *repository,
                         const struct layout_path *path,
                         const struct tree_link_look *look,
                         const struct entries *entries)
{
    struct layout_path within = layout_tag(repository->name, repository->tag);
    enum tree_outcome outcome = TREE_LEFT;
    struct err failure = {0};

    if (!tree_is_there(repository->run, within.text))
        return;
    if (entries->count == 1)
        outcome = tree_mend_link(repository->run, path, within.text, look,
                                 &entries->last, &failure);
    tree_tell(repository, TREE_TAG_BROKEN, outcome,
              entries->count == 1 ? &entries->last : NULL, path, &failure);
}

static void check_tag(struct tree_repository *repository)
{
    struct layout_path path =
        layout_tag_current(repository->name, repository->tag);
    struct entries entries = {.repository = repository};
    CLEANUP(tree_link_look) struct tree_link_look look;

    tree_look_at_link(repository, &path, NULL, &look);
    switch (look.state) {
    case TREE_LINK_GOOD:
        entries.current = &look.named;
        check_target(repository, &path, &look.named);
        check_current_entry(repository, &look.named);
        check_entries(&entries);
        return;
    case TREE_LINK_ABSENT:
    case TREE_LINK_BROKEN:
        check_entries(&entries);
        mend_current(repository, &path, &look, &entries);
        return;
    case TREE_LINK_CLOSED:
        return;
    }
}

static int visit_tag(void *context, const char *tag, bool is_directory,
                     struct err *err)
{
    struct tree_repository *repository = context;

    (void)err;
    repository->tag = tag;
    if (is_directory && tag_is_valid(span_of(tag)))
        check_tag(repository);
    repository->tag = NULL;
    return tree_go_on(repository->run);
}

void tree_check_tags(struct tree_repository *repository)
{
    struct layout_path path = layout_tags(repository->name);

    tree_list(repository->run, repository->name, path.text, visit_tag,
              repository);
}

/* --- the images that are hurt --- */

struct telling {
    struct tree_repository *repository;
    struct digest_set tagged;
};

static void tell_hurt(struct tree_repository *repository, const char *tag,
                      const struct tree_hurting *hurt)
{
    struct tree_run *run = repository->run;

    run->result->hurt++;
    run->visitor->hurt(run->visitor->context,
                       &(struct tree_hurt){repository->name, tag,
                                           &hurt->manifest, &hurt->lost});
}

static int visit_hurt_tag(void *context, const char *tag, bool is_directory,
                          struct err *err)
{
    struct telling *telling = context;
    struct tree_repository *repository = telling->repository;
    struct layout_path path = layout_tag_current(repository->name, tag);
    struct err ignored = {0};
    struct digest digest;

    (void)err;
    if (!is_directory || !tag_is_valid(span_of(tag)) ||
        link_read(repository->run->store, &path, &digest, &ignored) < 0 ||
        !tree_is_hurt(repository, &digest))
        return 0;
    for (size_t i = 0; i < repository->hurt_count; i++) {
        if (!digest_equals(&repository->hurt[i].manifest, &digest))
            continue;
        digest_set_add(&telling->tagged, &digest);
        tell_hurt(repository, tag, &repository->hurt[i]);
    }
    return tree_go_on(repository->run);
}

void tree_tell_hurt(struct tree_repository *repository)
{
    struct layout_path path = layout_tags(repository->name);
    struct telling telling = {.repository = repository};

    tree_list(repository->run, repository->name, path.text, visit_hurt_tag,
              &telling);
    for (size_t i = 0; i < repository->hurt_count; i++)
        if (!digest_set_has(&telling.tagged, &repository->hurt[i].manifest))
            tell_hurt(repository, NULL, &repository->hurt[i]);
    digest_set_cleanup(&telling.tagged);
}
