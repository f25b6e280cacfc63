/* SPDX-License-Identifier: MIT */
/*
 * What reaches the disk, in which order and at which price. A power cut
 * cannot be had in a unit test; but the fsyncs can be counted, seen and made
 * to fail, and a process can be killed between any two steps.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "driver/fs_fixture.h"

#define BLOB "blobs/sha256/ab/abcd/data"
#define LINK "repositories/app/_layers/sha256/abcd/link"
#define UPLOAD "repositories/app/_uploads/1/data"

/* A registry that has been used: its upper directories are there. */
static void begin_used(void)
{
    struct driver *driver;
    struct writer *writer;

    fs_begin();
    driver = fixture.subject.driver;
    given(driver, "blobs/sha256/00/00/data", "x");
    given(driver, "repositories/app/_layers/sha256/00/link", "x");
    given(driver, "repositories/app/_manifests/tags/old/link", "x");
    OK(driver_retire(driver, "first", "blobs/sha256/00/00/data", INT64_MAX,
                     &err));
    writer = open_writer(driver, "repositories/app/_uploads/0/data",
                         DRIVER_UPLOAD_CREATE);
    writer_abort(writer);
}

TestSuite(driver_fs_durability, .init = begin_used, .fini = fs_end);

/* --- the price --- */

/* The fsyncs of a call that has to succeed. */
#define SYNCS(call)                                                            \
    __extension__({                                                            \
        struct sync_count counted = {0};                                       \
                                                                               \
        fs_count_syncs(&counted);                                              \
        OK(call);                                                              \
        fs_count_syncs(NULL);                                                  \
        counted.done;                                                          \
    })

static struct writer *filled_upload(struct driver *driver)
{
    struct writer *writer = open_writer(driver, UPLOAD, DRIVER_UPLOAD_CREATE);

    OK(writer_append(writer, SPAN("bytes"), &err));
    return writer;
}

Test(driver_fs_durability, a_blob_with_its_link_costs_seven_syncs)
{
    struct driver *driver = fixture.subject.driver;
    struct writer *writer = filled_upload(driver);
    int blob = SYNCS(writer_commit(writer, BLOB, &err));
    int link = SYNCS(driver_put(driver, LINK, SPAN("x"), DRIVER_DURABLE, &err));

    /* data, the two new directories' parents, the directory of data */
    cr_assert(blob == 4, "%d", blob);
    /* the file, the new directory's parent, the directory of the file */
    cr_assert(link == 3, "%d", link);

    writer = filled_upload(driver);
    blob = SYNCS(writer_commit(writer, BLOB, &err));
    link = SYNCS(driver_put(driver, LINK, SPAN("x"), DRIVER_DURABLE, &err));
    cr_assert(blob == 2 && link == 2, "%d %d", blob, link);
}

Test(driver_fs_durability, relaxed_operations_cost_none)
{
    struct driver *driver = fixture.subject.driver;
    struct writer *writer = NULL;
    int syncs;

    syncs = SYNCS(driver_open_upload(driver, UPLOAD, DRIVER_UPLOAD_CREATE, 0,
                                     &writer, &err));
    cr_assert(syncs == 0, "%d", syncs);
    syncs = SYNCS(writer_suspend(writer, &err));
    cr_assert(syncs == 0, "%d", syncs);
    syncs = SYNCS(driver_put(driver, "repositories/app/_uploads/1/a/b/state",
                             SPAN("x"), DRIVER_RELAXED, &err));
    cr_assert(syncs == 0, "%d", syncs);
    syncs = SYNCS(driver_remove(driver, "repositories/app/_uploads/1",
                                DRIVER_RELAXED, &err));
    cr_assert(syncs == 0, "%d", syncs);
}

/* Repositories are durable even when an upload is the first thing in them. */
Test(driver_fs_durability, an_upload_syncs_the_directories_it_shares)
{
    struct driver *driver = fixture.subject.driver;
    struct writer *writer = NULL;
    int syncs;

    syncs = SYNCS(driver_open_upload(driver,
                                     "repositories/team/new/_uploads/1/data",
                                     DRIVER_UPLOAD_CREATE, 0, &writer, &err));
    cr_assert(syncs == 2, "%d", syncs);
    writer_abort(writer);
}

