/* SPDX-License-Identifier: MIT */
/* What was retired and not yet purged: the names in FS_TRASH. */
#include "driver/driver_fs_internal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/files.h"

/* Part of a name in the trash; a longer one becomes directories of these. */
#define PART_MAX 200

void fs_trash_path(const char *run, const char *path, struct buf *out)
{
    size_t part = 0;

    buf_add_format(out, FS_TRASH "/%s/", run);
    for (; *path != '\0'; path++) {
        if (part >= PART_MAX) {
            buf_add(out, SPAN("%/%"));
            part = 0;
        }
        if (*path == '/' || *path == '%')
            buf_add_format(out, "%%%02x", (unsigned int)*path);
        else
            buf_add_char(out, *path);
        part++;
    }
}

/* The reverse for a part of a name; what no code of ours made stays as it is.
 */
static void decode(struct span name, struct buf *out)
{
    while (name.len > 0) {
        if (span_starts_with(name, SPAN("%2f")))
            buf_add_char(out, '/');
        else if (span_starts_with(name, SPAN("%25")))
            buf_add_char(out, '%');
        else {
            buf_add_char(out, name.ptr[0]);
            name = span_from(name, 1);
            continue;
        }
        name = span_from(name, strlen("%2f"));
    }
}

struct listing {
    driver_visit *visit;
    void *context;
    struct buf path; /* decoded, up to where the listing stands */
};

static int list_part(struct listing *listing, int at, const char *directory,
                     struct err *err);

/* 1 when the visitor stops. */
static int list_entry(struct listing *listing, int at, const char *name,
                      struct err *err)
{
    size_t len = listing->path.len;
    struct span part = span_of(name);
    bool goes_on = span_ends_with(part, SPAN("%"));
    int result;

    if (len > 0 && span_starts_with(part, SPAN("%")))
        part = span_from(part, 1);
    if (goes_on)
        part.len--;
    decode(part, &listing->path);
    result = goes_on ? list_part(listing, at, name, err)
                     : listing->visit(listing->context,
                                      buf_text(&listing->path), false, err);
    buf_truncate(&listing->path, len);
    return result;
}

static int list_part(struct listing *listing, int at, const char *directory,
                     struct err *err)
{
    CLEANUP(dir) DIR *dir = dir_open(at, directory);
    const struct dirent *entry;
    int result = 0;

    if (dir == NULL)
        return errno == ENOENT
                   ? 0
                   : err_set_errno(err, errno, "open directory %s", directory);
    while (result == 0 && (entry = dir_next(dir)) != NULL)
        result = list_entry(listing, dirfd(dir), entry->d_name, err);
    if (result == 0 && errno != 0)
        return err_set_errno(err, errno, "read directory %s", directory);
    return result;
}

int fs_list_trash(struct driver *driver, const char *run, driver_visit *visit,
                  void *context, struct err *err)
{
    struct listing listing = {visit, context, BUF_INIT(PATH_MAX)};
    char directory[PATH_MAX];
    int result;

    if (run == NULL)
        return driver_list_if_there(driver, FS_TRASH, NULL, visit, context,
                                    err);
    snprintf(directory, sizeof(directory), FS_TRASH "/%s", run);
    result = list_part(&listing, fs_of(driver)->root, directory, err);
    buf_cleanup(&listing.path);
    return result < 0 ? -1 : 0;
}

int fs_purge(struct driver *driver, const char *run,
             struct driver_swept *purged, struct err *err)
{
    struct driver_fs *fs = fs_of(driver);
    CLEANUP(buf) struct buf trash = BUF_INIT(PATH_MAX);
    struct driver_swept before = {0}, left = {0};
    int result;

    buf_add_format(&trash, FS_TRASH "/%s", run);
    fs_count_tree(fs->root, buf_text(&trash), &before);
    result = fs_delete_tree(fs->root, buf_text(&trash), err);
    if (result < 0)
        fs_count_tree(fs->root, buf_text(&trash), &left);
    purged->count += before.count - left.count;
    purged->bytes += before.bytes - left.bytes;
    return result;
}
