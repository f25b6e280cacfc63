/* SPDX-License-Identifier: MIT */
/*
 * File descriptors and directory streams that close themselves, and reads and
 * writes that go to the end.
 *
 *     CLEANUP(fd) int fd = openat(...);
 *     CLEANUP(dir) DIR *dir = dir_open(fd, "tags");
 */
#ifndef BERTH_BASE_FILES_H
#define BERTH_BASE_FILES_H

#include <dirent.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/span.h"

/* Closes unless negative; errno stays as it was. */
void fd_cleanup(int *fd);

/* Moves ownership out of a CLEANUP variable. */
static inline int fd_take(int *fd)
{
    int taken = *fd;

    *fd = -1;
    return taken;
}

/*
 * Opens a regular file to read it. ERR_SYNTAX for anything else by this name,
 * which could keep its reader waiting. The path is in the text.
 */
int fd_open_file(const char *path, int *fd, struct stat *st,
                 struct err *err) WARN_UNUSED;

/*
 * Writes all of `bytes` at `offset`. After a failure some of them may have
 * been written.
 */
int fd_write_at(int fd, uint64_t offset, struct span bytes,
                struct err *err) WARN_UNUSED;

/*
 * Appends what is left to read of `fd`. ERR_TOO_LARGE when that passes the
 * maximum of `into`.
 */
int fd_read_all(int fd, struct buf *into, struct err *err) WARN_UNUSED;

/* A stream of the directory `path` below `at`; NULL with errno set. */
DIR *dir_open(int at, const char *path) WARN_UNUSED;
void dir_cleanup(DIR **dir);

/* The next entry but "." and ".."; NULL at the end, or with errno not 0. */
struct dirent *dir_next(DIR *dir);

#endif