Test(driver_fs_durability, other_operations_cost_what_they_must)
{
    static const struct driver_file files[] = {
        {"current/link", {"x", 1}}, {"index/sha256/aa/link", {"x", 1}}};
    static const char *const paths[] = {BLOB, LINK};
    struct driver *driver = fixture.subject.driver;
    struct writer *writer = filled_upload(driver);
    size_t missing;
    int syncs;

    cr_assert(SYNCS(writer_suspend(writer, &err)) == 1);
    syncs = SYNCS(driver_put_directory(
        driver, "repositories/app/_manifests/tags/v1", files, 2, &err));
    /* 2 files, 5 directories, the parent */
    cr_assert(syncs == 8, "%d", syncs);
    given(driver, BLOB, "x");
    given(driver, LINK, "x");
    fs_age(&fixture.subject, LINK, 2 * SUITE_GRACE_SECONDS);
    cr_assert(SYNCS(driver_protect(driver, paths, 2, &missing, &err)) == 0);
    cr_assert(SYNCS(driver_retire(driver, "first", BLOB, INT64_MAX, &err)) ==
              0);
    cr_assert(SYNCS(driver_restore(driver, "first", BLOB, &err)) == 1);
    cr_assert(SYNCS(driver_remove(driver, BLOB, DRIVER_DURABLE, &err)) == 1);
    cr_assert(SYNCS(driver_remove(driver, "repositories", DRIVER_DURABLE,
                                  &err)) == 1);
}

/* --- the order --- */

struct order {
    const char *path;
    struct buf seen; /* 's' and 'S': an fsync before and after `path` is new */
    ino_t old;
    bool is_locked;
};

static int note_order(void *context, enum fs_step step)
{
    struct order *order = context;
    struct stat st = {0};

    switch (step) {
    case FS_STEP_SYNC:
        cr_assert(!order->is_locked, "an fsync under a lock");
        fstatat(fixture.fs->root, order->path, &st, 0);
        buf_add_char(&order->seen, st.st_ino == order->old ? 's' : 'S');
        break;
    case FS_STEP_LOCKED:
        order->is_locked = true;
        buf_add_char(&order->seen, '(');
        break;
    case FS_STEP_UNLOCKED:
        order->is_locked = false;
        buf_add_char(&order->seen, ')');
        break;
    case FS_STEP_LOOKED:
    case FS_STEP_CHANGED:
    case FS_STEP_LOCK_WAIT:
    case FS_STEP_TAKEN:
        break;
    }
    return 0;
}

static void begin_order(struct order *order, const char *path)
{
    struct stat st = {0};

    fstatat(fixture.fs->root, path, &st, 0);
    *order = (struct order){path, BUF_INIT(100), st.st_ino, false};
    fixture.fs->hook = note_order;
    fixture.fs->hook_context = order;
}

static void expect_order(struct order *order, const char *seen)
{
    cr_assert_str_eq(buf_text(&order->seen), seen);
    buf_cleanup(&order->seen);
}

Test(driver_fs_durability, bytes_are_synced_before_they_can_be_seen)
{
    static const struct driver_file files[] = {{"current/link", {"x", 1}}};
    struct driver *driver = fixture.subject.driver;
    struct writer *writer = filled_upload(driver);
    struct order order;

    for (int i = 0; i < 2; i++) {
        begin_order(&order, LINK);
        given(driver, LINK, "x");
        expect_order(&order, i == 0 ? "ss()S" : "s()S");
    }
    begin_order(&order, BLOB);
    OK(writer_commit(writer, BLOB, &err));
    expect_order(&order, "sss()S");
    begin_order(&order, "r/v1");
    OK(driver_put_directory(driver, "r/v1", files, 1, &err));
    expect_order(&order, "ssssS");
    begin_order(&order, BLOB);
    OK(driver_retire(driver, "first", BLOB, INT64_MAX, &err));
    expect_order(&order, "()");
    begin_order(&order, BLOB);
    OK(driver_restore(driver, "first", BLOB, &err));
    expect_order(&order, "S");
    begin_order(&order, BLOB);
    OK(driver_remove(driver, BLOB, DRIVER_DURABLE, &err));
    expect_order(&order, "S");
}

/* --- the lease --- */

struct ageing {
    int64_t begin;
    int syncs;
};

/* Sees the lease the fsync makes durable, and lets that fsync take for ever. */
static int age_upload(void *context, enum fs_step step)
{
    struct ageing *ageing = context;

    if (step != FS_STEP_SYNC || ageing->syncs++ > 0)
        return 0;
    expect_fresh(fixture.subject.driver, UPLOAD, ageing->begin);
    fs_age(&fixture.subject, UPLOAD, 2 * SUITE_GRACE_SECONDS);
    return 0;
}

