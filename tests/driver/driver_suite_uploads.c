/* SPDX-License-Identifier: MIT */
#include <pthread.h>

#include "driver/driver_suite.h"

#define UPLOAD "r/_uploads/1234/data"
#define BLOB "blobs/sha256/ab/abcd/data"

/* Longer than any machine needs; a test that waits so long fails. */
#define LONG_MS 60000

static void append_text(struct writer *writer, const char *text)
{
    OK(writer_append(writer, span_of(text), &err));
}

void suite_an_upload_becomes_an_object(struct subject *subject)
{
    int64_t begin = clock_now_ns();
    struct writer *writer =
        open_writer(subject->driver, UPLOAD, DRIVER_UPLOAD_CREATE);

    cr_assert(writer->size == 0);
    append_text(writer, "hello ");
    append_text(writer, "");
    append_text(writer, "world");
    cr_assert(writer->size == 11);
    expect_missing(subject->driver, BLOB);
    OK(writer_commit(writer, BLOB, &err));
    expect_text(subject->driver, BLOB, "hello world");
    expect_fresh(subject->driver, BLOB, begin);
    expect_missing(subject->driver, UPLOAD);
}

void suite_an_upload_is_created_once(struct subject *subject)
{
    struct writer *second = NULL;
    struct writer *writer =
        open_writer(subject->driver, UPLOAD, DRIVER_UPLOAD_CREATE);

    FAILS(ERR_EXISTS,
          driver_open_upload(subject->driver, UPLOAD, DRIVER_UPLOAD_CREATE,
                             LONG_MS, &second, &err));
    OK(writer_suspend(writer, &err));
    FAILS(ERR_EXISTS,
          driver_open_upload(subject->driver, UPLOAD, DRIVER_UPLOAD_CREATE, 0,
                             &second, &err));
    given(subject->driver, "a/file", "x");
    FAILS(ERR_EXISTS,
          driver_open_upload(subject->driver, "a/file/data",
                             DRIVER_UPLOAD_CREATE, 0, &second, &err));
}

void suite_a_suspended_upload_is_resumed_at_its_end(struct subject *subject)
{
    struct writer *writer = NULL;

    FAILS(ERR_NOT_FOUND,
          driver_open_upload(subject->driver, UPLOAD, DRIVER_UPLOAD_RESUME,
                             LONG_MS, &writer, &err));
    writer = open_writer(subject->driver, UPLOAD, DRIVER_UPLOAD_CREATE);
    OK(writer_suspend(writer, &err));
    for (int i = 0; i < 3; i++) {
        writer = open_writer(subject->driver, UPLOAD, DRIVER_UPLOAD_RESUME);
        cr_assert(writer->size == (uint64_t)i * 4);
        append_text(writer, "part");
        OK(writer_suspend(writer, &err));
    }
    writer = open_writer(subject->driver, UPLOAD, DRIVER_UPLOAD_RESUME);
    OK(writer_commit(writer, BLOB, &err));
    expect_text(subject->driver, BLOB, "partpartpart");
}

void suite_an_upload_that_is_appended_to_is_young(struct subject *subject)
{
    struct writer *writer =
        open_writer(subject->driver, "u", DRIVER_UPLOAD_CREATE);
    int64_t now = clock_now_ns();

    OK(writer_append(writer, SPAN("a"), &err));
    OK(writer_suspend(writer, &err));
    subject->age(subject, "u", 2 * SUITE_GRACE_SECONDS);
    writer = open_writer(subject->driver, "u", DRIVER_UPLOAD_RESUME);
    OK(writer_append(writer, SPAN("b"), &err));
    expect_fresh(subject->driver, "u", now);
    OK(writer_suspend(writer, &err));
    expect_fresh(subject->driver, "u", now);
}

