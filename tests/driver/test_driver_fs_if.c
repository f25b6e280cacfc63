/* SPDX-License-Identifier: MIT */
/* put_if and move_if while others put, renew and remove. */
#include "driver/fs_fixture.h"

#include <unistd.h>

TestSuite(driver_fs_if, .init = fs_begin, .fini = fs_end);

#define LINK "tags/v1/current/link"

static const struct driver_place at_nothing = {.within = "tags/v1"};

static struct driver_stat seen_at(const char *path)
{
    struct driver_stat stat;

    OK(driver_stat(fixture.subject.driver, path, &stat, &err));
    return stat;
}

/* At the look: nobody else gets the lock to put or to renew. */
static int try_to_change(void *context, enum fs_step step)
{
    struct driver *other = context;
    const char *path = LINK;
    size_t missing;

    if (step != FS_STEP_LOOKED)
        return 0;
    fixture.fs->hook = NULL;
    fs_of(other)->lock_wait_ms = 0;
    FAILS(ERR_BUSY, driver_put(other, LINK, SPAN("new"), DRIVER_DURABLE, &err));
    if (faccessat(fixture.fs->root, LINK, F_OK, 0) == 0)
        FAILS(ERR_BUSY, driver_protect(other, &path, 1, &missing, &err));
    return 0;
}

Test(driver_fs_if, nothing_is_put_between_the_look_of_move_if_and_its_move)
{
    CLEANUP(driver) struct driver *other = fs_another();
    struct driver *driver = fixture.subject.driver;
    struct driver_stat seen;

    given(driver, LINK, "old");
    fs_age(&fixture.subject, LINK, 2 * SUITE_GRACE_SECONDS);
    seen = seen_at(LINK);
    fixture.fs->hook_context = other;
    fixture.fs->hook = try_to_change;
    OK(driver_move_if(driver, LINK, "_berth/quarantine/x", &seen, &err));
    cr_assert(fixture.fs->hook == NULL, "it did not look");
    expect_missing(driver, LINK);
    expect_text(driver, "_berth/quarantine/x", "old");
}

Test(driver_fs_if, nothing_is_put_between_the_look_of_put_if_and_its_put)
{
    CLEANUP(driver) struct driver *other = fs_another();
    struct driver *driver = fixture.subject.driver;

    OK(driver_make_directory(driver, "tags/v1", &err));
    fixture.fs->hook_context = other;
    fixture.fs->hook = try_to_change;
    OK(driver_put_if(driver, LINK, SPAN("mended"), &at_nothing, &err));
    cr_assert(fixture.fs->hook == NULL, "it did not look");
    expect_text(driver, LINK, "mended");
    fs_expect_no_leftovers();
}

Test(driver_fs_if, what_was_renewed_is_not_moved)
{
    struct driver *driver = fixture.subject.driver;
    const char *path = LINK;
    struct driver_stat seen;
    size_t missing;

    given(driver, LINK, "old");
    fs_age(&fixture.subject, LINK, 2 * SUITE_GRACE_SECONDS);
    seen = seen_at(LINK);
    OK(driver_protect(driver, &path, 1, &missing, &err));
    FAILS(ERR_EXISTS, driver_move_if(driver, LINK, "aside", &seen, &err));
    expect_text(driver, LINK, "old");
}

static int remove_the_tag(void *context, enum fs_step step)
{
    struct driver *other = context;

    if (step != FS_STEP_LOOKED)
        return 0;
    fixture.fs->hook = NULL;
    OK(driver_remove(other, "tags/v1", DRIVER_DURABLE, &err));
    return 0;
}

Test(driver_fs_if, put_if_brings_back_nothing_that_is_deleted)
{
    CLEANUP(driver) struct driver *other = fs_another();
    struct driver *driver = fixture.subject.driver;

    given(driver, "tags/v1/index/link", "x");
    fixture.fs->hook_context = other;
    fixture.fs->hook = remove_the_tag;
    FAILS(ERR_NOT_FOUND,
          driver_put_if(driver, LINK, SPAN("mended"), &at_nothing, &err));
    cr_assert(fixture.fs->hook == NULL, "it did not look");
    expect_missing(driver, "tags/v1");
    fs_expect_no_leftovers();
}

Test(driver_fs_if, what_fails_to_be_synced_leaves_nothing_half_done)
{
    struct driver *driver = fixture.subject.driver;
    struct sync_count count = {.fail_at = 1};

    OK(driver_make_directory(driver, "tags/v1", &err));
    OK(driver_put(driver, "else", SPAN("x"), DRIVER_DURABLE, &err));
    for (;; count.fail_at++) {
        struct err err = {0};

        count.done = 0;
        fs_count_syncs(&count);
        if (driver_put_if(driver, LINK, SPAN("mended"), &at_nothing, &err) == 0)
            break;
        fs_count_syncs(NULL);
        cr_assert(err.code == ERR_IO || err.code == ERR_EXISTS, "%s", err.text);
        if (err.code == ERR_EXISTS)
            break;
        fs_expect_no_leftovers();
    }
    fs_count_syncs(NULL);
    cr_assert(count.fail_at > 2);
    expect_text(driver, LINK, "mended");
    fs_expect_no_leftovers();
}
