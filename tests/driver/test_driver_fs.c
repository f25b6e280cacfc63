/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/files.h"
#include "driver/fs_fixture.h"

#define NOBODY 65534

/* Longer than a tick of the file systems that tests run on. */
#define SETTLE_NS 20000000

static void begin(void)
{
    fs_begin();
    fixture.fs->settle_ns = SETTLE_NS;
}

TestSuite(driver_fs, .init = begin, .fini = fs_end);

#define RUN(name)                                                              \
    Test(driver_fs, name)                                                      \
    {                                                                          \
        suite_##name(&fixture.subject);                                        \
    }
DRIVER_SUITE(RUN)

/* --- opening --- */

Test(driver_fs, the_root_is_made_when_its_parent_is_there)
{
    struct driver_fs_options options = {.root = "none/tree"};
    struct driver *driver = NULL;
    CLEANUP(fd) int top = open(fixture.top, O_RDONLY | O_DIRECTORY);

    cr_assert(fchdir(top) == 0);
    FAILS(ERR_NOT_FOUND, driver_fs_new(&options, &driver, &err));
    options.below = "docker/registry/v2";
    FAILS(ERR_NOT_FOUND, driver_fs_new(&options, &driver, &err));
    options.root = "other";
    OK(driver_fs_new(&options, &driver, &err));
    given(driver, "a/link", "x");
    driver_free(driver);
    cr_assert(faccessat(top, "other/docker/registry/v2/a/link", F_OK, 0) == 0);

    OK(driver_fs_new(&options, &driver, &err));
    expect_text(driver, "a/link", "x");
    driver_free(driver);
}

/* --- modes --- */

static void expect_mode(const char *path, mode_t mode)
{
    struct stat st = fs_lstat(path);

    cr_assert((st.st_mode & 07777) == mode, "%s: %o", path,
              (unsigned int)st.st_mode & 07777);
}

static void write_everything(struct driver *driver)
{
    static const struct driver_file files[] = {{"current/link", {"x", 1}}};
    struct writer *writer = NULL;
    const char *path = "r/link";
    size_t missing;

    given(driver, "r/link", "x");
    OK(driver_put(driver, "r/relaxed/link", SPAN("x"), DRIVER_RELAXED, &err));
    OK(driver_put_directory(driver, "r/tags/v1", files, 1, &err));
    OK(driver_make_directory(driver, "r/made/too", &err));
    writer = open_writer(driver, "r/_uploads/2/data", DRIVER_UPLOAD_CREATE);
    OK(writer_suspend(writer, &err));
    writer = open_writer(driver, "r/_uploads/1/data", DRIVER_UPLOAD_CREATE);
    OK(writer_commit(writer, "blobs/ab/data", &err));
    OK(driver_protect(driver, &path, 1, &missing, &err));
    given(driver, "r/old", "x");
    OK(driver_retire(driver, "run", "r/old", INT64_MAX, &err));
}

static void expect_modes(void)
{
    static const char *const files[] = {"r/link",
                                        "r/relaxed/link",
                                        "r/tags/v1/current/link",
                                        "r/_uploads/2/data",
                                        "blobs/ab/data",
                                        FS_TRASH "/run/r%2fold"};
    static const char *const directories[] = {
        ".",         "r",          "r/relaxed",    "r/tags",
        "r/tags/v1", "r/made",     "r/made/too",   "r/tags/v1/current",
        "_berth",    FS_TMP,       FS_LOCKS,       FS_TRASH,
        "blobs",     "r/_uploads", "r/_uploads/1", FS_TRASH "/run"};
    CLEANUP(dir) DIR *locks = dir_open(fixture.fs->root, FS_LOCKS);
    const struct dirent *lock;

    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        expect_mode(files[i], 0640);
    for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
        expect_mode(directories[i], 02750);
    while ((lock = dir_next(locks)) != NULL) {
        CLEANUP(buf) struct buf path = BUF_INIT(100);

        buf_add_format(&path, FS_LOCKS "/%s", lock->d_name);
        expect_mode(buf_text(&path), 0640);
    }
}

