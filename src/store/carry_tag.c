/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "store/carry_internal.h"
#include "store/intake.h"
#include "store/layout.h"
#include "store/link.h"
#include "store/tag.h"

static int add_tag(void *context, const char *name, struct err *err)
{
    struct carried *carried = context;
    struct carry_tag *tag;
    struct digest digest;

    if (tag_resolve(carried->carry->from, carried->name, name, &digest, err) <
        0) {
        if (err->code != ERR_MANIFEST_UNKNOWN)
            return carried_give_up(carried, err);
        /* Deleted since it was listed, or empty: then it never was. */
        err_clear(err);
        return 0;
    }
    if (carried->tag_count == carried->tag_room) {
        carried->tag_room = carried->tag_room ? 2 * carried->tag_room : 64;
        carried->tags =
            memory_resize(carried->tags, carried->tag_room * sizeof(*tag));
    }
    tag = &carried->tags[carried->tag_count++];
    snprintf(tag->name, sizeof(tag->name), "%s", name);
    tag->digest = digest;
    return 0;
}

struct history {
    struct carried *carried;
    const char *tag;
};

static int carry_history_entry(void *context, const struct digest *digest,
                               struct err *err)
{
    struct history *history = context;
    struct carried *carried = history->carried;
    struct layout_path link =
        layout_tag_index_link(carried->name, history->tag, digest);
    bool is_there;

    if (!digest_set_has(&carried->arrived, digest))
        return 0;
    if (carried_has_link(carried->carry->to, &link, &is_there, err) < 0)
        return -1;
    return is_there ? 0 : link_write(carried->carry->to, &link, digest, err);
}

/* What the tag ever named and is still there. */
static int carry_history(struct carried *carried, const char *tag,
                         struct err *err)
{
    struct history history = {carried, tag};

    for (int i = 0; i < HASH_COUNT; i++) {
        enum hash_algorithm algorithm = (enum hash_algorithm)i;
        struct layout_path path =
            layout_tag_index_of(carried->name, tag, algorithm);

        if (digest_list(carried->carry->from, &path, algorithm,
                        carry_history_entry, &history, err) < 0)
            return -1;
    }
    return 0;
}

/* Whether it is to be set, now that it names `there`. */
static int decide(struct carried *carried, const struct carry_tag *tag,
                  const struct digest *there, bool *is_wanted, struct err *err)
{
    const struct carry *carry = carried->carry;
    enum carry_verdict verdict = CARRY_MOVE;

    if (digest_equals(there, &tag->digest))
        verdict = CARRY_KEEP;
    else if (carry->may_move != NULL)
        verdict =
            carry->may_move(carry->context, carried->name, tag->name, there);
    *is_wanted = verdict == CARRY_MOVE;
    if (verdict != CARRY_REFUSE)
        return 0;
    return err_set(err, ERR_EXISTS,
                   "tag %s: somebody has set it meanwhile, so it stays",
                   tag->name);
}

/* How often a tag may be set by others while it is about to be set. */
#define SET_TRIES 8

static int set_tag(struct carried *carried, const struct carry_tag *tag,
                   struct err *err)
{
    struct carry *carry = carried->carry;

    for (int i = 0; i < SET_TRIES; i++) {
        struct err ignored = {0};
        struct digest there;
        bool was_there = tag_resolve(carry->to, carried->name, tag->name,
                                     &there, &ignored) == 0;
        bool is_set = true;

        if (was_there && decide(carried, tag, &there, &is_set, err) < 0)
            return -1;
        if (!is_set) {
            carry->counts.kept++;
            return 0;
        }
        if ((carry->may_move == NULL
                 ? intake_tag(carry->to, carried->name, tag->name, &tag->digest,
                              err)
                 : intake_tag_seen(carry->to, carried->name, tag->name,
                                   &tag->digest, was_there ? &there : NULL,
                                   &is_set, err)) < 0)
            return -1;
        if (is_set) {
            carry->counts.tags++;
            return 0;
        }
    }
    return err_set(err, ERR_EXISTS, "tag %s: it is set again and again",
                   tag->name);
}

static int carry_tag(struct carried *carried, const struct carry_tag *tag,
                     struct err *err)
{
    struct carry *carry = carried->carry;

    if (carry_check(carry, err) < 0 || carried_root(carried, &tag->digest, err))
        return -1;
    if (!digest_set_has(&carried->arrived, &tag->digest)) {
        err_set(err, ERR_MANIFEST_UNKNOWN, "tag %s: its manifest is missing",
                tag->name);
        return carried_give_up(carried, err);
    }
    return set_tag(carried, tag, err) < 0 ? carried_give_up(carried, err) : 0;
}

int carried_tags(struct carried *carried, struct err *err)
{
    if (tag_list(carried->carry->from, carried->name, NULL, add_tag, carried,
                 err) < 0) {
        if (err->code != ERR_NAME_UNKNOWN)
            return -1;
        err_clear(err);
    }
    for (size_t i = 0; i < carried->tag_count; i++)
        if (carry_tag(carried, &carried->tags[i], err) < 0)
            return -1;
    return 0;
}

int carried_histories(struct carried *carried, struct err *err)
{
    for (size_t i = 0; i < carried->tag_count; i++) {
        const struct carry_tag *tag = &carried->tags[i];

        if (digest_set_has(&carried->arrived, &tag->digest) &&
            carry_history(carried, tag->name, err) < 0 &&
            carried_give_up(carried, err) < 0)
            return -1;
    }
    return 0;
}
