/* SPDX-License-Identifier: MIT */
/*
 * What the files of carry.h share. Nobody else includes this.
 *
 *     carry.c          tags and manifests, there
 *     carry_blob.c     blobs, there
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

/* ERR_BUSY when it is to stop. */
int carry_check(struct carry *carry, struct err *err) WARN_UNUSED;

/* Carries a blob that `from` has, if `to` does not have it. */
int carried_blob(struct carried *carried, const struct digest *digest,
                 struct err *err) WARN_UNUSED;

#endif
