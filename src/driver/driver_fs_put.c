/* SPDX-License-Identifier: MIT */
/*
 * Small objects: written to a temporary file, synced, renamed into place,
 * and then the directory synced. So a reader sees the old one or the new one,
 * and a power cut leaves either.
 */
#include "driver/driver_fs_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/files.h"

enum place {
    PLACE_OBJECT,    /* durable, and not while a collector takes it away */
    PLACE_DIRECTORY, /* durable */
    PLACE_RELAXED,
};

/* Something of the wrong kind in the way is told apart from nothing there. */
static int set_rename_error(struct err *err, const char *path)
{
    int error = errno;

    err_set_errno(err, error, "rename to %s", path);
    if (error == ENOTDIR || error == EISDIR)
        err_recode(err, ERR_EXISTS);
    return -1;
}

/*
 * By its path, not by a descriptor of its directory: one that was taken away
 * meanwhile must not swallow what is put.
 */
static int rename_into(struct driver_fs *fs, const char *from, const char *path,
                       struct err *err)
{
    if (renameat(fs->root, from, fs->root, path) < 0)
        return set_rename_error(err, path);
    return 0;
}

static int rename_locked(struct driver_fs *fs, const char *from,
                         const char *path, int64_t deadline_ns, struct err *err)
{
    int lock = fs_lock_shared(fs, path, deadline_ns, err);
    int result;

    if (lock < 0)
        return -1;
    result = rename_into(fs, from, path, err);
    fs_step(fs, FS_STEP_CHANGED);
    fs_unlock(fs, &lock);
    return result;
}

static int make_place(struct driver_fs *fs, const char *path, enum place place,
                      struct err *err)
{
    enum fs_make make =
        place == PLACE_RELAXED ? FS_MAKE_RELAXED : FS_MAKE_DURABLE;
    CLEANUP(fd) int directory = fs_open_parent(fs, path, make, err);

    return directory < 0 ? -1 : 0;
}

/* Who has removed the directory since has removed what was put, too. */
static int sync_place(struct driver_fs *fs, const char *path, enum place place,
                      struct err *err)
{
    struct err failure = {0};
    CLEANUP(fd) int directory = -1;

    if (place == PLACE_RELAXED)
        return 0;
    directory = fs_open_parent(fs, path, FS_MAKE_NOTHING, &failure);
    if (directory >= 0)
        return fs_sync(fs, directory, path, err);
    if (failure.code == ERR_NOT_FOUND)
        return 0;
    *err = failure;
    return -1;
}

static int place_at(struct driver_fs *fs, const char *from, const char *path,
                    enum place place, struct err *err)
{
    int64_t deadline_ns = fs_lock_deadline(fs);

    /* Before directories are made, which would stay when there is no room. */
    if (place == PLACE_OBJECT && fs_make_lock(fs, path, err) < 0)
        return -1;
    for (int i = 0; i < FS_RETRIES; i++) {
        struct err failure = {0};
        int result;

        if (make_place(fs, path, place, err) < 0)
            return -1;
        result = place == PLACE_OBJECT
                     ? rename_locked(fs, from, path, deadline_ns, &failure)
                     : rename_into(fs, from, path, &failure);
        if (result == 0)
            return sync_place(fs, path, place, err);
        if (failure.sys_errno != ENOENT) {
            *err = failure;
            return -1;
        }
    }
    return err_set_errno(err, ENOENT, "rename %s to %s", from, path);
}

int fs_place_object(struct driver_fs *fs, const char *from, const char *path,
                    struct err *err)
{
    return place_at(fs, from, path, PLACE_OBJECT, err);
}

static int write_file(struct driver_fs *fs, int fd, struct span bytes,
                      enum driver_durability durability, const char *path,
                      struct err *err)
{
    if (fd_write_at(fd, 0, bytes, err) < 0)
        return err_wrap(err, "%s", path);
    return durability == DRIVER_DURABLE ? fs_sync(fs, fd, path, err) : 0;
}

