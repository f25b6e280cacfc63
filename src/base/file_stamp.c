/* SPDX-License-Identifier: MIT */
#include "base/file_stamp.h"

#include <sys/stat.h>

struct file_stamp file_stamp_of(const char *path)
{
    struct file_stamp stamp = {0};
    struct stat st;

    if (stat(path, &st) == 0) {
        stamp.mtime = st.st_mtim;
        stamp.inode = st.st_ino;
        stamp.size = st.st_size;
    }
    return stamp;
}

bool file_stamp_is_there(const struct file_stamp *stamp)
{
    return stamp->inode != 0;
}

bool file_stamp_equals(const struct file_stamp *a, const struct file_stamp *b)
{
    return a->mtime.tv_sec == b->mtime.tv_sec &&
           a->mtime.tv_nsec == b->mtime.tv_nsec && a->inode == b->inode &&
           a->size == b->size;
}
