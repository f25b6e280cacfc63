/* SPDX-License-Identifier: MIT */
#include "driver/fs_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"

struct fs_fixture fixture;

void fs_age(struct subject *subject, const char *path, int64_t seconds)
{
    struct driver_fs *fs = fs_of(subject->driver);
    int64_t mtime_ns =
        mtime_of(subject->driver, path) - seconds * CLOCK_NS_PER_SECOND;
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                                {.tv_sec = mtime_ns / CLOCK_NS_PER_SECOND,
                                 .tv_nsec = mtime_ns % CLOCK_NS_PER_SECOND}};

    cr_assert(utimensat(fs->root, path, times, 0) == 0);
}

struct driver *fs_another(void)
{
    struct driver_fs_options options = {.root = fixture.root,
                                        .grace_seconds = SUITE_GRACE_SECONDS};
    struct driver *driver = NULL;

    OK(driver_fs_new(&options, &driver, &err));
    return driver;
}

void fs_begin(void)
{
    const char *parent = getenv("TMPDIR");

    snprintf(fixture.top, sizeof(fixture.top), "%s/berth-test-XXXXXX",
             parent != NULL ? parent : "/tmp");
    cr_assert(mkdtemp(fixture.top) != NULL);
    snprintf(fixture.root, sizeof(fixture.root), "%.*s/tree", PATH_MAX - 6,
             fixture.top);
    fixture.subject.driver = fs_another();
    fixture.subject.age = fs_age;
    fixture.fs = fs_of(fixture.subject.driver);
}

void fs_end(void)
{
    struct err ignored = {0};

    driver_free(fixture.subject.driver);
    cr_assert(fs_delete_tree(AT_FDCWD, fixture.top, &ignored) == 0);
}

struct stat fs_lstat(const char *path)
{
    struct stat st = {0};

    cr_assert(fstatat(fixture.fs->root, path, &st, AT_SYMLINK_NOFOLLOW) == 0,
              "%s is missing", path);
    return st;
}

size_t fs_count_entries(const char *path)
{
    CLEANUP(dir) DIR *dir = dir_open(fixture.fs->root, path);
    size_t count = 0;

    cr_assert(dir != NULL, "%s is missing", path);
    while (dir_next(dir) != NULL)
        count++;
    return count;
}

void fs_expect_no_leftovers(void)
{
    cr_assert(fs_count_entries(FS_TMP) == 0);
}

pid_t fs_fork(void)
{
    pid_t parent = getpid(), child = fork();

    cr_assert(child >= 0);
    if (child == 0 &&
        (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent))
        _exit(98);
    return child;
}

int fs_run_in_child(void (*action)(void))
{
    pid_t child = fs_fork();
    int status = -1;

    if (child == 0) {
        action();
        _exit(0);
    }
    cr_assert(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int count_sync(void *context, enum fs_step step)
{
    struct sync_count *count = context;

    if (step != FS_STEP_SYNC)
        return 0;
    return ++count->done == count->fail_at ? EIO : 0;
}

void fs_count_syncs(struct sync_count *count)
{
    fixture.fs->hook = count != NULL ? count_sync : NULL;
    fixture.fs->hook_context = count;
}

/* --- the object collector and requests meet at --- */

static int64_t cutoff_now(void)
{
    return clock_now_ns() - SUITE_GRACE_NS - SUITE_GRACE_NS / 4;
}

int fs_retire_data(struct driver *driver, struct err *err)
{
    return driver_retire(driver, "run", FS_DATA, cutoff_now(), err);
}

void fs_given_old_data(void)
{
    struct err ignored = {0};

    driver_purge(fixture.subject.driver, "run", &(struct driver_swept){0},
                 &ignored);
    OK(driver_put(fixture.subject.driver, FS_DATA, SPAN("old"), DRIVER_RELAXED,
                  &err));
    fs_age(&fixture.subject, FS_DATA, 2 * SUITE_GRACE_SECONDS);
}

int fs_protect_data(struct driver *driver, struct err *err)
{
    const char *path = FS_DATA;
    size_t missing;

    return driver_protect(driver, &path, 1, &missing, err);
}

int fs_put_data(struct driver *driver, struct err *err)
{
    return driver_put(driver, FS_DATA, SPAN("new"), DRIVER_DURABLE, err);
}

void fs_given_upload(void)
{
    struct writer *writer =
        open_writer(fixture.subject.driver, FS_UPLOAD, DRIVER_UPLOAD_CREATE);

    OK(writer_append(writer, SPAN("new"), &err));
    OK(writer_suspend(writer, &err));
}

int fs_commit_data(struct driver *driver, struct err *err)
{
    struct writer *writer;

    if (driver_open_upload(driver, FS_UPLOAD, DRIVER_UPLOAD_RESUME, 0, &writer,
                           err) < 0)
        return -1;
    return writer_commit(writer, FS_DATA, err);
}