/* The fixture's init runs first, under whatever umask there is. */
Test(driver_fs, modes_do_not_depend_on_an_open_umask)
{
    umask(0);
    write_everything(fixture.subject.driver);
    expect_modes();
}

Test(driver_fs, modes_do_not_depend_on_a_closed_umask)
{
    umask(077);
    write_everything(fixture.subject.driver);
    expect_modes();
}

static void check(bool condition, int status)
{
    if (!condition)
        _exit(status);
}

static void become_nobody(void)
{
    check(setgroups(0, NULL) == 0 && setgid(NOBODY) == 0 && setuid(NOBODY) == 0,
          99);
}

static void put_as_owner_outside_the_group(void)
{
    struct err err = {0};
    struct driver *driver = fixture.subject.driver;

    become_nobody();
    umask(022);
    check(driver_put(driver, "a/b/link", SPAN("x"), DRIVER_DURABLE, &err) == 0,
          1);
    check(driver_make_directory(driver, "made", &err) == 0, 2);
}

/* The group comes from the directory above, as a web server's has to. */
Test(driver_fs, an_owner_outside_the_group_keeps_group_and_setgid)
{
    struct stat st;

    if (geteuid() != 0)
        cr_skip_test("needs root to become somebody else");
    cr_assert(chmod(fixture.top, 0755) == 0);
    cr_assert(fchown(fixture.fs->root, NOBODY, 4711) == 0);
    cr_assert(fchmod(fixture.fs->root, 02750) == 0);
    cr_assert(fs_run_in_child(put_as_owner_outside_the_group) == 0);
    expect_mode("a/b", 02750);
    expect_mode("made", 02750);
    st = fs_lstat("a/b/link");
    cr_assert(st.st_uid == NOBODY && st.st_gid == 4711);
}

static void read_only_as_nobody(void)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(10);
    struct driver *driver = fixture.subject.driver;
    static const char *const young[] = {"a/young"};
    static const char *const old[] = {"a/old"};
    struct writer *writer;
    size_t missing;
    struct err err = {0};

    become_nobody();
    check(driver_get(driver, "a/young", &bytes, NULL, &err) == 0, 1);
    check(driver_protect(driver, young, 1, &missing, &err) == 0, 2);
    check(driver_protect(driver, old, 1, &missing, &err) < 0 &&
              err.code == ERR_READ_ONLY,
          3);
    check(driver_put(driver, "a/new", SPAN("x"), DRIVER_DURABLE, &err) < 0 &&
              err.code == ERR_READ_ONLY,
          4);
    check(driver_open_upload(driver, "u/1/data", DRIVER_UPLOAD_CREATE, 0,
                             &writer, &err) < 0 &&
              err.code == ERR_READ_ONLY,
          5);
    check(driver_remove(driver, "a/old", DRIVER_DURABLE, &err) < 0 &&
              err.code == ERR_READ_ONLY,
          6);
    check(driver_retire(driver, "run", "a/old", INT64_MAX, &err) < 0 &&
              err.code == ERR_READ_ONLY,
          7);
}

/* A tree of registry:2 that still belongs to root. */
Test(driver_fs, a_tree_of_another_owner_can_be_read)
{
    int status;

    if (geteuid() != 0)
        cr_skip_test("needs root to become somebody else");
    given(fixture.subject.driver, "a/young", "x");
    given(fixture.subject.driver, "a/old", "x");
    fs_age(&fixture.subject, "a/old", 2 * SUITE_GRACE_SECONDS);
    cr_assert(chmod(fixture.top, 0755) == 0);
    cr_assert(fchmod(fixture.fs->root, 0755) == 0);
    cr_assert(fchmodat(fixture.fs->root, "a", 0755, 0) == 0);
    cr_assert(fchmodat(fixture.fs->root, "a/old", 0644, 0) == 0);
    cr_assert(fchmodat(fixture.fs->root, "a/young", 0644, 0) == 0);
    status = fs_run_in_child(read_only_as_nobody);
    cr_assert(status == 0, "step %d", status);
}

/* --- what others may have put into the tree --- */

