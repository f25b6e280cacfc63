/* SPDX-License-Identifier: MIT */
/*
 * Whether a tree is whole: finds what a crash, a bad disk or a hand has done
 * to it, says which images are hurt by that, and mends what can be mended
 * without a loss.
 *
 *     struct tree_check_result result = {0};
 *
 *     tree_check(&store, &options, &visitor, NULL, 0, &result);
 *
 * Requests go on meanwhile. A finding is looked at again before it is told,
 * and a repair acts only on what is still as it was seen, under the locks
 * that requests take (driver.h); what is young is left alone, for somebody
 * may be writing it. What cannot be read is a finding like any other and
 * hides nothing of the rest.
 *
 * Wrong bytes are never deleted: they are moved to `_berth/quarantine`, so
 * that nobody gets them, and the next push puts the right ones. Links to
 * bytes that are gone stay where a manifest needs them: when the bytes come
 * back, by a push to any repository or from a backup, the image is whole.
 *
 * What is absent on purpose is no fault: the directory of a link that was
 * deleted, foreign layers, subjects, and with `sparse` whatever a repository
 * was never given.
 */
#ifndef BERTH_STORE_TREE_CHECK_H
#define BERTH_STORE_TREE_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "oci/digest.h"
#include "store/store.h"

enum tree_damage {
    TREE_BLOB_CORRUPT,      /* bytes that are not those of the digest */
    TREE_BLOB_EMPTY,        /* no bytes, under another digest */
    TREE_BLOB_MISSING,      /* a manifest needs it */
    TREE_BLOB_SIZE,         /* right bytes, but a manifest says another size */
    TREE_CHILD_MISSING,     /* of an index */
    TREE_DIRECTORY_MISSING, /* one that registry:2 looks for */
    TREE_LAYER_UNLINKED,    /* the repository has no link to a blob it needs */
    TREE_LINK_DANGLING,     /* to a blob that is not there, nor needed */
    TREE_LINK_EMPTY,        /* a link without a byte */
    TREE_LINK_INVALID,      /* a link that is no digest */
    TREE_LINK_WRONG,        /* a link that names another blob */
    TREE_MANIFEST_INVALID,  /* right bytes, but no manifest we can read */
    TREE_MANIFEST_MISSING,  /* the bytes of a manifest of the repository */
    TREE_MANIFEST_UNLINKED, /* an index or a tag needs it; bytes are there */
    TREE_NO_MANIFEST,       /* a repository has old blobs, and not even one */
    TREE_ODD_DIRECTORY,     /* where registry:2's collector stops at it */
    TREE_ODD_FILE,          /* the same of a file */
    TREE_QUARANTINED,       /* wrong bytes that were moved aside */
    TREE_REFERRER_MISSING,  /* an entry of the referrers index */
    TREE_REFERRER_STALE,    /* one whose manifest is gone for good */
    TREE_STRAY,             /* what nobody put there, and harms nobody */
    TREE_TAG_BROKEN,        /* it has no current link, or a broken one */
    TREE_TAG_DANGLING,      /* it names a manifest that is not there */
    TREE_TAG_INDEX_BROKEN,  /* an entry of the tag's index */
    TREE_TAG_INDEX_MISSING, /* the entry of what the tag names now */
    TREE_TAG_INDEX_STALE,   /* an entry whose manifest was deleted */
    TREE_TEMPORARY,         /* a file of a killed registry:2 */
    TREE_UNREADABLE,        /* the storage, or a mode, refuses it */
    TREE_UPLOAD_UNSTARTED,  /* it can never be continued */
    TREE_WRONG_TYPE,        /* a directory for a file, or the reverse */
    /* Of the file system, found by src/cli: */
    TREE_NOT_OURS, /* an owner or a mode that forbids the programs */
    TREE_SPECIAL,  /* a symbolic link, a pipe, a device */
    TREE_DAMAGE_LAST = TREE_SPECIAL,
};
#define TREE_DAMAGES (TREE_DAMAGE_LAST + 1)

/* "blob-corrupt", and a sentence without a subject: "its bytes are ...". */
const char *tree_damage_name(enum tree_damage damage);
const char *tree_damage_text(enum tree_damage damage);

/* False for what harms nobody and is only told. */
bool tree_damage_is_harmful(enum tree_damage damage);

enum tree_outcome {
    TREE_LEFT,     /* nothing can be done here, or it is for people to do */
    TREE_MENDABLE, /* `repair` would have mended it */
    TREE_MENDED,
    TREE_YOUNG,  /* too young to be touched, or changed just now */
    TREE_FAILED, /* it was tried: see `reason` */
};

/* Of what does not apply is NULL. All is borrowed for the call. */
struct tree_finding {
    enum tree_damage damage;
    enum tree_outcome outcome;
    const char *name; /* the repository */
    const char *tag;
    const struct digest *digest;
    const char *path;   /* in the tree */
    const char *reason; /* what the storage said, or more of it */
};

/* An image that cannot be pulled whole until something is pushed again. */
struct tree_hurt {
    const char *name;
    const char *tag; /* NULL for a manifest no tag names */
    const struct digest *manifest;
    const struct digest *lost; /* the bytes it lacks; perhaps its own */
};

struct tree_check_visitor {
    void (*finding)(void *context, const struct tree_finding *finding);
    void (*hurt)(void *context, const struct tree_hurt *hurt);
    /* Bytes read by `data`, of as many; may be NULL. */
    void (*progress)(void *context, uint64_t done, uint64_t total);
    /* True ends the check soon, between two steps; may be NULL. */
    bool (*interrupted)(void *context);
    void *context;
};

struct tree_check_options {
    bool repair;
    bool data;         /* read every byte of every blob, each once */
    uint64_t rate;     /* of it in bytes a second; 0 = no limit */
    bool sparse;       /* see settings.h */
    int64_t cutoff_ns; /* a repair touches only what is older */

    /* On what is older no push relies that still goes on; 0 = not known. */
    int64_t promised_ns;
};

struct tree_check_result {
    uint64_t damages; /* harmful findings, mended or not */
    uint64_t notices; /* the others */
    uint64_t mended;  /* of the harmful ones */
    uint64_t hurt;    /* images, as often as they were told */
    uint64_t blobs;   /* whose bytes were read by `data` */
    uint64_t bytes;   /* of those */
};

/*
 * Checks these repositories and what they have, or, with a count of 0, the
 * whole tree.
 */
void tree_check(const struct store *store,
                const struct tree_check_options *options,
                const struct tree_check_visitor *visitor,
                const char *const *names, size_t count,
                struct tree_check_result *result);

#endif
