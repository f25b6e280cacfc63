/* SPDX-License-Identifier: MIT */
/*
 * Adoption of small trees in a directory of their own. Run by somebody else
 * than root, the owner stays and modes alone change, which is enough for what
 * is told here; test-adopt.sh has the owners.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/files.h"
#include "cli/adopt.h"
#include "cli/adopt_walk.h"

static char directory[] = "/tmp/berth-adopt-XXXXXX";
static int tree = -1;
static struct adopt adopt;
static struct err err;
static char complaint[256];

static void note(const char *path, const char *why)
{
    snprintf(complaint, sizeof(complaint), "%s %s", path, why);
}

static void make(const char *path, mode_t mode)
{
    size_t len = strlen(path);

    if (path[len - 1] == '/') {
        cr_assert_eq(mkdirat(tree, path, 0700), 0, "%s", path);
    } else {
        CLEANUP(fd) int fd = openat(tree, path, O_CREAT | O_WRONLY, 0600);

        cr_assert_geq(fd, 0, "%s", path);
    }
    cr_assert_eq(fchmodat(tree, path, mode, 0), 0);
}

static mode_t mode_of(const char *path)
{
    struct stat st;

    cr_assert_eq(fstatat(tree, path, &st, AT_SYMLINK_NOFOLLOW), 0, "%s", path);
    return st.st_mode & 07777;
}

static bool is_there(const char *path)
{
    return faccessat(tree, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int remove_one(const char *path, const struct stat *st, int type,
                      struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void fresh(void)
{
    adopt = (struct adopt){
        .tree = tree, .uid = geteuid(), .gid = getegid(), .complain = note};
    complaint[0] = '\0';
    err_clear(&err);
}

static void setup(void)
{
    cr_assert_not_null(mkdtemp(directory));
    tree = open(directory, O_RDONLY | O_DIRECTORY);
    cr_assert_eq(fchmod(tree, 0755), 0);
    make("blobs/", 0755);
    make("blobs/a", 0644);
    make("blobs/b", 0600); /* unlike its directory */
    make("odd/", 0770);
    make("odd/below/", 0770);
    make("odd/below/c", 0660);
    make("odd-too/", 02755); /* sorts after what is in odd */
    make("odd-too/d\n%", 0644);
    make("right", 0640); /* as adopt makes it */
    fresh();
}

static void teardown(void)
{
    nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    close(tree);
}

TestSuite(adopt, .init = setup, .fini = teardown);

/* All that setup made is as it was. */
static void expect_original(void)
{
    static const struct {
        const char *path;
        mode_t mode;
    } was[] = {
        {".", 0755},           {"blobs", 0755},
        {"blobs/a", 0644},     {"blobs/b", 0600},
        {"odd", 0770},         {"odd/below", 0770},
        {"odd/below/c", 0660}, {"odd-too", 02755},
        {"right", 0640},       {"odd-too/d\n%", 0644},
    };

    for (size_t i = 0; i < ARRAY_SIZE(was); i++)
        cr_expect_eq(mode_of(was[i].path), was[i].mode, "%s: %o", was[i].path,
                     mode_of(was[i].path));
    cr_expect_not(is_there(ADOPT_DIRECTORY));
}

static void expect_adopted(void)
{
    static const char *const directories[] = {".",         "blobs",   "odd",
                                              "odd/below", "odd-too", "_berth"};
    static const char *const files[] = {"blobs/a", "blobs/b", "odd/below/c",
                                        "odd-too/d\n%", "right"};

    for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
        cr_expect_eq(mode_of(directories[i]), 02750, "%s", directories[i]);
    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        cr_expect_eq(mode_of(files[i]), 0640, "%s", files[i]);
}

Test(adopt, all_is_changed_counted_and_given_back)
{
    cr_assert_eq(adopt_forward(&adopt, &err), 0, "%s", err.text);
    expect_adopted();
    cr_assert_eq(adopt.directories, 6);
    cr_assert_eq(adopt.files, 4);
    cr_assert_eq(adopt.unchanged, 1);
    fresh();
    cr_assert_eq(adopt_back(&adopt, &err), 0, "%s", err.text);
    cr_assert_eq(adopt.directories, 6);
    cr_assert_eq(adopt.files, 4);
    expect_original();
}

Test(adopt, what_came_since_gets_what_its_directory_had)
{
    cr_assert_eq(adopt_forward(&adopt, &err), 0);
    make("odd/below/new/", 02750);
    make("odd/below/new/file", 0640);
    make("blobs/new", 0640);
    make("odd-too/new", 0640);
    make("_berth/locks/", 02750);
    make("_berth/locks/00", 0640);
    fresh();
    cr_assert_eq(adopt_back(&adopt, &err), 0);
    cr_assert_eq(mode_of("odd/below/new"), 0770);
    cr_assert_eq(mode_of("odd/below/new/file"), 0660);
    cr_assert_eq(mode_of("blobs/new"), 0644);
    cr_assert_eq(mode_of("odd-too/new"), 0644);
    cr_assert_eq(mode_of("_berth/locks/00"), 0644);
    cr_assert_not(is_there(ADOPT_RECORD));
    cr_assert(is_there("_berth"));
}

