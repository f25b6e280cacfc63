/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "driver/driver_mem.h"
#include "store/fixture.h"
#include "store/layout.h"
#include "store/upload.h"
#include "store/upload_purge.h"

TestSuite(upload_purge, .init = fixture_setup, .fini = fixture_teardown);

#define NAME "team/app"
#define HOUR 3600
#define DAY (24 * HOUR)

static char uuid[UUID_LENGTH + 1];
static struct upload_purged purged;

/* What began `began` seconds ago and was last written `wrote` seconds ago. */
static void given_upload(int64_t began, int64_t wrote)
{
    struct layout_path path;
    char text[CLOCK_RFC3339_MAX];

    cr_assert_eq(upload_start(&store, NAME, HASH_SHA256, uuid, &err), 0);
    path = layout_upload_data(NAME, uuid);
    cr_assert_eq(driver_mem_age(store.driver, path.text, -wrote, &err), 0);
    path = layout_upload_started(NAME, uuid);
    clock_format_rfc3339(clock_now_ns() / CLOCK_NS_PER_SECOND - began, text);
    cr_assert_eq(driver_put(store.driver, path.text, span_of(text),
                            DRIVER_RELAXED, &err),
                 0);
}

static bool upload_exists(void)
{
    return object_exists(layout_upload(NAME, uuid).text);
}

static struct upload_purge older_than_a_day(void)
{
    return (struct upload_purge){.cutoff_ns = clock_now_ns() -
                                              DAY * CLOCK_NS_PER_SECOND};
}

/* Purges what is older than a day; the number. */
static uint64_t purge(void)
{
    struct upload_purge how = older_than_a_day();

    memset(&purged, 0, sizeof(purged));
    cr_assert_eq(upload_purge(&store, NAME, &how, &purged, &err), 0, "%s",
                 err.text);
    return purged.count;
}

static void put(const char *path, struct span bytes)
{
    cr_assert_eq(driver_put(store.driver, path, bytes, DRIVER_RELAXED, &err),
                 0);
}

Test(upload_purge, takes_what_began_and_rested_long_ago)
{
    given_upload(2 * DAY, 2 * DAY);
    cr_assert_eq(purge(), 1);
    cr_assert_not(upload_exists());
    cr_assert_eq(purge(), 0);
}

Test(upload_purge, tells_the_bytes_that_had_come)
{
    struct upload *upload;
    struct body body;
    uint64_t received;

    given_upload(2 * DAY, 2 * DAY);
    body_init(&body, SPAN("12345"));
    cr_assert_eq(upload_open(&store, NAME, uuid, &upload, &err), 0);
    cr_assert_eq(upload_receive(upload, &body.reader, &received, &err), 0);
    cr_assert_eq(upload_suspend(upload, &err), 0);
    object_age(layout_upload_data(NAME, uuid).text);
    cr_assert_eq(purge(), 1);
    cr_assert_eq(purged.bytes, 5);
}

Test(upload_purge, spares_a_slow_one_that_goes_on)
{
    given_upload(30 * DAY, HOUR);
    cr_assert_eq(purge(), 0);
    cr_assert(upload_exists());
}

Test(upload_purge, spares_one_that_began_lately_whatever_its_times_on_disk)
{
    given_upload(HOUR, 30 * DAY);
    object_age(layout_upload_started(NAME, uuid).text);
    cr_assert_eq(purge(), 0);
    cr_assert(upload_exists());
}

