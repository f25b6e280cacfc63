/* SPDX-License-Identifier: MIT */
/*
 * What the files of carry.h share. Nobody else includes this.
 *
 *     carry.c          manifests, there
 *     carry_blob.c     blobs, there
 *     carry_tag.c      tags and their history, there
 *     carry_mirror.c   and away again
 */
#ifndef BERTH_STORE_CARRY_INTERNAL_H
#define BERTH_STORE_CARRY_INTERNAL_H

#include "oci/name.h"
#include "store/carry.h"
#include "store/closure.h"
#include "store/digest_list.h"

struct carry_tag {
    char name[TAG_MAX_LENGTH + 1];
    struct digest digest;
};

/* One repository on its way. */
struct carried {
    struct carry *carry;
    const char *name;
    struct closure_repository source;
    struct closure closure;    /* its sets are what `from` has or refers to */
    struct digest_set arrived; /* manifests that are in `to` */
    struct carry_tag *tags;
    size_t tag_count, tag_room;
};

/* Takes away what `to` has beyond that. */
int carry_remove_rest(struct carried *carried, struct err *err) WARN_UNUSED;

/*
 * Tells of what could not be carried: 0 to go on with the rest, -1 where that
 * would fail just the same.
 */
int carried_give_up(struct carried *carried, struct err *err) WARN_UNUSED;

/* Carries a manifest with all it consists of. */
int carried_root(struct carried *carried, const struct digest *digest,
                 struct err *err) WARN_UNUSED;

/* Whether there is a link at all: its directory outlives it. */
int carried_has_link(const struct store *store, const struct layout_path *path,
                     bool *is_there, struct err *err) WARN_UNUSED;

/* Carries the tags, each behind its manifest. */
int carried_tags(struct carried *carried, struct err *err) WARN_UNUSED;

/* After all manifests: the history names those without a tag, too. */
int carried_histories(struct carried *carried, struct err *err) WARN_UNUSED;

/* ERR_BUSY when it is to stop. */
int carry_check(struct carry *carry, struct err *err) WARN_UNUSED;

/* Carries a blob that `from` has, if `to` does not have it. */
int carried_blob(struct carried *carried, const struct digest *digest,
                 struct err *err) WARN_UNUSED;

#endif