Test(adopt, the_tree_of_one_user_is_recorded_in_one_line)
{
    CLEANUP(buf) struct buf text = BUF_INIT(4096);
    int fd;

    cr_assert_eq(unlinkat(tree, "right", 0), 0);
    cr_assert_eq(fchmodat(tree, "blobs/b", 0644, 0), 0);
    cr_assert_eq(fchmodat(tree, "odd", 0755, 0), 0);
    cr_assert_eq(fchmodat(tree, "odd/below", 0755, 0), 0);
    cr_assert_eq(fchmodat(tree, "odd/below/c", 0644, 0), 0);
    cr_assert_eq(fchmodat(tree, "odd-too", 0755, 0), 0);
    cr_assert_eq(adopt_forward(&adopt, &err), 0);
    fd = openat(tree, ADOPT_RECORD, O_RDONLY);
    buf_grown(&text, (size_t)read(fd, buf_reserve(&text, 4096), 4096));
    close(fd);
    cr_assert_not_null(strstr(buf_text(&text), " 755 .\nend\n"), "%s",
                       buf_text(&text));
}

/* Stops before the change number `left`. */
static int stop(void *context, const char *path)
{
    int *left = context;

    (void)path;
    return (*left)-- == 0;
}

Test(adopt, stopped_anywhere_it_can_be_ended_or_taken_back)
{
    for (int n = 0; n < 10; n++) {
        for (int again = 0; again < 2; again++) {
            int left = n;

            fresh();
            adopt.step = stop;
            adopt.step_context = &left;
            cr_assert_eq(adopt_forward(&adopt, &err), -1, "%d", n);
            fresh();
            if (again) {
                cr_assert_eq(adopt_forward(&adopt, &err), 0);
                expect_adopted();
                fresh();
            }
            cr_assert_eq(adopt_back(&adopt, &err), 0, "%s", err.text);
            expect_original();
        }
    }
}

Test(adopt, a_way_back_that_was_stopped_can_be_ended)
{
    for (int n = 0; n < 10; n++) {
        int left = n;

        fresh();
        cr_assert_eq(adopt_forward(&adopt, &err), 0);
        fresh();
        adopt.step = stop;
        adopt.step_context = &left;
        cr_assert_eq(adopt_back(&adopt, &err), -1);
        fresh();
        if (n % 2 == 0)
            cr_assert_eq(adopt_forward(&adopt, &err), 0);
        fresh();
        cr_assert_eq(adopt_back(&adopt, &err), 0);
        expect_original();
    }
}

Test(adopt, a_record_that_was_not_finished_does_not_count)
{
    make("_berth/", 0755);
    make(ADOPT_RECORD_NEW, 0600);
    cr_assert_eq(adopt_back(&adopt, &err), -1);
    cr_assert_eq(err.code, ERR_NOT_FOUND);
    cr_assert_eq(adopt_forward(&adopt, &err), 0, "%s", err.text);
    expect_adopted();
    fresh();
    cr_assert_eq(adopt_back(&adopt, &err), 0);
    cr_assert_eq(mode_of("_berth"), 0755); /* it was there before */
}

Test(adopt, nothing_is_changed_in_a_dry_run)
{
    adopt.dry_run = true;
    cr_assert_eq(adopt_forward(&adopt, &err), 0);
    cr_assert_eq(adopt.files, 4);
    cr_assert_eq(adopt.directories, 5);
    expect_original();
    fresh();
    cr_assert_eq(adopt_forward(&adopt, &err), 0);
    fresh();
    adopt.dry_run = true;
    cr_assert_eq(adopt_back(&adopt, &err), 0);
    cr_assert_eq(adopt.files, 4);
    expect_adopted();
    cr_assert(is_there(ADOPT_RECORD));
}

Test(adopt, links_are_not_followed)
{
    char outside[] = "/tmp/berth-outside-XXXXXX";
    int fd = mkstemp(outside);
    struct stat st;

    cr_assert_eq(fchmod(fd, 0604), 0);
    cr_assert_eq(symlinkat(outside, tree, "blobs/link"), 0);
    cr_assert_eq(symlinkat("/tmp", tree, "blobs/directory"), 0);
    cr_assert_eq(adopt_forward(&adopt, &err), 0);
    cr_assert_eq(adopt.left, 2);
    cr_assert_str_eq(complaint, "./blobs/link is a symbolic link");
    cr_assert_eq(fstat(fd, &st), 0);
    cr_expect_eq(st.st_mode & 07777, 0604);
    fresh();
    cr_assert_eq(adopt_back(&adopt, &err), 0);
    cr_assert_not(is_there(ADOPT_RECORD));
    cr_assert_eq(fstat(fd, &st), 0);
    cr_expect_eq(st.st_mode & 07777, 0604);
    close(fd);
    unlink(outside);
}

