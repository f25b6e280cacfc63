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
    struct timespec changed; /* st_ctim: unlike st_mtim, nobody can set it */
    ino_t inode; /* 0 when there is no file, or none that can be looked at */
    off_t size;
};

struct file_stamp file_stamp_of(const char *path);

/*
 * The stamp of a file that is to be read now. The clock that dates files has
 * ticks: of two changes within one, of the same size, only the first would
 * show. And who writes over a file empties it first. So this waits until a
 * tick has passed since the last change, but for no more than a moment.
 */
struct file_stamp file_stamp_settled(const char *path);

bool file_stamp_is_there(const struct file_stamp *stamp);
bool file_stamp_equals(const struct file_stamp *a, const struct file_stamp *b);

#endif
