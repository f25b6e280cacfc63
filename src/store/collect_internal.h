/* SPDX-License-Identifier: MIT */
/*
 * What the files of the collector share. Nobody else includes this.
 *
 *     collect.c          the order of things; what it takes and tells
 *     collect_state.c    what one run notes for the next; clocks
 *     collect_foreign.c  whether another program writes to the tree
 *     collect_mark.c     manifests, and what they refer to
 *     collect_odd.c      what can be no repository
 *     collect_sweep.c    links of a repository, blobs
 *     collect_tags.c     what tags have named before
 *     collect_trash.c    what was retired, and its way back
 */
#ifndef BERTH_STORE_COLLECT_INTERNAL_H
#define BERTH_STORE_COLLECT_INTERNAL_H

#include "base/clock.h"
#include "oci/digest.h"
#include "store/collect.h"
#include "store/layout.h"
#include "store/marks.h"

/* "20261127-195808-123456789" */
#define COLLECT_RUN_MAX 32

/* Runs that left a trash; more of them wait for another collection. */
#define COLLECT_RUNS_MAX 64

struct collect_state {
    int64_t wall_ns, boot_ns; /* of the last run; 0 = there was none */
    char boot_id[CLOCK_BOOT_ID_MAX];
    uint64_t grace;      /* seconds; the largest that programs may have */
    int64_t grace_until; /* seconds: so long, if it is no more the present */
    int64_t held_until;  /* seconds: nothing is swept before */
};

struct collection {
    const struct store *store;
    const struct collect_options *options;
    struct collect_result *result;
    struct collect_state state;
    int64_t t0_ns, cutoff_ns, untagged_cutoff_ns;
    char run[COLLECT_RUN_MAX];

    struct marks live;   /* digests that stay, of any repository */
    struct marks here;   /* that the repository at hand refers to */
    struct marks trash;  /* paths in the trash of any run */
    struct marks absent; /* paths that a dry run takes for retired */
    char runs[COLLECT_RUNS_MAX][COLLECT_RUN_MAX]; /* earlier ones with trash */
    size_t run_count;

    bool is_whole;      /* the repository at hand keeps all it has */
    bool has_fixed;     /* and has files that are another user's */
    bool is_unverified; /* the trash may have something that is needed */
    bool has_no_space, told_no_space;
    struct buf bytes; /* of the manifest at hand */
};

/* --- collect.c --- */

bool collect_is_over(struct collection *c);
void collect_complain(struct collection *c, const char *where,
                      const struct err *err);

/*
 * Whether the link cannot be renewed: who asked for it was told that it is not
 * there. Complains of the first of a repository.
 */
bool collect_is_fixed(struct collection *c, const struct layout_path *link,
                      const struct driver_stat *stat);

enum collect_taken {
    COLLECT_TAKEN, /* or would have been */
    COLLECT_STAYS,
    COLLECT_GONE, /* somebody else took it away */
};

/* Retires the item, which stands at `path`. */
enum collect_taken collect_take(struct collection *c,
                                const struct collect_item *item,
                                const char *path, int64_t cutoff_ns);

/* Takes away a directory in which nothing has been for as long as a lease. */
void collect_tidy(struct collection *c, const char *name,
                  const struct layout_path *directory);
/* The same for one that was emptied just now. */
void collect_tidy_now(struct collection *c,
                      const struct layout_path *directory);

/* --- collect_state.c --- */

/*
 * Reads the state, and what it means for this run; `*noted_grace` is the one
 * it told of, or 0.
 */
int collect_state_begin(struct collection *c, uint64_t *noted_grace,
                        struct err *err) WARN_UNUSED;
int collect_state_save(struct collection *c, struct err *err) WARN_UNUSED;

/* --- collect_foreign.c --- */

/* ERR_DENIED when another program has made something of late. */
int collect_check_foreign(struct collection *c, struct err *err) WARN_UNUSED;

/* --- collect_mark.c --- */

void collect_mark(struct collection *c, const struct digest *digest);
void collect_mark_repository(struct collection *c, const char *name);

/* What has been pushed since t0 takes back what it refers to. */
void collect_verify(struct collection *c);

/* --- collect_odd.c --- */

/* Keeps what links name in a directory that is no repository; complains. */
void collect_keep_odd(struct collection *c, const char *path);

/* --- collect_sweep.c --- */

void collect_sweep_layers(struct collection *c, const char *name);
void collect_sweep_blobs(struct collection *c);

/* --- collect_tags.c --- */

/* Of the repository that was marked last. */
void collect_sweep_tags(struct collection *c, const char *name);

/* --- collect_trash.c --- */

bool collect_is_in_trash(const struct collection *c,
                         const struct layout_path *path);

/* Notes what earlier runs have left there. */
void collect_trash_begin(struct collection *c);

/* Brings back what is needed, if it is in the trash and not in its place. */
void collect_rescue(struct collection *c, const struct layout_path *path);

/* Earlier runs, and with `own` this one. */
void collect_trash_purge(struct collection *c, bool own);

#endif
