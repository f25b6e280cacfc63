/* SPDX-License-Identifier: MIT */
#include "driver/driver_fault.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "driver/driver_mem.h"
#include "driver/driver_suite.h"
#include "driver/fs_fixture.h"

/* --- without a plan it is the driver within --- */

static struct subject subject;
static struct driver *inner;

static void age_inner(struct subject *self, const char *path, int64_t seconds)
{
    (void)self;
    OK(driver_mem_age(inner, path, -seconds, &err));
}

static void begin(void)
{
    inner = driver_mem_new(SUITE_GRACE_SECONDS);
    subject.driver = driver_fault_new(inner);
    subject.age = age_inner;
}

static void end(void)
{
    driver_free(subject.driver);
    driver_free(inner);
}

TestSuite(driver_fault, .init = begin, .fini = end);

#define RUN(name)                                                              \
    Test(driver_fault, name)                                                   \
    {                                                                          \
        suite_##name(&subject);                                                \
    }
DRIVER_SUITE(RUN)
#undef RUN

static void age_in_tree(struct subject *self, const char *path, int64_t seconds)
{
    (void)self;
    fs_age(&fixture.subject, path, seconds);
}

static void begin_tree(void)
{
    fs_begin();
    subject.driver = driver_fault_new(fixture.subject.driver);
    subject.age = age_in_tree;
}

static void end_tree(void)
{
    driver_free(subject.driver);
    fs_end();
}

TestSuite(driver_fault_fs, .init = begin_tree, .fini = end_tree);

#define RUN(name)                                                              \
    Test(driver_fault_fs, name)                                                \
    {                                                                          \
        suite_##name(&subject);                                                \
    }
DRIVER_SUITE(RUN)

/* --- plans --- */

static void order(uint64_t call, enum driver_fault_kind kind,
                  enum err_code code)
{
    struct driver_fault_plan plan = {.call = call, .kind = kind, .code = code};

    driver_fault_plan(subject.driver, &plan);
}

static void expect_log(const char *log)
{
    cr_assert_str_eq(driver_fault_log(subject.driver), log);
}

Test(driver_fault, only_the_call_of_the_plan_fails)
{
    order(2, DRIVER_FAULT_FAIL, ERR_NO_SPACE);
    given(subject.driver, "a", "1");
    FAILS(ERR_NO_SPACE,
          driver_put(subject.driver, "b", SPAN("2"), DRIVER_DURABLE, &err));
    expect_missing(inner, "b");
    given(subject.driver, "b", "3");
    expect_text(inner, "b", "3");
    cr_assert_eq(driver_fault_calls(subject.driver), 3);
    expect_log("1 put a\n2 put b\n3 put b\n");

    driver_fault_plan(subject.driver, NULL);
    cr_assert_eq(driver_fault_calls(subject.driver), 0);
    given(subject.driver, "c", "4");
    given(subject.driver, "c", "5");
    expect_log("1 put c\n2 put c\n");
}

Test(driver_fault, a_dead_storage_stays_dead)
{
    given(subject.driver, "a", "1");
    order(2, DRIVER_FAULT_DEAD, ERR_IO);
    expect_text(subject.driver, "a", "1");
    for (int i = 0; i < 3; i++)
        FAILS(ERR_IO, driver_remove(subject.driver, "a", DRIVER_DURABLE, &err));
    expect_text(inner, "a", "1");
}

Test(driver_fault, an_effect_can_come_with_a_failure)
{
    struct driver_stat stat = {.size = 7};
    CLEANUP(buf) struct buf bytes = BUF_INIT(100);
    struct reader *reader = NULL;

    order(1, DRIVER_FAULT_FAIL_AFTER, ERR_IO);
    FAILS(ERR_IO,
          driver_put(subject.driver, "a", SPAN("1"), DRIVER_DURABLE, &err));
    expect_text(inner, "a", "1");

    /* What looks and fails has told nothing. */
    order(1, DRIVER_FAULT_FAIL_AFTER, ERR_IO);
    FAILS(ERR_IO, driver_stat(subject.driver, "a", &stat, &err));
    cr_assert_eq(stat.size, 7);
    order(1, DRIVER_FAULT_FAIL_AFTER, ERR_IO);
    FAILS(ERR_IO, driver_get(subject.driver, "a", &bytes, &stat, &err));
    cr_assert_eq(bytes.len, 0);
    cr_assert_eq(stat.size, 7);
    order(1, DRIVER_FAULT_FAIL_AFTER, ERR_IO);
    FAILS(ERR_IO, driver_open_read(subject.driver, "a", 0, 1, &reader, &err));
    cr_assert_null(reader);

    /* A failure of its own stays. */
    order(1, DRIVER_FAULT_FAIL_AFTER, ERR_IO);
    FAILS(ERR_NOT_FOUND,
          driver_remove(subject.driver, "b", DRIVER_DURABLE, &err));
}

