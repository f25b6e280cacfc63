/* SPDX-License-Identifier: MIT */
/*
 * Tags: names that move from manifest to manifest (distribution-spec
 * "Content discovery", "Deleting tags").
 */
#ifndef BERTH_STORE_TAG_H
#define BERTH_STORE_TAG_H

#include <stdbool.h>

#include "oci/digest.h"
#include "store/store.h"

/* A tag as it was looked at. */
struct tag_info {
    struct digest digest;
    int64_t pushed_ns; /* when it was set last, also to what it named before */
};

/* ERR_MANIFEST_UNKNOWN when there is no such tag. */
int tag_look(const struct store *store, const char *name, const char *tag,
             struct tag_info *out, struct err *err) WARN_UNUSED;

/* What the tag names now. ERR_MANIFEST_UNKNOWN when there is no such tag. */
int tag_resolve(const struct store *store, const char *name, const char *tag,
                struct digest *out, struct err *err) WARN_UNUSED;

/*
 * Whether the tag may name this digest: ERR_DENIED when it is protected and
 * names another, ERR_MISCONFIGURED when nobody knows (protection.h). tag_set
 * asks it again; this is for who has something to do before.
 */
int tag_check(const struct store *store, const char *name, const char *tag,
              const struct digest *digest, struct err *err) WARN_UNUSED;

/*
 * Lets the tag name a manifest the repository has, durably. A reader sees
 * the old or the new digest; a new tag appears complete. Fails as tag_check,
 * and for a protected tag with ERR_MANIFEST_UNKNOWN when the manifest is gone;
 * one that names the digest already stays untouched.
 */
int tag_set(const struct store *store, const char *name, const char *tag,
            const struct digest *digest, struct err *err) WARN_UNUSED;

/*
 * The same, but only while the tag is as it was seen: `seen` is what it named,
 * NULL = there was none. `*is_set` is false, and the tag stays, when somebody
 * else has set or deleted it since.
 */
int tag_set_seen(const struct store *store, const char *name, const char *tag,
                 const struct digest *digest, const struct digest *seen,
                 bool *is_set, struct err *err) WARN_UNUSED;

/*
 * ERR_MANIFEST_UNKNOWN when there is no such tag, ERR_DENIED when it is
 * protected.
 */
int tag_delete(const struct store *store, const char *name, const char *tag,
               struct err *err) WARN_UNUSED;

/*
 * The same, but only while it is as it was looked at: `*is_deleted` is false,
 * and the tag stays, when it was set anew since, also to the same digest.
 */
int tag_delete_seen(const struct store *store, const char *name,
                    const char *tag, const struct tag_info *seen,
                    bool *is_deleted, struct err *err) WARN_UNUSED;

/*
 * Deletes every tag that names `digest`, and none that is moved to another
 * meanwhile; with `absent`, none while that path is there. ERR_DENIED at one
 * that is protected.
 */
int tag_delete_all(const struct store *store, const char *name,
                   const struct digest *digest, const char *absent,
                   struct err *err) WARN_UNUSED;

/* `tag` is borrowed. Returns 0 to go on, 1 to stop, -1 with `err` filled. */
typedef int tag_visit(void *context, const char *tag, struct err *err);

/*
 * Visits the tags in ascending strcmp order, beginning behind `last` (NULL or
 * "" = from the first). ERR_NAME_UNKNOWN when there is no such repository.
 */
int tag_list(const struct store *store, const char *name, const char *last,
             tag_visit *visit, void *context, struct err *err) WARN_UNUSED;

#endif
