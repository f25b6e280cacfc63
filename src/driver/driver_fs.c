/* SPDX-License-Identifier: MIT */
#include "driver/driver_fs_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/memory.h"

/* The first read of an object of unknown size: most are smaller. */
#define GET_CHUNK (16 * 1024)

void fs_fill_stat(struct driver_stat *out, const struct stat *st)
{
    out->is_directory = S_ISDIR(st->st_mode);
    out->size = out->is_directory ? 0 : (uint64_t)st->st_size;
    out->mtime_ns = fs_mtime_ns(st);
    out->version = (struct driver_version){0};
    out->is_fixed = false;
}

/*
 * By its ctime, which nobody can set back. A time ahead of the clock is not
 * settled, either: the clock has gone back, and may come to it again. Of a
 * shared file system it is the time of the server, which may lag behind ours:
 * what was changed just now looks older there, and another change may come
 * within the same tick.
 */
static struct driver_version version_of(const struct driver_fs *fs,
                                        const struct stat *st)
{
    int64_t changed_ns =
        st->st_ctim.tv_sec * CLOCK_NS_PER_SECOND + st->st_ctim.tv_nsec;
    int64_t settled_ns = fs->settle_ns + (fs->is_shared ? FS_SKEW_NS : 0);

    if (clock_now_ns() - changed_ns <= settled_ns)
        return (struct driver_version){0};
    return (struct driver_version){changed_ns, st->st_ino};
}

/* Who may write may renew, and so may the owner; see touch. */
static bool is_fixed(const struct driver_fs *fs, const char *path,
                     const struct stat *st)
{
    return S_ISREG(st->st_mode) && st->st_uid != fs->user &&
           faccessat(fs->root, path, W_OK, AT_EACCESS) < 0;
}

static int fs_stat(struct driver *driver, const char *path,
                   struct driver_stat *out, struct err *err)
{
    struct driver_fs *fs = fs_of(driver);
    struct stat st;

    if (fs_look(fs, path, &st, err) < 0)
        return -1;
    fs_fill_stat(out, &st);
    if (out->is_directory)
        out->version = version_of(fs, &st);
    out->is_fixed = is_fixed(fs, path, &st);
    return 0;
}

/*
 * By the mode, which is ours whatever the umask. Of a directory the bits are
 * enough, for a sandbox may refuse the rest, see set_directory_mode.
 */
static int fs_origin(struct driver *driver, const char *path,
                     struct driver_origin *out, struct err *err)
{
    struct statx stx;
    unsigned int ours;

    if (statx(fs_of(driver)->root, path, AT_SYMLINK_NOFOLLOW,
              STATX_MODE | STATX_TYPE | STATX_BTIME, &stx) < 0)
        return err_set_errno(err, errno, "stat %s", path);
    ours = S_ISDIR(stx.stx_mode) ? FS_DIRECTORY_MODE & 0777 : FS_FILE_MODE;
    *out = (struct driver_origin){.is_foreign = (stx.stx_mode & 0777) != ours};
    if ((stx.stx_mask & STATX_BTIME) != 0)
        out->born_ns =
            stx.stx_btime.tv_sec * CLOCK_NS_PER_SECOND + stx.stx_btime.tv_nsec;
    return 0;
}

/* O_NONBLOCK: a FIFO somebody put there must not stop us. */
static int open_object(struct driver_fs *fs, const char *path, struct err *err)
{
    int fd = openat(fs->root, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

    return fd >= 0 ? fd : err_set_errno(err, errno, "open %s", path);
}

static int stat_object(struct driver_fs *fs, int fd, const char *path,
                       struct driver_stat *out, struct err *err)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return err_set_errno(err, errno, "stat %s", path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_NOT_FOUND, "%s: no regular file", path);
    fs_fill_stat(out, &st);
    out->is_fixed = is_fixed(fs, path, &st);
    return 0;
}

/* --- get --- */

/* Whether the end has been reached, when the buffer is full to its maximum. */
static int check_end(int fd, struct err *err)
{
    char more;
    ssize_t got = read(fd, &more, 1);

    if (got < 0)
        return err_set_errno(err, errno, "read");
    return got == 0 ? 0 : err_set(err, ERR_TOO_LARGE, "object too large");
}

/*
 * Reads to the end, `chunk` bytes first. Only a read of nothing tells of the
 * end: one that met a bad block gives what stands before it, and the next
 * one fails.
 */
