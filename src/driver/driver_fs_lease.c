/* SPDX-License-Identifier: MIT */
/*
 * Leases, and the locks under which requests and the collector meet.
 *
 * Every path belongs to one of 256 shards. Who renews an object or renames a
 * new one into place holds its shard shared; who takes an object away holds
 * it exclusively. Under a lock stand a look and a renewal or a rename, and
 * nothing that can take long. The locks belong to open file descriptions, so
 * the kernel drops them when a process dies.
 *
 * Nobody holds two shards at once, so there is no order to keep: what protect
 * promises, it promises of each object from the moment it looked at it.
 */
#include "driver/driver_fs_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/files.h"

#define LOCK_NAME_MAX sizeof(FS_LOCKS "/ff")

/* Waiting is polling: a blocking lock knows no deadline. */
#define POLL_MS 1

static int lock_range(struct driver_fs *fs, int fd, struct flock *range,
                      int64_t deadline_ns, struct err *err)
{
    while (fcntl(fd, F_OFD_SETLK, range) < 0) {
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN && errno != EACCES)
            return err_set_errno(err, errno, "lock");
        if (clock_monotonic_ns() >= deadline_ns)
            return err_set(err, ERR_BUSY, "locked by another");
        fs_step(fs, FS_STEP_LOCK_WAIT);
        clock_sleep_ms(POLL_MS);
    }
    return 0;
}

int fs_lock_file(struct driver_fs *fs, int fd, short type, int64_t deadline_ns,
                 struct err *err)
{
    struct flock whole = {.l_type = type, .l_whence = SEEK_SET};

    return lock_range(fs, fd, &whole, deadline_ns, err);
}

int fs_lock_byte(struct driver_fs *fs, int fd, unsigned int offset, short type,
                 int64_t deadline_ns, struct err *err)
{
    struct flock byte = {.l_type = type,
                         .l_whence = SEEK_SET,
                         .l_start = (off_t)offset,
                         .l_len = 1};

    return lock_range(fs, fd, &byte, deadline_ns, err);
}

int64_t fs_lock_deadline(const struct driver_fs *fs)
{
    return clock_monotonic_ns() + fs->lock_wait_ms * 1000000;
}

/* FNV-1a, folded to a byte. */
static unsigned int shard_of(const char *path)
{
    uint32_t hash = 2166136261U;

    for (; *path != '\0'; path++)
        hash = (hash ^ (unsigned char)*path) * 16777619U;
    return (hash ^ hash >> 8 ^ hash >> 16 ^ hash >> 24) & 0xff;
}

/* Begins again when another, who failed, takes back the directory he made. */
static int create_lock(struct driver_fs *fs, const char *name, struct err *err)
{
    CLEANUP(fd) int fd = -1;

    for (int i = 0; fd < 0; i++) {
        CLEANUP(fd) int parent = fs_open_parent(fs, name, FS_MAKE_DURABLE, err);

        if (parent < 0)
            return -1;
        fd = openat(parent, fs_name_of(name), O_RDWR | O_CREAT | O_CLOEXEC,
                    FS_FILE_MODE);
        if (fd < 0 && (errno != ENOENT || i == FS_RETRIES))
            return err_set_errno(err, errno, "create %s", name);
    }
    if (fchmod(fd, FS_FILE_MODE) < 0)
        return err_set_errno(err, errno, "create %s", name);
    return fd_take(&fd);
}

int fs_open_lock(struct driver_fs *fs, const char *path, struct err *err)
{
    int fd = openat(fs->root, path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);

    if (fd >= 0)
        return fd;
    if (errno == ENOENT)
        return create_lock(fs, path, err);
    return err_set_errno(err, errno, "open %s", path);
}

static void shard_name(const char *path, char name[LOCK_NAME_MAX])
{
    snprintf(name, LOCK_NAME_MAX, FS_LOCKS "/%02x", shard_of(path));
}

static int lock_shard(struct driver_fs *fs, const char *path, short type,
                      int64_t deadline_ns, struct err *err)
{
    char name[LOCK_NAME_MAX];
    CLEANUP(fd) int fd = -1;

    shard_name(path, name);
    fd = fs_open_lock(fs, name, err);
    if (fd < 0)
        return -1;
    if (fs_lock_file(fs, fd, type, deadline_ns, err) < 0)
        return err_wrap(err, "%s", name);
    fs_step(fs, FS_STEP_LOCKED);
    return fd_take(&fd);
}