Test(upload_purge, reads_startedat_in_any_form_of_rfc_3339)
{
    static const char *const old[] = {
        "2020-01-01T00:00:00Z",
        "2020-01-01T00:00:00.123456789Z",
        "2020-01-01T00:00:00+02:00",
    };
    static const char *const young[] = {
        "2120-01-01T00:00:00Z",
        "2120-01-01T00:00:00.5-11:30",
    };

    for (size_t i = 0; i < ARRAY_SIZE(old); i++) {
        given_upload(0, 2 * DAY);
        put(layout_upload_started(NAME, uuid).text, span_of(old[i]));
        cr_expect_eq(purge(), 1, "%s", old[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(young); i++) {
        given_upload(0, 2 * DAY);
        put(layout_upload_started(NAME, uuid).text, span_of(young[i]));
        object_age(layout_upload_started(NAME, uuid).text);
        cr_expect_eq(purge(), 0, "%s", young[i]);
    }
}

/* As a crash of registry:2 leaves it. */
Test(upload_purge, a_start_that_is_no_time_counts_from_its_writing)
{
    static const char huge[4096] = "2020";
    const struct span texts[] = {
        SPAN(""), SPAN("yesterday"), {huge, sizeof(huge)}};

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        given_upload(0, 2 * DAY);
        put(layout_upload_started(NAME, uuid).text, texts[i]);
        cr_expect_eq(purge(), 0);
        object_age(layout_upload_started(NAME, uuid).text);
        cr_expect_eq(purge(), 1);
    }
}

/* A process was killed before it had made the upload whole. */
Test(upload_purge, what_never_began_counts_from_its_bytes)
{
    for (int wrote = HOUR; wrote < 3 * DAY; wrote += 2 * DAY) {
        given_upload(0, wrote);
        cr_assert_eq(driver_remove(store.driver,
                                   layout_upload_started(NAME, uuid).text,
                                   DRIVER_RELAXED, &err),
                     0);
        cr_expect_eq(purge(), wrote > DAY);
        cr_expect_eq(upload_exists(), wrote < DAY);
    }
}

/* A process was killed between making the blob and removing the upload. */
Test(upload_purge, what_has_no_bytes_any_more_counts_from_its_start)
{
    for (int began = HOUR; began < 3 * DAY; began += 2 * DAY) {
        given_upload(began, 0);
        cr_assert_eq(driver_remove(store.driver,
                                   layout_upload_data(NAME, uuid).text,
                                   DRIVER_RELAXED, &err),
                     0);
        cr_expect_eq(purge(), began > DAY);
        cr_expect_eq(upload_exists(), began < DAY);
    }
}

/* No request takes it for an upload, so nobody goes on with it. */
Test(upload_purge, takes_one_with_a_directory_in_place_of_its_bytes)
{
    struct layout_path data;

    given_upload(2 * DAY, 0);
    data = layout_upload_data(NAME, uuid);
    cr_assert_eq(driver_remove(store.driver, data.text, DRIVER_RELAXED, &err),
                 0);
    cr_assert_eq(driver_make_directory(store.driver, data.text, &err), 0);
    cr_expect_eq(purge(), 1);
    cr_expect_not(upload_exists());
}

Test(upload_purge, spares_what_a_request_holds_open)
{
    struct upload *upload;

    given_upload(2 * DAY, 2 * DAY);
    cr_assert_eq(upload_open(&store, NAME, uuid, &upload, &err), 0);
    cr_assert_eq(purge(), 0);
    upload_close(upload);
    cr_assert_eq(purge(), 1);
}

static struct driver_ops hooked;
static const struct driver_ops *plain;

static void hook(void)
{
    plain = store.driver->ops;
    hooked = *plain;
    store.driver->ops = &hooked;
}

/* A request that was faster by a moment. */
static int open_after_another(struct driver *driver, const char *path,
                              enum driver_upload_mode mode, int64_t wait_ms,
                              struct writer **out, struct err *error)
{
    cr_assert_eq(driver_mem_age(driver, path, 2 * DAY, error), 0);
    return plain->open_upload(driver, path, mode, wait_ms, out, error);
}

Test(upload_purge, looks_again_when_nobody_else_can_write)
{
    given_upload(2 * DAY, 2 * DAY);
    hook();
    hooked.open_upload = open_after_another;
    cr_assert_eq(purge(), 0);
    store.driver->ops = plain;
    cr_assert(upload_exists());
}

static int removed_while_locked;

static int remove_and_look(struct driver *driver, const char *path,
                           enum driver_durability durability, struct err *error)
{
    struct layout_path data = layout_upload_data(NAME, uuid);
    struct err busy = {0};
    struct writer *writer;

    if (driver_open_upload(driver, data.text, DRIVER_UPLOAD_RESUME, 0, &writer,
                           &busy) < 0 &&
        busy.code == ERR_BUSY)
        removed_while_locked++;
    return plain->remove(driver, path, durability, error);
}

/* What a request was told to have received must not go while it goes on. */
Test(upload_purge, removes_as_the_only_writer)
{
    given_upload(2 * DAY, 2 * DAY);
    hook();
    hooked.remove = remove_and_look;
    cr_assert_eq(purge(), 1);
    store.driver->ops = plain;
    cr_assert_eq(removed_while_locked, 1);
}

static char sore[UUID_LENGTH + 1];

static int remove_others(struct driver *driver, const char *path,
                         enum driver_durability durability, struct err *error)
{
    if (strstr(path, sore) != NULL)
        return err_set(error, ERR_READ_ONLY, "not that one");
    return plain->remove(driver, path, durability, error);
}

Test(upload_purge, goes_on_past_one_that_cannot_be_removed)
{
    struct upload_purge how = older_than_a_day();

    for (int i = 0; i < 3; i++) {
        given_upload(2 * DAY, 2 * DAY);
        if (strcmp(uuid, sore) > 0)
            strcpy(sore, uuid);
    }
    given_upload(2 * DAY, 2 * DAY);
    hook();
    hooked.remove = remove_others;
    cr_expect_eq(upload_purge(&store, NAME, &how, &purged, &err), -1);
    store.driver->ops = plain;
    cr_expect_eq(err.code, ERR_READ_ONLY);
    cr_expect_eq(purged.count, 3);
    cr_expect(object_exists(layout_upload(NAME, sore).text));
}

Test(upload_purge, dry_run_only_counts)
{
    struct upload_purge how = older_than_a_day();

    how.dry_run = true;
    given_upload(2 * DAY, 2 * DAY);
    cr_assert_eq(upload_purge(&store, NAME, &how, &purged, &err), 0);
    cr_assert_eq(purged.count, 1);
    cr_assert(upload_exists());
}

Test(upload_purge, a_request_looks_at_few_and_removes_fewer)
{
    struct upload_purge how = older_than_a_day();

    for (int i = 0; i < 20; i++)
        given_upload(2 * DAY, 2 * DAY);
    how.looks = 5;
    cr_assert_eq(upload_purge(&store, NAME, &how, &purged, &err), 0);
    cr_assert_eq(purged.count, 5);
    how.removals = 2;
    cr_assert_eq(upload_purge(&store, NAME, &how, &purged, &err), 0);
    cr_assert_eq(purged.count, 7);
    cr_assert_eq(purge(), 13);
}

/* So that young ones in front do not hide old ones from all requests. */
Test(upload_purge, begins_behind_an_upload_and_goes_round)
{
    static const char *const uuids[] = {
        "00000000-0000-4000-8000-000000000000",
        "50000000-0000-4000-8000-000000000000",
        "a0000000-0000-4000-8000-000000000000",
    };
    struct upload_purge how = older_than_a_day();

    for (size_t i = 0; i < ARRAY_SIZE(uuids); i++) {
        put(layout_upload_started(NAME, uuids[i]).text,
            SPAN("2020-01-01T00:00:00Z"));
    }
    how.looks = 2;
    how.behind = uuids[1];
    cr_assert_eq(upload_purge(&store, NAME, &how, &purged, &err), 0);
    cr_expect_not(object_exists(layout_upload(NAME, uuids[0]).text));
    cr_expect(object_exists(layout_upload(NAME, uuids[1]).text));
    cr_expect_not(object_exists(layout_upload(NAME, uuids[2]).text));
}

Test(upload_purge, knows_uploads_by_their_names)
{
    put("repositories/" NAME "/_uploads/notes/startedat",
        SPAN("2020-01-01T00:00:00Z"));
    put("repositories/" NAME "/_uploads/00000000-0000-4000-8000-000000000000",
        SPAN("a file"));
    cr_assert_eq(purge(), 0);
    cr_expect(object_exists("repositories/" NAME "/_uploads/notes/startedat"));
}

Test(upload_purge, of_nothing_is_nothing)
{
    struct upload_purge how = older_than_a_day();

    cr_assert_eq(upload_purge(&store, "none", &how, &purged, &err), 0);
    how.looks = how.removals = 3;
    how.behind = "50000000-0000-4000-8000-000000000000";
    cr_assert_eq(upload_purge(&store, "none", &how, &purged, &err), 0);
    cr_assert_eq(purged.count, 0);
}
