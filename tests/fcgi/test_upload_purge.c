/* SPDX-License-Identifier: MIT */
/* What POST does for uploads that were given up. */
#include <criterion/criterion.h>
#include <string.h>

#include "driver/driver_mem.h"
#include "fcgi/fixture.h"
#include "store/layout.h"
#include "store/upload.h"

extern const struct route upload_route;

#define NAME "team/app"
#define UPLOADS "/v2/team/app/blobs/uploads/"
#define DAY (24 * 3600)

static char uuid[UUID_LENGTH + 1];

static void setup(void)
{
    route_setup(&upload_route);
}

TestSuite(upload_post_purge, .init = setup, .fini = route_teardown);

/* An upload that nobody has gone on with for so many days. */
static void given_upload(const char *name, int days)
{
    struct layout_path path;

    cr_assert_eq(upload_start(&store, name, HASH_SHA256, uuid, &err), 0);
    path = layout_upload_data(name, uuid);
    cr_assert_eq(driver_mem_age(store.driver, path.text, -days * DAY, &err), 0);
    path = layout_upload_started(name, uuid);
    cr_assert_eq(driver_put(store.driver, path.text,
                            SPAN("2020-01-01T00:00:00Z"), DRIVER_RELAXED, &err),
                 0);
}

static int count_child(void *context, const char *name, bool is_directory,
                       struct err *error)
{
    (void)name;
    (void)is_directory;
    (void)error;
    ++*(int *)context;
    return 0;
}

static int uploads(const char *name)
{
    int count = 0;

    cr_assert_eq(driver_list(store.driver, layout_uploads(name).text, NULL,
                             count_child, &count, &err),
                 0);
    return count;
}

Test(upload_post_purge, a_new_upload_takes_the_place_of_an_old_one)
{
    given_upload(NAME, 8);
    cr_assert_eq(ASK("POST", UPLOADS), 202);
    cr_expect_str_eq(header("Range"), "0-0");
    cr_expect_eq(uploads(NAME), 1);
    cr_expect_not(object_exists(layout_upload(NAME, uuid).text));
}

Test(upload_post_purge, a_whole_blob_does_as_much)
{
    given_upload(NAME, 8);
    cr_assert_eq(ASK("POST", text(UPLOADS "?digest=%s", UNKNOWN_DIGEST),
                     .body = SPAN("another")),
                 400);
    cr_expect_eq(uploads(NAME), 0);
}

Test(upload_post_purge, the_age_is_a_setting)
{
    given_upload(NAME, 6);
    cr_assert_eq(ASK("POST", UPLOADS), 202);
    cr_expect_eq(uploads(NAME), 2);
    cr_assert_eq(ASK("POST", UPLOADS, .parameters = {"BERTH_UPLOAD_AGE=5d"}),
                 202);
    cr_expect_eq(uploads(NAME), 2);
    given_upload(NAME, 10000);
    cr_assert_eq(ASK("POST", UPLOADS, .parameters = {"BERTH_UPLOAD_AGE=0"}),
                 202);
    cr_expect_eq(uploads(NAME), 4);
}

Test(upload_post_purge, other_repositories_wait_for_their_own)
{
    given_upload("team", 8);
    given_upload("team/app/more", 8);
    cr_assert_eq(ASK("POST", UPLOADS), 202);
    cr_expect_eq(uploads("team"), 1);
    cr_expect_eq(uploads("team/app/more"), 1);
}

Test(upload_post_purge, one_request_removes_two)
{
    for (int i = 0; i < 5; i++)
        given_upload(NAME, 8);
    cr_assert_eq(ASK("POST", UPLOADS), 202);
    cr_expect_eq(uploads(NAME), 4);
}

static struct driver_ops hooked;
static const struct driver_ops *plain;
static struct calls {
    int all, lists, stats;
} calls;

static int count_list(struct driver *driver, const char *path,
                      const char *after, driver_visit *visit, void *context,
                      struct err *error)
{
    calls.all++;
    calls.lists++;
    return plain->list(driver, path, after, visit, context, error);
}

static int count_stat(struct driver *driver, const char *path,
                      struct driver_stat *out, struct err *error)
{
    calls.all++;
    calls.stats++;
    return plain->stat(driver, path, out, error);
}

static int count_get(struct driver *driver, const char *path, struct buf *into,
                     struct driver_stat *out, struct err *error)
{
    calls.all++;
    return plain->get(driver, path, into, out, error);
}

