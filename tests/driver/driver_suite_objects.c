/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/memory.h"
#include "driver/driver_suite.h"

void suite_what_was_put_can_be_got(struct subject *subject)
{
    static const enum driver_durability both[] = {DRIVER_DURABLE,
                                                  DRIVER_RELAXED};
    static const char *const paths[] = {"top", "a/b/c/link", "a/b/c/other"};

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
        for (size_t j = 0; j < ARRAY_SIZE(both); j++) {
            OK(driver_put(subject->driver, paths[i], SPAN("one"), both[j],
                          &err));
            expect_text(subject->driver, paths[i], "one");
            OK(driver_put(subject->driver, paths[i], SPAN(""), both[j], &err));
            expect_text(subject->driver, paths[i], "");
        }
}

void suite_put_replaces_the_whole_object(struct subject *subject)
{
    given(subject->driver, "a/link", "a long text");
    given(subject->driver, "a/link", "short");
    expect_text(subject->driver, "a/link", "short");
}

void suite_get_appends_up_to_the_maximum_of_its_buffer(struct subject *subject)
{
    struct driver_stat st;

    given(subject->driver, "a/link", "12345");
    for (int i = 0; i < 2; i++) {
        CLEANUP(buf) struct buf fits = BUF_INIT(8);
        CLEANUP(buf) struct buf tight = BUF_INIT(7);
        struct driver_stat *out = i == 0 ? NULL : &st;

        buf_add(&fits, SPAN("abc"));
        OK(driver_get(subject->driver, "a/link", &fits, out, &err));
        cr_assert(span_equals(buf_span(&fits), SPAN("abc12345")));

        buf_add(&tight, SPAN("abc"));
        FAILS(ERR_TOO_LARGE,
              driver_get(subject->driver, "a/link", &tight, out, &err));
        cr_assert(span_equals(buf_span(&tight), SPAN("abc")));
    }
}

void suite_get_reads_objects_of_any_size(struct subject *subject)
{
    static const size_t sizes[] = {1,     4095,  4096,  16383, 16384,
                                   16385, 32767, 32768, 49152, 1000003};
    char *bytes = memory_new(1000003);

    for (size_t i = 0; i < 1000003; i++)
        bytes[i] = (char)(i * 7 + i / 251);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct span all = {bytes, sizes[i]};
        CLEANUP(buf) struct buf got = BUF_INIT(1 << 20);
        CLEANUP(buf) struct buf exact = BUF_INIT(sizes[i]);
        struct driver_stat st;

        OK(driver_put(subject->driver, "a/b", all, DRIVER_RELAXED, &err));
        OK(driver_get(subject->driver, "a/b", &got, NULL, &err));
        cr_assert(span_equals(buf_span(&got), all), "%zu", sizes[i]);
        OK(driver_get(subject->driver, "a/b", &exact, NULL, &err));
        cr_assert(span_equals(buf_span(&exact), all), "%zu", sizes[i]);
        buf_clear(&exact);
        OK(driver_get(subject->driver, "a/b", &exact, &st, &err));
        cr_assert(span_equals(buf_span(&exact), all), "%zu", sizes[i]);
    }
    free(bytes);
}

void suite_what_is_not_there_is_not_found(struct subject *subject)
{
    static const char *const paths[] = {"none", "a/none", "none/none",
                                        "a/link/below"};
    CLEANUP(buf) struct buf bytes = BUF_INIT(100);
    struct reader *reader;
    struct driver_stat st;

    given(subject->driver, "a/link", "x");
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        expect_missing(subject->driver, paths[i]);
        FAILS(ERR_NOT_FOUND,
              driver_open_read(subject->driver, paths[i], 0, 0, &reader, &err));
    }
    FAILS(ERR_NOT_FOUND, driver_get(subject->driver, "a", &bytes, NULL, &err));
    FAILS(ERR_NOT_FOUND, driver_get(subject->driver, "a", &bytes, &st, &err));
    FAILS(ERR_NOT_FOUND,
          driver_open_read(subject->driver, "a", 0, 0, &reader, &err));
    cr_assert(bytes.len == 0);
}

void suite_stat_tells_kind_size_and_time(struct subject *subject)
{
    int64_t begin = clock_now_ns();
    struct driver_stat st;

    given(subject->driver, "a/link", "12345");
    OK(driver_stat(subject->driver, "a/link", &st, &err));
    cr_assert(!st.is_directory && st.size == 5);
    expect_fresh(subject->driver, "a/link", begin);
    OK(driver_stat(subject->driver, "a", &st, &err));
    cr_assert(st.is_directory && st.size == 0);
}

void suite_get_tells_of_the_bytes_it_read(struct subject *subject)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(100);
    struct driver_stat st;

    given(subject->driver, "a/link", "12345");
    subject->age(subject, "a/link", 100);
    OK(driver_get(subject->driver, "a/link", &bytes, &st, &err));
    cr_assert(!st.is_directory && st.size == 5);
    cr_assert(st.mtime_ns == mtime_of(subject->driver, "a/link"));
}

