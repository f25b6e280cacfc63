/* SPDX-License-Identifier: MIT */
#include "store/tag.h"

#include "oci/name.h"
#include "store/children.h"
#include "store/layout.h"
#include "store/link.h"
#include "store/manifest_store.h"
#include "store/protection.h"

static int unknown(const char *tag, struct err *err)
{
    if (err->code != ERR_NOT_FOUND)
        return -1;
    err_detail(err, "%s", tag);
    return err_recode(err, ERR_MANIFEST_UNKNOWN);
}

int tag_resolve(const struct store *store, const char *name, const char *tag,
                struct digest *out, struct err *err)
{
    struct layout_path current = layout_tag_current(name, tag);

    if (link_read(store, &current, out, err) < 0)
        return unknown(tag, err);
    return 0;
}

/* The time first: who sets it in between only makes it younger. */
int tag_look(const struct store *store, const char *name, const char *tag,
             struct tag_info *out, struct err *err)
{
    struct layout_path current = layout_tag_current(name, tag);
    struct tag_info info;
    struct driver_stat stat;

    if (driver_stat(store->driver, current.text, &stat, err) < 0 ||
        link_read(store, &current, &info.digest, err) < 0)
        return unknown(tag, err);
    info.pushed_ns = stat.mtime_ns;
    *out = info;
    return 0;
}

/* How often a tag may be deleted while it moves. */
#define MOVE_TRIES 8

/*
 * The tag's directory is there: the index entry first, then the tag moves.
 * Who deletes the tag in between takes the entry along; then it is put again.
 */
static int move(const struct store *store, const char *name, const char *tag,
                const struct digest *digest, struct err *err)
{
    struct layout_path index = layout_tag_index_link(name, tag, digest);
    struct layout_path current = layout_tag_current(name, tag);

    for (int i = 0; i < MOVE_TRIES; i++) {
        struct driver_stat stat;
        bool is_there;

        if (link_write(store, &index, digest, err) < 0 ||
            link_write(store, &current, digest, err) < 0 ||
            driver_stat_if_there(store->driver, index.text, &stat, &is_there,
                                 err) < 0)
            return -1;
        if (is_there)
            return 0;
    }
    return err_set(err, ERR_BUSY, "deleted again and again");
}

/* A new tag, at once with all that is in it. ERR_EXISTS */
static int make(const struct store *store, const char *name, const char *tag,
                const struct digest *digest, struct err *err)
{
    struct layout_path directory = layout_tag(name, tag);
    struct layout_path index = layout_within_tag_index_link(digest);
    char text[DIGEST_TEXT_MAX];

    digest_format(digest, text);
    const struct driver_file files[] = {
        {index.text, span_of(text)},
        {LAYOUT_TAG_CURRENT, span_of(text)},
    };
    return driver_put_directory(store->driver, directory.text, files,
                                ARRAY_SIZE(files), err);
}

static int set(const struct store *store, const char *name, const char *tag,
               const struct digest *digest, struct err *err)
{
    struct layout_path directory = layout_tag(name, tag);
    struct driver_stat stat;

    if (driver_stat(store->driver, directory.text, &stat, err) == 0)
        return move(store, name, tag, digest, err);
    if (err->code != ERR_NOT_FOUND)
        return -1;
    err_clear(err);
    if (make(store, name, tag, digest, err) == 0)
        return 0;
    if (err->code != ERR_EXISTS)
        return -1;
    /* Another request made the tag in between: ours is the later word. */
    err_clear(err);
    return move(store, name, tag, digest, err);
}

/* What a protected tag names, which may be nothing yet. */
static int check_protected(const struct store *store, const char *name,
                           const char *tag, const struct digest *digest,
                           bool *is_there, struct err *err)
{
    struct digest named;

    *is_there = tag_resolve(store, name, tag, &named, err) == 0;
    if (*is_there)
        return digest_equals(&named, digest) ? 0 : protection_deny(tag, err);
    if (err->code != ERR_MANIFEST_UNKNOWN)
        return -1;
    err_clear(err);
    return 0;
}

int tag_check(const struct store *store, const char *name, const char *tag,
              const struct digest *digest, struct err *err)
{
    bool is_protected, is_there;

    if (protection_of(store, name, tag, &is_protected, err) < 0)
        return -1;
    return is_protected
               ? check_protected(store, name, tag, digest, &is_there, err)
               : 0;
}

