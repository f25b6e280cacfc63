/* SPDX-License-Identifier: MIT */
#include "store/repository_remove.h"

#include "base/clock.h"
#include "oci/digest_set.h"
#include "oci/manifest.h"
#include "store/layout.h"
#include "store/link.h"
#include "store/manifest_store.h"
#include "store/protection.h"
#include "store/repository.h"
#include "store/repository_clear.h"
#include "store/tag.h"
#include "store/untagged.h"
#include "store/upload_purge.h"

struct removal {
    const struct store *store;
    const char *name;
    const struct repository_removal *how;
    struct repository_removed *removed;
    int64_t start_ns;            /* what is younger is new */
    struct digest_set manifests; /* that went */
    struct digest_set blobs;     /* that went */
    struct digest_set needed;    /* blobs, of the manifests that stay */
    bool needs_all;              /* one of those cannot be read */
    bool ended;
};

static void removal_cleanup(struct removal *removal)
{
    digest_set_cleanup(&removal->manifests);
    digest_set_cleanup(&removal->blobs);
    digest_set_cleanup(&removal->needed);
}

/* What is put while the clock stands before the start would look old. */
static int go_on(struct removal *removal, struct err *err)
{
    const struct repository_removal *how = removal->how;

    if (clock_now_ns() < removal->start_ns)
        return err_set(err, ERR_EXHAUSTED, "the clock was set back");
    removal->ended |= how->is_ended != NULL && how->is_ended(how->context);
    return removal->ended ? 1 : 0;
}

/* --- tags --- */

static int remove_tag(void *context, const char *tag, struct err *err)
{
    struct removal *removal = context;
    struct repository_removed *removed = removal->removed;
    struct tag_info info;
    bool is_deleted = false;
    int result = go_on(removal, err);

    if (result != 0)
        return result;
    if (tag_look(removal->store, removal->name, tag, &info, err) < 0) {
        /* Gone meanwhile, or broken: see repository_clear.h. */
        if (err->code != ERR_MANIFEST_UNKNOWN)
            return -1;
        err_clear(err);
        return 0;
    }
    if (info.pushed_ns < removal->start_ns &&
        tag_delete_seen(removal->store, removal->name, tag, &info, &is_deleted,
                        err) < 0) {
        if (err->code != ERR_DENIED)
            return -1;
        err_clear(err);
        removed->protected_tags++;
    }
    removed->tags += is_deleted;
    removed->kept_tags += !is_deleted;
    return 0;
}

static int each_tag(struct removal *removal, tag_visit *visit, struct err *err)
{
    if (tag_list(removal->store, removal->name, NULL, visit, removal, err) == 0)
        return 0;
    if (err->code != ERR_NAME_UNKNOWN)
        return -1;
    err_clear(err);
    return 0;
}

/* --- manifests --- */

static int note_manifest(void *context,
                         const struct untagged_manifest *manifest,
                         struct err *err)
{
    struct removal *removal = context;

    if (manifest->verdict == UNTAGGED_GOES)
        digest_set_add(&removal->manifests, manifest->digest);
    return go_on(removal, err);
}

/* Takes a link with its directory, if it is older than the cutoff. */
static int remove_link(const struct removal *removal,
                       const struct layout_path *directory,
                       const struct repository_link *link, int64_t cutoff_ns,
                       bool *is_removed, struct err *err)
{
    CLEANUP(protection) struct protection protection = {0};
    struct driver_condition condition = {.member = LAYOUT_LINK,
                                         .before_ns = cutoff_ns};
    char text[DIGEST_TEXT_MAX];

    *is_removed = false;
    if (link->mtime_ns >= cutoff_ns)
        return 0;
    digest_format(&link->stored, text);
    condition.bytes = span_of(text);
    *is_removed =
        protection_enter_to_delete(removal->store, removal->name, &link->digest,
                                   &protection, err) == 0 &&
        driver_remove_if(removal->store->driver, directory->text, &condition,
                         err) == 0;
    if (*is_removed)
        return 0;
    if (err->code != ERR_DENIED && err->code != ERR_EXISTS &&
        err->code != ERR_NOT_FOUND)
        return -1;
    err_clear(err);
    return 0;
}

