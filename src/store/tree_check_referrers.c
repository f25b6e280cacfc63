/* SPDX-License-Identifier: MIT */
#include "store/tree_check_internal.h"

#include <stdio.h>

#include "store/referrer_entry.h"
#include "store/referrers_index.h"

/* What another program stored is entered by the next query: no fault. */
void tree_check_referrer(struct tree_repository *repository,
                         const struct digest *digest,
                         const struct manifest *manifest, uint64_t size)
{
    const struct store *store = repository->run->store;
    const struct descriptor *subject = manifest_subject(manifest);
    enum tree_outcome outcome = TREE_MENDABLE;
    struct err failure = {0};
    struct layout_path path;

    if (subject == NULL ||
        referrer_entry_is_right(store, repository->name, &subject->digest,
                                digest, manifest, size) ||
        referrers_will_look_at(store, repository->name, digest))
        return;
    path = layout_referrer(repository->name, &subject->digest, digest);
    if (repository->run->how->repair)
        outcome = tree_outcome_of(referrer_entry_mend(store, repository->name,
                                                      &subject->digest, digest,
                                                      manifest, size, &failure),
                                  &failure);
    tree_tell(repository, TREE_REFERRER_MISSING, outcome, digest, &path,
              &failure);
}

/* --- entries without a manifest --- */

struct walk {
    struct tree_repository *repository;
    enum hash_algorithm algorithm;
    struct digest subject;
};

/*
 * A manifest that was deleted finds its entry when it comes back. So an entry
 * is stale only when the bytes are gone, too: a push puts them first.
 */
static int visit_entry(void *context, const char *file, bool is_directory,
                       struct err *err)
{
    const struct walk *walk = context;
    struct tree_repository *repository = walk->repository;
    struct layout_path path, link, blob;
    struct err failure = {0};
    struct digest digest;

    (void)err;
    if (is_directory || !layout_parse_referrer(file, &digest))
        return 0;
    path = layout_referrer(repository->name, &walk->subject, &digest);
    link = layout_revision_link(repository->name, &digest);
    blob = layout_blob(&digest);
    if (!tree_is_there(repository->run, link.text) &&
        !tree_is_there(repository->run, blob.text))
        tree_tell(repository, TREE_REFERRER_STALE,
                  tree_take_away(repository->run, path.text, &failure), &digest,
                  &path, &failure);
    return tree_go_on(repository->run);
}

static int visit_subject(void *context, const char *hex, bool is_directory,
                         struct err *err)
{
    struct walk *walk = context;
    struct tree_repository *repository = walk->repository;
    struct layout_path path;

    (void)err;
    if (!is_directory || !tree_digest_of(walk->algorithm, hex, &walk->subject))
        return 0;
    path = layout_referrers(repository->name, &walk->subject);
    tree_list(repository->run, repository->name, path.text, visit_entry, walk);
    return tree_go_on(repository->run);
}

void tree_check_stale_referrers(struct tree_repository *repository)
{
    struct walk walk = {.repository = repository};

    for (enum hash_algorithm i = 0; i < HASH_COUNT; i++) {
        struct layout_path path = layout_referrers_of(repository->name, i);

        walk.algorithm = i;
        tree_list(repository->run, repository->name, path.text, visit_subject,
                  &walk);
    }
}