/* As the only one who does, so of two the second finds what the first made. */
static int set_protected(const struct store *store, const char *name,
                         const char *tag, const struct digest *digest,
                         struct err *err)
{
    CLEANUP(protection) struct protection protection = {0};
    bool is_there;

    if (protection_enter(store, name, &protection, err) < 0 ||
        check_protected(store, name, tag, digest, &is_there, err) < 0)
        return -1;
    if (is_there)
        return 0;
    /* It was stored just now, or nobody has used it for long: see untagged.h */
    manifest_lease(store, name, digest);
    if (manifest_check(store, name, digest, err) < 0)
        return -1;
    return set(store, name, tag, digest, err);
}

int tag_set(const struct store *store, const char *name, const char *tag,
            const struct digest *digest, struct err *err)
{
    bool is_protected;

    if (protection_of(store, name, tag, &is_protected, err) < 0)
        return -1;
    return is_protected ? set_protected(store, name, tag, digest, err)
                        : set(store, name, tag, digest, err);
}

/* What was seen is not there any more, or something else is. */
static int was_overtaken(struct err *err)
{
    if (err->code != ERR_EXISTS && err->code != ERR_NOT_FOUND)
        return -1;
    err_clear(err);
    return 0;
}

/* The tag's directory is there; see `move`. */
static int move_seen(const struct store *store, const char *name,
                     const char *tag, const struct digest *digest,
                     const struct digest *seen, bool *is_set, struct err *err)
{
    struct layout_path directory = layout_tag(name, tag);
    struct layout_path index = layout_tag_index_link(name, tag, digest);
    struct layout_path current = layout_tag_current(name, tag);
    char text[DIGEST_TEXT_MAX], before[DIGEST_TEXT_MAX];
    struct driver_place place = {.within = directory.text};

    digest_format(digest, text);
    if (seen != NULL) {
        digest_format(seen, before);
        place.bytes = span_of(before);
    }
    if (link_write(store, &index, digest, err) < 0)
        return -1;
    if (driver_put_if(store->driver, current.text, span_of(text), &place, err) <
        0)
        return was_overtaken(err);
    *is_set = true;
    /* For one that was deleted and made again just before. */
    return link_write(store, &index, digest, err);
}

static int set_seen(const struct store *store, const char *name,
                    const char *tag, const struct digest *digest,
                    const struct digest *seen, bool *is_set, struct err *err)
{
    struct layout_path directory = layout_tag(name, tag);
    struct driver_stat stat;
    bool is_there;

    if (driver_stat_if_there(store->driver, directory.text, &stat, &is_there,
                             err) < 0)
        return -1;
    if (is_there)
        return move_seen(store, name, tag, digest, seen, is_set, err);
    if (seen != NULL)
        return 0;
    if (make(store, name, tag, digest, err) < 0)
        return was_overtaken(err);
    *is_set = true;
    return 0;
}

int tag_set_seen(const struct store *store, const char *name, const char *tag,
                 const struct digest *digest, const struct digest *seen,
                 bool *is_set, struct err *err)
{
    bool is_protected;

    *is_set = false;
    if (protection_of(store, name, tag, &is_protected, err) < 0)
        return -1;
    if (!is_protected)
        return set_seen(store, name, tag, digest, seen, is_set, err);
    /* Made once or not at all: nobody is overtaken. */
    if (set_protected(store, name, tag, digest, err) < 0)
        return -1;
    *is_set = true;
    return 0;
}

/* Also one that registry:2 left half-made: it may be whole in a moment. */
static int check_deletion(const struct store *store, const char *name,
                          const char *tag, struct err *err)
{
    struct layout_path directory = layout_tag(name, tag);
    struct driver_stat stat;
    bool is_protected;

    if (protection_of(store, name, tag, &is_protected, err) < 0)
        return -1;
    if (!is_protected)
        return 0;
    if (driver_stat(store->driver, directory.text, &stat, err) < 0)
        return unknown(tag, err);
    return protection_deny(tag, err);
}

int tag_delete(const struct store *store, const char *name, const char *tag,
               struct err *err)
{
    struct layout_path directory = layout_tag(name, tag);

    if (check_deletion(store, name, tag, err) < 0)
        return -1;
    if (driver_remove(store->driver, directory.text, DRIVER_DURABLE, err) < 0)
        return unknown(tag, err);
    return 0;
}