static int remove_manifest(void *context, const struct repository_link *link,
                           struct err *err)
{
    struct removal *removal = context;
    struct layout_path directory =
        layout_revision(removal->name, &link->digest);
    int result = go_on(removal, err);
    bool is_removed;

    if (result != 0)
        return result;
    if (remove_link(removal, &directory, link, removal->start_ns, &is_removed,
                    err) < 0)
        return -1;
    if (is_removed)
        digest_set_add(&removal->manifests, &link->digest);
    return 0;
}

static int stop_at_tag(void *context, const char *tag UNUSED,
                       struct err *err UNUSED)
{
    *(bool *)context = true;
    return 1;
}

static int has_tags(const struct removal *removal, bool *out, struct err *err)
{
    *out = false;
    if (tag_list(removal->store, removal->name, NULL, stop_at_tag, out, err) ==
        0)
        return 0;
    if (err->code != ERR_NAME_UNKNOWN)
        return -1;
    err_clear(err);
    return 0;
}

/*
 * Where one manifest cannot be read, nobody knows which others it needs. With
 * no tag left it goes like the rest, and its parts with it.
 */
static int remove_manifests(struct removal *removal, struct err *err)
{
    const struct untagged how = {.cutoff_ns = removal->start_ns,
                                 .visit = note_manifest,
                                 .context = removal};
    struct untagged_removed counts = {0};
    struct err failure = {0};
    bool tagged;

    if (removal->ended || untagged_remove(removal->store, removal->name, &how,
                                          &counts, &failure) == 0)
        return 0;
    if (failure.code != ERR_MISCONFIGURED) {
        if (has_tags(removal, &tagged, err) < 0)
            return -1;
        if (!tagged)
            return repository_walk(removal->store, removal->name,
                                   REPOSITORY_MANIFESTS, remove_manifest,
                                   removal, err);
    }
    *err = failure;
    return -1;
}

/* --- what those need that stay --- */

/* Puts back a manifest that went though a tag names it that came later. */
static int need_tagged(void *context, const char *tag, struct err *err)
{
    struct removal *removal = context;
    struct digest digest;
    struct layout_path link;

    if (tag_resolve(removal->store, removal->name, tag, &digest, err) < 0) {
        if (err->code != ERR_MANIFEST_UNKNOWN)
            return -1;
        err_clear(err);
        return 0;
    }
    if (!digest_set_has(&removal->manifests, &digest))
        return 0;
    link = layout_revision_link(removal->name, &digest);
    return link_write(removal->store, &link, &digest, err);
}

/* Puts back what went though something that is newer needs it. */
static int need(struct removal *removal,
                const struct manifest_reference *reference, struct err *err)
{
    const struct digest *digest = &reference->descriptor.digest;
    struct layout_path link;

    if (reference->kind == MANIFEST_SUBJECT)
        return 0;
    digest_set_add(&removal->needed, digest);
    if (digest_set_has(&removal->blobs, digest)) {
        link = layout_layer_link(removal->name, digest);
        return link_write(removal->store, &link, digest, err);
    }
    if (digest_set_has(&removal->manifests, digest)) {
        link = layout_revision_link(removal->name, digest);
        return link_write(removal->store, &link, digest, err);
    }
    return 0;
}

static int need_parts(void *context, const struct repository_link *link,
                      struct err *err)
{
    struct removal *removal = context;
    CLEANUP(buf) struct buf bytes = BUF_INIT(MANIFEST_BYTES_MAX);
    CLEANUP(manifest) struct manifest *manifest = NULL;

    if (manifest_get(removal->store, removal->name, &link->digest, &bytes,
                     err) < 0 ||
        manifest_parse(buf_span(&bytes), SPAN(""), &manifest, err) < 0) {
        if (err->code != ERR_MANIFEST_UNKNOWN && err->code != ERR_TOO_LARGE &&
            err->code != ERR_MANIFEST_INVALID)
            return -1;
        err_clear(err);
        removal->needs_all = true;
        return 0;
    }
    for (size_t i = 0; i < manifest_reference_count(manifest); i++) {
        struct manifest_reference reference;

        manifest_reference_at(manifest, i, &reference);
        if (need(removal, &reference, err) < 0)
            return -1;
    }
    return 0;
}

