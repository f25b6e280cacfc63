/* SPDX-License-Identifier: MIT */
/*
 * A tree of its own for each test of driver_fs, in a temporary directory that
 * fs_end removes, and the hook that counts, fails and interleaves.
 */
#ifndef BERTH_TESTS_FS_FIXTURE_H
#define BERTH_TESTS_FS_FIXTURE_H

#include <limits.h>

#include "driver/driver_fs_internal.h"
#include "driver/driver_suite.h"

struct fs_fixture {
    struct subject subject;
    struct driver_fs *fs; /* the subject's driver */
    char top[PATH_MAX];   /* temporary directory */
    char root[PATH_MAX];  /* "tree" in it */
};

/* Criterion runs each test in a process of its own, so one is enough. */
extern struct fs_fixture fixture;

void fs_begin(void);
void fs_end(void);

/* Another driver over the same tree, as another process would have. */
struct driver *fs_another(void);

/* Makes the lease of an object older, without the driver. */
void fs_age(struct subject *subject, const char *path, int64_t seconds);

/* Stats below the root with lstat; the test fails when it is not there. */
struct stat fs_lstat(const char *path);

/* How many entries the directory has. */
size_t fs_count_entries(const char *path);

/* No operation leaves anything behind. */
void fs_expect_no_leftovers(void);

/* fork() whose child does not outlive a test that fails. */
pid_t fs_fork(void);

/* Forks, runs `action` in the child; its exit status, 0 when it returned. */
int fs_run_in_child(void (*action)(void));

/* Counts fsyncs, and fails the one of that number (from 1) with EIO. */
struct sync_count {
    int done;
    int fail_at; /* 0 = none */
};

void fs_count_syncs(struct sync_count *count);

/* --- the object at which collector and requests meet --- */

#define FS_DATA "blobs/ab/abcd/data"
#define FS_UPLOAD "r/_uploads/1/data"

/* "old", not asked for during two grace periods; an empty trash. */
void fs_given_old_data(void);

/* A suspended upload of "new". */
void fs_given_upload(void);

int fs_protect_data(struct driver *driver, struct err *err);
int fs_put_data(struct driver *driver, struct err *err);    /* "new" */
int fs_commit_data(struct driver *driver, struct err *err); /* the upload */
int fs_retire_data(struct driver *driver, struct err *err); /* into "run" */

#endif
