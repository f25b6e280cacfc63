/* SPDX-License-Identifier: MIT */
#include "store/manifest_store.h"

#include "oci/digest_set.h"
#include "store/layout.h"
#include "store/link.h"
#include "store/protection.h"
#include "store/referrer_entry.h"
#include "store/room.h"
#include "store/tag.h"

/* Of all manifests below one: some seconds of work. */
#define CLOSURE_BYTES_MAX (UINT64_C(256) << 20)

static int unknown(const struct digest *digest, enum err_code code,
                   struct err *err)
{
    char text[DIGEST_TEXT_MAX];

    if (err->code != ERR_NOT_FOUND)
        return -1;
    digest_format(digest, text);
    err_detail(err, "%s", text);
    return err_recode(err, code);
}

int manifest_get(const struct store *store, const char *name,
                 const struct digest *digest, struct buf *bytes,
                 struct err *err)
{
    struct layout_path link = layout_revision_link(name, digest);
    struct digest stored;

    if (link_resolve(store, &link, digest, &stored, err) < 0)
        return unknown(digest, ERR_MANIFEST_UNKNOWN, err);
    return manifest_get_stored(store, &stored, bytes, err);
}

int manifest_get_stored(const struct store *store, const struct digest *digest,
                        struct buf *bytes, struct err *err)
{
    struct layout_path blob = layout_blob(digest);

    if (driver_get(store->driver, blob.text, bytes, NULL, err) < 0)
        return unknown(digest, ERR_MANIFEST_UNKNOWN, err);
    if (bytes->len == 0) {
        err_set(err, ERR_NOT_FOUND, "%s is empty", blob.text);
        return unknown(digest, ERR_MANIFEST_UNKNOWN, err);
    }
    return 0;
}

int manifest_load(const struct store *store, const struct digest *stored,
                  struct buf *bytes, struct manifest **out, struct err *err)
{
    struct layout_path blob = layout_blob(stored);
    struct digest actual;

    buf_clear(bytes);
    if (driver_get(store->driver, blob.text, bytes, NULL, err) < 0)
        return -1;
    digest_of_bytes(stored->algorithm, buf_span(bytes), &actual);
    if (!digest_equals(&actual, stored))
        return err_set(err, ERR_MANIFEST_INVALID, "%s is damaged", blob.text);
    return manifest_parse(buf_span(bytes), SPAN(""), out, err);
}

void manifest_lease(const struct store *store, const char *name,
                    const struct digest *digest)
{
    struct layout_path link = layout_revision_link(name, digest);
    struct err ignored = {0};
    struct digest stored;

    if (link_resolve(store, &link, digest, &stored, &ignored) == 0)
        (void)!link_protect(store, &link, &stored, &ignored);
}

/* What one walk has met, at each level or above it. */
struct met {
    struct digest_set levels[MANIFEST_LEVELS_MAX];
    uint64_t bytes; /* of all manifests read */
};

struct closure {
    const struct store *store;
    const char *name;
    bool sparse;
    struct met *met;
};

static void met_cleanup(struct met *met)
{
    for (int i = 0; i < MANIFEST_LEVELS_MAX; i++)
        digest_set_cleanup(&met->levels[i]);
}

/*
 * False when the walk has been there, at this level or at one from which it
 * went as deep: an index may name one child ten thousand times, and so may
 * the child.
 */
static bool is_new(struct met *met, const struct digest *digest, int level)
{
    if (!digest_set_add(&met->levels[level], digest))
        return false;
    while (++level < MANIFEST_LEVELS_MAX)
        digest_set_add(&met->levels[level], digest);
    return true;
}

static int count_bytes(struct met *met, size_t len, struct err *err)
{
    met->bytes += len;
    if (met->bytes <= CLOSURE_BYTES_MAX)
        return 0;
    err_set(err, ERR_MANIFEST_INVALID, "refers to too much");
    return err_detail(err, "the manifests it refers to are too large together");
}

static int protect_all(const struct closure *closure,
                       const struct manifest *manifest, int level,
                       struct err *err);

/* Renews one link and its bytes. ERR_NOT_FOUND when one is not there. */
static int protect_link(const struct closure *closure,
                        const struct layout_path *link,
                        const struct digest *digest, struct err *err)
{
    struct digest stored;

    if (link_resolve(closure->store, link, digest, &stored, err) < 0)
        return -1;
    return link_protect(closure->store, link, &stored, err);
}

/* What a child manifest refers to; a child that is damaged has nothing. */
static int protect_below(const struct closure *closure,
                         const struct digest *digest, int level,
                         struct err *err)
{
    struct closure below = *closure;
    CLEANUP(buf) struct buf bytes = BUF_INIT(MANIFEST_BYTES_MAX);
    CLEANUP(manifest) struct manifest *child = NULL;

    /* What an accepted child lacks, it was accepted without. */
    below.sparse = true;
    if (level >= MANIFEST_LEVELS_MAX || !is_new(closure->met, digest, level))
        return 0;
    if (manifest_get(closure->store, closure->name, digest, &bytes, err) < 0) {
        if (err->code != ERR_MANIFEST_UNKNOWN && err->code != ERR_TOO_LARGE)
            return -1;
        err_clear(err);
        return 0;
    }
    if (count_bytes(closure->met, bytes.len, err) < 0)
        return -1;
    if (manifest_parse(buf_span(&bytes), SPAN(""), &child, err) < 0) {
        err_clear(err);
        return 0;
    }
    return protect_all(&below, child, level + 1, err);
}

