/* SPDX-License-Identifier: MIT */
#include "store/protection.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "oci/digest_set.h"
#include "oci/manifest.h"
#include "oci/name.h"
#include "store/layout.h"
#include "store/manifest_store.h"
#include "store/tag.h"

#define WAIT_FOR_OTHER_MS 5000

/* How often the file of the lock may come or go under our hands. */
#define LOCK_TRIES 8

int protection_check_rules(const struct store *store, struct err *err)
{
    if (store->rules != NULL)
        return 0;
    return err_set(err, ERR_MISCONFIGURED,
                   "the rules are not known, so nothing that may be protected "
                   "is changed");
}

int protection_of(const struct store *store, const char *name, const char *tag,
                  bool *is_protected, struct err *err)
{
    struct rules_found found;

    if (protection_check_rules(store, err) < 0)
        return -1;
    rules_find(store->rules, name, &found);
    *is_protected = rules_tags_match(&found.protect, tag) != NULL;
    return 0;
}

/* With a detail: docker tries again on a refusal without one. */
int protection_deny(const char *tag, struct err *err)
{
    err_set(err, ERR_DENIED, "the tag %s is protected", tag);
    return err_detail(err, "the tag %s is protected: it stays as it is", tag);
}

/* --- one at a time --- */

static int lock(const struct protection *protection, struct writer **out,
                struct err *err)
{
    struct layout_path path = layout_protection(protection->name);
    struct driver *driver = protection->store->driver;

    for (int i = 0; i < LOCK_TRIES; i++) {
        err_clear(err);
        if (driver_open_upload(driver, path.text, DRIVER_UPLOAD_RESUME,
                               WAIT_FOR_OTHER_MS, out, err) == 0)
            return 0;
        if (err->code != ERR_NOT_FOUND)
            return -1;
        err_clear(err);
        if (driver_open_upload(driver, path.text, DRIVER_UPLOAD_CREATE,
                               WAIT_FOR_OTHER_MS, out, err) == 0)
            return 0;
        if (err->code != ERR_EXISTS && err->code != ERR_NOT_FOUND)
            return -1;
    }
    return err_recode(err, ERR_BUSY);
}

int protection_enter(const struct store *store, const char *name,
                     struct protection *out, struct err *err)
{
    struct protection protection = {.store = store, .name = name};
    struct rules_found found;

    if (protection_check_rules(store, err) < 0)
        return -1;
    rules_find(store->rules, name, &found);
    if (found.protect.count > 0 && lock(&protection, &protection.lock, err) < 0)
        return -1;
    *out = protection;
    return 0;
}

void protection_cleanup(struct protection *protection)
{
    struct err ignored = {0};

    if (protection->lock != NULL)
        (void)!writer_suspend(protection->lock, &ignored);
    protection->lock = NULL;
}

/* --- what protected tags lead to --- */

/* A manifest that could not be read, and the tag that led to it. */
struct unread {
    struct digest digest;
    char tag[TAG_MAX_LENGTH + 1];
};

struct walk {
    const struct store *store;
    const char *name;
    const struct rules_tags *tags;
    const struct digest *wanted;
    struct digest_set seen; /* manifests, whatever the tag */
    struct digest *todo;    /* of those seen, to be read yet */
    size_t todo_count;
    struct unread *unread;
    size_t unread_count;
    bool is_found;
};

static void walk_cleanup(struct walk *walk)
{
    digest_set_cleanup(&walk->seen);
    free(walk->todo);
    free(walk->unread);
}

static void add_todo(struct walk *walk, const struct digest *digest)
{
    walk->todo = memory_grow(walk->todo, walk->todo_count, sizeof(*walk->todo));
    walk->todo[walk->todo_count++] = *digest;
}

static void look_at_references(struct walk *walk,
                               const struct manifest *manifest)
{
    for (size_t i = 0;
         !walk->is_found && i < manifest_reference_count(manifest); i++) {
        struct manifest_reference reference;
        const struct digest *digest = &reference.descriptor.digest;

        manifest_reference_at(manifest, i, &reference);
        if (reference.kind == MANIFEST_SUBJECT)
            continue;
        walk->is_found = digest_equals(digest, walk->wanted);
        if (reference.kind == MANIFEST_CHILD &&
            digest_set_add(&walk->seen, digest))
            add_todo(walk, digest);
    }
}

