/* SPDX-License-Identifier: MIT */
#include "base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

void fd_cleanup(int *fd)
{
    int saved = errno;

    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    errno = saved;
}

int fd_open_file(const char *path, int *fd, struct stat *st, struct err *err)
{
    CLEANUP(fd)
    int opened = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (opened < 0 || fstat(opened, st) < 0)
        return err_set_errno(err, errno, "%s", path);
    if (!S_ISREG(st->st_mode))
        return err_set(err, ERR_SYNTAX, "%s is no file", path);
    *fd = fd_take(&opened);
    return 0;
}

int fd_write_at(int fd, uint64_t offset, struct span bytes, struct err *err)
{
    while (bytes.len > 0) {
        ssize_t done = pwrite(fd, bytes.ptr, bytes.len, (off_t)offset);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return err_set_errno(err, errno, "write");
        bytes = span_from(bytes, (size_t)done);
        offset += (uint64_t)done;
    }
    return 0;
}

int fd_read_all(int fd, struct buf *into, struct err *err)
{
    char bytes[4096];

    for (;;) {
        ssize_t got = read(fd, bytes, sizeof(bytes));

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_set_errno(err, errno, "read");
        if (got == 0)
            return 0;
        buf_add(into, (struct span){bytes, (size_t)got});
        if (into->overflowed)
            return err_set(err, ERR_TOO_LARGE, "more than %zu bytes",
                           into->max);
    }
}

DIR *dir_open(int at, const char *path)
{
    CLEANUP(fd) int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir;

    if (fd < 0)
        return NULL;
    dir = fdopendir(fd);
    if (dir != NULL)
        fd_take(&fd);
    return dir;
}

void dir_cleanup(DIR **dir)
{
    int saved = errno;

    if (*dir != NULL)
        closedir(*dir);
    *dir = NULL;
    errno = saved;
}

struct dirent *dir_next(DIR *dir)
{
    struct dirent *entry;

    do {
        errno = 0;
        entry = readdir(dir);
    } while (entry != NULL && (strcmp(entry->d_name, ".") == 0 ||
                               strcmp(entry->d_name, "..") == 0));
    return entry;
}
