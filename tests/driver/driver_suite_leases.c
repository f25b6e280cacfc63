/* SPDX-License-Identifier: MIT */
#include <pthread.h>

#include "driver/driver_suite.h"

#define DATA "blobs/sha256/ab/abcd/data"
#define LINK "repositories/a/_layers/sha256/abcd/link"

#define GRACE SUITE_GRACE_SECONDS

/* The cutoff of a collection that begins now. */
static int64_t cutoff_now(void)
{
    return clock_now_ns() - SUITE_GRACE_NS - SUITE_GRACE_NS / 4;
}

/* An object nobody has asked for during two grace periods. */
static void given_old(struct subject *subject, const char *path)
{
    given(subject->driver, path, "old");
    subject->age(subject, path, 2 * GRACE);
}

void suite_put_gives_a_fresh_lease(struct subject *subject)
{
    int64_t begin = clock_now_ns();

    given_old(subject, LINK);
    given(subject->driver, LINK, "new");
    expect_fresh(subject->driver, LINK, begin);
}

void suite_protect_renews_old_leases_and_leaves_young_ones(
    struct subject *subject)
{
    static const char *const paths[] = {DATA, "young", LINK};
    int64_t begin = clock_now_ns(), young;
    size_t missing = 99;

    given_old(subject, DATA);
    given_old(subject, LINK);
    given(subject->driver, "young", "x");
    subject->age(subject, "young", GRACE / 4 - 60);
    young = mtime_of(subject->driver, "young");

    OK(driver_protect(subject->driver, paths, 3, &missing, &err));
    expect_fresh(subject->driver, DATA, begin);
    expect_fresh(subject->driver, LINK, begin);
    cr_assert(mtime_of(subject->driver, "young") == young);
    cr_assert(missing == 99);

    subject->age(subject, "young", 120);
    OK(driver_protect(subject->driver, paths, 3, &missing, &err));
    expect_fresh(subject->driver, "young", begin);
    OK(driver_protect(subject->driver, paths, 0, &missing, &err));
}

void suite_protect_names_what_is_missing(struct subject *subject)
{
    static const char *const paths[] = {DATA, LINK, "none", "none/either"};
    static const char *const directory[] = {DATA, "blobs/sha256"};
    size_t missing = 99;

    given_old(subject, DATA);
    given(subject->driver, LINK, "x");
    FAILS(ERR_NOT_FOUND,
          driver_protect(subject->driver, paths, 4, &missing, &err));
    cr_assert(missing == 2);
    FAILS(ERR_NOT_FOUND,
          driver_protect(subject->driver, directory, 2, &missing, &err));
    cr_assert(missing == 1);
}

void suite_retire_takes_only_what_is_old(struct subject *subject)
{
    struct driver *driver = subject->driver;
    int64_t mtime_ns;

    given(driver, DATA, "x");
    subject->age(subject, DATA, GRACE);
    mtime_ns = mtime_of(driver, DATA);
    FAILS(ERR_EXISTS, driver_retire(driver, "run-1", DATA, mtime_ns, &err));
    expect_text(driver, DATA, "x");
    OK(driver_retire(driver, "run-1", DATA, mtime_ns + 1, &err));
    expect_missing(driver, DATA);
    FAILS(ERR_NOT_FOUND,
          driver_retire(driver, "run-1", DATA, mtime_ns + 1, &err));
    FAILS(ERR_NOT_FOUND,
          driver_retire(driver, "run-1", "blobs/sha256", clock_now_ns(), &err));
}

void suite_retire_after_protect_takes_nothing(struct subject *subject)
{
    static const char *const paths[] = {DATA, LINK};
    size_t missing;

    given_old(subject, DATA);
    given_old(subject, LINK);
    OK(driver_protect(subject->driver, paths, 2, &missing, &err));
    FAILS(ERR_EXISTS,
          driver_retire(subject->driver, "r", DATA, cutoff_now(), &err));
    FAILS(ERR_EXISTS,
          driver_retire(subject->driver, "r", LINK, cutoff_now(), &err));
    expect_text(subject->driver, DATA, "old");
}