Test(driver_fs, times_have_nanoseconds)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                                {.tv_sec = 1700000000, .tv_nsec = 123456789}};

    given(fixture.subject.driver, "a/link", "x");
    cr_assert(utimensat(fixture.fs->root, "a/link", times, 0) == 0);
    cr_assert(mtime_of(fixture.subject.driver, "a/link") ==
              INT64_C(1700000000123456789));
}

static int note_kind(void *context, const char *name, bool is_directory,
                     struct err *err)
{
    (void)err;
    buf_add_format(context, "%s%s ", name, is_directory ? "/" : "");
    return 0;
}

Test(driver_fs, the_version_of_a_directory_is_not_known_at_once)
{
    struct driver_stat st;

    given(fixture.subject.driver, "a/link", "x");
    fixture.fs->settle_ns = 3600 * CLOCK_NS_PER_SECOND;
    OK(driver_stat(fixture.subject.driver, "a", &st, &err));
    cr_assert(!driver_version_is_known(&st.version));
    fixture.fs->settle_ns = INT64_MIN;
    OK(driver_stat(fixture.subject.driver, "a", &st, &err));
    cr_assert(driver_version_is_known(&st.version));
}

/* As it is set up for the programs: the tests' own drivers are faster. */
Test(driver_fs, what_changed_within_a_moment_has_no_version)
{
    struct driver_fs_options options = {.root = fixture.root};
    CLEANUP(driver) struct driver *driver = NULL;
    bool was_unknown = false;

    OK(driver_fs_new(&options, &driver, &err));
    /* A machine that stands still for seconds makes it look settled. */
    for (int i = 0; i < 100 && !was_unknown; i++) {
        struct driver_stat st;

        given(driver, i % 2 != 0 ? "a/one" : "a/two", "x");
        OK(driver_stat(driver, "a", &st, &err));
        was_unknown = !driver_version_is_known(&st.version);
    }
    cr_assert(was_unknown);
}

/* Half a minute after the change, by the clock of this machine. */
Test(driver_fs, the_clock_of_a_shared_file_system_may_lag)
{
    struct driver_stat st;

    given(fixture.subject.driver, "a/link", "x");
    fixture.fs->settle_ns = -30 * CLOCK_NS_PER_SECOND;
    OK(driver_stat(fixture.subject.driver, "a", &st, &err));
    cr_assert(driver_version_is_known(&st.version));
    fixture.fs->is_shared = true;
    OK(driver_stat(fixture.subject.driver, "a", &st, &err));
    cr_assert(!driver_version_is_known(&st.version));
}

Test(driver_fs, links_lead_on_and_fifos_do_not_block)
{
    struct writer *writer;
    struct driver *driver = fixture.subject.driver;
    CLEANUP(buf) struct buf names = BUF_INIT(100);
    struct reader *reader;
    struct driver_stat st;

    given(driver, "disk2/app/link", "x");
    OK(driver_make_directory(driver, "r", &err));
    cr_assert(symlinkat("../disk2/app", fixture.fs->root, "r/app") == 0);
    cr_assert(symlinkat("nowhere", fixture.fs->root, "r/dangling") == 0);
    cr_assert(mkfifoat(fixture.fs->root, "r/fifo", 0600) == 0);
    expect_text(driver, "r/app/link", "x");
    FAILS(ERR_NOT_FOUND, driver_stat(driver, "r/fifo", &st, &err));
    FAILS(ERR_NOT_FOUND,
          driver_open_read(driver, "r/fifo", 0, 0, &reader, &err));
    FAILS(ERR_NOT_FOUND,
          driver_open_upload(driver, "r/fifo", DRIVER_UPLOAD_RESUME, 0, &writer,
                             &err));
    OK(driver_list(driver, "r", NULL, note_kind, &names, &err));
    cr_assert_str_eq(buf_text(&names), "app/ dangling fifo ");
}

static int remove_parent_once(void *context, enum fs_step step)
{
    int *left = context;

    if (step == FS_STEP_LOCKED && *left > 0) {
        --*left;
        cr_assert(unlinkat(fixture.fs->root, "a/b", AT_REMOVEDIR) == 0);
    }
    return 0;
}

