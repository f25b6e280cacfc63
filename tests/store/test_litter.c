/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include "base/clock.h"
#include "store/fixture.h"
#include "store/litter.h"

TestSuite(litter, .init = fixture_setup, .fini = fixture_teardown);

#define UUID "01234567-89ab-4def-8123-456789abcdef"
#define CURRENT "repositories/a/b/_manifests/tags/v1/current/"

static struct driver_swept swept;

static void given(const char *path)
{
    cr_assert_eq(
        driver_put(store.driver, path, SPAN("12345"), DRIVER_RELAXED, &err), 0);
}

/* Everything was written before that. */
static int purge(bool dry_run)
{
    memset(&swept, 0, sizeof(swept));
    return litter_purge(&store, clock_now_ns() + CLOCK_NS_PER_SECOND, dry_run,
                        &swept, &err);
}

Test(litter, goes_wherever_it_lies_and_nothing_else_does)
{
    static const char *const litter[] = {
        CURRENT "link." UUID ".tmp",
        "repositories/a/_layers/sha256/ab/link." UUID ".tmp",
        "blobs/sha256/ab/abcd/data." UUID ".tmp",
    };
    static const char *const others[] = {
        CURRENT "link",
        CURRENT "link.tmp",
        CURRENT UUID ".tmp",
        CURRENT "." UUID,
        CURRENT "link-" UUID ".tmp",
        CURRENT "link." UUID ".tmp.gz",
        CURRENT "link.01234567-89AB-4def-8123-456789abcdef.tmp",
        "blobs/sha256/ab/abcd/data",
        "repositories/a/_uploads/" UUID "/startedat." UUID ".tmp",
        "_berth/tmp/link." UUID ".tmp",
        "repositories/a/_manifests/tags/v1." UUID ".tmp/current/link",
    };

    for (size_t i = 0; i < ARRAY_SIZE(litter); i++)
        given(litter[i]);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        given(others[i]);
    for (int dry_run = 1; dry_run >= 0; dry_run--) {
        cr_assert_eq(purge(dry_run), 0, "%s", err.text);
        cr_expect_eq(swept.count, ARRAY_SIZE(litter));
        cr_expect_eq(swept.bytes, 5 * ARRAY_SIZE(litter));
        for (size_t i = 0; i < ARRAY_SIZE(litter); i++)
            cr_expect_eq(object_exists(litter[i]), dry_run, "%s", litter[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        cr_expect(object_exists(others[i]), "%s", others[i]);
}

Test(litter, what_is_young_may_be_in_use)
{
    given(CURRENT "link." UUID ".tmp");
    cr_assert_eq(litter_purge(&store, clock_now_ns() - CLOCK_NS_PER_SECOND,
                              false, &swept, &err),
                 0);
    cr_expect_eq(swept.count, 0);
    cr_expect(object_exists(CURRENT "link." UUID ".tmp"));
}

Test(litter, of_nothing_is_nothing)
{
    cr_assert_eq(purge(false), 0);
    cr_expect_eq(swept.count, 0);
}

static struct driver_ops hooked;
static const struct driver_ops *plain;

static int list_others(struct driver *driver, const char *path,
                       const char *after, driver_visit *visit, void *context,
                       struct err *error)
{
    if (strcmp(path, "repositories/a") == 0)
        return err_set(error, ERR_READ_ONLY, "%s: denied", path);
    return plain->list(driver, path, after, visit, context, error);
}

static int remove_others(struct driver *driver, const char *path,
                         enum driver_durability durability, struct err *error)
{
    if (strstr(path, "/b/") != NULL)
        return err_set(error, ERR_READ_ONLY, "%s: denied", path);
    return plain->remove(driver, path, durability, error);
}

Test(litter, what_cannot_be_read_or_deleted_spares_no_other)
{
    static const char *const paths[] = {
        "repositories/a/_layers/link." UUID ".tmp",
        "repositories/b/_layers/link." UUID ".tmp",
        "repositories/c/_layers/link." UUID ".tmp",
    };

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
        given(paths[i]);
    plain = store.driver->ops;
    hooked = *plain;
    hooked.list = list_others;
    hooked.remove = remove_others;
    store.driver->ops = &hooked;
    cr_expect_eq(purge(false), -1);
    store.driver->ops = plain;
    cr_expect_eq(err.code, ERR_READ_ONLY);
    cr_expect_eq(swept.count, 1);
    cr_expect_not(object_exists(paths[2]));
}
