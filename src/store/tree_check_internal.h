/* SPDX-License-Identifier: MIT */
/*
 * What the files of the check share. Nobody else includes this.
 *
 *     tree_check.c             the order of things; what findings are called
 *     tree_check_places.c      what stands where nothing of the kind belongs
 *     tree_check_blobs.c       bytes: there, empty, right
 *     tree_check_repository.c  one repository: its directories, what is hurt
 *     tree_check_layers.c      its links to blobs
 *     tree_check_manifests.c   its manifests and what they refer to
 *     tree_check_tags.c        its tags and their indexes
 *     tree_check_referrers.c   its referrers index
 *     tree_check_mend.c        the few steps a repair is made of
 *
 * Nothing here returns an error: what fails is a finding.
 */
#ifndef BERTH_STORE_TREE_CHECK_INTERNAL_H
#define BERTH_STORE_TREE_CHECK_INTERNAL_H

#include "base/buf.h"
#include "oci/digest_set.h"
#include "oci/manifest.h"
#include "store/layout.h"
#include "store/tree_check.h"

struct tree_run {
    const struct store *store;
    const struct tree_check_options *how;
    const struct tree_check_visitor *visitor;
    struct tree_check_result *result;
    struct digest_set bad;    /* wrong bytes that are still in place */
    struct digest_set aside;  /* moved to the quarantine in this run */
    struct digest_set hashed; /* when only some repositories are checked */
    bool is_partial;          /* only some repositories */
    uint64_t total_bytes;     /* of all blobs */
    int64_t data_began_ns;    /* monotonic; 0 = not yet */
    bool has_trash;           /* something was retired */
    char trash[32];           /* the name of this run there */
};

bool tree_stopped(const struct tree_run *run);

/* Counts the finding and tells the visitor. */
void tree_report(struct tree_run *run, const struct tree_finding *finding);

/* The same for what the storage refuses. */
void tree_report_unreadable(struct tree_run *run, const char *name,
                            const char *path, const struct err *failure);

/*
 * driver_list that ends when the run is stopped; a directory that is not
 * there has nothing in it, one that cannot be read is a finding. The visitor
 * returns tree_go_on(run).
 */
void tree_list(struct tree_run *run, const char *name, const char *path,
               driver_visit *visit, void *context);
static inline int tree_go_on(const struct tree_run *run)
{
    return tree_stopped(run) ? 1 : 0;
}

/* False when nothing stands there, and also when that cannot be told. */
bool tree_is_there(struct tree_run *run, const char *path);

/* The digest of a directory "<hex>" of this algorithm; false if none. */
bool tree_digest_of(enum hash_algorithm algorithm, const char *hex,
                    struct digest *out);

/* --- tree_check_places.c --- */

void tree_check_blob_places(struct tree_run *run);
/* All repositories, or, with a name, that one. */
void tree_check_repository_places(struct tree_run *run, const char *name);

/* --- tree_check_blobs.c --- */

enum tree_bytes {
    TREE_BYTES_GOOD, /* as far as it was looked */
    TREE_BYTES_GONE, /* nothing is there */
    TREE_BYTES_BAD,  /* wrong or unreadable, which has been told */
};

#define TREE_SIZE_UNKNOWN UINT64_MAX

/*
 * Looks at the bytes of a digest, which a manifest says to have `size`. They
 * are read only when the size is wrong.
 */
enum tree_bytes tree_look_at_blob(struct tree_run *run,
                                  const struct digest *digest, uint64_t size);

/* Tells of wrong bytes, once, and sets them aside if that is wanted. */
void tree_condemn(struct tree_run *run, const struct digest *digest,
                  enum tree_damage damage, const struct driver_stat *seen);

/* Reads all bytes, as `data` wants it. */
void tree_check_blob_bytes(struct tree_run *run, const struct digest *digest);
void tree_check_all_bytes(struct tree_run *run);

/* What lies in the quarantine. */
void tree_check_quarantine(struct tree_run *run);

/* --- tree_check_repository.c --- */

struct tree_hurting {
    struct digest manifest, lost;
};

