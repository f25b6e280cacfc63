/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "driver/fs_fixture.h"

#define HOUR_NS (3600 * CLOCK_NS_PER_SECOND)
#define LEFT_FILE FS_TMP "/0123456789abcdef"
#define LEFT_DIRECTORY FS_TMP "/fedcba9876543210"

TestSuite(driver_fs_sweep, .init = fs_begin, .fini = fs_end);

static struct driver_swept sweep(int64_t cutoff_ns, bool dry_run)
{
    struct driver_swept swept = {0};

    OK(driver_sweep(fixture.subject.driver, cutoff_ns, dry_run, &swept, &err));
    return swept;
}

static void write_file(const char *path, const char *text)
{
    int fd = openat(fixture.fs->root, path, O_WRONLY | O_CREAT, 0640);

    cr_assert(fd >= 0 &&
              write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static void make_old(const char *path)
{
    struct timespec old[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};

    cr_assert(utimensat(fixture.fs->root, path, old, 0) == 0);
}

Test(driver_fs_sweep, a_tree_that_never_had_anything_is_fine)
{
    cr_assert(sweep(clock_now_ns(), false).count == 0);
}

Test(driver_fs_sweep, what_lies_there_for_long_goes_and_the_rest_stays)
{
    struct driver_swept swept;
    int64_t hour_ago = clock_now_ns() - HOUR_NS;

    given(fixture.subject.driver, "a", "makes " FS_TMP);
    write_file(LEFT_FILE, "12345");
    make_old(LEFT_FILE);
    write_file(FS_TMP "/young", "x");
    swept = sweep(hour_ago, true);
    cr_assert(swept.count == 1 && swept.bytes == 5);
    cr_assert(fs_count_entries(FS_TMP) == 2);
    swept = sweep(hour_ago, false);
    cr_assert(swept.count == 1 && swept.bytes == 5);
    cr_assert(fs_count_entries(FS_TMP) == 1);
    (void)fs_lstat(FS_TMP "/young");
}

Test(driver_fs_sweep, a_directory_goes_with_all_in_it)
{
    struct driver_swept swept;

    given(fixture.subject.driver, LEFT_DIRECTORY "/index/sha256/ab/link",
          "1234567");
    write_file(LEFT_DIRECTORY "/data", "123");
    swept = sweep(clock_now_ns() + HOUR_NS, false);
    cr_assert(swept.count == 1);
    cr_assert(swept.bytes == 10, "%llu", (unsigned long long)swept.bytes);
    fs_expect_no_leftovers();
}

Test(driver_fs_sweep, so_does_one_left_beside)
{
    given(fixture.subject.driver, FS_ASIDE "0123456789abcdef/link", "12345");
    given(fixture.subject.driver, "repositories/_berth-1/link", "12345");
    cr_assert(sweep(clock_now_ns() + HOUR_NS, false).bytes == 5);
    expect_missing(fixture.subject.driver, FS_ASIDE "0123456789abcdef");
    expect_text(fixture.subject.driver, "repositories/_berth-1/link", "12345");
}

/* Somebody has kept what we had, say. */
Test(driver_fs_sweep, what_is_not_named_as_we_do_stays)
{
    static const char *const names[] = {
        FS_ASIDE "old", FS_ASIDE "0123456789abcde", FS_ASIDE "0123456789abcdeg",
        FS_ASIDE "0123456789abcdef0"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char path[PATH_MAX];

        snprintf(path, sizeof(path), "%s/link", names[i]);
        given(fixture.subject.driver, path, "12345");
        cr_expect(sweep(clock_now_ns() + HOUR_NS, false).count == 0, "%s",
                  names[i]);
        expect_text(fixture.subject.driver, path, "12345");
    }
}

static int taken;
static struct driver_swept during;

static int sweep_when_taken(void *context, enum fs_step step)
{
    (void)context;
    if (step == FS_STEP_TAKEN) {
        taken++;
        during = sweep(clock_now_ns() - HOUR_NS, false);
    }
    return 0;
}

/* However old the tag is, somebody is at work on it. */
Test(driver_fs_sweep, a_directory_that_is_aside_for_a_moment_stays)
{
    struct driver_condition condition = {"current/link", SPAN("old"), NULL, 0};

    given(fixture.subject.driver, "tags/v1/current/link", "old");
    make_old("tags/v1");
    fixture.fs->hook = sweep_when_taken;
    OK(driver_remove_if(fixture.subject.driver, "tags/v1", &condition, &err));
    fixture.fs->hook = NULL;
    cr_assert(taken == 1);
    cr_assert(during.count == 0);
}

/* Root could delete even there. */
static void sweep_as_somebody_else(void)
{
    struct driver_swept swept = {0};
    struct err err = {0};
    int64_t later = clock_now_ns() + HOUR_NS;
    bool refused;

    if (getuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
        _exit(97);
    refused =
        driver_sweep(fixture.subject.driver, later, false, &swept, &err) < 0;
    _exit(refused && swept.count == 1 && err.code == ERR_READ_ONLY ? 0 : 1);
}

Test(driver_fs_sweep, one_that_cannot_be_deleted_spares_no_other)
{
    given(fixture.subject.driver, FS_TMP "/shut/a", "1");
    given(fixture.subject.driver, FS_TMP "/open", "2");
    cr_assert(fchmodat(fixture.fs->root, ".", 0755, 0) == 0);
    cr_assert(fchmodat(fixture.fs->root, "_berth", 0755, 0) == 0);
    cr_assert(fchmodat(fixture.fs->root, FS_TMP, 0777, 0) == 0);
    cr_assert(fchmodat(fixture.fs->root, FS_TMP "/shut", 0555, 0) == 0);
    cr_assert(fs_run_in_child(sweep_as_somebody_else) == 0);
    cr_assert(fchmodat(fixture.fs->root, FS_TMP "/shut", 0755, 0) == 0);
    expect_text(fixture.subject.driver, FS_TMP "/shut/a", "1");
    expect_missing(fixture.subject.driver, FS_TMP "/open");
}
