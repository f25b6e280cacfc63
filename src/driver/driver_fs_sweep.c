/* SPDX-License-Identifier: MIT */
/*
 * What operations left in FS_TMP, or beside it as FS_ASIDE, when their
 * processes were killed: files that were not renamed into place, directories
 * on their way in or out.
 */
#include "driver/driver_fs_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "base/files.h"

/*
 * Since when it has lain there. A directory that was moved here keeps its
 * mtime; but its ctime tells of the move.
 */
static int64_t lies_since(const struct stat *st)
{
    int64_t changed_ns =
        st->st_ctim.tv_sec * CLOCK_NS_PER_SECOND + st->st_ctim.tv_nsec;
    int64_t modified_ns = fs_mtime_ns(st);

    if (S_ISREG(st->st_mode))
        return modified_ns;
    return changed_ns > modified_ns ? changed_ns : modified_ns;
}

static int sweep_entry(int directory, const char *name, int64_t cutoff_ns,
                       bool dry_run, struct driver_swept *swept,
                       struct err *err)
{
    struct driver_swept within = {0};
    struct stat st;

    if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : err_set_errno(err, errno, "stat %s", name);
    if (lies_since(&st) >= cutoff_ns)
        return 0;
    if (S_ISDIR(st.st_mode))
        fs_count_tree(directory, name, &within);
    else
        within.bytes = (uint64_t)st.st_size;
    if (!dry_run && fs_delete_tree(directory, name, err) < 0)
        return -1;
    swept->count++;
    swept->bytes += within.bytes;
    return 0;
}

/* What has another name in the root is not ours, such as a copy of _berth. */
static bool is_aside(const char *name)
{
    struct span rest = span_of(name);

    if (!span_starts_with(rest, SPAN(FS_ASIDE)))
        return false;
    rest = span_from(rest, strlen(FS_ASIDE));
    return rest.len == FS_ASIDE_DIGITS &&
           strspn(rest.ptr, "0123456789abcdef") == rest.len;
}

static bool is_any(const char *name)
{
    (void)name;
    return true;
}

static int sweep_directory(struct driver_fs *fs, const char *directory,
                           bool (*is_ours)(const char *name), int64_t cutoff_ns,
                           bool dry_run, struct driver_swept *swept,
                           struct err *err)
{
    CLEANUP(dir) DIR *dir = dir_open(fs->root, directory);
    const struct dirent *entry;
    int result = 0;

    if (dir == NULL)
        return errno == ENOENT
                   ? 0
                   : err_set_errno(err, errno, "open %s", directory);
    while ((entry = dir_next(dir)) != NULL)
        if (is_ours(entry->d_name) &&
            sweep_entry(dirfd(dir), entry->d_name, cutoff_ns, dry_run, swept,
                        err) < 0)
            result = -1;
    return result;
}

int fs_sweep(struct driver *driver, int64_t cutoff_ns, bool dry_run,
             struct driver_swept *swept, struct err *err)
{
    struct driver_fs *fs = fs_of(driver);
    int tmp =
        sweep_directory(fs, FS_TMP, is_any, cutoff_ns, dry_run, swept, err);
    int aside =
        sweep_directory(fs, ".", is_aside, cutoff_ns, dry_run, swept, err);

    return tmp < 0 || aside < 0 ? -1 : 0;
}
