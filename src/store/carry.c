/* SPDX-License-Identifier: MIT */
#include "store/carry.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "store/carry_internal.h"
#include "store/intake.h"
#include "store/layout.h"
#include "store/link.h"
#include "store/manifest_store.h"
#include "store/room.h"
#include "store/tag.h"

static void carried_cleanup(struct carried *carried)
{
    closure_cleanup(&carried->closure);
    digest_set_cleanup(&carried->arrived);
    free(carried->tags);
}

int carry_check(struct carry *carry, struct err *err)
{
    if (carry->should_stop != NULL &&
        carry->should_stop(carry->context, &carry->counts))
        return err_set(err, ERR_BUSY, "stopped");
    return 0;
}

int carried_give_up(struct carried *carried, struct err *err)
{
    struct carry *carry = carried->carry;

    if (err->code == ERR_NO_SPACE || err->code == ERR_READ_ONLY ||
        err->code == ERR_EXHAUSTED || err->code == ERR_BUSY)
        return -1;
    carry->counts.problems++;
    carry->complain(carry->context, carried->name, err->text);
    err_clear(err);
    return 0;
}

/* --- manifests --- */

static bool has_manifest(struct carried *carried,
                         const struct closure_part *part)
{
    struct carry *carry = carried->carry;
    CLEANUP(buf) struct buf bytes = BUF_INIT(MANIFEST_BYTES_MAX);
    struct err ignored = {0};

    if (manifest_get(carry->to, carried->name, &part->digest, &bytes,
                     &ignored) < 0 ||
        !span_equals(buf_span(&bytes), part->bytes))
        return false;
    if (carry->is_live)
        manifest_lease(carry->to, carried->name, &part->digest);
    return true;
}

/* One of a form that no push admits, such as schema 1: kept as it is. */
static int put_unknown(struct carried *carried, const struct closure_part *part,
                       struct err *err)
{
    struct driver *driver = carried->carry->to->driver;
    struct layout_path blob = layout_blob(&part->digest);
    struct layout_path link =
        layout_revision_link(carried->name, &part->digest);
    struct layout_path layers = layout_layers(carried->name);
    struct layout_path tags = layout_tags(carried->name);
    CLEANUP(room) struct room room = {0};

    if (carried->carry->manner == CARRY_AS_PUSH) {
        char text[DIGEST_TEXT_MAX];

        digest_format(&part->digest, text);
        return err_set(err, ERR_MANIFEST_INVALID,
                       "%s is no manifest that could be pushed", text);
    }
    if (room_take_link(carried->carry->to, carried->name, &link,
                       part->bytes.len, &room, err) < 0 ||
        driver_put(driver, blob.text, part->bytes, DRIVER_DURABLE, err) < 0 ||
        driver_make_directory(driver, layers.text, err) < 0 ||
        driver_make_directory(driver, tags.text, err) < 0)
        return -1;
    return link_write(carried->carry->to, &link, &part->digest, err);
}

static int set_lacking(const struct digest *digest, struct err *err)
{
    char text[DIGEST_TEXT_MAX];
    struct err why = *err;

    digest_format(digest, text);
    return err_set(err, why.code, "%s lacks %s", text, why.detail);
}

/*
 * With what is missing. In a tree that is in use a collector may have taken
 * what was carried long before the manifest that refers to it; that is told.
 */
static int put_as_it_is(struct carried *carried,
                        const struct closure_part *part, struct err *err)
{
    struct carry *carry = carried->carry;

    if (manifest_put(carry->to, carried->name, &part->digest, part->manifest,
                     part->bytes, err) < 0)
        return -1;
    if (!carry->is_live ||
        manifest_confirm(carry->to, carried->name, &part->digest,
                         part->manifest, carry->sparse, err) == 0)
        return 0;
    if (err->code != ERR_MANIFEST_BLOB_UNKNOWN)
        return -1;
    (void)set_lacking(&part->digest, err);
    return carried_give_up(carried, err);
}

static int put_manifest(struct carried *carried,
                        const struct closure_part *part, struct err *err)
{
    struct carry *carry = carried->carry;
    char text[DIGEST_TEXT_MAX];

    if (part->manifest == NULL)
        return put_unknown(carried, part, err);
    if (carry->manner == CARRY_AS_IS)
        return put_as_it_is(carried, part, err);
    if (intake_manifest(carry->to, carried->name, &part->digest, part->manifest,
                        part->bytes, carry->sparse, err) == 0)
        return 0;
    if (err->code == ERR_MANIFEST_BLOB_UNKNOWN) {
        (void)set_lacking(&part->digest, err);
        return err_wrap(err, "left out");
    }
    digest_format(&part->digest, text);
    return err_wrap(err, "%s", text);
}