int fs_make_lock(struct driver_fs *fs, const char *path, struct err *err)
{
    char name[LOCK_NAME_MAX];
    int fd;

    shard_name(path, name);
    if (faccessat(fs->root, name, F_OK, 0) == 0)
        return 0;
    fd = create_lock(fs, name, err);
    if (fd < 0)
        return -1;
    close(fd);
    return 0;
}

int fs_lock_shared(struct driver_fs *fs, const char *path, int64_t deadline_ns,
                   struct err *err)
{
    return lock_shard(fs, path, F_RDLCK, deadline_ns, err);
}

int fs_lock_exclusive(struct driver_fs *fs, const char *path,
                      int64_t deadline_ns, struct err *err)
{
    return lock_shard(fs, path, F_WRLCK, deadline_ns, err);
}

void fs_unlock(struct driver_fs *fs, int *lock)
{
    fd_cleanup(lock);
    fs_step(fs, FS_STEP_UNLOCKED);
}

/* --- protect --- */

static int renew(struct driver_fs *fs, const char *path, int64_t deadline_ns,
                 struct err *err);

/*
 * Renewing is looking, too: the object must still be there. Times NULL and
 * not UTIME_OMIT for the atime, because then write permission is enough.
 */
static int touch(struct driver_fs *fs, const char *path, struct err *err)
{
    if (utimensat(fs->root, path, NULL, 0) < 0)
        return err_set_errno(err, errno, "renew %s", path);
    return 0;
}

/*
 * On a full disk there may be no room for the lock's file. While there is no
 * such file, nobody can have the lock to take the object away; and who makes
 * the file afterwards finds the lease renewed.
 */
static int renew_without_lock(struct driver_fs *fs, const char *path,
                              int64_t deadline_ns, struct err *err)
{
    char name[LOCK_NAME_MAX];

    shard_name(path, name);
    if (touch(fs, path, err) < 0)
        return -1;
    fs_step(fs, FS_STEP_CHANGED);
    if (faccessat(fs->root, name, F_OK, 0) < 0 && errno == ENOENT)
        return 0;
    return renew(fs, path, deadline_ns, err);
}

static int renew(struct driver_fs *fs, const char *path, int64_t deadline_ns,
                 struct err *err)
{
    struct err failure = {0};
    int lock = fs_lock_shared(fs, path, deadline_ns, &failure);
    int result;

    if (lock < 0 && failure.code == ERR_NO_SPACE)
        return renew_without_lock(fs, path, deadline_ns, err);
    if (lock < 0) {
        *err = failure;
        return -1;
    }
    result = touch(fs, path, err);
    fs_step(fs, FS_STEP_CHANGED);
    fs_unlock(fs, &lock);
    return result;
}

/* What is young stays, for any cutoff lies before its mtime. */
static int protect_one(struct driver_fs *fs, const char *path,
                       int64_t deadline_ns, struct err *err)
{
    struct stat st;

    if (fs_look(fs, path, &st, err) < 0)
        return -1;
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_NOT_FOUND, "%s: no regular file", path);
    if (fs_mtime_ns(&st) >= clock_now_ns() - fs->grace_ns / 4)
        return 0;
    return renew(fs, path, deadline_ns, err);
}

int fs_protect(struct driver *driver, const char *const *paths, size_t count,
               size_t *missing, struct err *err)
{
    struct driver_fs *fs = fs_of(driver);
    int64_t deadline_ns = fs_lock_deadline(fs);

    for (size_t i = 0; i < count; i++)
        if (protect_one(fs, paths[i], deadline_ns, err) < 0) {
            *missing = i;
            return -1;
        }
    return 0;
}

/* --- retire, restore --- */

void fs_block_stops(sigset_t *old)
{
    sigset_t stops;

    sigemptyset(&stops);
    sigaddset(&stops, SIGTSTP);
    sigaddset(&stops, SIGTTIN);
    sigaddset(&stops, SIGTTOU);
    pthread_sigmask(SIG_BLOCK, &stops, old);
}