void suite_put_does_not_replace_a_directory(struct subject *subject)
{
    given(subject->driver, "a/b/link", "x");
    FAILS(ERR_EXISTS,
          driver_put(subject->driver, "a/b", SPAN("y"), DRIVER_DURABLE, &err));
    FAILS(ERR_EXISTS, driver_put(subject->driver, "a/b/link/c", SPAN("y"),
                                 DRIVER_RELAXED, &err));
    expect_text(subject->driver, "a/b/link", "x");
}

/* Reads to the end by pieces of `step` bytes. */
static void read_all(struct reader *reader, size_t step, struct buf *into)
{
    char piece[64];
    ssize_t got;

    do {
        struct err err = {0};

        got = reader_read(reader, piece, step, &err);
        cr_assert(got >= 0, "%s", err.text);
        buf_add(into, (struct span){piece, (size_t)got});
    } while (got > 0);
}

void suite_a_reader_gives_exactly_its_range(struct subject *subject)
{
    static const struct {
        uint64_t offset, length;
        const char *bytes;
    } cases[] = {
        {0, 10, "0123456789"}, {0, 4, "0123"}, {3, 4, "3456"},
        {9, 1, "9"},           {10, 0, ""},    {0, 0, ""},
    };

    given(subject->driver, "a/data", "0123456789");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        for (size_t step = 1; step <= 64; step *= 4) {
            CLEANUP(buf) struct buf got = BUF_INIT(100);
            CLEANUP(reader) struct reader *reader = NULL;

            OK(driver_open_read(subject->driver, "a/data", cases[i].offset,
                                cases[i].length, &reader, &err));
            read_all(reader, step, &got);
            cr_assert_str_eq(buf_text(&got), cases[i].bytes);
        }
}

void suite_a_reader_keeps_what_it_opened(struct subject *subject)
{
    CLEANUP(reader) struct reader *replaced = NULL;
    CLEANUP(reader) struct reader *removed = NULL;
    CLEANUP(buf) struct buf got = BUF_INIT(100);

    given(subject->driver, "a/data", "old");
    OK(driver_open_read(subject->driver, "a/data", 0, 3, &replaced, &err));
    given(subject->driver, "a/data", "new bytes");
    OK(driver_open_read(subject->driver, "a/data", 0, 9, &removed, &err));
    OK(driver_remove(subject->driver, "a", DRIVER_DURABLE, &err));
    read_all(replaced, 64, &got);
    read_all(removed, 64, &got);
    cr_assert_str_eq(buf_text(&got), "oldnew bytes");
}

void suite_a_reader_fails_when_the_object_is_shorter(struct subject *subject)
{
    CLEANUP(reader) struct reader *reader = NULL;
    struct err failure = {0};
    char bytes[16];

    given(subject->driver, "a/data", "12345");
    OK(driver_open_read(subject->driver, "a/data", 0, 6, &reader, &err));
    cr_assert(reader_read(reader, bytes, sizeof(bytes), &failure) == 5);
    cr_assert(reader_read(reader, bytes, sizeof(bytes), &failure) == -1);
    cr_assert(failure.code == ERR_IO);
}

/* --- from several threads --- */

#define WRITERS 3
#define PUTS_EACH 200

struct replacing {
    struct driver *driver;
    atomic_int running;
    atomic_int started;
};

/* Objects of one letter each, of different lengths. */
static void *replace_often(void *context)
{
    struct replacing *all = context;
    int number = atomic_fetch_add(&all->started, 1);
    char bytes[3000];

    memset(bytes, 'a' + number, sizeof(bytes));
    for (int i = 0; i < PUTS_EACH; i++)
        OK(driver_put(all->driver, "a/link",
                      (struct span){bytes, 1000 * (size_t)(number + 1)},
                      i % 8 ? DRIVER_RELAXED : DRIVER_DURABLE, &err));
    atomic_fetch_sub(&all->running, 1);
    return NULL;
}

void suite_readers_see_whole_objects_while_writers_replace_them(
    struct subject *subject)
{
    struct replacing all = {.driver = subject->driver, .running = WRITERS};
    pthread_t threads[WRITERS];
    size_t reads = 0;

    given(subject->driver, "a/link", "");
    for (int i = 0; i < WRITERS; i++)
        cr_assert(!pthread_create(&threads[i], NULL, replace_often, &all));
    for (; reads == 0 || atomic_load(&all.running) > 0; reads++) {
        CLEANUP(buf) struct buf bytes = BUF_INIT(4000);

        OK(driver_get(subject->driver, "a/link", &bytes, NULL, &err));
        if (bytes.len == 0)
            continue;
        cr_assert(bytes.len == 1000 * (size_t)(bytes.ptr[0] - 'a' + 1));
        for (size_t i = 1; i < bytes.len; i++)
            cr_assert(bytes.ptr[i] == bytes.ptr[0]);
    }
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
}