static int load(const struct walk *walk, const struct digest *digest,
                struct manifest **out, struct err *err)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(MANIFEST_BYTES_MAX);

    if (manifest_get(walk->store, walk->name, digest, &bytes, err) < 0)
        return -1;
    return manifest_parse(buf_span(&bytes), SPAN(""), out, err);
}

/* One that is damaged or absent needs nothing, unless it comes back. */
static int read_one(struct walk *walk, const char *tag,
                    const struct digest *digest, struct err *err)
{
    CLEANUP(manifest) struct manifest *manifest = NULL;
    struct unread *unread;

    if (load(walk, digest, &manifest, err) == 0) {
        look_at_references(walk, manifest);
        return 0;
    }
    if (err->code != ERR_MANIFEST_UNKNOWN && err->code != ERR_TOO_LARGE &&
        err->code != ERR_MANIFEST_INVALID)
        return -1;
    err_clear(err);
    walk->unread =
        memory_grow(walk->unread, walk->unread_count, sizeof(*walk->unread));
    unread = &walk->unread[walk->unread_count++];
    unread->digest = *digest;
    snprintf(unread->tag, sizeof(unread->tag), "%s", tag);
    return 0;
}

/* However deep: what a client nests, he nests here and not on our stack. */
static int read_all(struct walk *walk, const char *tag, struct err *err)
{
    while (walk->todo_count > 0 && !walk->is_found) {
        struct digest digest = walk->todo[--walk->todo_count];

        if (read_one(walk, tag, &digest, err) < 0)
            return -1;
    }
    return walk->is_found ? protection_deny(tag, err) : 0;
}

static int look_at_tag(void *context, const char *tag, struct err *err)
{
    struct walk *walk = context;
    struct digest digest;

    if (rules_tags_match(walk->tags, tag) == NULL)
        return 0;
    if (tag_resolve(walk->store, walk->name, tag, &digest, err) < 0) {
        if (err->code != ERR_MANIFEST_UNKNOWN)
            return -1;
        err_clear(err);
        return 0;
    }
    walk->is_found = digest_equals(&digest, walk->wanted);
    if (digest_set_add(&walk->seen, &digest))
        add_todo(walk, &digest);
    return read_all(walk, tag, err);
}

static int look_at_unread(struct walk *walk, struct err *err)
{
    struct unread *unread = walk->unread;
    size_t count = walk->unread_count;
    int result = 0;

    walk->unread = NULL;
    walk->unread_count = 0;
    for (size_t i = 0; i < count && result == 0; i++) {
        add_todo(walk, &unread[i].digest);
        result = read_all(walk, unread[i].tag, err);
    }
    free(unread);
    return result;
}

/*
 * What a manifest refers to never changes. So who looks again reads only those
 * that he could not read, or that tags have led to since.
 */
static int look(struct walk *walk, struct err *err)
{
    if (look_at_unread(walk, err) < 0)
        return -1;
    if (tag_list(walk->store, walk->name, NULL, look_at_tag, walk, err) == 0)
        return 0;
    if (err->code != ERR_NAME_UNKNOWN)
        return -1;
    err_clear(err);
    return 0;
}

int protection_enter_to_delete(const struct store *store, const char *name,
                               const struct digest *digest,
                               struct protection *out, struct err *err)
{
    struct rules_found found;
    CLEANUP(walk)
    struct walk walk = {
        .store = store, .name = name, .tags = &found.protect, .wanted = digest};

    if (protection_check_rules(store, err) < 0)
        return -1;
    rules_find(store->rules, name, &found);
    if (found.protect.count == 0)
        return 0;
    if (look(&walk, err) < 0 || protection_enter(store, name, out, err) < 0)
        return -1;
    return look(&walk, err);
}
