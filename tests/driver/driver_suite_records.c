/* SPDX-License-Identifier: MIT */
#include <pthread.h>

#include "driver/driver_suite.h"

#define PATH "_berth/quota/one"
#define THREADS 8
#define ROUNDS 200

static struct record *open_record(struct driver *driver)
{
    struct record *record = NULL;

    OK(driver_open_record(driver, PATH, &record, &err));
    return record;
}

static void expect_bytes(struct record *record, const char *text)
{
    char bytes[RECORD_BYTES_MAX];

    OK(record_read(record, bytes, sizeof(bytes), &err));
    cr_assert_str_eq(bytes, text);
}

static void take(struct record *record, unsigned int slot, enum record_lock how)
{
    OK(record_lock(record, slot, how, 0, &err));
}

void suite_space_is_told(struct subject *subject)
{
    struct driver_space space = {0};

    OK(driver_space(subject->driver, &space, &err));
    cr_assert(space.bytes_free > 0);
    cr_assert(space.bytes_free <= space.bytes_total);
    cr_assert(space.files_free <= space.files_total);
}

void suite_a_record_begins_with_zeros(struct subject *subject)
{
    CLEANUP(record) struct record *record = open_record(subject->driver);
    static const char zeros[RECORD_BYTES_MAX];
    char bytes[RECORD_BYTES_MAX] = "x";

    OK(record_read(record, bytes, sizeof(bytes), &err));
    cr_assert(memcmp(bytes, zeros, sizeof(bytes)) == 0);
}

void suite_a_record_is_shared_by_all_who_open_it(struct subject *subject)
{
    CLEANUP(record) struct record *one = open_record(subject->driver);
    CLEANUP(record) struct record *two = open_record(subject->driver);

    OK(record_write(one, SPAN("first\0"), &err));
    expect_bytes(two, "first");
    OK(record_write(two, SPAN("again\0"), &err));
    expect_bytes(one, "again");
    record_cleanup(&one);
    one = open_record(subject->driver);
    expect_bytes(one, "again");
}

void suite_a_removed_record_begins_again(struct subject *subject)
{
    CLEANUP(record) struct record *old = open_record(subject->driver);
    CLEANUP(record) struct record *new = NULL;

    OK(record_write(old, SPAN("old\0"), &err));
    OK(driver_remove(subject->driver, PATH, DRIVER_RELAXED, &err));
    new = open_record(subject->driver);
    expect_bytes(new, "");
    OK(record_write(new, SPAN("new\0"), &err));
    expect_bytes(old, "old");
    FAILS(ERR_NOT_FOUND, driver_remove(subject->driver, "_berth/quota/two",
                                       DRIVER_RELAXED, &err));
}

void suite_a_record_is_locked_by_slot(struct subject *subject)
{
    CLEANUP(record) struct record *one = open_record(subject->driver);
    CLEANUP(record) struct record *two = open_record(subject->driver);

    take(one, 0, RECORD_EXCLUSIVE);
    FAILS(ERR_BUSY, record_lock(two, 0, RECORD_EXCLUSIVE, 0, &err));
    FAILS(ERR_BUSY, record_lock(two, 0, RECORD_SHARED, 0, &err));
    take(two, RECORD_SLOTS - 1, RECORD_EXCLUSIVE);
    take(two, 1, RECORD_SHARED);
    record_unlock(one, 0);
    take(two, 0, RECORD_EXCLUSIVE);
    FAILS(ERR_BUSY, record_lock(one, 0, RECORD_SHARED, 0, &err));
}

void suite_shared_locks_of_a_record_go_together(struct subject *subject)
{
    CLEANUP(record) struct record *one = open_record(subject->driver);
    CLEANUP(record) struct record *two = open_record(subject->driver);
    CLEANUP(record) struct record *three = open_record(subject->driver);

    take(one, 2, RECORD_SHARED);
    take(two, 2, RECORD_SHARED);
    FAILS(ERR_BUSY, record_lock(three, 2, RECORD_EXCLUSIVE, 0, &err));
    record_unlock(one, 2);
    FAILS(ERR_BUSY, record_lock(three, 2, RECORD_EXCLUSIVE, 0, &err));
    record_unlock(two, 2);
    take(three, 2, RECORD_EXCLUSIVE);
}

void suite_closing_a_record_lets_its_locks_go(struct subject *subject)
{
    CLEANUP(record) struct record *one = open_record(subject->driver);
    CLEANUP(record) struct record *two = open_record(subject->driver);

    take(one, 0, RECORD_EXCLUSIVE);
    take(one, 1, RECORD_SHARED);
    record_cleanup(&one);
    one = NULL;
    take(two, 0, RECORD_EXCLUSIVE);
    take(two, 1, RECORD_EXCLUSIVE);
}

static void *add(void *context)
{
    struct driver *driver = context;

    for (int i = 0; i < ROUNDS; i++) {
        CLEANUP(record) struct record *record = open_record(driver);
        uint64_t count;

        OK(record_lock(record, 0, RECORD_EXCLUSIVE, 60000, &err));
        OK(record_read(record, &count, sizeof(count), &err));
        count++;
        OK(record_write(record, (struct span){(char *)&count, sizeof(count)},
                        &err));
    }
    return NULL;
}

void suite_records_count_what_many_threads_add(struct subject *subject)
{
    CLEANUP(record) struct record *record = open_record(subject->driver);
    pthread_t threads[THREADS];
    uint64_t count = 0;

    for (int i = 0; i < THREADS; i++)
        cr_assert(pthread_create(&threads[i], NULL, add, subject->driver) == 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    OK(record_read(record, &count, sizeof(count), &err));
    cr_assert_eq(count, THREADS * ROUNDS);
}
