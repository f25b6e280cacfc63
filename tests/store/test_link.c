/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>

#include "store/fixture.h"
#include "store/link.h"

TestSuite(link, .init = fixture_setup, .fini = fixture_teardown);

static struct digest blob;
static struct layout_path path;
static int protect_errno;

/* Links to a blob that is there. */
static void push(void)
{
    blob = push_blob("team/app", SPAN("layer"));
    path = layout_layer_link("team/app", &blob);
}

static int fail_protect(struct driver *driver, const char *const *paths,
                        size_t count, size_t *missing, struct err *error)
{
    (void)driver;
    (void)paths;
    (void)count;
    (void)missing;
    return err_set_errno(error, protect_errno, "a lease");
}

/* From now on the driver's protect fails in this way. */
static void break_protect(int sys_errno)
{
    static struct driver_ops broken;

    broken = *store.driver->ops;
    broken.protect = fail_protect;
    store.driver->ops = &broken;
    protect_errno = sys_errno;
}

static void write_bytes(struct span bytes)
{
    cr_assert_eq(
        driver_put(store.driver, path.text, bytes, DRIVER_DURABLE, &err), 0,
        "%s", err.text);
}

Test(link, what_a_crash_left_is_not_there)
{
    static char zeros[71], text[2000] = "sha256:";
    const struct span left[] = {
        SPAN(""),
        SPAN("sha256:"),
        SPAN("sha256:2d711642b726b04401627ca9fbac32f5"),
        {zeros, sizeof(zeros)},
        {text, sizeof(text)},
    };

    push();
    for (size_t i = 0; i < ARRAY_SIZE(left); i++) {
        struct digest read;

        write_bytes(left[i]);
        err_clear(&err);
        cr_expect_eq(link_read(&store, &path, &read, &err), -1, "row %zu", i);
        cr_expect_eq(err.code, ERR_NOT_FOUND, "row %zu: %s", i, err.text);
    }
}

Test(link, names_another_digest_than_its_path)
{
    struct digest other, read;

    push();
    digest_of_bytes(HASH_SHA512, SPAN("layer"), &other);
    write_bytes(span_of(text_of(&other)));
    cr_assert_eq(link_read(&store, &path, &read, &err), 0, "%s", err.text);
    cr_expect(digest_equals(&read, &other));
}

Test(link, protect_renews_link_and_bytes)
{
    struct layout_path bytes;

    push();
    bytes = layout_blob(&blob);
    object_age(path.text);
    object_age(bytes.text);
    int64_t old_link = object_mtime(path.text);
    int64_t old_bytes = object_mtime(bytes.text);
    cr_assert_eq(link_protect(&store, &path, &blob, &err), 0, "%s", err.text);
    cr_expect_gt(object_mtime(path.text), old_link);
    cr_expect_gt(object_mtime(bytes.text), old_bytes);
}

Test(link, protect_finds_the_bytes_gone)
{
    push();
    cr_assert_eq(driver_remove(store.driver, layout_blob(&blob).text,
                               DRIVER_DURABLE, &err),
                 0);
    cr_expect_eq(link_protect(&store, &path, &blob, &err), -1);
    cr_expect_eq(err.code, ERR_NOT_FOUND);
}

/* No collector takes anything from there, and pulls are to go on. */
Test(link, protect_is_content_on_a_read_only_mount)
{
    push();
    break_protect(EROFS);
    cr_expect_eq(link_protect(&store, &path, &blob, &err), 0);
    cr_expect_eq(err.code, ERR_NONE, "%s", err.text);
}

/* A lease that cannot be renewed is no promise: have it pushed again. */
Test(link, protect_of_a_file_of_another_user_finds_nothing)
{
    push();
    break_protect(EACCES);
    cr_expect_eq(link_protect(&store, &path, &blob, &err), -1);
    cr_expect_eq(err.code, ERR_NOT_FOUND);
}

Test(link, protect_tells_a_broken_disk_from_an_absent_blob)
{
    push();
    break_protect(EIO);
    cr_expect_eq(link_protect(&store, &path, &blob, &err), -1);
    cr_expect_eq(err.code, ERR_IO);
}