int fs_put(struct driver *driver, const char *path, struct span bytes,
           enum driver_durability durability, struct err *err)
{
    struct driver_fs *fs = fs_of(driver);
    char name[FS_TMP_NAME_MAX];
    CLEANUP(fd) int fd = fs_tmp_file(fs, name, err);
    enum place place =
        durability == DRIVER_DURABLE ? PLACE_OBJECT : PLACE_RELAXED;

    if (fd < 0)
        return -1;
    if (write_file(fs, fd, bytes, durability, path, err) < 0 ||
        place_at(fs, name, path, place, err) < 0) {
        unlinkat(fs->root, name, 0);
        return -1;
    }
    return 0;
}

/* Writes one file of a directory that nobody sees yet. */
static int write_member(struct driver_fs *fs, const char *directory,
                        const struct driver_file *file, struct err *err)
{
    CLEANUP(buf) struct buf path = BUF_INIT(PATH_MAX);
    CLEANUP(fd) int parent = -1, fd = -1;

    buf_add_format(&path, "%s/%s", directory, file->path);
    parent = fs_open_parent(fs, buf_text(&path), FS_MAKE_UNSYNCED, err);
    if (parent < 0)
        return -1;
    fd = openat(parent, fs_name_of(file->path),
                O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FS_FILE_MODE);
    if (fd < 0 || fchmod(fd, FS_FILE_MODE) < 0)
        return err_set_errno(err, errno, "create %s", file->path);
    return write_file(fs, fd, file->bytes, DRIVER_DURABLE, file->path, err);
}

static int build_directory(struct driver_fs *fs, const char *name,
                           const struct driver_file *files, size_t count,
                           struct err *err)
{
    for (size_t i = 0; i < count; i++)
        if (write_member(fs, name, &files[i], err) < 0)
            return -1;
    return fs_sync_directories(fs, fs->root, name, err);
}

/*
 * The plain rename of a directory replaces an empty one, as a crash or a
 * concurrent clearing may leave, and refuses to replace any other.
 */
int fs_put_directory(struct driver *driver, const char *directory,
                     const struct driver_file *files, size_t count,
                     struct err *err)
{
    struct driver_fs *fs = fs_of(driver);
    char name[FS_TMP_NAME_MAX];

    if (fs_tmp_directory(fs, name, err) < 0)
        return -1;
    if (build_directory(fs, name, files, count, err) < 0 ||
        place_at(fs, name, directory, PLACE_DIRECTORY, err) < 0) {
        struct err ignored = {0};

        (void)!fs_delete_tree(fs->root, name, &ignored);
        return -1;
    }
    return 0;
}

int fs_make_directory(struct driver *driver, const char *path, struct err *err)
{
    CLEANUP(fd)
    int fd = fs_open_directory(fs_of(driver), path, FS_MAKE_DURABLE, err);

    return fd < 0 ? -1 : 0;
}

/*
 * A directory leaves by one rename, for no reader may see it half empty.
 * What then remains in FS_TMP after a crash is in nobody's way.
 */
static int remove_directory(struct driver_fs *fs, int parent, const char *path,
                            enum driver_durability durability, struct err *err)
{
    char name[FS_TMP_NAME_MAX];
    struct err ignored = {0};

    if (fs_tmp_take(fs, parent, fs_name_of(path), name, err) < 0)
        return -1;
    if (durability == DRIVER_DURABLE && fs_sync(fs, parent, path, err) < 0)
        return -1;
    (void)!fs_delete_tree(fs->root, name, &ignored);
    return 0;
}

int fs_remove(struct driver *driver, const char *path,
              enum driver_durability durability, struct err *err)
{
    struct driver_fs *fs = fs_of(driver);
    CLEANUP(fd) int parent = fs_open_parent(fs, path, FS_MAKE_NOTHING, err);

    if (parent < 0)
        return -1;
    if (unlinkat(parent, fs_name_of(path), 0) == 0)
        return durability == DRIVER_DURABLE ? fs_sync(fs, parent, path, err)
                                            : 0;
    if (errno == EISDIR)
        return remove_directory(fs, parent, path, durability, err);
    return err_set_errno(err, errno, "unlink %s", path);
}