/* Under the condition, for a tag that names the digest. */
static int delete_if(const struct store *store, const char *name,
                     const char *tag, const struct digest *digest,
                     struct driver_condition condition, bool *is_deleted,
                     struct err *err)
{
    struct layout_path directory = layout_tag(name, tag);
    char text[DIGEST_TEXT_MAX];

    digest_format(digest, text);
    condition.member = LAYOUT_TAG_CURRENT;
    condition.bytes = span_of(text);
    if (check_deletion(store, name, tag, err) < 0)
        return -1;
    *is_deleted =
        driver_remove_if(store->driver, directory.text, &condition, err) == 0;
    if (*is_deleted)
        return 0;
    /* Moved or put again just now: then it is not ours to delete. */
    if (err->code != ERR_EXISTS && err->code != ERR_NOT_FOUND)
        return -1;
    err_clear(err);
    return 0;
}

int tag_delete_seen(const struct store *store, const char *name,
                    const char *tag, const struct tag_info *seen,
                    bool *is_deleted, struct err *err)
{
    const struct driver_condition condition = {.before_ns =
                                                   seen->pushed_ns + 1};

    if (delete_if(store, name, tag, &seen->digest, condition, is_deleted,
                  err) == 0)
        return 0;
    if (err->code != ERR_MANIFEST_UNKNOWN)
        return -1;
    err_clear(err);
    *is_deleted = false;
    return 0;
}

struct deletion {
    const struct store *store;
    const char *name;
    const struct digest *digest;
    const char *absent;
};

static int delete_if_named(void *context, const char *tag, struct err *err)
{
    struct deletion *deletion = context;
    struct digest digest;
    bool is_deleted;

    if (tag_resolve(deletion->store, deletion->name, tag, &digest, err) < 0) {
        /* A tag that is broken, or was just deleted, names nothing. */
        if (err->code != ERR_MANIFEST_UNKNOWN)
            return -1;
        err_clear(err);
        return 0;
    }
    if (!digest_equals(&digest, deletion->digest))
        return 0;
    return delete_if(deletion->store, deletion->name, tag, &digest,
                     (struct driver_condition){.absent = deletion->absent},
                     &is_deleted, err);
}

int tag_delete_all(const struct store *store, const char *name,
                   const struct digest *digest, const char *absent,
                   struct err *err)
{
    struct deletion deletion = {store, name, digest, absent};

    if (tag_list(store, name, NULL, delete_if_named, &deletion, err) == 0)
        return 0;
    if (err->code != ERR_NAME_UNKNOWN)
        return -1;
    err_clear(err);
    return 0;
}

struct listing {
    const struct store *store;
    const char *name;
    tag_visit *visit;
    void *context;
};

static int visit_if_complete(void *context, const char *tag, struct err *err)
{
    struct listing *listing = context;
    struct layout_path current;
    struct driver_stat stat;

    if (!tag_is_valid(span_of(tag)))
        return 0;
    /* registry:2 leaves a bare directory when it dies between two steps. */
    current = layout_tag_current(listing->name, tag);
    if (driver_stat(listing->store->driver, current.text, &stat, err) < 0) {
        if (err->code != ERR_NOT_FOUND)
            return -1;
        err_clear(err);
        return 0;
    }
    return listing->visit(listing->context, tag, err);
}

int tag_list(const struct store *store, const char *name, const char *last,
             tag_visit *visit, void *context, struct err *err)
{
    struct listing listing = {store, name, visit, context};
    struct layout_path path = layout_tags(name);
    struct layout_path index = layout_tags_index(name);
    const struct children tags = {path.text, index.text, CHILDREN_INDEXED_FROM};
    struct driver_stat stat;

    if (children_list(store->driver, &tags, last, visit_if_complete, &listing,
                      err) == 0)
        return 0;
    if (err->code != ERR_NOT_FOUND)
        return -1;
    /* Manifests without any tag: the repository is there, its list empty. */
    path = layout_manifests(name);
    if (driver_stat(store->driver, path.text, &stat, err) == 0) {
        err_clear(err);
        return 0;
    }
    if (err->code != ERR_NOT_FOUND)
        return -1;
    err_detail(err, "%s", name);
    return err_recode(err, ERR_NAME_UNKNOWN);
}