void suite_an_upload_can_be_cut_back(struct subject *subject)
{
    struct writer *writer =
        open_writer(subject->driver, UPLOAD, DRIVER_UPLOAD_CREATE);

    append_text(writer, "0123456789");
    OK(writer_truncate(writer, 10, &err));
    OK(writer_truncate(writer, 4, &err));
    cr_assert(writer->size == 4);
    append_text(writer, "xy");
    OK(writer_suspend(writer, &err));
    writer = open_writer(subject->driver, UPLOAD, DRIVER_UPLOAD_RESUME);
    cr_assert(writer->size == 6);
    OK(writer_truncate(writer, 5, &err));
    OK(writer_commit(writer, BLOB, &err));
    expect_text(subject->driver, BLOB, "0123x");
}

void suite_an_upload_has_one_writer(struct subject *subject)
{
    struct writer *second = NULL;
    struct writer *writer =
        open_writer(subject->driver, UPLOAD, DRIVER_UPLOAD_CREATE);

    FAILS(ERR_BUSY, driver_open_upload(subject->driver, UPLOAD,
                                       DRIVER_UPLOAD_RESUME, 0, &second, &err));
    FAILS(ERR_BUSY,
          driver_open_upload(subject->driver, UPLOAD, DRIVER_UPLOAD_RESUME, 20,
                             &second, &err));
    append_text(writer, "x");
    OK(writer_suspend(writer, &err));
    second = open_writer(subject->driver, UPLOAD, DRIVER_UPLOAD_RESUME);
    writer_abort(second);
}

struct waiting {
    struct driver *driver;
    struct writer *writer;
    int result;
    struct err err;
};

static void *wait_for_upload(void *context)
{
    struct waiting *waiting = context;

    waiting->result =
        driver_open_upload(waiting->driver, UPLOAD, DRIVER_UPLOAD_RESUME,
                           LONG_MS, &waiting->writer, &waiting->err);
    return NULL;
}

/* Whichever of the two threads comes first, the outcome is the same. */
void suite_a_second_writer_gets_its_turn(struct subject *subject)
{
    struct waiting waiting = {.driver = subject->driver};
    pthread_t thread;
    struct writer *writer =
        open_writer(subject->driver, UPLOAD, DRIVER_UPLOAD_CREATE);

    cr_assert(!pthread_create(&thread, NULL, wait_for_upload, &waiting));
    append_text(writer, "first ");
    OK(writer_suspend(writer, &err));
    pthread_join(thread, NULL);
    cr_assert(waiting.result == 0, "%s", waiting.err.text);
    cr_assert(waiting.writer->size == 6);
    append_text(waiting.writer, "second");
    OK(writer_commit(waiting.writer, BLOB, &err));
    expect_text(subject->driver, BLOB, "first second");
}

void suite_a_second_writer_finds_the_upload_committed(struct subject *subject)
{
    struct waiting waiting = {.driver = subject->driver};
    pthread_t thread;
    struct writer *writer =
        open_writer(subject->driver, UPLOAD, DRIVER_UPLOAD_CREATE);

    cr_assert(!pthread_create(&thread, NULL, wait_for_upload, &waiting));
    append_text(writer, "done");
    OK(writer_commit(writer, BLOB, &err));
    pthread_join(thread, NULL);
    cr_assert(waiting.result == -1 && waiting.err.code == ERR_NOT_FOUND);
    expect_text(subject->driver, BLOB, "done");
}

void suite_commit_replaces_what_is_there(struct subject *subject)
{
    CLEANUP(reader) struct reader *reader = NULL;
    struct err failure = {0};
    char bytes[8] = "";
    struct writer *writer =
        open_writer(subject->driver, UPLOAD, DRIVER_UPLOAD_CREATE);

    given(subject->driver, BLOB, "damaged");
    OK(driver_open_read(subject->driver, BLOB, 0, 7, &reader, &err));
    append_text(writer, "whole");
    OK(writer_commit(writer, BLOB, &err));
    expect_text(subject->driver, BLOB, "whole");
    cr_assert(reader_read(reader, bytes, 7, &failure) == 7);
    cr_assert_str_eq(bytes, "damaged");
}