/* Fails with something in it, and at the same moment takes it away. */
int fs_remove_empty(struct driver *driver, const char *directory,
                    struct err *err)
{
    if (unlinkat(fs_of(driver)->root, directory, AT_REMOVEDIR) == 0)
        return 0;
    if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR)
        return err_set(err, ERR_EXISTS, "%s: not empty", directory);
    return err_set_errno(err, errno, "rmdir %s", directory);
}

/* Whether `member` of the directory has just these bytes, and is old. */
static int check_member(struct driver *driver, const char *directory,
                        const struct driver_condition *condition,
                        struct err *err)
{
    CLEANUP(buf) struct buf path = BUF_INIT(PATH_MAX);
    CLEANUP(buf) struct buf found = BUF_INIT(condition->bytes.len);
    struct driver_stat stat;

    buf_add_format(&path, "%s/%s", directory, condition->member);
    if (fs_get(driver, buf_text(&path), &found, &stat, err) < 0)
        return err->code == ERR_NOT_FOUND || err->code == ERR_TOO_LARGE
                   ? err_recode(err, ERR_EXISTS)
                   : -1;
    if (!span_equals(buf_span(&found), condition->bytes))
        return err_set(err, ERR_EXISTS, "%s is another", condition->member);
    if (condition->before_ns != 0 && stat.mtime_ns >= condition->before_ns)
        return err_set(err, ERR_EXISTS, "%s is younger", condition->member);
    return 0;
}

static int check_condition(struct driver *driver, const char *directory,
                           const struct driver_condition *condition,
                           struct err *err)
{
    struct stat st;

    if (check_member(driver, directory, condition, err) < 0)
        return -1;
    if (condition->absent == NULL)
        return 0;
    if (fstatat(fs_of(driver)->root, condition->absent, &st, 0) == 0)
        return err_set(err, ERR_EXISTS, "%s is there", condition->absent);
    return errno == ENOENT
               ? 0
               : err_set_errno(err, errno, "stat %s", condition->absent);
}

/*
 * Looks and takes the directory away under the exclusive lock of the member,
 * which every put of it shares: what is put before is seen, what is put later
 * makes a new directory. One that does not fit is never moved, as a power cut
 * before it was back would take away what somebody was told is durable.
 *
 * A full disk may have no room for the lock's file. Then nobody has that lock,
 * nor gets it to put something.
 */
static int take_if(struct driver_fs *fs, int parent, const char *directory,
                   const struct driver_condition *condition,
                   char name[FS_TMP_NAME_MAX], struct err *err)
{
    CLEANUP(buf) struct buf member = BUF_INIT(PATH_MAX);
    int lock, result;

    buf_add_format(&member, "%s/%s", directory, condition->member);
    lock = fs_lock_exclusive(fs, buf_text(&member), fs_lock_deadline(fs), err);
    if (lock < 0 && err->code != ERR_NO_SPACE)
        return -1;
    err_clear(err);
    result = check_condition(&fs->base, directory, condition, err);
    fs_step(fs, FS_STEP_LOOKED);
    if (result == 0)
        result = fs_tmp_take(fs, parent, fs_name_of(directory), name, err);
    fs_step(fs, FS_STEP_CHANGED);
    fs_unlock(fs, &lock);
    return result;
}

int fs_remove_if(struct driver *driver, const char *directory,
                 const struct driver_condition *condition, struct err *err)
{
    struct driver_fs *fs = fs_of(driver);
    CLEANUP(fd)
    int parent = fs_open_parent(fs, directory, FS_MAKE_NOTHING, err);
    struct err ignored = {0};
    char name[FS_TMP_NAME_MAX];
    struct stat st;
    int result;

    if (parent < 0 || fs_look(fs, directory, &st, err) < 0)
        return -1;
    /* Before the lock, under which nothing is synced; it does without, too. */
    (void)!fs_make_directory(driver, FS_TMP, &ignored);
    if (take_if(fs, parent, directory, condition, name, err) < 0)
        return -1;
    fs_step(fs, FS_STEP_TAKEN);
    result = fs_sync(fs, parent, directory, err);
    (void)!fs_delete_tree(fs->root, name, &ignored);
    return result;
}