void suite_protect_after_retire_finds_nothing(struct subject *subject)
{
    static const char *const paths[] = {LINK, DATA};
    size_t missing = 99;

    given_old(subject, DATA);
    given_old(subject, LINK);
    OK(driver_retire(subject->driver, "r", DATA, cutoff_now(), &err));
    FAILS(ERR_NOT_FOUND,
          driver_protect(subject->driver, paths, 2, &missing, &err));
    cr_assert(missing == 1);
}

void suite_restore_brings_back_with_a_fresh_lease(struct subject *subject)
{
    int64_t begin = clock_now_ns();

    given_old(subject, DATA);
    OK(driver_retire(subject->driver, "run-1", DATA, cutoff_now(), &err));
    FAILS(ERR_NOT_FOUND, driver_restore(subject->driver, "run-2", DATA, &err));
    FAILS(ERR_NOT_FOUND, driver_restore(subject->driver, "run-1", LINK, &err));
    OK(driver_remove(subject->driver, "blobs", DRIVER_DURABLE, &err));
    OK(driver_restore(subject->driver, "run-1", DATA, &err));
    expect_text(subject->driver, DATA, "old");
    expect_fresh(subject->driver, DATA, begin);
    FAILS(ERR_NOT_FOUND, driver_restore(subject->driver, "run-1", DATA, &err));
}

void suite_restore_yields_to_what_is_new(struct subject *subject)
{
    given_old(subject, DATA);
    OK(driver_retire(subject->driver, "run-1", DATA, cutoff_now(), &err));
    given(subject->driver, DATA, "new");
    OK(driver_restore(subject->driver, "run-1", DATA, &err));
    expect_text(subject->driver, DATA, "new");
}

void suite_purge_empties_one_run(struct subject *subject)
{
    OK(driver_purge(subject->driver, "run-1", &(struct driver_swept){0}, &err));
    given_old(subject, DATA);
    given_old(subject, LINK);
    OK(driver_retire(subject->driver, "run-1", DATA, cutoff_now(), &err));
    OK(driver_retire(subject->driver, "run-10", LINK, cutoff_now(), &err));
    OK(driver_purge(subject->driver, "run-1", &(struct driver_swept){0}, &err));
    FAILS(ERR_NOT_FOUND, driver_restore(subject->driver, "run-1", DATA, &err));
    OK(driver_restore(subject->driver, "run-10", LINK, &err));
    OK(driver_purge(subject->driver, "run-1", &(struct driver_swept){0}, &err));
    expect_text(subject->driver, LINK, "old");
}

void suite_purge_counts_what_it_takes(struct subject *subject)
{
    struct driver_swept purged = {1, 1};

    given_old(subject, DATA);
    given_old(subject, LINK);
    OK(driver_retire(subject->driver, "run-1", DATA, cutoff_now(), &err));
    OK(driver_retire(subject->driver, "run-1", LINK, cutoff_now(), &err));
    OK(driver_purge(subject->driver, "run-1", &purged, &err));
    cr_assert_eq(purged.count, 3);
    cr_assert_eq(purged.bytes, 1 + 2 * strlen("old"));
}

static int expect_this(void *context, const char *name, bool is_directory,
                       struct err *err);

void suite_retire_without_a_run_leaves_no_trash(struct subject *subject)
{
    struct driver_stat stat;

    given(subject->driver, DATA, "young");
    FAILS(ERR_EXISTS,
          driver_retire(subject->driver, NULL, DATA, cutoff_now(), &err));
    given_old(subject, DATA);
    OK(driver_retire(subject->driver, NULL, DATA, cutoff_now(), &err));
    FAILS(ERR_NOT_FOUND, driver_stat(subject->driver, DATA, &stat, &err));
    OK(driver_list_trash(subject->driver, NULL, expect_this, NULL, &err));
}