void fs_allow_stops(const sigset_t *old)
{
    pthread_sigmask(SIG_SETMASK, old, NULL);
}

/* The caller holds the lock. Without a trash it is deleted. */
static int take_away(struct driver_fs *fs, const char *path, int trash,
                     const char *name, int64_t cutoff_ns, struct err *err)
{
    struct stat st;
    int result = fs_look(fs, path, &st, err);

    fs_step(fs, FS_STEP_LOOKED);
    if (result < 0)
        return -1;
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_NOT_FOUND, "%s: no regular file", path);
    if (fs_mtime_ns(&st) >= cutoff_ns)
        return err_set(err, ERR_EXISTS, "%s: its lease is younger", path);
    if ((trash >= 0 ? renameat(fs->root, path, trash, name)
                    : unlinkat(fs->root, path, 0)) < 0)
        return err_set_errno(err, errno, "retire %s", path);
    fs_step(fs, FS_STEP_CHANGED);
    return 0;
}

static int take_away_locked(struct driver_fs *fs, const char *path, int trash,
                            const char *name, int64_t cutoff_ns,
                            struct err *err)
{
    sigset_t old;
    int lock, result = -1;

    fs_block_stops(&old);
    lock = lock_shard(fs, path, F_WRLCK, 0, err);
    if (lock >= 0) {
        result = take_away(fs, path, trash, name, cutoff_ns, err);
        fs_unlock(fs, &lock);
    }
    fs_allow_stops(&old);
    return result;
}

/*
 * Nothing is synced but a new trash: a collector retires very many objects,
 * and after a power cut each is in its old place or here, as a rename within a
 * file system with a journal is not cut in two.
 */
int fs_retire(struct driver *driver, const char *run, const char *path,
              int64_t cutoff_ns, struct err *err)
{
    struct driver_fs *fs = fs_of(driver);
    CLEANUP(buf) struct buf trash = BUF_INIT(4 * PATH_MAX);
    CLEANUP(fd) int directory = -1;

    if (run == NULL)
        return take_away_locked(fs, path, -1, NULL, cutoff_ns, err);
    fs_trash_path(run, path, &trash);
    directory = fs_open_parent(fs, buf_text(&trash), FS_MAKE_DURABLE, err);
    if (directory < 0)
        return -1;
    return take_away_locked(fs, path, directory, fs_name_of(buf_text(&trash)),
                            cutoff_ns, err);
}

/* EINVAL: this filesystem knows no RENAME_NOREPLACE (NFS does not). */
int fs_rename_unless_there(int from_directory, const char *from,
                           int to_directory, const char *to)
{
    if (renameat2(from_directory, from, to_directory, to, RENAME_NOREPLACE) ==
        0)
        return 0;
    if (errno != EINVAL ||
        linkat(from_directory, from, to_directory, to, 0) < 0)
        return -1;
    return unlinkat(from_directory, from, 0);
}

/*
 * The lease is fresh before the object can be seen, so no lock is needed. To
 * be told ERR_NOT_FOUND makes a collector forget the object; so it must not
 * come from a directory that somebody cleared away behind our back.
 */
static int put_back(struct driver_fs *fs, const char *trash, const char *path,
                    struct err *err)
{
    for (int i = 0; i < FS_RETRIES; i++) {
        CLEANUP(fd) int directory = -1;

        if (utimensat(fs->root, trash, NULL, AT_SYMLINK_NOFOLLOW) < 0)
            return err_set_errno(err, errno, "renew %s", trash);
        directory = fs_open_parent(fs, path, FS_MAKE_DURABLE, err);
        if (directory < 0)
            return -1;
        if (fs_rename_unless_there(fs->root, trash, directory,
                                   fs_name_of(path)) == 0)
            return fs_sync(fs, directory, path, err);
        if (errno == EEXIST)
            return 0;
        if (errno != ENOENT)
            return err_set_errno(err, errno, "restore %s", path);
    }
    return err_set(err, ERR_IO, "restore %s: directory removed again", path);
}

int fs_restore(struct driver *driver, const char *run, const char *path,
               struct err *err)
{
    CLEANUP(buf) struct buf trash = BUF_INIT(4 * PATH_MAX);

    fs_trash_path(run, path, &trash);
    return put_back(fs_of(driver), buf_text(&trash), path, err);
}