static int read_all(int fd, size_t chunk, struct buf *into, struct err *err)
{
    for (;;) {
        size_t room = into->max - into->len;
        size_t wanted = chunk < room ? chunk : room;
        char *at = wanted > 0 ? buf_reserve(into, wanted) : NULL;
        ssize_t got;

        if (at == NULL)
            return check_end(fd, err);
        got = read(fd, at, wanted);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EISDIR)
            return err_set(err, ERR_NOT_FOUND, "a directory");
        if (got < 0)
            return err_set_errno(err, errno, "read");
        buf_grown(into, (size_t)got);
        if (got == 0)
            return 0;
        /* The room that is left is enough to see the end with. */
        chunk = (size_t)got < wanted ? wanted - (size_t)got : chunk + wanted;
    }
}

int fs_get(struct driver *driver, const char *path, struct buf *into,
           struct driver_stat *out, struct err *err)
{
    CLEANUP(fd) int fd = open_object(fs_of(driver), path, err);
    struct driver_stat found = {.size = GET_CHUNK - 1};
    size_t before = into->len;

    if (fd < 0 ||
        (out != NULL && stat_object(fs_of(driver), fd, path, &found, err) < 0))
        return -1;
    if (out != NULL && found.size > into->max - before)
        return err_set(err, ERR_TOO_LARGE, "%s: object too large", path);
    if (read_all(fd, (size_t)found.size + 1, into, err) < 0) {
        buf_truncate(into, before);
        return err_wrap(err, "%s", path);
    }
    if (out != NULL) {
        *out = found;
        out->size = into->len - before;
    }
    return 0;
}

/* --- open_read --- */

struct fs_reader {
    struct reader base;
    int fd;
    uint64_t offset, left;
};

static ssize_t read_some(struct reader *base, void *into, size_t size,
                         struct err *err)
{
    struct fs_reader *reader = (struct fs_reader *)base;
    ssize_t got;

    if (reader->left == 0)
        return 0;
    if (size > reader->left)
        size = (size_t)reader->left;
    do {
        got = pread(reader->fd, into, size, (off_t)reader->offset);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return err_set_errno(err, errno, "read");
    if (got == 0)
        return err_set(err, ERR_IO, "object is %llu bytes short",
                       (unsigned long long)reader->left);
    reader->offset += (uint64_t)got;
    reader->left -= (uint64_t)got;
    return got;
}

static void close_reader(struct reader *base)
{
    struct fs_reader *reader = (struct fs_reader *)base;

    close(reader->fd);
    free(reader);
}

static const struct reader_ops fs_reader_ops = {
    .read = read_some,
    .close = close_reader,
};

static int fs_open_read(struct driver *driver, const char *path,
                        uint64_t offset, uint64_t length, struct reader **out,
                        struct err *err)
{
    CLEANUP(fd) int fd = open_object(fs_of(driver), path, err);
    struct driver_stat found;
    struct fs_reader *reader;

    if (fd < 0 || stat_object(fs_of(driver), fd, path, &found, err) < 0)
        return -1;
    reader = memory_new(sizeof(*reader));
    reader->base.ops = &fs_reader_ops;
    reader->fd = fd_take(&fd);
    reader->offset = offset;
    reader->left = length;
    *out = &reader->base;
    return 0;
}

/* --- list --- */

/* Names one behind the other, each led by a byte that tells its type. */
struct names {
    struct buf text;
    size_t *starts;
    size_t count, room;
};

#define NAMES_BYTES_MAX (UINT32_C(1) << 30)

static void names_cleanup(struct names *names)
{
    buf_cleanup(&names->text);
    free(names->starts);
}

static void add_name(struct names *names, const struct dirent *entry)
{
    if (names->count == names->room) {
        names->room = names->room ? 2 * names->room : 64;
        names->starts =
            memory_resize(names->starts, names->room * sizeof(*names->starts));
    }
    names->starts[names->count++] = names->text.len;
    buf_add_char(&names->text, (char)entry->d_type);
    buf_add(&names->text,
            (struct span){entry->d_name, strlen(entry->d_name) + 1});
}

static int compare_names(const void *a, const void *b, void *context)
{
    const char *text = context;

    return strcmp(text + *(const size_t *)a + 1, text + *(const size_t *)b + 1);
}

static int read_names(DIR *dir, const char *after, struct names *names,
                      struct err *err)
{
    const struct dirent *entry;