static int carry_manifest(struct carried *carried,
                          const struct closure_part *part, struct err *err)
{
    struct carry *carry = carried->carry;

    if (has_manifest(carried, part)) {
        carry->counts.kept++;
    } else {
        if (put_manifest(carried, part, err) < 0)
            return -1;
        carry->counts.manifests++;
        carry->counts.bytes += part->size;
    }
    digest_set_add(&carried->arrived, &part->digest);
    return 0;
}

static int tell_absent(const struct closure_part *part, struct err *err)
{
    char text[DIGEST_TEXT_MAX];

    if (part->may_be_absent)
        return 0;
    digest_format(&part->digest, text);
    if (part->why->code == ERR_BLOB_UNKNOWN ||
        part->why->code == ERR_MANIFEST_UNKNOWN)
        return err_set(err, part->why->code, "%s is missing", text);
    *err = *part->why;
    return -1;
}

static int carry_part(void *context, const struct closure_part *part,
                      struct err *err)
{
    struct carried *carried = context;
    int result = 0;

    switch (part->kind) {
    case CLOSURE_BLOB:
        result = carried_blob(carried, &part->digest, err);
        break;
    case CLOSURE_MANIFEST:
        result = carry_manifest(carried, part, err);
        break;
    case CLOSURE_ABSENT:
        result = tell_absent(part, err);
        break;
    }
    return result < 0 ? carried_give_up(carried, err) : 0;
}

int carried_root(struct carried *carried, const struct digest *digest,
                 struct err *err)
{
    if (closure_walk(&carried->closure, digest, err) == 0)
        return 0;
    return err->code == ERR_MANIFEST_INVALID ? carried_give_up(carried, err)
                                             : -1;
}

/* --- revisions and layers --- */

int carried_has_link(const struct store *store, const struct layout_path *path,
                     bool *is_there, struct err *err)
{
    struct driver_stat stat;

    return driver_stat_if_there(store->driver, path->text, &stat, is_there,
                                err);
}

static int carry_revision(void *context, const struct digest *digest,
                          struct err *err)
{
    struct carried *carried = context;
    struct layout_path link = layout_revision_link(carried->name, digest);
    bool is_there;

    if (carried_has_link(carried->carry->from, &link, &is_there, err) < 0)
        return carried_give_up(carried, err);
    return is_there ? carried_root(carried, digest, err) : 0;
}

/* What no manifest has brought along: such as a push that goes on. */
static int carry_layer(void *context, const struct digest *digest,
                       struct err *err)
{
    struct carried *carried = context;
    struct layout_path link = layout_layer_link(carried->name, digest);
    bool is_there;

    if (carried_has_link(carried->carry->from, &link, &is_there, err) < 0)
        return carried_give_up(carried, err);
    if (!is_there || !digest_set_add(&carried->closure.blobs, digest) ||
        carried_blob(carried, digest, err) == 0)
        return 0;
    return carried_give_up(carried, err);
}

/* --- all of it --- */

static int carry_content(struct carried *carried, struct err *err)
{
    const struct store *from = carried->carry->from;

    if (carried_tags(carried, err) < 0 ||
        digest_list_links(from, layout_revisions, carried->name, carry_revision,
                          carried, err) < 0 ||
        carried_histories(carried, err) < 0)
        return -1;
    if (carried->carry->manner == CARRY_AS_PUSH)
        return 0;
    return digest_list_links(from, layout_layers_of, carried->name, carry_layer,
                             carried, err);
}

int carry_repository(struct carry *carry, const char *name, struct err *err)
{
    CLEANUP(carried)
    struct carried carried = {
        .carry = carry,
        .name = name,
        .source = closure_repository(carry->from, name),
    };
    int result;

    carried.closure.source = &carried.source.source;
    carried.closure.visit = carry_part;
    carried.closure.context = &carried;
    result = carry_content(&carried, err);
    if (result < 0)
        return -1;
    carry->counts.repositories++;
    return carry->mirror ? carry_remove_rest(&carried, err) : 0;
}

/* --- conflicts --- */

struct comparison {
    const struct store *from, *to;
    const char *name;
    carry_conflict *visit;
    void *context;
};

static int compare_tag(void *context, const char *tag, struct err *err)
{
    const struct comparison *comparison = context;
    struct err ignored = {0};
    struct digest from, to;

    if (tag_resolve(comparison->from, comparison->name, tag, &from, &ignored) <
            0 ||
        tag_resolve(comparison->to, comparison->name, tag, &to, &ignored) < 0 ||
        digest_equals(&from, &to))
        return 0;
    return comparison->visit(comparison->context, comparison->name, tag, &from,
                             &to, err);
}

int carry_find_conflicts(const struct store *from, const struct store *to,
                         const char *name, carry_conflict *visit, void *context,
                         struct err *err)
{
    struct comparison comparison = {from, to, name, visit, context};

    if (tag_list(from, name, NULL, compare_tag, &comparison, err) == 0)
        return 0;
    if (err->code != ERR_NAME_UNKNOWN)
        return -1;
    err_clear(err);
    return 0;
}