Test(driver_fs_durability, the_lease_is_durable_and_starts_at_the_rename)
{
    struct driver *driver = fixture.subject.driver;
    struct writer *writer = filled_upload(driver);
    struct ageing ageing = {.begin = clock_now_ns()};

    fs_age(&fixture.subject, UPLOAD, 2 * SUITE_GRACE_SECONDS);
    fixture.fs->hook = age_upload;
    fixture.fs->hook_context = &ageing;
    OK(writer_commit(writer, BLOB, &err));
    expect_fresh(driver, BLOB, ageing.begin);
}

/* --- a failed fsync, a killed process --- */

struct deed {
    const char *name;
    int (*act)(struct driver *driver, struct err *err);
    const char *path; /* where its effect shows */
    int syncs;        /* how many fsyncs it needs, as given_things leaves it */
};

static int put_link(struct driver *driver, struct err *err)
{
    return driver_put(driver, LINK, SPAN("new"), DRIVER_DURABLE, err);
}

static int replace_link(struct driver *driver, struct err *err)
{
    return driver_put(driver, "a/link", SPAN("new"), DRIVER_DURABLE, err);
}

static int put_tag(struct driver *driver, struct err *err)
{
    static const struct driver_file files[] = {
        {"current/link", {"new", 3}}, {"index/sha256/aa/link", {"new", 3}}};

    return driver_put_directory(driver, "tags/v1", files, 2, err);
}

static int commit_blob(struct driver *driver, struct err *err)
{
    struct writer *writer;

    if (driver_open_upload(driver, UPLOAD, DRIVER_UPLOAD_RESUME, 0, &writer,
                           err) < 0)
        return -1;
    return writer_commit(writer, BLOB, err);
}

static int remove_link(struct driver *driver, struct err *err)
{
    return driver_remove(driver, "a/link", DRIVER_DURABLE, err);
}

static int remove_directory(struct driver *driver, struct err *err)
{
    return driver_remove(driver, "a", DRIVER_DURABLE, err);
}

static int remove_fitting(struct driver *driver, struct err *err)
{
    static const struct driver_condition condition = {
        "link", {"old", 3}, NULL, 0};

    return driver_remove_if(driver, "a", &condition, err);
}

static int retire_link(struct driver *driver, struct err *err)
{
    return driver_retire(driver, "run", "a/link", INT64_MAX, err);
}

static const struct deed deeds[] = {
    {"put", put_link, LINK, 3},
    {"replace", replace_link, "a/link", 2},
    {"put_directory", put_tag, "tags/v1/current/link", 8},
    {"commit", commit_blob, BLOB, 4},
    {"remove", remove_link, "a/link", 1},
    {"remove a directory", remove_directory, "a/link", 1},
    {"remove_if", remove_fitting, "a/link", 1},
    {"retire", retire_link, "a/link", 1},
};

static void given_things(struct driver *driver)
{
    struct err ignored = {0};
    struct writer *writer;

    driver_remove(driver, UPLOAD, DRIVER_RELAXED, &ignored);
    driver_remove(driver, "blobs/sha256/ab", DRIVER_RELAXED, &ignored);
    driver_remove(driver, "repositories/app/_layers/sha256/abcd",
                  DRIVER_RELAXED, &ignored);
    driver_remove(driver, "tags/v1", DRIVER_RELAXED, &ignored);
    OK(driver_make_directory(driver, "tags", &err));
    OK(driver_purge(driver, "run", &(struct driver_swept){0}, &err));
    given(driver, "a/link", "old");
    writer = open_writer(driver, UPLOAD, DRIVER_UPLOAD_CREATE);
    OK(writer_append(writer, SPAN("new"), &err));
    OK(writer_suspend(writer, &err));
}

/* Old, new or away, but nothing between. */
static void expect_whole(struct driver *driver, const char *path)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(100);
    struct err err = {0};

    if (driver_get(driver, path, &bytes, NULL, &err) < 0)
        cr_assert(err.code == ERR_NOT_FOUND, "%s", err.text);
    else
        cr_assert(strcmp(buf_text(&bytes), "old") == 0 ||
                  strcmp(buf_text(&bytes), "new") == 0);
}