/* Somebody clears away empty directories while we are about to fill one. */
Test(driver_fs, put_survives_the_removal_of_its_empty_directory)
{
    int times = 3;

    fixture.fs->hook = remove_parent_once;
    fixture.fs->hook_context = &times;
    given(fixture.subject.driver, "a/b/link", "x");
    cr_assert(times == 0);
    expect_text(fixture.subject.driver, "a/b/link", "x");
    fs_expect_no_leftovers();
}

/* --- leftovers --- */

/* --- a directory that is taken away while somebody puts into it --- */

static int take_aside_once(void *context, enum fs_step step)
{
    int *times = context;

    if (step == FS_STEP_LOCKED && (*times)++ == 0)
        cr_assert(renameat(fixture.fs->root, "tags/v1", fixture.fs->root,
                           "aside") == 0);
    return 0;
}

Test(driver_fs, put_does_not_follow_a_directory_that_is_taken_away)
{
    int times = 0;

    given(fixture.subject.driver, "tags/v1/current/link", "one");
    fixture.fs->hook = take_aside_once;
    fixture.fs->hook_context = &times;
    given(fixture.subject.driver, "tags/v1/current/link", "two");
    fixture.fs->hook = NULL;
    expect_text(fixture.subject.driver, "tags/v1/current/link", "two");
    expect_text(fixture.subject.driver, "aside/current/link", "one");
}

static int put_when_taken(void *context, enum fs_step step)
{
    struct driver *other = context;

    if (step == FS_STEP_TAKEN)
        given(other, "tags/v1/current/link", "new");
    return 0;
}

static const struct driver_condition is_old = {
    "current/link", {"old", 3}, NULL, 0};

Test(driver_fs, remove_if_spares_what_is_put_when_it_is_done)
{
    CLEANUP(driver) struct driver *other = fs_another();
    struct driver *driver = fixture.subject.driver;

    given(driver, "tags/v1/current/link", "old");
    fixture.fs->hook_context = other;
    fixture.fs->hook = put_when_taken;
    OK(driver_remove_if(driver, "tags/v1", &is_old, &err));
    fixture.fs->hook = NULL;
    expect_text(driver, "tags/v1/current/link", "new");
    fs_expect_no_leftovers();
}

static int put_when_looked(void *context, enum fs_step step)
{
    struct driver *other = context;
    struct err failure = {0};

    if (step != FS_STEP_LOOKED)
        return 0;
    fixture.fs->hook = NULL;
    fs_of(other)->lock_wait_ms = 0;
    cr_assert(driver_put(other, "tags/v1/current/link", SPAN("new"),
                         DRIVER_DURABLE, &failure) < 0);
    cr_assert(failure.code == ERR_BUSY, "%s", failure.text);
    return 0;
}

Test(driver_fs, nothing_is_put_between_the_look_of_remove_if_and_its_removal)
{
    CLEANUP(driver) struct driver *other = fs_another();
    struct driver *driver = fixture.subject.driver;

    given(driver, "tags/v1/current/link", "old");
    fixture.fs->hook_context = other;
    fixture.fs->hook = put_when_looked;
    OK(driver_remove_if(driver, "tags/v1", &is_old, &err));
    cr_assert(fixture.fs->hook == NULL, "it did not look");
    expect_missing(driver, "tags/v1");
    fs_expect_no_leftovers();
}

/* As long as the directory is there, none can be made. */
static int leave_no_room(void *context, enum fs_step step)
{
    struct stat st;

    (void)context;
    if (step != FS_STEP_SYNC ||
        fstatat(fixture.fs->root, "tags/v1", &st, 0) < 0)
        return 0;
    return ENOSPC;
}

Test(driver_fs, remove_if_needs_no_room)
{
    struct driver *driver = fixture.subject.driver;

    given(driver, "tags/v1/current/link", "old");
    OK(fs_delete_tree(fixture.fs->root, "_berth", &err));
    fixture.fs->hook = leave_no_room;
    OK(driver_remove_if(driver, "tags/v1", &is_old, &err));
    fixture.fs->hook = NULL;
    expect_missing(driver, "tags/v1");
}

