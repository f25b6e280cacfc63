/* SPDX-License-Identifier: MIT */
/*
 * What is done to an object only while it is the one the caller has seen. The
 * look and the rename stand under the exclusive lock of its path, which who
 * puts and renews it shares.
 */
#include "driver/driver_fs_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/files.h"

/* --- put_if --- */

/* Below `within`, wherever that has been moved to meanwhile. */
static int check_place(struct driver_fs *within, const char *rest,
                       struct span bytes, struct err *err)
{
    CLEANUP(buf) struct buf found = BUF_INIT(bytes.len);
    struct stat st;

    if (bytes.ptr == NULL) {
        if (fstatat(within->root, rest, &st, AT_SYMLINK_NOFOLLOW) == 0)
            return err_set(err, ERR_EXISTS, "%s is there", rest);
        return errno == ENOENT ? 0 : err_set_errno(err, errno, "stat %s", rest);
    }
    if (fs_get(&within->base, rest, &found, NULL, err) < 0)
        return err->code == ERR_NOT_FOUND || err->code == ERR_TOO_LARGE
                   ? err_recode(err, ERR_EXISTS)
                   : -1;
    if (!span_equals(buf_span(&found), bytes))
        return err_set(err, ERR_EXISTS, "%s is another", rest);
    return 0;
}

static int rename_if(struct driver_fs *fs, struct driver_fs *within,
                     const char *from, const char *path, const char *rest,
                     struct span bytes, struct err *err)
{
    sigset_t old;
    int lock, result = -1;

    fs_block_stops(&old);
    lock = fs_lock_exclusive(fs, path, fs_lock_deadline(fs), err);
    if (lock >= 0) {
        result = check_place(within, rest, bytes, err);
        fs_step(fs, FS_STEP_LOOKED);
        if (result == 0 && renameat(fs->root, from, within->root, rest) < 0)
            result = err_set_errno(err, errno, "rename to %s", path);
        fs_step(fs, FS_STEP_CHANGED);
        fs_unlock(fs, &lock);
    }
    fs_allow_stops(&old);
    return result;
}

/* The driver with the directory as its root, which is not to be made. */
static int place_within(struct driver_fs *fs, int directory, const char *from,
                        const char *path, const struct driver_place *place,
                        struct err *err)
{
    struct driver_fs within = *fs;
    const char *rest = path + strlen(place->within) + 1;
    CLEANUP(fd) int parent = -1;
    struct stat st;

    within.root = directory;
    parent = fs_open_parent(&within, rest, FS_MAKE_DURABLE, err);
    if (parent < 0 ||
        rename_if(fs, &within, from, path, rest, place->bytes, err) < 0 ||
        fs_sync(fs, parent, path, err) < 0)
        return -1;
    return fs_look(fs, path, &st, err);
}

static int write_aside(struct driver_fs *fs, struct span bytes,
                       char name[FS_TMP_NAME_MAX], struct err *err)
{
    CLEANUP(fd) int fd = fs_tmp_file(fs, name, err);

    if (fd < 0)
        return -1;
    if (fd_write_at(fd, 0, bytes, err) == 0 && fs_sync(fs, fd, name, err) == 0)
        return 0;
    unlinkat(fs->root, name, 0);
    return -1;
}

int fs_put_if(struct driver *driver, const char *path, struct span bytes,
              const struct driver_place *place, struct err *err)
{
    struct driver_fs *fs = fs_of(driver);
    CLEANUP(fd)
    int directory = fs_open_directory(fs, place->within, FS_MAKE_NOTHING, err);
    char name[FS_TMP_NAME_MAX];

    if (directory < 0 || fs_make_lock(fs, path, err) < 0 ||
        write_aside(fs, bytes, name, err) < 0)
        return -1;
    if (place_within(fs, directory, name, path, place, err) == 0)
        return 0;
    unlinkat(fs->root, name, 0);
    return -1;
}

/* --- move_if --- */

/* The caller holds the lock. */
static int move_seen(struct driver_fs *fs, const char *path, int directory,
                     const char *name, const struct driver_stat *seen,
                     struct err *err)
{
    struct driver_stat now;
    struct stat st;
    int result = fs_look(fs, path, &st, err);

    fs_step(fs, FS_STEP_LOOKED);
    if (result < 0)
        return -1;
    fs_fill_stat(&now, &st);
    if (!driver_stat_equals(&now, seen))
        return err_set(err, ERR_EXISTS, "%s is another", path);
    if (fs_rename_unless_there(fs->root, path, directory, name) < 0)
        return errno == EEXIST ? err_set(err, ERR_EXISTS, "%s: is there", name)
                               : err_set_errno(err, errno, "move %s", path);
    fs_step(fs, FS_STEP_CHANGED);
    return 0;
}

static int move_locked(struct driver_fs *fs, const char *path, int directory,
                       const char *name, const struct driver_stat *seen,
                       struct err *err)
{
    sigset_t old;
    int lock, result = -1;

    fs_block_stops(&old);
    lock = fs_lock_exclusive(fs, path, fs_lock_deadline(fs), err);
    if (lock >= 0) {
        result = move_seen(fs, path, directory, name, seen, err);
        fs_unlock(fs, &lock);
    }
    fs_allow_stops(&old);
    return result;
}

/* First the new place: a power cut in between leaves it at one or both. */
int fs_move_if(struct driver *driver, const char *path, const char *to,
               const struct driver_stat *seen, struct err *err)
{
    struct driver_fs *fs = fs_of(driver);
    CLEANUP(fd) int from = fs_open_parent(fs, path, FS_MAKE_NOTHING, err);
    CLEANUP(fd) int directory = -1;

    if (from < 0)
        return -1;
    directory = fs_open_parent(fs, to, FS_MAKE_DURABLE, err);
    if (directory < 0 ||
        move_locked(fs, path, directory, fs_name_of(to), seen, err) < 0)
        return -1;
    if (fs_sync(fs, directory, to, err) < 0)
        return -1;
    return fs_sync(fs, from, path, err);
}