static int note_name(void *context, const char *name, bool is_directory,
                     struct err *err)
{
    (void)err;
    buf_add_format(context, "%s%s ", name, is_directory ? "/" : "");
    return 0;
}

void suite_trash_is_listed_by_run_and_path(struct subject *subject)
{
    CLEANUP(buf) struct buf names = BUF_INIT(1000);

    OK(driver_list_trash(subject->driver, NULL, note_name, &names, &err));
    OK(driver_list_trash(subject->driver, "run-1", note_name, &names, &err));
    cr_assert_str_eq(buf_text(&names), "");
    given_old(subject, DATA);
    given_old(subject, LINK);
    OK(driver_retire(subject->driver, "run-10", LINK, cutoff_now(), &err));
    OK(driver_retire(subject->driver, "run-1", DATA, cutoff_now(), &err));
    OK(driver_list_trash(subject->driver, NULL, note_name, &names, &err));
    OK(driver_list_trash(subject->driver, "run-1", note_name, &names, &err));
    OK(driver_list_trash(subject->driver, "run-10", note_name, &names, &err));
    cr_assert_str_eq(buf_text(&names), "run-1/ run-10/ " DATA " " LINK " ");
}

void suite_remove_empty_takes_only_an_empty_directory(struct subject *subject)
{
    struct driver_stat stat;

    FAILS(ERR_NOT_FOUND, driver_remove_empty(subject->driver, "a", &err));
    given(subject->driver, "a/b/c", "x");
    FAILS(ERR_EXISTS, driver_remove_empty(subject->driver, "a", &err));
    FAILS(ERR_EXISTS, driver_remove_empty(subject->driver, "a/b", &err));
    FAILS(ERR_EXISTS, driver_remove_empty(subject->driver, "a/b/c", &err));
    OK(driver_remove(subject->driver, "a/b/c", DRIVER_DURABLE, &err));
    OK(driver_remove_empty(subject->driver, "a/b", &err));
    FAILS(ERR_NOT_FOUND, driver_stat(subject->driver, "a/b", &stat, &err));
    OK(driver_stat(subject->driver, "a", &stat, &err));
}

static const char *const few[] = {"a/b", "a%2fb", "a%", "a%25", "a/%"};

static int expect_one_of_few(void *context, const char *name, bool is_directory,
                             struct err *err)
{
    size_t i = 0;

    (void)context;
    (void)is_directory;
    (void)err;
    while (i < ARRAY_SIZE(few) && strcmp(name, few[i]) != 0)
        i++;
    cr_assert_lt(i, ARRAY_SIZE(few), "%s was not retired", name);
    return 0;
}

static int expect_this(void *context, const char *name, bool is_directory,
                       struct err *err)
{
    struct buf *path = context;

    (void)is_directory;
    (void)err;
    cr_assert_str_eq(name, buf_text(path));
    return 0;
}

/* The trash must keep apart whatever paths are different. */
void suite_paths_of_any_length_can_be_retired(struct subject *subject)
{
    CLEANUP(buf) struct buf path = BUF_INIT(1000);

    for (size_t i = 0; i < ARRAY_SIZE(few); i++) {
        given(subject->driver, few[i], few[i]);
        subject->age(subject, few[i], 2 * GRACE);
        OK(driver_retire(subject->driver, "r", few[i], cutoff_now(), &err));
    }
    OK(driver_list_trash(subject->driver, "r", expect_one_of_few, NULL, &err));
    for (size_t i = 0; i < ARRAY_SIZE(few); i++) {
        OK(driver_restore(subject->driver, "r", few[i], &err));
        expect_text(subject->driver, few[i], few[i]);
        OK(driver_remove(subject->driver, few[i], DRIVER_RELAXED, &err));
    }
    buf_add(&path, SPAN("long"));
    for (int i = 0; i < 8; i++)
        buf_add(&path, SPAN("/0123456789012345678901234567890123456789"
                            "0123456789012345678901234567890123456789."));
    for (; path.len > 150; buf_truncate(&path, path.len - 1)) {
        bool is_edge = path.len > 188 && path.len < 204;

        if (path.ptr[path.len - 1] == '/' || (path.len % 23 && !is_edge))
            continue;
        given_old(subject, buf_text(&path));
        OK(driver_retire(subject->driver, "r", buf_text(&path), cutoff_now(),
                         &err));
        OK(driver_remove(subject->driver, "long", DRIVER_RELAXED, &err));
        OK(driver_list_trash(subject->driver, "r", expect_this, &path, &err));
        OK(driver_restore(subject->driver, "r", buf_text(&path), &err));
        expect_text(subject->driver, buf_text(&path), "old");
        OK(driver_remove(subject->driver, "long", DRIVER_RELAXED, &err));
    }
}