static int expect_in_place(void *context, enum fs_step step)
{
    int *steps = context;

    (void)step;
    fs_lstat("tags/v1/current/link");
    (*steps)++;
    return 0;
}

/* A power cut, or a reader, may come at any moment. */
Test(driver_fs, remove_if_never_moves_what_does_not_fit)
{
    struct driver *driver = fixture.subject.driver;
    int steps = 0;

    given(driver, "tags/v1/current/link", "new");
    fixture.fs->hook_context = &steps;
    fixture.fs->hook = expect_in_place;
    FAILS(ERR_EXISTS, driver_remove_if(driver, "tags/v1", &is_old, &err));
    fixture.fs->hook = NULL;
    cr_assert(steps > 0);
    fs_expect_no_leftovers();
}

struct reader_inside {
    int directory;
    bool is_asked;
};

static int look_around(void *context, enum fs_step step)
{
    struct reader_inside *reader = context;
    struct stat st;

    if (step != FS_STEP_SYNC)
        return 0;
    reader->is_asked = true;
    expect_missing(fixture.subject.driver, "a/link");
    cr_assert(fstatat(reader->directory, "link", &st, 0) == 0);
    cr_assert(fstatat(reader->directory, "current/link", &st, 0) == 0);
    return 0;
}

/* Until nobody finds it any more, and that is durable, nothing in it goes. */
Test(driver_fs, a_directory_leaves_as_a_whole)
{
    struct driver *driver = fixture.subject.driver;
    struct reader_inside reader = {0};

    given(driver, "a/link", "x");
    given(driver, "a/current/link", "x");
    reader.directory = openat(fixture.fs->root, "a", O_DIRECTORY | O_CLOEXEC);
    cr_assert(reader.directory >= 0);
    fixture.fs->hook = look_around;
    fixture.fs->hook_context = &reader;
    OK(driver_remove(driver, "a", DRIVER_DURABLE, &err));
    cr_assert(reader.is_asked);
    close(reader.directory);
}

Test(driver_fs, nothing_is_left_behind)
{
    static const struct driver_file files[] = {{"current/link", {"x", 1}}};
    struct driver *driver = fixture.subject.driver;

    write_everything(driver);
    FAILS(ERR_EXISTS, driver_put(driver, "r", SPAN("x"), DRIVER_DURABLE, &err));
    FAILS(ERR_EXISTS,
          driver_put_directory(driver, "r/tags/v1", files, 1, &err));
    OK(driver_remove(driver, "r", DRIVER_DURABLE, &err));
    fs_expect_no_leftovers();
    cr_assert(fs_count_entries(FS_TRASH "/run") == 1);
    OK(driver_purge(driver, "run", &(struct driver_swept){0}, &err));
    cr_assert(fs_count_entries(FS_TRASH) == 0);
}

/* --- a full disk --- */

/* A write beyond the limit of a process fails as one on a full disk does. */
static void append_beyond_the_limit(void)
{
    static const char bytes[8192];
    struct rlimit limit = {10000, 10000};
    struct driver *driver = fixture.subject.driver;
    struct writer *writer =
        open_writer(driver, "u/1/data", DRIVER_UPLOAD_CREATE);
    struct err err = {0};
    struct span piece = {bytes, sizeof(bytes)};

    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    check(writer_append(writer, piece, &err) == 0, 1);
    check(writer_append(writer, piece, &err) < 0, 2);
    check(writer->size == sizeof(bytes), 3);
    check(fs_lstat("u/1/data").st_size == sizeof(bytes), 4);
    check(writer_append(writer, SPAN("x"), &err) == 0, 5);
    check(writer_suspend(writer, &err) == 0, 6);
}

Test(driver_fs, a_failed_append_leaves_the_bytes_before_it)
{
    int status = fs_run_in_child(append_beyond_the_limit);

    cr_assert(status == 0, "step %d", status);
}
