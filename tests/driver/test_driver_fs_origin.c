/* SPDX-License-Identifier: MIT */
/* What was made by others, and what is theirs. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "driver/fs_fixture.h"

TestSuite(driver_fs_origin, .init = fs_begin, .fini = fs_end);

#define NOBODY 65534

static struct driver_origin origin_of(const char *path)
{
    struct driver_origin origin;

    OK(driver_origin(fixture.subject.driver, path, &origin, &err));
    return origin;
}

Test(driver_fs_origin, what_we_make_is_not_foreign)
{
    struct driver *driver = fixture.subject.driver;
    static const struct driver_file files[] = {{"current/link", {"x", 1}}};
    struct writer *writer;

    umask(0);
    given(driver, "a/link", "x");
    OK(driver_put_directory(driver, "tags/v1", files, 1, &err));
    OK(driver_open_upload(driver, "u/data", DRIVER_UPLOAD_CREATE, 0, &writer,
                          &err));
    OK(writer_commit(writer, "b/data", &err));
    cr_expect_not(origin_of("a").is_foreign);
    cr_expect_not(origin_of("a/link").is_foreign);
    cr_expect_not(origin_of("tags/v1/current").is_foreign);
    cr_expect_not(origin_of("tags/v1/current/link").is_foreign);
    cr_expect_not(origin_of("b/data").is_foreign);
}

/* A renewal changes the time of a file, not when it came. */
Test(driver_fs_origin, what_others_make_is_foreign_and_has_its_birth)
{
    int64_t before_ns = clock_now_ns() - CLOCK_NS_PER_SECOND;
    struct driver_origin origin;

    given(fixture.subject.driver, "a/link", "x");
    cr_assert(fchmodat(fixture.fs->root, "a/link", 0644, 0) == 0);
    cr_assert(fchmodat(fixture.fs->root, "a", 0755, 0) == 0);
    fs_age(&fixture.subject, "a/link", 2 * SUITE_GRACE_SECONDS);
    cr_expect(origin_of("a").is_foreign);
    origin = origin_of("a/link");
    cr_expect(origin.is_foreign);
    if (origin.born_ns != 0) {
        cr_expect_gt(origin.born_ns, before_ns);
        cr_expect_lt(origin.born_ns, clock_now_ns() + CLOCK_NS_PER_SECOND);
    }
    FAILS(ERR_NOT_FOUND, driver_origin(fixture.subject.driver, "a/none",
                                       &(struct driver_origin){0}, &err));
}

static bool is_fixed(struct driver *driver, const char *path)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(10);
    struct driver_stat looked, got;

    OK(driver_stat(driver, path, &looked, &err));
    OK(driver_get(driver, path, &bytes, &got, &err));
    cr_assert_eq(looked.is_fixed, got.is_fixed);
    return looked.is_fixed;
}

static void look_as_nobody(void)
{
    struct driver *driver;

    if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
        _exit(1);
    driver = fs_another();
    if (!is_fixed(driver, "a/theirs"))
        _exit(2);
    if (is_fixed(driver, "a/open") || is_fixed(driver, "a/ours"))
        _exit(3);
    driver_free(driver);
}

Test(driver_fs_origin, a_file_of_another_user_is_fixed_unless_we_may_write)
{
    int status;

    if (geteuid() != 0)
        cr_skip_test("needs root to become somebody else");
    given(fixture.subject.driver, "a/theirs", "x");
    given(fixture.subject.driver, "a/open", "x");
    given(fixture.subject.driver, "a/ours", "x");
    cr_assert(chmod(fixture.top, 0755) == 0);
    cr_assert(fchmod(fixture.fs->root, 0755) == 0);
    cr_assert(fchmodat(fixture.fs->root, "a", 0755, 0) == 0);
    cr_assert(fchmodat(fixture.fs->root, "a/theirs", 0644, 0) == 0);
    cr_assert(fchmodat(fixture.fs->root, "a/open", 0666, 0) == 0);
    cr_assert(fchownat(fixture.fs->root, "a/ours", NOBODY, NOBODY, 0) == 0);
    cr_expect_not(is_fixed(fixture.subject.driver, "a/theirs"));
    status = fs_run_in_child(look_as_nobody);
    cr_assert(status == 0, "step %d", status);
}