/* --- sweep --- */

void suite_sweep_spares_all_that_has_a_path(struct subject *subject)
{
    struct driver *driver = subject->driver;
    struct driver_swept swept = {0};
    struct writer *writer =
        open_writer(driver, "r/_uploads/1/data", DRIVER_UPLOAD_CREATE);
    int64_t later = clock_now_ns() + GRACE * CLOCK_NS_PER_SECOND;

    given(driver, LINK, "link");
    given(driver, DATA, "x");
    OK(driver_make_directory(driver, "r/_layers", &err));
    OK(driver_retire(driver, "run", DATA, later, &err));
    OK(driver_sweep(driver, later, false, &swept, &err));
    cr_assert(swept.count == 0 && swept.bytes == 0);
    expect_text(driver, LINK, "link");
    (void)mtime_of(driver, "r/_layers");
    OK(driver_restore(driver, "run", DATA, &err));
    OK(writer_commit(writer, "r/data", &err));
    expect_text(driver, "r/data", "");
}

/* --- both at once --- */

struct meeting {
    struct driver *driver;
    pthread_barrier_t together;
    int protected, retired;
    enum err_code protect_code, retire_code;
};

static void *protect_once(void *context)
{
    static const char *const paths[] = {DATA};
    struct meeting *meeting = context;
    struct err err = {0};
    size_t missing;

    pthread_barrier_wait(&meeting->together);
    meeting->protected =
        driver_protect(meeting->driver, paths, 1, &missing, &err);
    meeting->protect_code = err.code;
    return NULL;
}

static void *retire_once(void *context)
{
    struct meeting *meeting = context;
    struct err err = {0};

    pthread_barrier_wait(&meeting->together);
    meeting->retired =
        driver_retire(meeting->driver, "r", DATA, cutoff_now(), &err);
    meeting->retire_code = err.code;
    return NULL;
}

static void expect_one_of_both(struct subject *subject,
                               const struct meeting *meeting, int64_t begin)
{
    if (meeting->protected == 0) {
        cr_assert(meeting->retired == -1);
        cr_assert(meeting->retire_code == ERR_EXISTS ||
                  meeting->retire_code == ERR_BUSY);
        expect_fresh(subject->driver, DATA, begin);
    } else {
        cr_assert(meeting->protect_code == ERR_NOT_FOUND);
        cr_assert(meeting->retired == 0);
        OK(driver_restore(subject->driver, "r", DATA, &err));
    }
}

void suite_protect_and_retire_never_both_succeed(struct subject *subject)
{
    given(subject->driver, DATA, "x");
    for (int round = 0; round < 200; round++) {
        struct meeting meeting = {.driver = subject->driver};
        int64_t begin = clock_now_ns();
        pthread_t threads[2];

        subject->age(subject, DATA, 2 * GRACE);
        pthread_barrier_init(&meeting.together, NULL, 2);
        cr_assert(!pthread_create(&threads[0], NULL, protect_once, &meeting));
        cr_assert(!pthread_create(&threads[1], NULL, retire_once, &meeting));
        pthread_join(threads[0], NULL);
        pthread_join(threads[1], NULL);
        pthread_barrier_destroy(&meeting.together);
        expect_one_of_both(subject, &meeting, begin);
    }
}
