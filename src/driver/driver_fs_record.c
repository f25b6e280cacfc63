/* SPDX-License-Identifier: MIT */
/*
 * A record is a file: eight bytes that tell since when the machine runs, and
 * behind them the bytes of the record. Its locks are those of the kernel on
 * its first bytes. A file that says another start than this one was perhaps
 * not written back as far as other files were.
 */
#include "driver/driver_fs_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/memory.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

int fs_space(struct driver *driver, struct driver_space *out, struct err *err)
{
    struct statvfs st;

    if (fstatvfs(fs_of(driver)->root, &st) < 0)
        return err_set_errno(err, errno, "statvfs");
    *out = (struct driver_space){.bytes_total = st.f_blocks * st.f_frsize,
                                 .bytes_free = st.f_bavail * st.f_frsize,
                                 .files_total = st.f_files,
                                 .files_free = st.f_favail};
    return 0;
}

struct fs_record {
    struct record base;
    struct driver_fs *fs;
    int fd;
    uint64_t start; /* of the machine */
};

/* How a record lies in its file. */
struct content {
    uint64_t start;
    char bytes[RECORD_BYTES_MAX];
};

static struct fs_record *record_of(struct record *record)
{
    return (struct fs_record *)record;
}

/* --- since when the machine runs --- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint64_t this_start; /* 0 = nobody says */

static void read_start(void)
{
    CLEANUP(fd) int fd = open(BOOT_ID, O_RDONLY | O_CLOEXEC);
    CLEANUP(buf) struct buf text = BUF_INIT(256);
    struct err ignored = {0};

    if (fd < 0 || fd_read_all(fd, &text, &ignored) < 0)
        return;
    for (size_t i = 0; i < text.len; i++)
        this_start =
            (this_start ^ (unsigned char)text.ptr[i]) * UINT64_C(1099511628211);
}

/*
 * On a file system of several machines it is not for one of them to say that
 * all have stopped; there unlocking a file writes it back.
 */
bool fs_is_shared(int fd)
{
    struct statfs st;

    return fstatfs(fd, &st) < 0 || st.f_type == NFS_SUPER_MAGIC ||
           st.f_type == CEPH_SUPER_MAGIC;
}

static uint64_t find_start(const struct driver_fs *fs)
{
    pthread_once(&once, read_start);
    return fs->is_shared ? 0 : this_start;
}

/* --- the operations --- */

static int read_record(struct record *base, void *into, size_t size,
                       struct err *err)
{
    struct fs_record *record = record_of(base);
    struct content content = {0};
    ssize_t got;

    do {
        got = pread(record->fd, &content, sizeof(content), 0);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return err_set_errno(err, errno, "read a record");
    if (content.start != record->start)
        content = (struct content){0};
    memcpy(into, content.bytes, size);
    return 0;
}

static int write_record(struct record *base, struct span bytes, struct err *err)
{
    struct fs_record *record = record_of(base);
    struct content content = {.start = record->start};
    struct span all = {(const char *)&content,
                       offsetof(struct content, bytes) + bytes.len};

    memcpy(content.bytes, bytes.ptr, bytes.len);
    return fd_write_at(record->fd, 0, all, err);
}

static int lock_record(struct record *base, unsigned int slot,
                       enum record_lock how, int64_t wait_ms, struct err *err)
{
    struct fs_record *record = record_of(base);

    return fs_lock_byte(record->fs, record->fd, slot,
                        how == RECORD_SHARED ? F_RDLCK : F_WRLCK,
                        clock_monotonic_ns() + wait_ms * 1000000, err);
}

static void unlock_record(struct record *base, unsigned int slot)
{
    struct fs_record *record = record_of(base);
    struct err ignored = {0};

    (void)!fs_lock_byte(record->fs, record->fd, slot, F_UNLCK, 0, &ignored);
}

static void close_record(struct record *base)
{
    close(record_of(base)->fd);
    free(record_of(base));
}

static const struct record_ops fs_record_ops = {
    .read = read_record,
    .write = write_record,
    .lock = lock_record,
    .unlock = unlock_record,
    .close = close_record,
};

int fs_open_record(struct driver *driver, const char *path, struct record **out,
                   struct err *err)
{
    struct driver_fs *fs = fs_of(driver);
    struct fs_record *record;
    int fd = fs_open_lock(fs, path, err);

    if (fd < 0)
        return -1;
    record = memory_new(sizeof(*record));
    record->base.ops = &fs_record_ops;
    record->fs = fs;
    record->fd = fd;
    record->start = find_start(fs);
    *out = &record->base;
    return 0;
}
