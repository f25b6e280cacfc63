/* SPDX-License-Identifier: MIT */
/*
 * The links to blobs. Whether a broken one matters is known when the
 * manifests have been read; until then it is a suspect.
 */
#include "store/tree_check_internal.h"

#include "base/memory.h"

static void add_suspect(struct tree_repository *repository,
                        const struct digest *digest)
{
    if (repository->suspect_count == repository->suspect_room) {
        repository->suspect_room =
            repository->suspect_room ? 2 * repository->suspect_room : 16;
        repository->suspects = memory_resize(repository->suspects,
                                             repository->suspect_room *
                                                 sizeof(*repository->suspects));
    }
    repository->suspects[repository->suspect_count++] = *digest;
}

static void look_at(struct tree_repository *repository,
                    const struct digest *digest)
{
    struct layout_path path = layout_layer_link(repository->name, digest);
    CLEANUP(tree_link_look) struct tree_link_look look;

    tree_look_at_link(repository, &path, digest, &look);
    if (look.state == TREE_LINK_BROKEN)
        add_suspect(repository, digest);
    if (look.state != TREE_LINK_GOOD)
        return;
    repository->has_old_blob |=
        look.stat.mtime_ns < repository->run->how->promised_ns;
    if (repository->run->is_partial && repository->run->how->data)
        tree_check_blob_bytes(repository->run, &look.named);
    if (tree_look_at_blob(repository->run, &look.named, TREE_SIZE_UNKNOWN) ==
        TREE_BYTES_GONE)
        add_suspect(repository, digest);
}

static int visit(void *context, const char *hex, bool is_directory,
                 struct err *err)
{
    struct tree_repository *repository = context;
    struct digest digest;

    (void)err;
    if (is_directory && tree_digest_of(repository->algorithm, hex, &digest))
        look_at(repository, &digest);
    return tree_go_on(repository->run);
}

void tree_check_layers(struct tree_repository *repository)
{
    for (enum hash_algorithm i = 0; i < HASH_COUNT; i++) {
        struct layout_path path = layout_layers_of(repository->name, i);

        repository->algorithm = i;
        tree_list(repository->run, repository->name, path.text, visit,
                  repository);
    }
}

/*
 * A push that writes the link, or the bytes it leads to, gives it a new time;
 * so what is taken away by its age is what nobody relies on.
 */
static void check_suspect(struct tree_repository *repository,
                          const struct digest *digest)
{
    struct layout_path path = layout_layer_link(repository->name, digest);
    CLEANUP(tree_link_look) struct tree_link_look look;
    enum tree_damage damage;
    struct err failure = {0};

    tree_look_at_link(repository, &path, digest, &look);
    if (look.state != TREE_LINK_BROKEN && look.state != TREE_LINK_GOOD)
        return;
    damage = look.damage;
    if (look.state == TREE_LINK_GOOD) {
        if (repository->has_unread ||
            digest_set_has(&repository->needed, digest) ||
            tree_look_at_blob(repository->run, &look.named,
                              TREE_SIZE_UNKNOWN) != TREE_BYTES_GONE)
            return;
        damage = TREE_LINK_DANGLING;
    }
    tree_tell(repository, damage,
              tree_take_away(repository->run, path.text, &failure), digest,
              &path, &failure);
}

void tree_check_suspects(struct tree_repository *repository)
{
    for (size_t i = 0;
         i < repository->suspect_count && !tree_stopped(repository->run); i++) {
        /* One that is broken and needed was told with the manifest. */
        if (!digest_set_has(&repository->told, &repository->suspects[i]) ||
            digest_set_has(&repository->needed, &repository->suspects[i]))
            check_suspect(repository, &repository->suspects[i]);
    }
}
