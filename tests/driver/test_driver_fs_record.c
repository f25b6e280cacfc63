/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/files.h"
#include "driver/fs_fixture.h"

TestSuite(driver_fs_record, .init = fs_begin, .fini = fs_end);

#define RECORD "_berth/quota/one"

static void expect_record(const char *text)
{
    CLEANUP(record) struct record *record = NULL;
    char bytes[RECORD_BYTES_MAX];

    OK(driver_open_record(fixture.subject.driver, RECORD, &record, &err));
    OK(record_read(record, bytes, sizeof(bytes), &err));
    cr_assert_str_eq(bytes, text);
}

static void given_record(void)
{
    CLEANUP(record) struct record *record = NULL;

    OK(driver_open_record(fixture.subject.driver, RECORD, &record, &err));
    OK(record_write(record, SPAN("kept\0"), &err));
}

/* As if it had been written before the machine was last started. */
static void write_to_record(const char *bytes, size_t len)
{
    CLEANUP(fd) int fd = openat(fixture.fs->root, RECORD, O_WRONLY);

    cr_assert(pwrite(fd, bytes, len, 0) == (ssize_t)len);
}

Test(driver_fs_record,
     a_record_is_empty_when_the_machine_has_been_started_again)
{
    const int64_t start_ns = clock_now_ns() - clock_boot_ns(NULL);
    static const struct {
        int64_t seconds; /* how much earlier it was started then */
        const char *bytes;
    } cases[] = {{0, "kept"}, {1, "kept"}, {-1, "kept"}, {3, ""},
                 {-3, ""},    {86400, ""}, {0, "kept"}};

    given_record();
    expect_record("kept");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t then = start_ns - cases[i].seconds * CLOCK_NS_PER_SECOND;

        write_to_record((const char *)&then, sizeof(then));
        expect_record(cases[i].bytes);
    }
    write_to_record("\1\2\3\4\5\6\7\10", 8);
    expect_record("");
    given_record();
    expect_record("kept");
}

Test(driver_fs_record, a_record_that_is_cut_off_reads_as_zeros)
{
    given_record();
    {
        CLEANUP(fd) int fd = openat(fixture.fs->root, RECORD, O_WRONLY);

        cr_assert(ftruncate(fd, 5) == 0);
    }
    expect_record("");
}

static struct record *held;

static void die_with_a_lock(void)
{
    OK(driver_open_record(fixture.subject.driver, RECORD, &held, &err));
    OK(record_lock(held, 3, RECORD_EXCLUSIVE, 0, &err));
    kill(getpid(), SIGKILL);
}

Test(driver_fs_record, the_locks_of_a_record_end_with_the_process)
{
    CLEANUP(record) struct record *record = NULL;

    cr_assert_neq(fs_run_in_child(die_with_a_lock), 0);
    OK(driver_open_record(fixture.subject.driver, RECORD, &record, &err));
    OK(record_lock(record, 3, RECORD_EXCLUSIVE, 0, &err));
}

Test(driver_fs_record, space_is_that_of_the_file_system)
{
    struct driver_space space = {0};

    OK(driver_space(fixture.subject.driver, &space, &err));
    cr_assert(space.bytes_total > 1 << 20);
}
