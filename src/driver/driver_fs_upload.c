/* SPDX-License-Identifier: MIT */
/*
 * The writer of a large object. The lock on the gathering file makes it the
 * only one; the kernel drops that lock with the process, so a writer that was
 * killed leaves an upload anybody can resume.
 */
#include "driver/driver_fs_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/memory.h"

/* How much is written before the kernel is asked to begin with the disk. */
#define WRITE_BACK_STEP (UINT64_C(8) << 20)

struct fs_writer {
    struct writer base;
    struct driver_fs *fs;
    int fd;
    struct stat identity;  /* of the open file */
    uint64_t written_back; /* up to here the disk has been told */
    bool is_dirty;         /* appended to by us */
    char path[];
};

static struct fs_writer *writer_of(struct writer *writer)
{
    return (struct fs_writer *)writer;
}

static void free_writer(struct fs_writer *writer)
{
    close(writer->fd);
    free(writer);
}

/*
 * So that the fsync of commit finds most of the work done. Errors are left
 * for that fsync, which reports them.
 */
static void start_write_back(struct fs_writer *writer)
{
    uint64_t size = writer->base.size;

    if (size - writer->written_back < WRITE_BACK_STEP)
        return;
    sync_file_range(writer->fd, (off_t)writer->written_back,
                    (off_t)(size - writer->written_back),
                    SYNC_FILE_RANGE_WRITE);
    writer->written_back = size;
}

/* After a failure the file is cut back, which also frees the disk space. */
static int append(struct writer *base, struct span bytes, struct err *err)
{
    struct fs_writer *writer = writer_of(base);

    writer->is_dirty = true;
    if (fd_write_at(writer->fd, base->size, bytes, err) < 0) {
        (void)!ftruncate(writer->fd, (off_t)base->size);
        return err_wrap(err, "%s", writer->path);
    }
    base->size += bytes.len;
    start_write_back(writer);
    return 0;
}

static int truncate_to(struct writer *base, uint64_t size, struct err *err)
{
    struct fs_writer *writer = writer_of(base);

    if (ftruncate(writer->fd, (off_t)size) < 0)
        return err_set_errno(err, errno, "truncate %s", writer->path);
    base->size = size;
    if (writer->written_back > size)
        writer->written_back = size;
    return 0;
}

static int identify(struct fs_writer *writer, struct err *err)
{
    if (fstat(writer->fd, &writer->identity) < 0)
        return err_set_errno(err, errno, "stat %s", writer->path);
    return 0;
}

/* Whether the path still names the file we hold: remove() asks no lock. */
static int check_in_place(struct fs_writer *writer, struct err *err)
{
    struct stat now;

    if (fstatat(writer->fs->root, writer->path, &now, AT_SYMLINK_NOFOLLOW) < 0)
        return err_set_errno(err, errno, "stat %s", writer->path);
    if (now.st_ino != writer->identity.st_ino ||
        now.st_dev != writer->identity.st_dev)
        return err_set(err, ERR_NOT_FOUND, "%s: replaced", writer->path);
    return 0;
}

static void drop_file(struct fs_writer *writer)
{
    struct err ignored = {0};

    if (check_in_place(writer, &ignored) == 0)
        unlinkat(writer->fs->root, writer->path, 0);
}

/*
 * Pages that an fsync could not write count as clean afterwards: another
 * fsync would succeed without them. So then the bytes go.
 */
static int sync_data(struct fs_writer *writer, struct err *err)
{
    if (fs_sync(writer->fs, writer->fd, writer->path, err) == 0)
        return 0;
    drop_file(writer);
    return -1;
}

/*
 * No directories are synced here: a journal brings a new file to disk with
 * the directories that lead to it.
 */
static int sync_appended(struct writer *base, struct err *err)
{
    struct fs_writer *writer = writer_of(base);

    if (!writer->is_dirty)
        return 0;
    writer->is_dirty = false;
    return sync_data(writer, err);
}

static int suspend(struct writer *base, struct err *err)
{
    int result = sync_appended(base, err);

    free_writer(writer_of(base));
    return result;
}

/*
 * The mtime is set before the fsync, which makes it durable, and again right
 * before the rename, for the fsync may have been a long one.
 */
