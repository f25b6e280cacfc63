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
#include <stdlib.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/memory.h"

/* No machine stops and starts in less; no two looks at clocks take as long. */
#define SAME_START_NS UINT64_C(2000000000)

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
};

/* How a record lies in its file. */
struct content {
    int64_t start_ns; /* of the machine, since 1970 */
    char bytes[RECORD_BYTES_MAX];
};

static struct fs_record *record_of(struct record *record)
{
    return (struct fs_record *)record;
}

/* --- since when the machine runs --- */

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

/*
 * By its clocks, for where programs are confined they do not see the number
 * that the kernel has for it (boot_id). Whoever sets the clock also makes it
 * another start, which costs no more than to find out again.
 */
static int64_t find_start_ns(const struct fs_record *record)
{
    return record->fs->is_shared ? 0 : clock_now_ns() - clock_boot_ns(NULL);
}

static bool is_of_this_start(const struct fs_record *record, int64_t start_ns)
{
    /* What was read may be anything, so it wraps round. */
    uint64_t apart_ns = (uint64_t)find_start_ns(record) - (uint64_t)start_ns;

    return apart_ns + SAME_START_NS < 2 * SAME_START_NS;
}

/* --- the operations --- */

/* As far as the file goes; what is behind its end stays as it is. */
static int load(int fd, struct content *into, struct err *err)
{
    size_t done = 0;

    while (done < sizeof(*into)) {
        ssize_t got =
            pread(fd, (char *)into + done, sizeof(*into) - done, (off_t)done);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_set_errno(err, errno, "read a record");
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return 0;
}

static int read_record(struct record *base, void *into, size_t size,
                       struct err *err)
{
    struct fs_record *record = record_of(base);
    struct content content = {0};

    if (load(record->fd, &content, err) < 0)
        return -1;
    if (!is_of_this_start(record, content.start_ns))
        content = (struct content){0};
    memcpy(into, content.bytes, size);
    return 0;
}

static int write_record(struct record *base, struct span bytes, struct err *err)
{
    struct fs_record *record = record_of(base);
    struct content content = {.start_ns = find_start_ns(record)};
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
    *out = &record->base;
    return 0;
}
