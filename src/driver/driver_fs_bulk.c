/* SPDX-License-Identifier: MIT */
#include "driver/driver_fs_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/files.h"

int driver_fs_flush(struct driver *driver, struct err *err)
{
    if (syncfs(fs_of(driver)->root) < 0)
        return err_set_errno(err, errno, "sync the file system");
    return 0;
}

/*
 * The bytes have to be on the disk before they are anybody's, and the file
 * ours, for its lease is renewed by its owner alone.
 */
static int prepare(struct driver_fs *fs, const char *path, struct err *err)
{
    CLEANUP(fd)
    int fd =
        openat(fs->root, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return err_set_errno(err, errno, "open %s", path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_NOT_FOUND, "%s: no regular file", path);
    if (st.st_uid != geteuid())
        return err_set(err, ERR_READ_ONLY,
                       "%s belongs to user %u: no link to it can be ours", path,
                       (unsigned)st.st_uid);
    if (futimens(fd, NULL) < 0)
        return err_set_errno(err, errno, "touch %s", path);
    return fs_sync(fs, fd, path, err);
}

/* A rename between two names of one file leaves both. */
int driver_fs_share(struct driver *from, struct driver *to,
                    const char *from_path, const char *to_path, struct err *err)
{
    struct driver_fs *fs = fs_of(to);
    char name[FS_TMP_NAME_MAX];
    int result;

    if (prepare(fs_of(from), from_path, err) < 0 ||
        fs_tmp_link(fs, fs_of(from)->root, from_path, name, err) < 0)
        return -1;
    result = fs_place_object(fs, name, to_path, err);
    unlinkat(fs->root, name, 0);
    return result;
}
