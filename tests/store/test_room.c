/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "driver/driver_mem.h"
#include "store/blob.h"
#include "store/fixture.h"
#include "store/room.h"
#include "store/upload.h"

TestSuite(room, .init = fixture_setup, .fini = fixture_teardown);

static void given_space(uint64_t bytes_free, uint64_t files_free)
{
    struct driver_space space = {.bytes_total = 10000,
                                 .bytes_free = bytes_free,
                                 .files_total = 100000,
                                 .files_free = files_free};

    driver_mem_set_space(store.driver, &space);
}

static enum err_code check(void)
{
    CLEANUP(room) struct room room = {0};
    struct err one = {0}, two = {0};

    cr_assert_eq(room_check(&store, "a", 1, &one),
                 room_take(&store, "a", 1, 0, &room, &two));
    cr_assert_eq(one.code, two.code);
    err = one;
    return one.code;
}

Test(room, without_a_floor_nobody_asks)
{
    given_space(0, 0);
    cr_expect_eq(check(), ERR_NONE);
}

Test(room, a_floor_of_bytes_is_met_exactly)
{
    store.free_floor.bytes = 500;
    given_space(500, 1000);
    cr_expect_eq(check(), ERR_NONE);
    given_space(499, 1000);
    cr_expect_eq(check(), ERR_NO_SPACE);
    cr_expect_str_eq(err.detail, "less than 500 bytes are free");
    given_space(500, 999);
    cr_expect_eq(check(), ERR_NO_SPACE);
    cr_expect_str_eq(err.detail, "less than 1000 inodes are free");
}

Test(room, a_percentage_is_of_bytes_and_inodes)
{
    store.free_floor.percent = 5;
    given_space(500, 5000);
    cr_expect_eq(check(), ERR_NONE);
    given_space(499, 5000);
    cr_expect_eq(check(), ERR_NO_SPACE);
    cr_expect_str_eq(err.detail, "less than 500 bytes are free");
    given_space(500, 4999);
    cr_expect_eq(check(), ERR_NO_SPACE);
    cr_expect_str_eq(err.detail, "less than 5000 inodes are free");
}

Test(room, where_inodes_are_not_counted_there_are_enough)
{
    struct driver_space space = {.bytes_total = UINT64_MAX,
                                 .bytes_free = UINT64_MAX / 100 * 99 + 99};

    store.free_floor.percent = 99;
    driver_mem_set_space(store.driver, &space);
    cr_expect_eq(check(), ERR_NONE);
}

/* The file system fills while a body comes in. */
struct filling {
    struct reader reader;
    uint64_t left;
};

static ssize_t read_filling(struct reader *reader, void *into, size_t size,
                            struct err *error)
{
    struct filling *filling = (struct filling *)(void *)reader;

    (void)error;
    memset(into, 'x', size);
    filling->left -= size < filling->left ? size : filling->left;
    given_space(filling->left, 10000);
    return (ssize_t)size;
}

static void close_filling(struct reader *reader)
{
    (void)reader;
}

Test(room, a_push_ends_when_it_reaches_the_floor)
{
    static const struct reader_ops ops = {read_filling, close_filling};
    struct filling filling = {{&ops}, 4 << 20};
    CLEANUP(upload) struct upload *upload = NULL;
    char uuid[UUID_LENGTH + 1];
    uint64_t received;

    store.free_floor.bytes = 1 << 20;
    given_space(4 << 20, 10000);
    cr_assert_eq(upload_start(&store, "a", HASH_SHA256, uuid, &err), 0);
    cr_assert_eq(upload_open(&store, "a", uuid, &upload, &err), 0);
    cr_expect_eq(upload_receive(upload, &filling.reader, &received, &err), -1);
    cr_expect_eq(err.code, ERR_NO_SPACE);
    cr_expect(filling.left >= (1 << 20) - 300000, "%d", (int)filling.left);
    cr_expect_eq(upload_size(upload), 0);
}

Test(room, pulls_and_deletions_ask_for_none)
{
    struct digest digest = push_blob("a", SPAN("hello"));
    struct blob blob;

    store.free_floor.bytes = 500;
    given_space(0, 0);
    cr_expect_eq(blob_lease(&store, "a", &digest, &blob, &err), 0);
    cr_expect_eq(blob_delete(&store, "a", &digest, &err), 0);
}
