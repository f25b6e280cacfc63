/* SPDX-License-Identifier: MIT */
#include "base/file_stamp.h"

#include <sys/stat.h>

#include "base/clock.h"

#define NS_PER_MS (CLOCK_NS_PER_SECOND / 1000)
#define TICK_MS 20 /* the longest are 10 ms: CONFIG_HZ=100 */
#define WAITS_MAX 10

struct file_stamp file_stamp_of(const char *path)
{
    struct file_stamp stamp = {0};
    struct stat st;

    if (stat(path, &st) == 0) {
        stamp.changed = st.st_ctim;
        stamp.inode = st.st_ino;
        stamp.size = st.st_size;
    }
    return stamp;
}

/* Milliseconds until its tick has passed; 0 for one of another clock, ahead. */
static int64_t time_left(const struct file_stamp *stamp)
{
    int64_t changed =
        stamp->changed.tv_sec * CLOCK_NS_PER_SECOND + stamp->changed.tv_nsec;
    int64_t age = (clock_now_ns() - changed) / NS_PER_MS;

    return age >= 0 && age < TICK_MS ? TICK_MS - age : 0;
}

struct file_stamp file_stamp_settled(const char *path)
{
    struct file_stamp stamp = file_stamp_of(path);

    for (int i = 0; i < WAITS_MAX && time_left(&stamp) > 0; i++) {
        clock_sleep_ms(time_left(&stamp));
        stamp = file_stamp_of(path);
    }
    return stamp;
}

bool file_stamp_is_there(const struct file_stamp *stamp)
{
    return stamp->inode != 0;
}

bool file_stamp_equals(const struct file_stamp *a, const struct file_stamp *b)
{
    return a->changed.tv_sec == b->changed.tv_sec &&
           a->changed.tv_nsec == b->changed.tv_nsec && a->inode == b->inode &&
           a->size == b->size;
}