static int make_object(struct fs_writer *writer, const char *path,
                       struct err *err)
{
    struct driver_fs *fs = writer->fs;

    if (futimens(writer->fd, NULL) < 0)
        return err_set_errno(err, errno, "touch %s", writer->path);
    if (sync_data(writer, err) < 0)
        return -1;
    if (futimens(writer->fd, NULL) < 0)
        return err_set_errno(err, errno, "touch %s", writer->path);
    if (check_in_place(writer, err) < 0)
        return -1;
    return fs_place_object(fs, writer->path, path, err);
}

static int commit(struct writer *base, const char *path, struct err *err)
{
    struct fs_writer *writer = writer_of(base);
    int result = make_object(writer, path, err);

    free_writer(writer);
    return result;
}

static void abort_upload(struct writer *base)
{
    struct fs_writer *writer = writer_of(base);

    drop_file(writer);
    free_writer(writer);
}

static const struct writer_ops fs_writer_ops = {
    .append = append,
    .truncate = truncate_to,
    .sync = sync_appended,
    .suspend = suspend,
    .commit = commit,
    .abort = abort_upload,
};

static int create_file(struct driver_fs *fs, const char *path, struct err *err)
{
    CLEANUP(fd) int fd = -1;

    for (int i = 0; fd < 0; i++) {
        CLEANUP(fd)
        int parent = fs_open_parent(fs, path, FS_MAKE_RELAXED, err);

        if (parent < 0)
            return -1;
        fd = openat(parent, fs_name_of(path),
                    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FS_FILE_MODE);
        if (fd < 0 && (errno != ENOENT || i == FS_RETRIES))
            return err_set_errno(err, errno, "create %s", path);
    }
    if (fchmod(fd, FS_FILE_MODE) < 0)
        return err_set_errno(err, errno, "chmod %s", path);
    return fd_take(&fd);
}

/*
 * A file and nothing else: O_NONBLOCK, as a FIFO somebody put there must not
 * stop us, and a directory or a link there is no upload of ours.
 */
static int resume_file(struct driver_fs *fs, const char *path, struct err *err)
{
    CLEANUP(fd)
    int fd =
        openat(fs->root, path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;

    if (fd < 0 && errno != ENXIO && errno != EISDIR && errno != ELOOP)
        return err_set_errno(err, errno, "open %s", path);
    if (fd >= 0 && fstat(fd, &st) < 0)
        return err_set_errno(err, errno, "stat %s", path);
    if (fd < 0 || !S_ISREG(st.st_mode))
        return err_set(err, ERR_NOT_FOUND, "%s: no regular file", path);
    return fd_take(&fd);
}

static int open_file(struct driver_fs *fs, const char *path,
                     enum driver_upload_mode mode, struct err *err)
{
    return mode == DRIVER_UPLOAD_CREATE ? create_file(fs, path, err)
                                        : resume_file(fs, path, err);
}

/*
 * Whoever held the lock until now may have committed or aborted the upload:
 * then the path names another file or none, and this one is not ours.
 */
int fs_open_upload(struct driver *driver, const char *path,
                   enum driver_upload_mode mode, int64_t wait_ms,
                   struct writer **out, struct err *err)
{
    struct driver_fs *fs = fs_of(driver);
    struct fs_writer *writer = memory_new(sizeof(*writer) + strlen(path) + 1);
    int64_t deadline_ns = clock_monotonic_ns() + wait_ms * 1000000;

    writer->base.ops = &fs_writer_ops;
    writer->fs = fs;
    memcpy(writer->path, path, strlen(path) + 1);
    writer->fd = open_file(fs, path, mode, err);
    if (writer->fd < 0) {
        free(writer);
        return -1;
    }
    if (fs_lock_file(fs, writer->fd, F_WRLCK, deadline_ns, err) < 0 ||
        identify(writer, err) < 0 || check_in_place(writer, err) < 0) {
        free_writer(writer);
        return -1;
    }
    writer->base.size = (uint64_t)writer->identity.st_size;
    writer->written_back = writer->base.size;
    *out = &writer->base;
    return 0;
}
