/* SPDX-License-Identifier: MIT */
#include "htpasswd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/files.h"

#define NEW_MODE 0640
#define ACL "system.posix_acl_access" /* see acl(5) */
#define ACL_MAX 65536

void htpasswd_cleanup(struct htpasswd *file)
{
    fd_cleanup(&file->fd);
    fd_cleanup(&file->directory);
    buf_cleanup(&file->text);
}

/* --- reading --- */

static int read_text(int fd, const char *path, struct buf *text,
                     struct err *err)
{
    if (fd_read_all(fd, text, err) < 0)
        return err_wrap(err, "%s", path);
    return 0;
}

int htpasswd_read(const char *path, struct buf *text, struct err *err)
{
    CLEANUP(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return err_set_errno(err, errno, "%s", path);
    return read_text(fd, path, text, err);
}

/* --- holding --- */

static int make_file(struct htpasswd *file, struct err *err)
{
    mode_t mask = umask(0777 & ~NEW_MODE);

    file->fd = open(file->path, O_RDWR | O_CREAT | O_CLOEXEC, NEW_MODE);
    umask(mask);
    if (file->fd < 0 && errno == ENOENT)
        return err_set(err, ERR_NOT_FOUND, "%s: there is no such directory",
                       file->path);
    if (file->fd < 0)
        return err_set_errno(err, errno, "%s", file->path);
    file->is_new = true;
    return 0;
}

static int open_and_lock(struct htpasswd *file, bool create, struct err *err)
{
    /* NFS locks nothing that is open for reading alone. */
    file->fd = open(file->path, O_RDWR | O_CLOEXEC);
    if (file->fd < 0 && errno == ENOENT && create) {
        if (make_file(file, err) < 0)
            return -1;
    } else if (file->fd < 0) {
        return err_set_errno(err, errno, "%s", file->path);
    }
    while (flock(file->fd, LOCK_EX) < 0) {
        if (errno != EINTR)
            return err_set_errno(err, errno, "lock %s", file->path);
    }
    return 0;
}

/* `*is_it` when what is open is still, or again, what the path leads to. */
static int find_place(struct htpasswd *file, bool *is_it, struct err *err)
{
    char real[PATH_MAX], *name;
    struct stat held, named;

    *is_it = false;
    if (realpath(file->path, real) == NULL)
        return errno == ENOENT ? 0
                               : err_set_errno(err, errno, "%s", file->path);
    name = strrchr(real, '/') + 1;
    snprintf(file->name, sizeof(file->name), "%s", name);
    *name = '\0';
    file->directory = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file->directory < 0)
        return errno == ENOENT ? 0 : err_set_errno(err, errno, "%s", real);
    if (fstat(file->fd, &held) < 0)
        return err_set_errno(err, errno, "%s", file->path);
    *is_it = fstatat(file->directory, file->name, &named,
                     AT_SYMLINK_NOFOLLOW) == 0 &&
             held.st_dev == named.st_dev && held.st_ino == named.st_ino;
    return 0;
}

/* A second name would go on with the old text, and so with its passwords. */
static int check_kind(const struct htpasswd *file, struct err *err)
{
    struct stat held;

    if (fstat(file->fd, &held) < 0)
        return err_set_errno(err, errno, "%s", file->path);
    if (!S_ISREG(held.st_mode))
        return err_set(err, ERR_SYNTAX, "%s is no file", file->path);
    if (held.st_nlink > 1)
        return err_set(err, ERR_SYNTAX,
                       "%s has several names (hard links), which would part",
                       file->path);
    return 0;
}

int htpasswd_open(struct htpasswd *file, const char *path, bool create,
                  struct err *err)
{
    bool is_it = false;

    file->path = path;
    while (!is_it) {
        fd_cleanup(&file->fd);
        fd_cleanup(&file->directory);
        if (open_and_lock(file, create, err) < 0 ||
            find_place(file, &is_it, err) < 0)
            return -1;
    }
    if (check_kind(file, err) < 0)
        return -1;
    return read_text(file->fd, path, &file->text, err);
}

/* --- writing --- */

/* One the directory gives to all new files is none of the old file's. */
static int copy_acl(const struct htpasswd *file, int fd, struct err *err)
{
    static char acl[ACL_MAX];
    ssize_t len = fgetxattr(file->fd, ACL, acl, sizeof(acl));

    if (len > 0 ? fsetxattr(fd, ACL, acl, (size_t)len, 0) == 0
                : fremovexattr(fd, ACL) == 0 || errno == ENODATA ||
                      errno == EOPNOTSUPP)
        return 0;
    return err_set_errno(err, errno, "keep the ACL of %s", file->path);
}

static int copy_access(const struct htpasswd *file, int fd, struct err *err)
{
    struct stat old, new;

    if (fstat(file->fd, &old) < 0 || fstat(fd, &new) < 0)
        return err_set_errno(err, errno, "%s", file->path);
    if ((old.st_uid != new.st_uid || old.st_gid != new.st_gid) &&
        fchown(fd, old.st_uid, old.st_gid) < 0)
        return err_set_errno(err, errno,
                             "%s is another's, who has to change it, or root",
                             file->path);
    if (copy_acl(file, fd, err) < 0)
        return -1;
    if (fchmod(fd, old.st_mode & 07777) < 0)
        return err_set_errno(err, errno, "keep the mode of %s", file->path);
    return 0;
}

static int fill(const struct htpasswd *file, int fd, struct span text,
                struct err *err)
{
    if (copy_access(file, fd, err) < 0)
        return -1;
    if (fd_write_at(fd, 0, text, err) < 0)
        return err_wrap(err, "%s", file->path);
    if (fsync(fd) < 0)
        return err_set_errno(err, errno, "sync %s", file->path);
    return 0;
}

int htpasswd_write(const struct htpasswd *file, const struct buf *text,
                   struct err *err)
{
    char name[sizeof(file->name) + 8];
    CLEANUP(fd) int fd = -1;

    if (text->overflowed)
        return err_set(err, ERR_TOO_LARGE, "%s would become too long",
                       file->path);
    snprintf(name, sizeof(name), ".%s.berth", file->name);
    /* Of one that was killed, as the file is ours. */
    unlinkat(file->directory, name, 0);
    fd = openat(file->directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                0600);
    if (fd < 0)
        return err_set_errno(err, errno, "make a file beside %s", file->path);
    if (fill(file, fd, buf_span(text), err) < 0) {
        unlinkat(file->directory, name, 0);
        return -1;
    }
    if (renameat(file->directory, name, file->directory, file->name) < 0) {
        err_set_errno(err, errno, "replace %s", file->path);
        unlinkat(file->directory, name, 0);
        return -1;
    }
    if (fsync(file->directory) < 0)
        return err_set_errno(err, errno, "sync the directory of %s",
                             file->path);
    return 0;
}