/* Twice, as a part that is put back has parts, too. */
static int look_again(struct removal *removal, struct err *err)
{
    if (each_tag(removal, need_tagged, err) < 0)
        return -1;
    for (int i = 0; i < 2; i++)
        if (repository_walk(removal->store, removal->name, REPOSITORY_MANIFESTS,
                            need_parts, removal, err) < 0)
            return -1;
    return 0;
}

/* --- blobs --- */

static int64_t blob_cutoff(const struct removal *removal)
{
    return removal->how->now
               ? removal->start_ns
               : untagged_cutoff(removal->start_ns, 0, removal->how->grace);
}

static int remove_blob(void *context, const struct repository_link *link,
                       struct err *err)
{
    struct removal *removal = context;
    struct layout_path directory = layout_layer(removal->name, &link->digest);
    int result = go_on(removal, err);
    bool is_removed = false;

    if (result != 0)
        return result;
    if (!removal->needs_all &&
        !digest_set_has(&removal->needed, &link->digest) &&
        remove_link(removal, &directory, link, blob_cutoff(removal),
                    &is_removed, err) < 0)
        return -1;
    if (is_removed)
        digest_set_add(&removal->blobs, &link->digest);
    return 0;
}

static int remove_blobs(struct removal *removal, struct err *err)
{
    if (removal->ended)
        return 0;
    if (repository_walk(removal->store, removal->name, REPOSITORY_BLOBS,
                        remove_blob, removal, err) < 0)
        return -1;
    return removal->blobs.count > 0 ? look_again(removal, err) : 0;
}

/* --- uploads, and the end --- */

static int remove_uploads(struct removal *removal, struct err *err)
{
    uint64_t age = removal->how->now ? 0 : removal->how->upload_age;
    struct upload_purge how = {.cutoff_ns = removal->start_ns -
                                            (int64_t)age * CLOCK_NS_PER_SECOND};
    struct upload_purged purged = {0};
    int result;

    if (removal->ended || (age == 0 && !removal->how->now))
        return 0;
    result = upload_purge(removal->store, removal->name, &how, &purged, err);
    removal->removed->uploads += purged.count;
    return result;
}

static int count_link(void *context, const struct repository_link *link UNUSED,
                      struct err *err UNUSED)
{
    (*(uint64_t *)context)++;
    return 0;
}

static int count_what_stays(struct removal *removal, struct err *err)
{
    struct repository_removed *removed = removal->removed;

    removed->manifests += removal->manifests.count;
    removed->blobs += removal->blobs.count;
    return repository_walk(removal->store, removal->name, REPOSITORY_MANIFESTS,
                           count_link, &removed->kept_manifests, err) < 0 ||
                   repository_walk(removal->store, removal->name,
                                   REPOSITORY_BLOBS, count_link,
                                   &removed->kept_blobs, err) < 0
               ? -1
               : 0;
}

int repository_remove(const struct store *store, const char *name,
                      const struct repository_removal *how,
                      struct repository_removed *removed, struct err *err)
{
    CLEANUP(removal)
    struct removal removal = {.store = store,
                              .name = name,
                              .how = how,
                              .removed = removed,
                              .start_ns = clock_now_ns()};
    bool exists;

    if (each_tag(&removal, remove_tag, err) < 0 ||
        remove_manifests(&removal, err) < 0 || look_again(&removal, err) < 0 ||
        remove_blobs(&removal, err) < 0 || remove_uploads(&removal, err) < 0 ||
        count_what_stays(&removal, err) < 0)
        return -1;
    if (!removal.ended &&
        repository_clear(store, name, removal.start_ns, err) < 0)
        return -1;
    if (repository_exists(store, name, &exists, err) < 0)
        return -1;
    removed->is_gone = !exists;
    return 0;
}
