/* SPDX-License-Identifier: MIT */
/*
 * What tells one state of a file from the next without reading it: a look is
 * one stat(2).
 */
#ifndef BERTH_BASE_FILE_STAMP_H
#define BERTH_BASE_FILE_STAMP_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

struct file_stamp {
    struct timespec mtime;
    ino_t inode; /* 0 when there is no file, or none that can be looked at */
    off_t size;
};

struct file_stamp file_stamp_of(const char *path);
bool file_stamp_is_there(const struct file_stamp *stamp);
bool file_stamp_equals(const struct file_stamp *a, const struct file_stamp *b);

#endif