void suite_commit_gives_a_fresh_lease_to_old_bytes(struct subject *subject)
{
    int64_t begin = clock_now_ns();
    struct writer *writer =
        open_writer(subject->driver, UPLOAD, DRIVER_UPLOAD_CREATE);

    append_text(writer, "x");
    OK(writer_suspend(writer, &err));
    subject->age(subject, UPLOAD, 10 * SUITE_GRACE_SECONDS);
    writer = open_writer(subject->driver, UPLOAD, DRIVER_UPLOAD_RESUME);
    OK(writer_commit(writer, BLOB, &err));
    expect_fresh(subject->driver, BLOB, begin);
}

void suite_an_upload_that_cannot_be_committed_stays(struct subject *subject)
{
    struct writer *writer =
        open_writer(subject->driver, UPLOAD, DRIVER_UPLOAD_CREATE);

    OK(driver_make_directory(subject->driver, BLOB, &err));
    given(subject->driver, "file", "x");
    append_text(writer, "bytes");
    FAILS(ERR_EXISTS, writer_commit(writer, BLOB, &err));
    writer = open_writer(subject->driver, UPLOAD, DRIVER_UPLOAD_RESUME);
    cr_assert(writer->size == 5);
    FAILS(ERR_EXISTS, writer_commit(writer, "file/data", &err));
    writer = open_writer(subject->driver, UPLOAD, DRIVER_UPLOAD_RESUME);
    OK(writer_commit(writer, "other", &err));
    expect_text(subject->driver, "other", "bytes");
}

void suite_commit_of_a_removed_upload_makes_no_object(struct subject *subject)
{
    struct writer *again;
    struct writer *writer =
        open_writer(subject->driver, UPLOAD, DRIVER_UPLOAD_CREATE);

    append_text(writer, "bytes");
    OK(driver_remove(subject->driver, "r/_uploads/1234", DRIVER_RELAXED, &err));
    append_text(writer, "more");
    FAILS(ERR_NOT_FOUND, writer_commit(writer, BLOB, &err));
    expect_missing(subject->driver, BLOB);

    writer = open_writer(subject->driver, UPLOAD, DRIVER_UPLOAD_CREATE);
    OK(driver_remove(subject->driver, UPLOAD, DRIVER_DURABLE, &err));
    again = open_writer(subject->driver, UPLOAD, DRIVER_UPLOAD_CREATE);
    append_text(again, "another");
    FAILS(ERR_NOT_FOUND, writer_commit(writer, BLOB, &err));
    expect_missing(subject->driver, BLOB);
    OK(writer_commit(again, BLOB, &err));
    expect_text(subject->driver, BLOB, "another");
}

void suite_an_aborted_upload_is_gone(struct subject *subject)
{
    struct writer *writer =
        open_writer(subject->driver, UPLOAD, DRIVER_UPLOAD_CREATE);

    append_text(writer, "bytes");
    writer_abort(writer);
    expect_missing(subject->driver, UPLOAD);
    FAILS(ERR_NOT_FOUND,
          driver_open_upload(subject->driver, UPLOAD, DRIVER_UPLOAD_RESUME, 0,
                             &writer, &err));
    writer = open_writer(subject->driver, UPLOAD, DRIVER_UPLOAD_CREATE);
    cr_assert(writer->size == 0);
    OK(writer_suspend(writer, &err));
}

void suite_abort_spares_what_took_its_place(struct subject *subject)
{
    struct writer *writer =
        open_writer(subject->driver, UPLOAD, DRIVER_UPLOAD_CREATE);

    OK(driver_remove(subject->driver, UPLOAD, DRIVER_RELAXED, &err));
    given(subject->driver, UPLOAD, "another");
    writer_abort(writer);
    expect_text(subject->driver, UPLOAD, "another");
}