Test(adopt, a_file_with_two_names_is_left_alone)
{
    cr_assert_eq(linkat(tree, "blobs/a", tree, "blobs/other", 0), 0);
    cr_assert_eq(adopt_forward(&adopt, &err), 0);
    cr_assert_eq(adopt.left, 2);
    cr_assert_eq(mode_of("blobs/a"), 0644);
    cr_assert_str_eq(complaint,
                     "./blobs/other has more than one name (hard links)");
    unlinkat(tree, "blobs/other", 0);
    fresh();
    cr_assert_eq(adopt_back(&adopt, &err), 0);
    expect_original();
}

Test(adopt, a_name_got_since_does_not_keep_a_file_from_going_back)
{
    cr_assert_eq(adopt_forward(&adopt, &err), 0);
    cr_assert_eq(linkat(tree, "blobs/a", tree, "blobs/backup", 0), 0);
    fresh();
    cr_assert_eq(adopt_back(&adopt, &err), 0);
    unlinkat(tree, "blobs/backup", 0);
    expect_original();
}

Test(adopt, a_pipe_is_left_alone)
{
    cr_assert_eq(mkfifoat(tree, "blobs/pipe", 0600), 0);
    cr_assert_eq(adopt_forward(&adopt, &err), 0);
    cr_assert_str_eq(complaint, "./blobs/pipe is neither file nor directory");
    cr_assert_eq(mode_of("blobs/pipe"), 0600);
}

/* Removes what comes next in the walk. */
static int vanish(void *context, const char *path)
{
    (void)context;
    if (strcmp(path, "./blobs/a") == 0)
        unlinkat(tree, "blobs/b", 0);
    if (strcmp(path, "./odd") == 0) {
        unlinkat(tree, "odd/below/c", 0);
        unlinkat(tree, "odd/below", AT_REMOVEDIR);
    }
    return 0;
}

Test(adopt, what_vanishes_on_the_way_was_not_there)
{
    adopt.step = vanish;
    cr_assert_eq(adopt_forward(&adopt, &err), 0, "%s", err.text);
    cr_assert_eq(adopt.failed, 0);
    cr_assert_eq(mode_of("odd-too/d\n%"), 0640);
    fresh();
    cr_assert_eq(adopt_back(&adopt, &err), 0, "%s", err.text);
    cr_assert_eq(mode_of("odd"), 0770);
    cr_assert_eq(mode_of("odd-too"), 02755);
}

/* Puts a link in the place of what comes next. */
static int swap(void *context, const char *path)
{
    (void)context;
    if (strcmp(path, "./blobs/a") == 0) {
        unlinkat(tree, "blobs/b", 0);
        cr_assert_eq(symlinkat("/dev/null", tree, "blobs/b"), 0);
    }
    return 0;
}

Test(adopt, a_link_put_in_the_place_of_a_file_is_not_followed)
{
    adopt.step = swap;
    cr_assert_eq(adopt_forward(&adopt, &err), 0);
    cr_assert_eq(adopt.left, 1);
    cr_assert_str_eq(complaint, "./blobs/b is a symbolic link");
}

Test(adopt, a_record_others_could_write_does_not_count)
{
    cr_assert_eq(adopt_forward(&adopt, &err), 0);
    cr_assert_eq(fchmodat(tree, ADOPT_RECORD, 0660, 0), 0);
    fresh();
    cr_assert_eq(adopt_back(&adopt, &err), -1);
    cr_assert_not_null(strstr(err.text, "not written by berth adopt"));
    expect_adopted();
}

Test(adopt, a_record_that_was_cut_changes_nothing)
{
    int fd;

    cr_assert_eq(adopt_forward(&adopt, &err), 0);
    fd = openat(tree, ADOPT_RECORD, O_WRONLY);
    cr_assert_eq(ftruncate(fd, lseek(fd, 0, SEEK_END) - 4), 0);
    close(fd);
    fresh();
    cr_assert_eq(adopt_back(&adopt, &err), -1);
    cr_assert_not_null(strstr(err.text, "damaged"), "%s", err.text);
    expect_adopted();
    cr_assert(is_there(ADOPT_RECORD));
}

