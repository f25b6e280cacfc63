/* SPDX-License-Identifier: MIT */
/*
 * One operation of the store under every fault there is.
 *
 * For each driver, each kind of failure and each call N that the operation
 * makes of its driver (and on a file system, each system call): a known store
 * is made, the operation runs while call N fails, and then, with the fault gone
 * and through a driver of its own,
 *
 *   - it has failed with the code of the fault, or has succeeded and its
 *     effect is all there;
 *   - what was acknowledged before is there with the same bytes;
 *   - nothing is half-visible: see expect_sound;
 *   - doing it again succeeds, without any repair.
 */
#ifndef BERTH_TESTS_STORE_SWEEP_H
#define BERTH_TESTS_STORE_SWEEP_H

#include <criterion/criterion.h>

#include "driver/driver_fault.h"
#include "oci/name.h"
#include "store/fixture.h"

/*
 * What every run begins with, in the repository "a"; "b" has only `config`.
 * The tags v1 and latest name `image`, v2 names `other`. `signature` has no
 * tag; its subject is `image`. An upload has "abc" so far.
 */
struct world {
    struct digest config, layer, spare; /* blobs; nothing refers to `spare` */
    struct digest image, other, signature, index; /* `index` is not pushed */
    char image_json[1024], other_json[1024], signature_json[1024];
    char index_json[1024];
    char uuid[UUID_LENGTH + 1];
};
extern struct world world;

/* What an operation is about, and so need not be as it was. */
enum touched {
    TOUCHES_SPARE = 1,
    TOUCHES_IMAGE = 2, /* and its tags */
    TOUCHES_V1 = 4,
    TOUCHES_UPLOAD = 8,
    TOUCHES_INDEX = 16, /* of referrers */
    TOUCHES_SIGNATURE = 32,
};

struct sweep {
    void (*prepare)(void);              /* beside the world; may be NULL */
    int (*run)(struct err *err);        /* the operation, on `store` */
    void (*expect)(void);               /* its whole effect; may be NULL */
    int (*again)(struct err *err);      /* what a client does; NULL = run */
    enum err_code over;                 /* how `again` may end as well */
    unsigned int touches;               /* of enum touched */
    const struct sweep_plan *plans;     /* only these, in memory; NULL = all */
    void (*expect_after_failure)(void); /* may be NULL */
};

/* A kind of failure. */
struct sweep_plan {
    enum driver_fault_kind kind; /* NONE ends a list */
    enum err_code code;
};

/* The plan of the run that goes on. */
extern struct driver_fault_plan sweep_plan;

/* Whether it may be the failure of an fsync, which takes bytes with it. */
bool sweep_may_lose_bytes(void);

void sweep_begin(void);
void sweep_end(void);
void sweep(const struct sweep *sweep);

/*
 * Something else at every call: `meanwhile` runs, in the middle of the
 * operation and without faults, before call N. Then `expect` is asked, with
 * what both returned in sweep_result and sweep_meanwhile_result.
 */
struct interleaving {
    void (*prepare)(void);
    int (*run)(struct err *err);
    int (*meanwhile)(struct err *err);
    void (*expect)(void);
    unsigned int touches;
};
extern int sweep_result, sweep_meanwhile_result;
extern struct err sweep_err, sweep_meanwhile_err;

/* Returns how many orders of the steps were tried. */
uint64_t interleave(const struct interleaving *interleaving);

/*
 * The same in halves, in memory: `meanwhile` begins before call N of `run`,
 * stops before its own call M, and goes on when `run` has ended. So each pair
 * of steps comes in both orders.
 */
uint64_t interleave_halves(const struct interleaving *interleaving);

/* The driver, the plan and the calls of this run, for messages. */
const char *sweep_where(void);

#define EXPECT(condition)                                                      \
    cr_assert(condition, "%s: not true: %s", sweep_where(), #condition)

/* The call, whose last argument is `&err`, succeeds. */
#define EXPECT_OK(call)                                                        \
    do {                                                                       \
        struct err err = {0};                                                  \
        int result_ = (call);                                                  \
        cr_assert(result_ == 0, "%s: %s: %s: %s", sweep_where(), #call,        \
                  err_name(err.code), err.text);                               \
    } while (0)

/* It fails with this code. */
#define EXPECT_CODE(expected, call)                                            \
    do {                                                                       \
        struct err err = {0};                                                  \
        int result_ = (call);                                                  \
        cr_assert(result_ == -1 && err.code == (expected), "%s: %s: %s: %s",   \
                  sweep_where(), #call, err_name(err.code), err.text);         \
    } while (0)

/* Makes all leases of the object older than the grace period. */
void sweep_age(const char *path);

/* The same for all there is. */
void sweep_age_all(void);

/*
 * The manifests of "a" came long ago, so that an index of referrers that has
 * them is remembered as complete.
 */
void sweep_age_revisions(void);

/* The versions of directories are known at once; for `prepare`. */
void sweep_settle(void);

/* The blob can be read, whole. */
void expect_blob(const char *name, const struct digest *digest);

/* The manifest is there with these bytes. */
void expect_manifest(const char *name, const struct digest *digest,
                     const char *json);

/* What the tag names. */
void expect_tag(const char *name, const char *tag, const struct digest *digest);
bool tag_names(const char *name, const char *tag, const struct digest *digest);

/* Whether the referrers of `image` in "a" have `referrer` among them. */
bool is_listed_referrer(const struct digest *referrer);

/*
 * Every blob has the bytes of its digest; every tag that is listed names a
 * manifest whose parts can all be read; the lists can be read.
 */
void expect_sound(void);

/* What the world has acknowledged is there, but for what is touched. */
void expect_kept(unsigned int touches);

/* --- what several of them do: sweep_do.c --- */

int delete_spare(struct err *err);
int delete_image(struct err *err);
int delete_v1(struct err *err);

/* Another manifest with the subject `image`. */
const char *attestation_json(void);

int cancel_upload(struct err *err);

/* A chunk, in a request of its own. */
int send_to_upload(struct span bytes, struct err *err);

/* Bytes the upload has; -1 when there is none (any more). */
int64_t size_of_upload(void);

#endif