static int count_put(struct driver *driver, const char *path, struct span bytes,
                     enum driver_durability durability, struct err *error)
{
    calls.all++;
    return plain->put(driver, path, bytes, durability, error);
}

static int count_open_upload(struct driver *driver, const char *path,
                             enum driver_upload_mode mode, int64_t wait_ms,
                             struct writer **out, struct err *error)
{
    calls.all++;
    return plain->open_upload(driver, path, mode, wait_ms, out, error);
}

/* The calls of the driver that a POST with this setting makes itself. */
static struct calls post_and_count(const char *setting)
{
    static const struct calls none;
    struct calls ours;

    calls = none;
    cr_assert_eq(ASK("POST", UPLOADS, .parameters = {setting}), 202);
    ours = calls;
    return ours;
}

static int refuse_remove(struct driver *driver, const char *path,
                         enum driver_durability durability, struct err *error)
{
    (void)driver;
    (void)durability;
    return err_set(error, ERR_READ_ONLY, "%s", path);
}

static void hook(void)
{
    plain = store.driver->ops;
    hooked = *plain;
    store.driver->ops = &hooked;
}

/*
 * The fixture lists the store around each question, as often each time, so
 * the difference is what purging costs.
 */
Test(upload_post_purge, costs_a_list_and_a_look_at_each_upload)
{
    struct calls with, without, after;

    for (int i = 0; i < 10; i++)
        given_upload(NAME, 0);
    hook();
    hooked.list = count_list;
    hooked.stat = count_stat;
    hooked.get = count_get;
    hooked.put = count_put;
    hooked.open_upload = count_open_upload;
    without = post_and_count("BERTH_UPLOAD_AGE=0");
    with = post_and_count("BERTH_UPLOAD_AGE=7d");
    after = post_and_count("BERTH_UPLOAD_AGE=0");
    store.driver->ops = plain;
    /* Eleven were there, and the twelfth is its own. */
    cr_expect_eq(with.stats - without.stats, 12, "%d", with.stats);
    cr_expect_eq(2 * with.lists - without.lists - after.lists, 2, "%d, %d, %d",
                 without.lists, with.lists, after.lists);
    cr_expect_eq(2 * with.all - without.all - after.all, 2 + 24);
}

Test(upload_post_purge, never_looks_at_more_than_32)
{
    struct calls with;

    for (int i = 0; i < 50; i++)
        given_upload(NAME, 0);
    hook();
    hooked.stat = count_stat;
    with = post_and_count("BERTH_UPLOAD_AGE=7d");
    store.driver->ops = plain;
    cr_expect_eq(with.stats, 32);
}

/* How many of so many POSTs have looked at uploads. */
static int count_purges(int posts)
{
    int purges = 0;

    hook();
    hooked.stat = count_stat;
    for (int i = 0; i < posts; i++)
        purges += post_and_count("BERTH_UPLOAD_AGE=7d").stats > 0;
    store.driver->ops = plain;
    return purges;
}

/* The list is as long as clients like; each may pay for 128 names of it. */
Test(upload_post_purge, of_many_uploads_is_left_to_one_request_in_several)
{
    for (int i = 0; i < 500; i++)
        given_upload(NAME, 0);
    cr_expect_eq(count_purges(1), 1);
    cr_expect_eq(count_purges(3), 0);
    cr_expect_eq(count_purges(4), 1);
}

static int put_on_full_disk(struct driver *driver, const char *path,
                            struct span bytes,
                            enum driver_durability durability,
                            struct err *error)
{
    (void)driver;
    (void)bytes;
    (void)durability;
    return err_set(error, ERR_NO_SPACE, "%s", path);
}

/* It is the way out of a disk that uploads have filled; none may pass then. */
Test(upload_post_purge, a_full_disk_is_freed)
{
    for (int i = 0; i < 500; i++)
        given_upload("many", 0);
    cr_assert_eq(ASK("POST", "/v2/many/blobs/uploads/"), 202);
    given_upload(NAME, 8);
    hook();
    hooked.put = put_on_full_disk;
    cr_expect_eq(ASK("POST", UPLOADS), 507);
    store.driver->ops = plain;
    cr_expect_eq(uploads(NAME), 0);
}

Test(upload_post_purge, what_cannot_be_purged_is_no_failure)
{
    given_upload(NAME, 8);
    hook();
    hooked.remove = refuse_remove;
    cr_expect_eq(ASK("POST", UPLOADS), 202);
    store.driver->ops = plain;
    cr_expect_eq(uploads(NAME), 2);
}