    while ((entry = dir_next(dir)) != NULL)
        if (after == NULL || strcmp(entry->d_name, after) > 0)
            add_name(names, entry);
    if (errno != 0)
        return err_set_errno(err, errno, "read directory");
    if (names->text.overflowed)
        return err_set(err, ERR_TOO_LARGE, "too many names");
    if (names->count > 1)
        qsort_r(names->starts, names->count, sizeof(*names->starts),
                compare_names, names->text.ptr);
    return 0;
}

/* `typed` is a name with its type before it, as add_name stored it. */
static int visit_name(DIR *dir, const char *typed, driver_visit *visit,
                      void *context, struct err *err)
{
    unsigned char type = (unsigned char)typed[0];
    bool is_directory = type == DT_DIR;

    if (type != DT_DIR && type != DT_REG) {
        struct stat st;

        if (fstatat(dirfd(dir), typed + 1, &st, 0) == 0)
            is_directory = S_ISDIR(st.st_mode);
        else if (errno != ENOENT)
            return err_set_errno(err, errno, "stat %s", typed + 1);
    }
    return visit(context, typed + 1, is_directory, err);
}

static int fs_list(struct driver *driver, const char *path, const char *after,
                   driver_visit *visit, void *context, struct err *err)
{
    CLEANUP(dir) DIR *dir = dir_open(fs_of(driver)->root, path);
    CLEANUP(names)
    struct names names = {.text = BUF_INIT(NAMES_BYTES_MAX)};

    if (dir == NULL)
        return err_set_errno(err, errno, "open directory %s", path);
    if (read_names(dir, after, &names, err) < 0)
        return err_wrap(err, "%s", path);
    for (size_t i = 0; i < names.count; i++) {
        int result = visit_name(dir, names.text.ptr + names.starts[i], visit,
                                context, err);

        if (result != 0)
            return result < 0 ? -1 : 0;
    }
    return 0;
}

/* --- new and free --- */

static void fs_free(struct driver *driver)
{
    struct driver_fs *fs = fs_of(driver);

    if (fs->root >= 0)
        close(fs->root);
    free(fs);
}

static const struct driver_ops driver_fs_ops = {
    .stat = fs_stat,
    .get = fs_get,
    .open_read = fs_open_read,
    .put = fs_put,
    .put_directory = fs_put_directory,
    .make_directory = fs_make_directory,
    .open_upload = fs_open_upload,
    .list = fs_list,
    .remove = fs_remove,
    .remove_if = fs_remove_if,
    .put_if = fs_put_if,
    .move_if = fs_move_if,
    .remove_empty = fs_remove_empty,
    .origin = fs_origin,
    .protect = fs_protect,
    .retire = fs_retire,
    .restore = fs_restore,
    .purge = fs_purge,
    .list_trash = fs_list_trash,
    .sweep = fs_sweep,
    .space = fs_space,
    .open_record = fs_open_record,
    .free = fs_free,
};

/* Moves the root down to where the tree lies, made with its parents. */
static int enter(struct driver_fs *fs, const char *below, struct err *err)
{
    int fd = fs_open_directory(fs, below, FS_MAKE_DURABLE, err);

    if (fd < 0)
        return -1;
    close(fs->root);
    fs->root = fd;
    return 0;
}

int driver_fs_new(const struct driver_fs_options *options, struct driver **out,
                  struct err *err)
{
    CLEANUP(driver)
    struct driver *driver = memory_new(sizeof(struct driver_fs));
    struct driver_fs *fs = fs_of(driver);

    driver->ops = &driver_fs_ops;
    fs->lock_wait_ms = FS_LOCK_WAIT_MS;
    fs->settle_ns = FS_SETTLE_NS;
    fs->user = geteuid();
    fs->grace_ns = (int64_t)options->grace_seconds * CLOCK_NS_PER_SECOND;
    fs->is_bulk = options->is_bulk;
    fs->root = fs_open_root(fs, options->root, err);
    if (fs->root < 0)
        return -1;
    if (options->below != NULL && enter(fs, options->below, err) < 0)
        return err_wrap(err, "%s", options->root);
    fs->is_shared = fs_is_shared(fs->root);
    *out = driver;
    driver = NULL;
    return 0;
}
