/* SPDX-License-Identifier: MIT */
#include "store/protection.h"

#include "oci/digest_set.h"
#include "oci/manifest.h"
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
    protection.tags = found.protect;
    if (protection.tags.count > 0 &&
        lock(&protection, &protection.lock, err) < 0)
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

struct walk {
    const struct protection *protection;
    const struct digest *wanted;
    struct digest_set seen; /* manifests, whatever the tag */
    bool is_found;
};

static void walk_cleanup(struct walk *walk)
{
    digest_set_cleanup(&walk->seen);
}

static int look_below(struct walk *walk, const struct digest *digest, int level,
                      struct err *err);

static int look_at_references(struct walk *walk,
                              const struct manifest *manifest, int level,
                              struct err *err)
{
    for (size_t i = 0;
         !walk->is_found && i < manifest_reference_count(manifest); i++) {
        struct manifest_reference reference;

        manifest_reference_at(manifest, i, &reference);
        if (reference.kind == MANIFEST_SUBJECT)
            continue;
        walk->is_found =
            digest_equals(&reference.descriptor.digest, walk->wanted);
        if (reference.kind == MANIFEST_CHILD && !walk->is_found &&
            look_below(walk, &reference.descriptor.digest, level + 1, err) < 0)
            return -1;
    }
    return 0;
}

/* One that is damaged needs nothing any more. */
static int look_below(struct walk *walk, const struct digest *digest, int level,
                      struct err *err)
{
    const struct protection *protection = walk->protection;
    CLEANUP(buf) struct buf bytes = BUF_INIT(MANIFEST_BYTES_MAX);
    CLEANUP(manifest) struct manifest *manifest = NULL;

    if (level > MANIFEST_LEVELS_MAX || !digest_set_add(&walk->seen, digest))
        return 0;
    if (manifest_get(protection->store, protection->name, digest, &bytes, err) <
        0) {
        if (err->code != ERR_MANIFEST_UNKNOWN && err->code != ERR_TOO_LARGE)
            return -1;
        err_clear(err);
        return 0;
    }
    if (manifest_parse(buf_span(&bytes), SPAN(""), &manifest, err) < 0) {
        err_clear(err);
        return 0;
    }
    return look_at_references(walk, manifest, level, err);
}

static int look_at_tag(void *context, const char *tag, struct err *err)
{
    struct walk *walk = context;
    const struct protection *protection = walk->protection;
    struct digest digest;

    if (rules_tags_match(&protection->tags, tag) == NULL)
        return 0;
    if (tag_resolve(protection->store, protection->name, tag, &digest, err) <
        0) {
        if (err->code != ERR_MANIFEST_UNKNOWN)
            return -1;
        err_clear(err);
        return 0;
    }
    walk->is_found = digest_equals(&digest, walk->wanted);
    if (!walk->is_found && look_below(walk, &digest, 0, err) < 0)
        return -1;
    return walk->is_found ? protection_deny(tag, err) : 0;
}

int protection_check(const struct protection *protection,
                     const struct digest *digest, struct err *err)
{
    CLEANUP(walk) struct walk walk = {protection, digest, {0}, false};

    if (protection->tags.count == 0 ||
        tag_list(protection->store, protection->name, NULL, look_at_tag, &walk,
                 err) == 0)
        return 0;
    if (err->code != ERR_NAME_UNKNOWN)
        return -1;
    err_clear(err);
    return 0;
}