Test(driver_fs_durability, each_failed_sync_fails_the_operation)
{
    struct driver *driver = fixture.subject.driver;

    for (size_t i = 0; i < ARRAY_SIZE(deeds); i++)
        for (int n = 1; n <= deeds[i].syncs + 1; n++) {
            struct sync_count count = {.fail_at = n};
            struct err failure = {0};
            int result;

            given_things(driver);
            fs_count_syncs(&count);
            result = deeds[i].act(driver, &failure);
            fs_count_syncs(NULL);
            cr_assert(result == (n <= deeds[i].syncs ? -1 : 0), "%s, %d: %s",
                      deeds[i].name, n, failure.text);
            cr_assert(result == 0 || failure.code == ERR_IO);
            expect_whole(driver, deeds[i].path);
            cr_assert(fs_count_entries(FS_TMP) <=
                      (size_t)(deeds[i].act == remove_directory && result < 0));
            OK(driver_purge(driver, "../tmp", &(struct driver_swept){0}, &err));
        }
}

/* The next fsync of such pages would succeed and mean nothing. */
Test(driver_fs_durability, bytes_whose_sync_failed_are_gone)
{
    struct driver *driver = fixture.subject.driver;
    struct sync_count first = {.fail_at = 1}, again = {.fail_at = 1};
    struct writer *writer = filled_upload(driver);

    fs_count_syncs(&first);
    FAILS(ERR_IO, writer_commit(writer, BLOB, &err));
    expect_missing(driver, BLOB);
    expect_missing(driver, UPLOAD);

    writer = filled_upload(driver);
    fs_count_syncs(&again);
    FAILS(ERR_IO, writer_suspend(writer, &err));
    expect_missing(driver, UPLOAD);
}

/*
 * Else the next try would find it there and take it for durable. So are those
 * made on the way to it: an empty repository would be listed.
 */
Test(driver_fs_durability, a_directory_whose_sync_failed_is_gone)
{
    struct driver *driver = fixture.subject.driver;
    struct sync_count count = {.fail_at = 2};

    fs_count_syncs(&count);
    FAILS(ERR_IO, driver_make_directory(driver, "a/b/c", &err));
    expect_missing(driver, "a");
    count = (struct sync_count){0};
    OK(driver_make_directory(driver, "a/b/c", &err));
    cr_assert(count.done == 3, "%d", count.done);
    count = (struct sync_count){.fail_at = 2};
    FAILS(ERR_IO, driver_make_directory(driver, "a/b/d/e", &err));
    expect_missing(driver, "a/b/d");
    (void)fs_lstat("a/b/c");
}

struct death {
    int steps_left;
};

static int die(void *context, enum fs_step step)
{
    struct death *death = context;

    (void)step;
    if (death->steps_left-- == 0)
        kill(getpid(), SIGKILL);
    return 0;
}

/* Whether the child came to its end without meeting its death. */
static bool act_and_die(const struct deed *deed, int at)
{
    struct death death = {at};
    int status;
    pid_t child = fs_fork();

    if (child == 0) {
        struct err err = {0};

        fixture.fs->hook = die;
        fixture.fs->hook_context = &death;
        _exit(deed->act(fixture.subject.driver, &err) == 0 ? 0 : 1);
    }
    cr_assert(waitpid(child, &status, 0) == child);
    cr_assert(!WIFEXITED(status) || WEXITSTATUS(status) == 0);
    return WIFEXITED(status);
}

Test(driver_fs_durability, a_process_can_be_killed_at_any_step)
{
    struct driver *driver = fixture.subject.driver;

    for (size_t i = 0; i < ARRAY_SIZE(deeds); i++) {
        bool is_done = false;

        for (int at = 0; !is_done; at++) {
            const char *paths[] = {"a/link"};
            size_t missing;

            given_things(driver);
            is_done = act_and_die(&deeds[i], at);
            cr_assert(!is_done || at >= deeds[i].syncs, "%s met few steps",
                      deeds[i].name);
            expect_whole(driver, deeds[i].path);

            /* No lock is left: whatever it was about can be done now. */
            fixture.fs->lock_wait_ms = 0;
            given(driver, LINK, "old");
            given(driver, "a/link", "old");
            given(driver, BLOB, "old");
            fs_age(&fixture.subject, "a/link", 2 * SUITE_GRACE_SECONDS);
            OK(driver_protect(driver, paths, 1, &missing, &err));
        }
    }
}