Test(driver_fault, the_errno_is_that_of_the_code)
{
    static const struct {
        enum err_code code;
        int sys_errno;
    } cases[] = {{ERR_IO, EIO},
                 {ERR_NO_SPACE, ENOSPC},
                 {ERR_READ_ONLY, EROFS},
                 {ERR_BUSY, 0}};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct err err = {0};

        order(1, DRIVER_FAULT_FAIL, cases[i].code);
        cr_assert_eq(driver_purge(subject.driver, "run",
                                  &(struct driver_swept){0}, &err),
                     -1);
        cr_assert_eq(err.code, cases[i].code);
        cr_assert_eq(err.sys_errno, cases[i].sys_errno);
    }
}

/* --- half of it --- */

Test(driver_fault, a_short_reader_ends_early)
{
    CLEANUP(reader) struct reader *reader = NULL;
    struct err err = {0};
    char bytes[8];

    given(inner, "a", "0123456789");
    order(2, DRIVER_FAULT_SHORT, ERR_NO_SPACE);
    OK(driver_open_read(subject.driver, "a", 0, 10, &reader, &err));
    cr_assert_eq(reader_read(reader, bytes, sizeof(bytes), &err), 4);
    cr_assert(memcmp(bytes, "0123", 4) == 0);
    FAILS(ERR_IO, (int)reader_read(reader, bytes, sizeof(bytes), &err));
    FAILS(ERR_IO, (int)reader_read(reader, bytes, sizeof(bytes), &err));
    expect_log("1 open_read a\n2 read a\n3 read a\n4 read a\n");
}

static int add_name(void *context, const char *name, bool is_directory,
                    struct err *err)
{
    (void)is_directory;
    (void)err;
    buf_add(context, span_of(name));
    return 0;
}

Test(driver_fault, a_short_list_fails_half_way)
{
    CLEANUP(buf) struct buf names = BUF_INIT(100);

    given(inner, "d/a", "");
    given(inner, "d/b", "");
    given(inner, "d/c", "");
    given(inner, "d/d", "");
    order(1, DRIVER_FAULT_SHORT, ERR_IO);
    FAILS(ERR_IO,
          driver_list(subject.driver, "d", NULL, add_name, &names, &err));
    cr_assert_str_eq(buf_text(&names), "ab");
    order(1, DRIVER_FAULT_SHORT, ERR_IO);
    FAILS(ERR_NOT_FOUND,
          driver_list(subject.driver, "e", NULL, add_name, &names, &err));
}

Test(driver_fault, a_short_append_leaves_a_part)
{
    struct writer *writer =
        open_writer(subject.driver, "u", DRIVER_UPLOAD_CREATE);

    order(1, DRIVER_FAULT_SHORT, ERR_NO_SPACE);
    FAILS(ERR_NO_SPACE, writer_append(writer, SPAN("0123"), &err));
    cr_assert_eq(writer->size, 2);
    OK(writer_truncate(writer, 1, &err));
    cr_assert_eq(writer->size, 1);
    OK(writer_append(writer, SPAN("x"), &err));
    OK(writer_commit(writer, "o", &err));
    expect_text(inner, "o", "0x");
}

static struct writer *writer_of_two(void)
{
    struct writer *writer =
        open_writer(subject.driver, "u", DRIVER_UPLOAD_CREATE);

    OK(writer_append(writer, SPAN("ab"), &err));
    return writer;
}

Test(driver_fault, a_short_sync_loses_the_bytes)
{
    struct writer *writer = writer_of_two();

    order(1, DRIVER_FAULT_SHORT, ERR_IO);
    FAILS(ERR_IO, writer_sync(writer, &err));
    FAILS(ERR_NOT_FOUND, writer_commit(writer, "o", &err));
    expect_missing(inner, "o");

    writer = writer_of_two();
    order(1, DRIVER_FAULT_SHORT, ERR_IO);
    FAILS(ERR_IO, writer_suspend(writer, &err));
    expect_missing(inner, "u");

    writer = writer_of_two();
    OK(writer_sync(writer, &err));
    order(1, DRIVER_FAULT_SHORT, ERR_IO);
    FAILS(ERR_IO, writer_commit(writer, "o", &err));
    expect_missing(inner, "u");
    expect_missing(inner, "o");
}

