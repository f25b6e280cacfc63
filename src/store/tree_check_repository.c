/* SPDX-License-Identifier: MIT */
#include "store/tree_check_internal.h"

#include <stdlib.h>

#include "base/memory.h"

/* More than any digest; what is longer was never a link. */
#define LINK_BYTES_MAX (64 * 1024)

void tree_tell(struct tree_repository *repository, enum tree_damage damage,
               enum tree_outcome outcome, const struct digest *digest,
               const struct layout_path *path, const struct err *failure)
{
    tree_report(repository->run,
                &(struct tree_finding){.damage = damage,
                                       .outcome = outcome,
                                       .name = repository->name,
                                       .tag = repository->tag,
                                       .digest = digest,
                                       .path = path->text,
                                       .reason = tree_reason(failure)});
}

/* --- links --- */

void tree_link_look_cleanup(struct tree_link_look *look)
{
    buf_cleanup(&look->bytes);
}

static void look_at_bytes(struct tree_link_look *look,
                          const struct digest *digest)
{
    struct err ignored = {0};

    look->state = TREE_LINK_BROKEN;
    if (look->bytes.len == 0) {
        look->damage = TREE_LINK_EMPTY;
    } else if (digest_parse(buf_span(&look->bytes), &look->named, &ignored) <
               0) {
        look->damage = TREE_LINK_INVALID;
    } else if (digest != NULL && look->named.algorithm == digest->algorithm &&
               !digest_equals(&look->named, digest)) {
        look->damage = TREE_LINK_WRONG;
    } else {
        look->state = TREE_LINK_GOOD;
    }
}

void tree_look_at_link(struct tree_repository *repository,
                       const struct layout_path *path,
                       const struct digest *digest, struct tree_link_look *look)
{
    struct tree_run *run = repository->run;
    struct err failure = {0};

    *look = (struct tree_link_look){.bytes = BUF_INIT(LINK_BYTES_MAX)};
    if (driver_get(run->store->driver, path->text, &look->bytes, &look->stat,
                   &failure) == 0) {
        look_at_bytes(look, digest);
        return;
    }
    look->state = TREE_LINK_CLOSED;
    if (failure.code == ERR_TOO_LARGE &&
        driver_stat(run->store->driver, path->text, &look->stat, &failure) ==
            0) {
        look->state = TREE_LINK_BROKEN;
        look->damage = TREE_LINK_INVALID;
        look->is_long = true;
        return;
    }
    if (failure.code == ERR_NOT_FOUND)
        look->state = tree_is_there(run, path->text) ? TREE_LINK_CLOSED
                                                     : TREE_LINK_ABSENT;
    else
        tree_report_unreadable(run, repository->name, path->text, &failure);
}

/* --- what is hurt --- */

bool tree_is_hurt(const struct tree_repository *repository,
                  const struct digest *manifest)
{
    return digest_set_has(&repository->is_hurt, manifest);
}

/* One reason for each is enough: the findings tell of all. */
void tree_add_hurt(struct tree_repository *repository,
                   const struct digest *manifest, const struct digest *lost)
{
    if (!digest_set_add(&repository->is_hurt, manifest))
        return;
    if (repository->hurt_count == repository->hurt_room) {
        repository->hurt_room =
            repository->hurt_room ? 2 * repository->hurt_room : 16;
        repository->hurt =
            memory_resize(repository->hurt,
                          repository->hurt_room * sizeof(*repository->hurt));
    }
    repository->hurt[repository->hurt_count++] =
        (struct tree_hurting){*manifest, *lost};
}

/* --- its directories --- */

static void mend_directory(struct tree_repository *repository,
                           const struct layout_path *path)
{
    struct err failure = {0};
    enum tree_outcome outcome =
        tree_mend_directory(repository->run, path, &failure);

    tree_tell(repository, TREE_DIRECTORY_MISSING, outcome, NULL, path,
              &failure);
}

static bool is_absent(struct tree_repository *repository,
                      const struct layout_path *path)
{
    struct driver_stat stat;
    struct err failure = {0};

    return driver_stat(repository->run->store->driver, path->text, &stat,
                       &failure) < 0 &&
           failure.code == ERR_NOT_FOUND;
}

static bool has_revisions(struct tree_repository *repository)
{
    for (enum hash_algorithm i = 0; i < HASH_COUNT; i++) {
        struct layout_path path = layout_revisions(repository->name, i);

        if (!is_absent(repository, &path))
            return true;
    }
    return false;
}

/*
 * Blobs alone make a repository without `_manifests`, which is no fault. But
 * where there is one, the collectors want the other, and with manifests the
 * tags. A push makes them in this order.
 */
static bool check_directories(struct tree_repository *repository)
{
    struct layout_path layers = layout_layers(repository->name);
    struct layout_path manifests = layout_manifests(repository->name);
    struct layout_path tags = layout_tags(repository->name);

    if (is_absent(repository, &manifests))
        return !is_absent(repository, &layers);
    if (is_absent(repository, &layers))
        mend_directory(repository, &layers);
    if (is_absent(repository, &tags) && has_revisions(repository))
        mend_directory(repository, &tags);
    return true;
}

/*
 * Without `_manifests` nobody can tell a repository that lost it from one to
 * which no push came to its end. But with a collector at work, the blobs of
 * such pushes do not grow old.
 */
static void check_for_manifests(struct tree_repository *repository)
{
    struct layout_path manifests = layout_manifests(repository->name);
    struct err nothing = {0};

    if (repository->has_old_blob && is_absent(repository, &manifests))
        tree_tell(repository, TREE_NO_MANIFEST, TREE_LEFT, NULL, &manifests,
                  &nothing);
}

static void free_all(struct tree_repository *repository)
{
    digest_set_cleanup(&repository->linked);
    digest_set_cleanup(&repository->told);
    digest_set_cleanup(&repository->needed);
    digest_set_cleanup(&repository->is_hurt);
    free(repository->suspects);
    free(repository->hurt);
}

void tree_check_repository(struct tree_run *run, const char *name)
{
    struct tree_repository repository = {.run = run, .name = name};

    if (check_directories(&repository)) {
        tree_check_layers(&repository);
        check_for_manifests(&repository);
        tree_check_tags(&repository);
        tree_check_manifests(&repository);
        tree_check_suspects(&repository);
        tree_check_stale_referrers(&repository);
    }
    if (repository.hurt_count > 0 && !tree_stopped(run)) {
        tree_spread_hurt(&repository);
        tree_tell_hurt(&repository);
    }
    free_all(&repository);
}
