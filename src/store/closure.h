/* SPDX-License-Identifier: MIT */
/*
 * All that an image consists of: its manifest, what that refers to, and so on
 * down through indexes; what has to be copied with it. Subjects are no part of
 * those that refer to them.
 *
 *     CLEANUP(closure) struct closure closure = {...};
 *     while (...)
 *         closure_walk(&closure, &root, err);
 *
 * One walk, over any number of roots, meets each part once.
 */
#ifndef BERTH_STORE_CLOSURE_H
#define BERTH_STORE_CLOSURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "oci/digest_set.h"
#include "oci/manifest.h"
#include "store/store.h"

/* Indexes of indexes: deeper than anybody goes, and than a push protects. */
#define CLOSURE_LEVELS_MAX 16

/* Where the parts are looked for. */
struct closure_source {
    /*
     * Appends the bytes of a manifest. ERR_MANIFEST_UNKNOWN when it is not
     * there as one; `is_declared` is false for the child of an index whose
     * media type does not say that it is a manifest.
     */
    int (*get)(const struct closure_source *source, const struct digest *digest,
               bool is_declared, struct buf *bytes, struct err *err);
    /* The bytes of a blob. ERR_BLOB_UNKNOWN. */
    int (*find)(const struct closure_source *source,
                const struct digest *digest, uint64_t *size, struct err *err);
};

enum closure_kind {
    CLOSURE_BLOB,
    CLOSURE_MANIFEST, /* after all its parts */
    CLOSURE_ABSENT,   /* cannot be read, or is not what its digest says */
};

/* Everything is borrowed for the call. */
struct closure_part {
    enum closure_kind kind;
    struct digest digest;
    uint64_t size; /* unless absent */

    /* Of a manifest. */
    struct span bytes;
    const struct manifest *manifest; /* NULL: of no form known here */

    /* Of what is absent. */
    bool may_be_absent; /* a foreign layer */
    const struct err *why;
};

typedef int closure_visit(void *context, const struct closure_part *part,
                          struct err *err);

struct closure {
    const struct closure_source *source;
    closure_visit *visit;
    void *context;
    struct digest_set manifests, blobs; /* met so far; both begin empty */
};

void closure_cleanup(struct closure *closure);

/* -1 only as `visit` says, or for indexes that go too deep. */
int closure_walk(struct closure *closure, const struct digest *root,
                 struct err *err) WARN_UNUSED;

/*
 * A repository as a source. What is deleted from it while the walk goes on is
 * found all the same as long as no collector has taken the bytes.
 */
struct closure_repository {
    struct closure_source source;
    const struct store *store;
    const char *name;
};

struct closure_repository closure_repository(const struct store *store,
                                             const char *name);

/* Finds a blob as that source does. */
struct blob;
int closure_find_blob(const struct closure_repository *repository,
                      const struct digest *digest, struct blob *out,
                      struct err *err) WARN_UNUSED;

#endif