Test(driver_fault, what_was_synced_is_not_lost)
{
    struct writer *writer = writer_of_two();

    OK(writer_sync(writer, &err));
    order(1, DRIVER_FAULT_SHORT, ERR_IO);
    FAILS(ERR_IO, writer_sync(writer, &err));
    order(1, DRIVER_FAULT_SHORT, ERR_IO);
    FAILS(ERR_IO, writer_suspend(writer, &err));
    expect_text(inner, "u", "ab");
}

/* --- the ends of a writer --- */

Test(driver_fault, an_end_that_fails_leaves_the_bytes_to_another)
{
    struct writer *writer = writer_of_two();

    order(1, DRIVER_FAULT_FAIL, ERR_IO);
    FAILS(ERR_IO, writer_commit(writer, "o", &err));
    expect_missing(inner, "o");
    writer = open_writer(inner, "u", DRIVER_UPLOAD_RESUME);
    OK(writer_suspend(writer, &err));

    writer = open_writer(subject.driver, "u", DRIVER_UPLOAD_RESUME);
    order(1, DRIVER_FAULT_FAIL, ERR_IO);
    FAILS(ERR_IO, writer_suspend(writer, &err));
    writer = open_writer(subject.driver, "u", DRIVER_UPLOAD_RESUME);
    order(1, DRIVER_FAULT_FAIL, ERR_IO);
    writer_abort(writer);
    expect_text(inner, "u", "ab");
    writer = open_writer(subject.driver, "u", DRIVER_UPLOAD_RESUME);
    writer_abort(writer);
    expect_missing(inner, "u");
}

Test(driver_fault, a_commit_can_take_effect_and_fail)
{
    struct writer *writer = writer_of_two();

    order(1, DRIVER_FAULT_FAIL_AFTER, ERR_IO);
    FAILS(ERR_IO, writer_commit(writer, "o", &err));
    expect_text(inner, "o", "ab");
    expect_missing(inner, "u");
}

Test(driver_fault, an_upload_that_fails_after_it_was_made_is_free)
{
    struct writer *writer = NULL;

    order(1, DRIVER_FAULT_FAIL_AFTER, ERR_IO);
    FAILS(ERR_IO, driver_open_upload(subject.driver, "u", DRIVER_UPLOAD_CREATE,
                                     0, &writer, &err));
    cr_assert_null(writer);
    expect_text(inner, "u", "");
    writer_abort(open_writer(inner, "u", DRIVER_UPLOAD_RESUME));
}

/* --- something else meanwhile --- */

static void put_other(void *context)
{
    given(context, "a", "other");
}

Test(driver_fault, something_else_can_come_first)
{
    struct driver_fault_plan plan = {.call = 1,
                                     .kind = DRIVER_FAULT_DELAY,
                                     .meanwhile = put_other,
                                     .context = subject.driver};

    driver_fault_plan(subject.driver, &plan);
    expect_text(subject.driver, "a", "other");
    expect_log("1 get a\n2 put a\n");
}

Test(driver_fault, the_process_can_die)
{
    pid_t child = fs_fork();
    int status;

    if (child == 0) {
        order(2, DRIVER_FAULT_DIE, ERR_NONE);
        given(subject.driver, "a", "1");
        given(subject.driver, "a", "2");
        _exit(0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static uint64_t answer_plan(void *context, const char *what,
                            struct driver_fault_plan *plan)
{
    *plan = (struct driver_fault_plan){
        .call = 7, .kind = DRIVER_FAULT_FAIL, .code = ERR_BUSY};
    return strcmp(what, context) == 0 ? 7 : 8;
}

Test(driver_fault, a_plan_can_come_from_elsewhere)
{
    char struck[] = "put b";

    driver_fault_follow(subject.driver, answer_plan, struck);
    given(subject.driver, "a", "1");
    FAILS(ERR_BUSY,
          driver_put(subject.driver, "b", SPAN("1"), DRIVER_DURABLE, &err));
    expect_missing(inner, "b");
}