static void write_record(const char *text)
{
    CLEANUP(fd) int fd = openat(tree, ADOPT_RECORD, O_WRONLY | O_TRUNC);

    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

Test(adopt, a_damaged_record_changes_nothing)
{
    static const char *const records[] = {
        "",
        "end\n",
        "berth adopted 2\nmade yes\nto 0\nend\n",
        "berth adopted 1\nmade maybe\nto 0\nend\n",
        "berth adopted 1\nmade yes\nfor 0\nend\n",
        "berth adopted 1\nmade yes\nto 4294967295\nend\n",
        "berth adopted 1\nmade yes\nto 0\n4294967295 0 755 .\nend\n",
        "berth adopted 1\nmade yes\nto 0\n0 -1 755 .\nend\n",
        "berth adopted 1\nmade yes\nto 0\n0 0 758 .\nend\n",
        "berth adopted 1\nmade yes\nto 0\n0 0 07755 .\nend\n",
        "berth adopted 1\nmade yes\nto 0\n0 0  .\nend\n",
        "berth adopted 1\nmade yes\nto 0\n0 0 755 \nend\n",
        "berth adopted 1\nmade yes\nto 0\n0 0 755 ./a%\nend\n",
        "berth adopted 1\nmade yes\nto 0\n0 0 755 ./a%2\nend\n",
        "berth adopted 1\nmade yes\nto 0\n0 0 755 ./a%41\nend\n",
        "berth adopted 1\nmade yes\nto 0\n0 0 755 .\n0 0\nend\n",
    };

    cr_assert_eq(adopt_forward(&adopt, &err), 0);
    for (size_t i = 0; i < ARRAY_SIZE(records); i++) {
        write_record(records[i]);
        fresh();
        cr_expect_eq(adopt_back(&adopt, &err), -1, "%s", records[i]);
        cr_expect_eq(err.code, ERR_SYNTAX, "%s", err.text);
        expect_adopted();
    }
}

Test(adopt, a_name_of_any_bytes_goes_back_by_its_record)
{
    make("odd-too/e%0a", 0604);
    make("odd-too/f\n%25", 0640);
    cr_assert_eq(fchmodat(tree, "odd-too/d\n%", 0600, 0), 0);
    cr_assert_eq(adopt_forward(&adopt, &err), 0);
    cr_assert_eq(mode_of("odd-too/e%0a"), 0640);
    fresh();
    cr_assert_eq(adopt_back(&adopt, &err), 0, "%s", err.text);
    cr_expect_eq(mode_of("odd-too/d\n%"), 0600);
    cr_expect_eq(mode_of("odd-too/e%0a"), 0604);
    cr_expect_eq(mode_of("odd-too/f\n%25"), 0640);
}

Test(adopt, what_lies_too_deep_is_told_and_left_alone)
{
    CLEANUP(fd) int at = dup(tree);

    for (int depth = 0; depth <= ADOPT_DEPTH_MAX; depth++) {
        int below;

        cr_assert_eq(mkdirat(at, "deeper", 0755), 0);
        below = openat(at, "deeper", O_RDONLY | O_DIRECTORY);
        close(at);
        at = below;
    }
    cr_assert_eq(adopt_forward(&adopt, &err), 0, "%s", err.text);
    cr_expect_eq(adopt.left, 1);
    cr_expect_not_null(strstr(complaint, "/deeper"));
    fresh();
    adopt.complain = note;
    cr_assert_eq(adopt_back(&adopt, &err), 0, "%s", err.text);
    cr_expect_eq(mode_of("deeper/deeper"), 0755);
}

Test(adopt, files_never_get_setuid_back)
{
    int fd = openat(tree, "blobs/a", O_RDONLY);

    cr_assert_eq(fchmod(fd, 06755), 0);
    cr_assert_eq(adopt_forward(&adopt, &err), 0);
    fresh();
    cr_assert_eq(adopt_back(&adopt, &err), 0);
    cr_assert_eq(mode_of("blobs/a"), 0755);
    close(fd);
}

Test(adopt, only_one_is_at_work)
{
    int other = open(directory, O_RDONLY | O_DIRECTORY);

    cr_assert_eq(adopt_lock(tree, &err), 0);
    cr_assert_eq(adopt_lock(other, &err), -1);
    cr_assert_eq(err.code, ERR_BUSY);
    close(other);
}

Test(adopt, a_directory_comes_before_what_is_in_it_and_that_before_the_next)
{
    static const char *const sorted[] = {".",       "./-",     "./a",  "./a/b",
                                         "./a/b/c", "./a/b-c", "./a-", "./a.b"};

    for (size_t i = 0; i < ARRAY_SIZE(sorted); i++)
        for (size_t j = 0; j < ARRAY_SIZE(sorted); j++)
            cr_expect_eq(adopt_path_compare(sorted[i], sorted[j]),
                         (i > j) - (i < j), "%s %s", sorted[i], sorted[j]);
}