/* A manifest of this repository, or, in old build caches, a blob of it. */
static int protect_child(const struct closure *closure,
                         const struct digest *digest, int level,
                         struct err *err)
{
    struct layout_path link = layout_revision_link(closure->name, digest);

    if (protect_link(closure, &link, digest, err) == 0)
        return protect_below(closure, digest, level, err);
    if (err->code != ERR_NOT_FOUND)
        return -1;
    err_clear(err);
    link = layout_layer_link(closure->name, digest);
    return protect_link(closure, &link, digest, err);
}

static int protect_reference(const struct closure *closure,
                             const struct manifest_reference *reference,
                             int level, struct err *err)
{
    const struct digest *digest = &reference->descriptor.digest;
    struct layout_path link;

    switch (reference->kind) {
    case MANIFEST_SUBJECT:
        return 0;
    case MANIFEST_CHILD:
        return protect_child(closure, digest, level, err);
    case MANIFEST_CONFIG:
    case MANIFEST_LAYER:
        break;
    }
    link = layout_layer_link(closure->name, digest);
    return protect_link(closure, &link, digest, err);
}

static int protect_all(const struct closure *closure,
                       const struct manifest *manifest, int level,
                       struct err *err)
{
    for (size_t i = 0; i < manifest_reference_count(manifest); i++) {
        struct manifest_reference reference;

        manifest_reference_at(manifest, i, &reference);
        if (protect_reference(closure, &reference, level, err) == 0)
            continue;
        if (err->code != ERR_NOT_FOUND ||
            !(closure->sparse || reference.may_be_absent))
            return unknown(&reference.descriptor.digest,
                           ERR_MANIFEST_BLOB_UNKNOWN, err);
        err_clear(err);
    }
    return 0;
}

int manifest_protect_references(const struct store *store, const char *name,
                                const struct manifest *manifest, bool sparse,
                                struct err *err)
{
    CLEANUP(met) struct met met = {0};
    struct closure closure = {store, name, sparse, &met};

    return protect_all(&closure, manifest, 1, err);
}

int manifest_put(const struct store *store, const char *name,
                 const struct digest *digest, const struct manifest *manifest,
                 struct span bytes, struct err *err)
{
    struct layout_path blob = layout_blob(digest);
    struct layout_path link = layout_revision_link(name, digest);
    struct layout_path layers = layout_layers(name);
    struct layout_path tags = layout_tags(name);
    const struct descriptor *subject = manifest_subject(manifest);
    CLEANUP(room) struct room room = {0};

    if (room_take_link(store, name, &link, bytes.len, &room, err) < 0)
        return -1;
    /*
     * First the bytes, so that no empty repository shows if they fail; then
     * what Distribution's collector wants to find, see layout.h.
     */
    if (driver_put(store->driver, blob.text, bytes, DRIVER_DURABLE, err) < 0 ||
        driver_make_directory(store->driver, layers.text, err) < 0 ||
        driver_make_directory(store->driver, tags.text, err) < 0)
        return -1;
    /*
     * Before the link, so that no manifest is ever there without its entry;
     * an entry without its manifest is passed over by readers.
     */
    if (subject != NULL &&
        referrer_entry_write(store, name, &subject->digest, digest, manifest,
                             bytes.len, err) < 0)
        return -1;
    if (link_write(store, &link, digest, err) < 0)
        return -1;
    /* Again, for they may have been cleared away as empty in between. */
    if (driver_make_directory(store->driver, layers.text, err) < 0)
        return -1;
    return driver_make_directory(store->driver, tags.text, err);
}

int manifest_confirm(const struct store *store, const char *name,
                     const struct digest *digest,
                     const struct manifest *manifest, bool sparse,
                     struct err *err)
{
    struct layout_path link = layout_revision_link(name, digest);

    if (link_protect(store, &link, digest, err) < 0)
        return unknown(digest, ERR_MANIFEST_UNKNOWN, err);
    return manifest_protect_references(store, name, manifest, sparse, err);
}

int manifest_check(const struct store *store, const char *name,
                   const struct digest *digest, struct err *err)
{
    struct layout_path link = layout_revision_link(name, digest);
    struct driver_stat stat;

    if (driver_stat(store->driver, link.text, &stat, err) < 0)
        return unknown(digest, ERR_MANIFEST_UNKNOWN, err);
    return 0;
}

int manifest_delete(const struct store *store, const char *name,
                    const struct digest *digest, struct err *err)
{
    struct layout_path link = layout_revision_link(name, digest);
    CLEANUP(protection) struct protection protection = {0};

    if (manifest_check(store, name, digest, err) < 0 ||
        protection_enter_to_delete(store, name, digest, &protection, err) < 0)
        return -1;
    /* Tags first: a crash leaves none that names a manifest that is gone. */
    if (tag_delete_all(store, name, digest, NULL, err) < 0)
        return -1;
    if (driver_remove(store->driver, link.text, DRIVER_DURABLE, err) < 0)
        return unknown(digest, ERR_MANIFEST_UNKNOWN, err);
    /*
     * Again, for a push may have set one in between. It looks for the link
     * after that: either it finds it gone and puts it again, in which case
     * its tags stay, or it is over and its tags go now.
     */
    return tag_delete_all(store, name, digest, link.text, err);
}
