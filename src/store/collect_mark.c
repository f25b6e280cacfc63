/* SPDX-License-Identifier: MIT */
#include "store/collect_internal.h"

#include <stdio.h>

#include "oci/manifest.h"
#include "oci/name.h"
#include "store/catalog.h"
#include "store/link.h"
#include "store/manifest_store.h"

/* As deep as a push looks, see manifest_store.c. */
#define LEVELS_MAX 4

/* What a walk does with the revisions of a repository. */
struct walk {
    struct collection *c;
    const char *name;
    enum hash_algorithm algorithm; /* of the directory at hand */
    bool only_changed;             /* those that came since t0 */
};

void collect_mark(struct collection *c, const struct digest *digest)
{
    uint64_t number = marks_of_digest(digest);

    marks_add(&c->live, number);
    marks_add(&c->here, number);
}

/* What is wrong here keeps all the repository has. */
static void keep_whole(struct walk *walk, const char *where,
                       const struct err *err)
{
    walk->c->is_whole = true;
    if (walk->only_changed)
        walk->c->is_unverified = true;
    collect_complain(walk->c, where, err);
}

/* --- references --- */

/*
 * What is referred to may have been taken away by an earlier run, or since
 * t0: the link first, and its bytes if the repository has them.
 */
static void rescue(struct collection *c, const struct layout_path *link,
                   const struct digest *digest)
{
    struct layout_path blob = layout_blob(digest);
    struct digest stored;
    struct err err = {0};

    collect_rescue(c, link);
    /* Only a sha512 may be stored as something else: mostly no need to ask. */
    if (digest->algorithm == HASH_SHA256 && !collect_is_in_trash(c, &blob))
        return;
    if (link_read(c->store, link, &stored, &err) < 0)
        return;
    blob = layout_blob(&stored);
    collect_rescue(c, &blob);
}

static void mark_references(struct walk *walk, const struct manifest *manifest,
                            int level);

static bool is_there(const struct walk *walk, const struct layout_path *path)
{
    struct driver_stat stat;
    struct err ignored = {0};

    return driver_stat(walk->c->store->driver, path->text, &stat, &ignored) ==
           0;
}

/*
 * A manifest that an index or a tag names, and whose link a damage has taken
 * away: the link can be made again (tree_check.h), as long as its bytes and
 * what they refer to are there.
 */
static void mark_unlinked(struct walk *walk, const struct digest *digest,
                          int level)
{
    CLEANUP(manifest) struct manifest *manifest = NULL;
    struct err ignored = {0};

    if (level < LEVELS_MAX &&
        manifest_load(walk->c->store, digest, &walk->c->bytes, &manifest,
                      &ignored) == 0)
        mark_references(walk, manifest, level + 1);
}

/* Once in a repository: an index may name one child ten thousand times. */
static void mark_child(struct walk *walk, const struct digest *digest,
                       int level)
{
    struct layout_path link = layout_revision_link(walk->name, digest);
    bool is_new = !marks_has(&walk->c->here, marks_of_digest(digest));

    collect_mark(walk->c, digest);
    if (is_new && !is_there(walk, &link))
        mark_unlinked(walk, digest, level);
}

static void mark_reference(struct walk *walk,
                           const struct manifest_reference *reference,
                           int level)
{
    const struct digest *digest = &reference->descriptor.digest;
    struct collection *c = walk->c;
    struct layout_path link;

    if (reference->kind == MANIFEST_SUBJECT)
        return;
    if (reference->kind == MANIFEST_CHILD)
        mark_child(walk, digest, level);
    else
        collect_mark(c, digest);
    if (c->trash.count == 0)
        return;
    link = layout_layer_link(walk->name, digest);
    rescue(c, &link, digest);
}

static void mark_references(struct walk *walk, const struct manifest *manifest,
                            int level)
{
    for (size_t i = 0; i < manifest_reference_count(manifest); i++) {
        struct manifest_reference reference;

        manifest_reference_at(manifest, i, &reference);
        mark_reference(walk, &reference, level);
    }
}

static void mark_manifest(struct walk *walk, const char *where,
                          const struct digest *stored)
{
    CLEANUP(manifest) struct manifest *manifest = NULL;
    struct layout_path blob = layout_blob(stored);
    struct err err = {0};

    collect_rescue(walk->c, &blob);
    if (manifest_load(walk->c->store, stored, &walk->c->bytes, &manifest,
                      &err) < 0) {
        keep_whole(walk, where, &err);
        return;
    }
    mark_references(walk, manifest, 1);
}

/* --- revisions --- */

/*
 * The name of the directory is the digest, whatever the link says; what it
 * says is another name of the same bytes.
 */
static void mark_revision(struct walk *walk, const struct digest *digest,
                          const struct layout_path *link)
{
    struct collection *c = walk->c;
    struct digest stored;
    struct err err = {0}, gone = {0};

    collect_mark(c, digest);
    if (link_resolve(c->store, link, digest, &stored, &err) < 0) {
        /* Somebody deletes it just now. */
        if (manifest_check(c->store, walk->name, digest, &gone) == 0 ||
            gone.code != ERR_MANIFEST_UNKNOWN)
            keep_whole(walk, link->text, &err);
        return;
    }
    collect_mark(walk->c, &stored);
    mark_manifest(walk, link->text, &stored);
}