struct tree_repository {
    struct tree_run *run;
    const char *name;
    enum hash_algorithm algorithm; /* of what is being listed */
    const char *tag;               /* likewise */
    struct digest_set linked;      /* manifests mended, and checked, already */
    struct digest_set told;        /* blobs whose absence or link was told */
    bool has_old_blob;             /* a link older than `promised_ns` */
    bool has_unread;               /* manifests: what they need is not known */
    struct digest_set needed;      /* by a manifest, of those without bytes */
    struct digest_set is_hurt;     /* the manifests in `hurt` */
    struct digest *suspects;       /* whose links are broken or lead nowhere */
    size_t suspect_count, suspect_room;
    struct tree_hurting *hurt;
    size_t hurt_count, hurt_room;
};

void tree_check_repository(struct tree_run *run, const char *name);

/* A finding in it; in a tag, while one is looked at. */
void tree_tell(struct tree_repository *repository, enum tree_damage damage,
               enum tree_outcome outcome, const struct digest *digest,
               const struct layout_path *path, const struct err *failure);

/* The manifest cannot be pulled whole for want of these bytes. */
void tree_add_hurt(struct tree_repository *repository,
                   const struct digest *manifest, const struct digest *lost);
bool tree_is_hurt(const struct tree_repository *repository,
                  const struct digest *manifest);

/* --- links --- */

enum tree_link {
    TREE_LINK_GOOD,
    TREE_LINK_ABSENT,
    TREE_LINK_BROKEN, /* `damage` tells how */
    TREE_LINK_CLOSED, /* cannot be read, or is a directory; told elsewhere */
};

struct tree_link_look {
    enum tree_link state;
    enum tree_damage damage;
    struct digest named; /* when it is good */
    struct driver_stat stat;
    struct buf bytes; /* when it is broken */
    bool is_long;     /* too much so for `bytes` */
};

void tree_link_look_cleanup(struct tree_link_look *look);

/* Looks at a link by which something has `digest`; NULL = any. */
void tree_look_at_link(struct tree_repository *repository,
                       const struct layout_path *path,
                       const struct digest *digest,
                       struct tree_link_look *look);

/* --- tree_check_layers.c --- */

void tree_check_layers(struct tree_repository *repository);
/* After the manifests, which say what is needed. */
void tree_check_suspects(struct tree_repository *repository);

/* --- tree_check_manifests.c --- */

void tree_check_manifests(struct tree_repository *repository);

/* One that has its link, be it mended. */
void tree_check_manifest(struct tree_repository *repository,
                         const struct digest *digest, int level);

/*
 * Gives the repository a manifest whose bytes are there and right: true when
 * they are, and the finding has been told.
 */
bool tree_link_manifest(struct tree_repository *repository,
                        const struct digest *digest, int level);

/* Indexes whose children are hurt are hurt themselves. */
void tree_spread_hurt(struct tree_repository *repository);

/* --- tree_check_tags.c --- */

void tree_check_tags(struct tree_repository *repository);
void tree_tell_hurt(struct tree_repository *repository);

/* --- tree_check_referrers.c --- */

void tree_check_referrer(struct tree_repository *repository,
                         const struct digest *digest,
                         const struct manifest *manifest, uint64_t size);
void tree_check_stale_referrers(struct tree_repository *repository);

/* --- tree_check_mend.c: nothing happens unless `repair` is set --- */

/*
 * Writes a link below the directory `within`, which is not made, where it is
 * absent or broken as seen.
 */
enum tree_outcome tree_mend_link(struct tree_run *run,
                                 const struct layout_path *path,
                                 const char *within,
                                 const struct tree_link_look *look,
                                 const struct digest *digest, struct err *err);

/* Deletes a file that is old. */
enum tree_outcome tree_take_away(struct tree_run *run, const char *path,
                                 struct err *err);

/* Moves what is old, and still as seen, to the odd things in quarantine. */
enum tree_outcome tree_set_aside(struct tree_run *run, const char *path,
                                 struct err *err);

/* Moves wrong bytes to the quarantine, as long as they are those seen. */
enum tree_outcome tree_quarantine(struct tree_run *run,
                                  const struct digest *digest,
                                  const struct driver_stat *seen,
                                  struct err *err);

enum tree_outcome tree_mend_directory(struct tree_run *run,
                                      const struct layout_path *path,
                                      struct err *err);

/* The outcome of a step of one's own, given what the driver said. */
enum tree_outcome tree_outcome_of(int result, struct err *err);

/* "" is no reason. */
const char *tree_reason(const struct err *err);

#endif