static int visit_revision(void *context, const char *hex, bool is_directory,
                          struct err *err)
{
    struct walk *walk = context;
    struct layout_path link, directory;
    char text[DIGEST_TEXT_MAX];
    struct driver_stat stat;
    struct digest digest;
    struct err failure = {0};
    bool exists;

    (void)err;
    snprintf(text, sizeof(text), "%s:%s",
             digest_algorithm_name(walk->algorithm), hex);
    if (!is_directory || digest_parse(span_of(text), &digest, &failure) < 0)
        return 0;
    link = layout_revision_link(walk->name, &digest);
    if (walk->c->absent.count > 0 &&
        marks_has(&walk->c->absent, marks_of_text(link.text)))
        return 0;
    if (driver_stat_if_there(walk->c->store->driver, link.text, &stat, &exists,
                             &failure) < 0) {
        collect_mark(walk->c, &digest);
        keep_whole(walk, link.text, &failure);
    } else if (exists && walk->only_changed) {
        if (stat.mtime_ns >= walk->c->t0_ns)
            mark_revision(walk, &digest, &link);
    } else if (exists) {
        walk->c->result->manifests++;
        if (collect_is_fixed(walk->c, &link, &stat))
            walk->c->is_whole = true;
        mark_revision(walk, &digest, &link);
    } else if (!walk->only_changed) {
        directory = layout_revision(walk->name, &digest);
        collect_tidy(walk->c, walk->name, &directory);
    }
    return collect_is_over(walk->c);
}

/* Nobody knows what stands in a directory that cannot be listed. */
static void list_failed(struct walk *walk, const char *where,
                        const struct err *err)
{
    walk->c->result->is_blind = true;
    keep_whole(walk, where, err);
}

/* An algorithm that is not known here keeps manifests from being read. */
static int visit_algorithm(void *context, const char *algorithm,
                           bool is_directory, struct err *err)
{
    struct walk *walk = context;
    struct layout_path path = layout_all_revisions(walk->name);
    enum hash_algorithm known;
    struct err unknown = {0};

    (void)err;
    if (!is_directory || digest_algorithm_parse(span_of(algorithm), &known))
        return 0;
    err_set(&unknown, ERR_DIGEST_UNSUPPORTED, "%s: no such algorithm",
            algorithm);
    keep_whole(walk, path.text, &unknown);
    return 0;
}

static void walk_revisions(struct walk *walk)
{
    struct driver *driver = walk->c->store->driver;
    struct layout_path path = layout_all_revisions(walk->name);
    struct err err = {0};

    if (driver_list_if_there(driver, path.text, NULL, visit_algorithm, walk,
                             &err) < 0)
        list_failed(walk, path.text, &err);
    for (enum hash_algorithm i = 0; i < HASH_COUNT; i++) {
        walk->algorithm = i;
        path = layout_revisions(walk->name, i);
        err_clear(&err);
        if (driver_list_if_there(driver, path.text, NULL, visit_revision, walk,
                                 &err) < 0)
            list_failed(walk, path.text, &err);
    }
}

/* --- tags --- */

/*
 * What a tag names has a link. Where even the directory of that is missing,
 * it was no deletion, which leaves it.
 */
static int visit_tag(void *context, const char *tag, bool is_directory,
                     struct err *err)
{
    struct walk *walk = context;
    struct layout_path current, revision;
    struct err ignored = {0};
    struct digest digest;

    (void)err;
    if (!is_directory || !tag_is_valid(span_of(tag)))
        return 0;
    current = layout_tag_current(walk->name, tag);
    if (link_read(walk->c->store, &current, &digest, &ignored) < 0)
        return 0;
    revision = layout_revision(walk->name, &digest);
    if (!is_there(walk, &revision)) {
        collect_mark(walk->c, &digest);
        mark_unlinked(walk, &digest, 1);
    }
    return collect_is_over(walk->c);
}

static void walk_tags(struct walk *walk)
{
    struct layout_path path = layout_tags(walk->name);
    struct err err = {0};

    if (driver_list_if_there(walk->c->store->driver, path.text, NULL, visit_tag,
                             walk, &err) < 0)
        keep_whole(walk, path.text, &err);
}

void collect_mark_repository(struct collection *c, const char *name)
{
    struct walk walk = {.c = c, .name = name};

    marks_clear(&c->here);
    c->is_whole = c->has_fixed = false;
    walk_revisions(&walk);
    if (!collect_is_over(c))
        walk_tags(&walk);
}

/* --- verify --- */

static int verify_repository(void *context, const char *name, struct err *err)
{
    struct collection *c = context;
    struct walk walk = {.c = c, .name = name, .only_changed = true};

    (void)err;
    walk_revisions(&walk);
    return collect_is_over(c);
}

/* What comes back may refer to more: an index, to its manifests. */
void collect_verify(struct collection *c)
{
    uint64_t before;

    if (c->trash.count == 0)
        return;
    do {
        struct err err = {0};

        before = c->result->restored;
        if (catalog_walk(c->store, verify_repository, c, &err) < 0) {
            c->is_unverified = true;
            collect_complain(c, LAYOUT_REPOSITORIES, &err);
        }
    } while (c->result->restored > before && !collect_is_over(c));
}
