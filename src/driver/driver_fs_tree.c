/* SPDX-License-Identifier: MIT */
#include "driver/driver_fs_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/files.h"

#define OPEN_DIRECTORY (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

int fs_sync(struct driver_fs *fs, int fd, const char *path, struct err *err)
{
    int injected = fs_step(fs, FS_STEP_SYNC);

    if (injected != 0)
        return err_set_errno(err, injected, "fsync %s", path);
    if (!fs->is_bulk && fsync(fd) < 0)
        return err_set_errno(err, errno, "fsync %s", path);
    return 0;
}

/*
 * The mode is what we say, whatever the umask. A new directory inherits its
 * group and the setgid bit where its parent has them; chmod by an owner
 * outside that group would take the bit away, so it is called only when the
 * mode is not yet right, and a refusal of the bit alone (a sandbox may forbid
 * it) is no failure.
 */
static int set_directory_mode(int parent, const char *name)
{
    struct stat st;

    if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -1;
    if ((st.st_mode & 07777) == FS_DIRECTORY_MODE ||
        fchmodat(parent, name, FS_DIRECTORY_MODE, 0) == 0 ||
        (st.st_mode & 0777) == (FS_DIRECTORY_MODE & 0777))
        return 0;
    return fchmodat(parent, name, FS_DIRECTORY_MODE & 0777, 0);
}

/* Fine when another has made it meanwhile; sets `*made` when it is ours. */
static int make_child(int parent, const char *name, bool *made, struct err *err)
{
    if (mkdirat(parent, name, FS_DIRECTORY_MODE & 0777) < 0)
        return errno == EEXIST ? 0
                               : err_set_errno(err, errno, "mkdir %s", name);
    *made = true;
    if (set_directory_mode(parent, name) < 0)
        return err_set_errno(err, errno, "chmod %s", name);
    return 0;
}

/* A file where a directory has to be made is in the way. */
static int set_open_error(struct err *err, const char *path, enum fs_make make)
{
    bool in_the_way = errno == ENOTDIR && make != FS_MAKE_NOTHING;

    err_set_errno(err, errno, "open directory %s", path);
    return in_the_way ? err_recode(err, ERR_EXISTS) : -1;
}

/*
 * The parent is synced also when somebody else made the directory since we
 * looked: he may not have come to his fsync. (One who finds it in place
 * relies on the journal, which brings a directory to disk no later than what
 * was put into it afterwards.) When that fails, the directory goes again, so
 * that the next try does not take it for durable.
 */
static int open_or_make(struct driver_fs *fs, int parent, const char *name,
                        bool sync, bool *made, struct err *err)
{
    int fd = openat(parent, name, OPEN_DIRECTORY);

    if (fd >= 0)
        return fd;
    if (errno != ENOENT)
        return set_open_error(err, name, FS_MAKE_DURABLE);
    if (make_child(parent, name, made, err) < 0)
        return -1;
    if (sync && fs_sync(fs, parent, name, err) < 0) {
        unlinkat(parent, name, AT_REMOVEDIR);
        return -1;
    }
    fd = openat(parent, name, OPEN_DIRECTORY);
    return fd >= 0 ? fd : err_set_errno(err, errno, "open %s", name);
}

/* Whether a directory with `below` (may be empty) in it has to be durable. */
static bool is_synced(enum fs_make make, struct span below)
{
    bool innermost =
        below.len == 0 || memchr(below.ptr, '/', below.len) == NULL;

    return make == FS_MAKE_DURABLE || (make == FS_MAKE_RELAXED && !innermost);
}

/*
 * What was made on the way to one that could not be made goes again, from the
 * first `end` bytes of the path down to the first `kept`: else an empty
 * repository would be listed. Whoever has put something there meanwhile keeps
 * it, and who was about to begins again.
 */
static void unmake_directories(struct driver_fs *fs, const char *path,
                               size_t kept, size_t end)
{
    char at[PATH_MAX];

    snprintf(at, sizeof(at), "%.*s", (int)end, path);
    for (size_t len = end; len > kept; len--)
        if (at[len] == '\0' || at[len] == '/') {
            at[len] = '\0';
            unlinkat(fs->root, at, AT_REMOVEDIR);
        }
}

static int make_directories(struct driver_fs *fs, const char *path,
                            enum fs_make make, struct err *err)
{
    CLEANUP(fd) int at = openat(fs->root, ".", OPEN_DIRECTORY);
    struct span rest = span_of(path);
    size_t kept = SIZE_MAX;

    if (at < 0)
        return err_set_errno(err, errno, "open the root");
    while (rest.ptr != NULL) {
        struct span part = span_cut(&rest, '/');
        char name[NAME_MAX + 1];
        bool made = false;
        int next;

        if (part.len > NAME_MAX)
            return err_set_errno(err, ENAMETOOLONG, "%s", path);
        snprintf(name, sizeof(name), "%.*s", SPAN_ARGS(part));
        next = open_or_make(fs, at, name, is_synced(make, rest), &made, err);
        if (next < 0) {
            if (kept != SIZE_MAX)
                unmake_directories(fs, path, kept,
                                   (size_t)(part.ptr - path) - 1);
            return -1;
        }
        if (made && kept == SIZE_MAX)
            kept = (size_t)(part.ptr - path);
        close(at);
        at = next;
    }
    return fd_take(&at);
}

int fs_open_directory(struct driver_fs *fs, const char *path, enum fs_make make,
                      struct err *err)
{
    int fd = openat(fs->root, path, OPEN_DIRECTORY);

    if (fd < 0 && (errno != ENOENT || make == FS_MAKE_NOTHING))
        return set_open_error(err, path, make);
    for (int i = 0; fd < 0 && i < FS_RETRIES; i++) {
        struct err failure = {0};

        fd = make_directories(fs, path, make, &failure);
        if (fd < 0 && failure.sys_errno != ENOENT) {
            *err = failure;
            return err_wrap(err, "%s", path);
        }
    }
    return fd >= 0 ? fd : err_set(err, ERR_IO, "%s: removed again", path);
}

const char *fs_name_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

int fs_open_parent(struct driver_fs *fs, const char *path, enum fs_make make,
                   struct err *err)
{
    size_t len = (size_t)(fs_name_of(path) - path);
    char parent[PATH_MAX];

    if (len == 0)
        return fs_open_directory(fs, ".", FS_MAKE_NOTHING, err);
    if (len > sizeof(parent))
        return err_set_errno(err, ENAMETOOLONG, "%s", path);
    snprintf(parent, sizeof(parent), "%.*s", (int)len - 1, path);
    return fs_open_directory(fs, parent, make, err);
}

int fs_open_root(struct driver_fs *fs, const char *root, struct err *err)
{
    size_t len = (size_t)(fs_name_of(root) - root);
    char parent[PATH_MAX];
    CLEANUP(fd) int fd = open(root, OPEN_DIRECTORY);

    if (fd >= 0)
        return fd_take(&fd);
    if (errno != ENOENT || len >= sizeof(parent))
        return err_set_errno(err, errno, "open %s", root);
    snprintf(parent, sizeof(parent), "%.*s", len ? (int)len : 1,
             len ? root : ".");
    fd = open(parent, OPEN_DIRECTORY);
    if (fd < 0)
        return err_set_errno(err, errno, "open %s", parent);
    return open_or_make(fs, fd, fs_name_of(root), true, &(bool){false}, err);
}

int64_t fs_mtime_ns(const struct stat *st)
{
    return st->st_mtim.tv_sec * CLOCK_NS_PER_SECOND + st->st_mtim.tv_nsec;
}

int fs_look(struct driver_fs *fs, const char *path, struct stat *out,
            struct err *err)
{
    if (fstatat(fs->root, path, out, 0) < 0)
        return err_set_errno(err, errno, "stat %s", path);
    if (!S_ISREG(out->st_mode) && !S_ISDIR(out->st_mode))
        return err_set(err, ERR_NOT_FOUND, "%s: no regular file", path);
    return 0;
}

static int choose_name(const char *prefix, char name[FS_TMP_NAME_MAX],
                       struct err *err)
{
    uint64_t random;

    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        return err_set_errno(err, errno, "getrandom");
    snprintf(name, FS_TMP_NAME_MAX, "%s%016llx", prefix,
             (unsigned long long)random);
    return 0;
}

/*
 * After a call that should have made a name in FS_TMP failed with `error`:
 * whether another try may succeed. The directory is made when first needed.
 */
static bool try_again(struct driver_fs *fs, int error, int *tries,
                      struct err *err)
{
    int fd;

    if (++*tries == FS_RETRIES || (error != ENOENT && error != EEXIST)) {
        err_set_errno(err, error, "make a file in " FS_TMP);
        return false;
    }
    if (error == EEXIST)
        return true;
    fd = fs_open_directory(fs, FS_TMP, FS_MAKE_DURABLE, err);
    if (fd < 0)
        return false;
    close(fd);
    return true;
}

int fs_tmp_file(struct driver_fs *fs, char name[FS_TMP_NAME_MAX],
                struct err *err)
{
    CLEANUP(fd) int fd = -1;
    int tries = 0;

    do {
        if (choose_name(FS_TMP "/", name, err) < 0)
            return -1;
        fd = openat(fs->root, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                    FS_FILE_MODE);
    } while (fd < 0 && try_again(fs, errno, &tries, err));
    if (fd < 0)
        return -1;
    if (fchmod(fd, FS_FILE_MODE) < 0) {
        err_set_errno(err, errno, "chmod %s", name);
        unlinkat(fs->root, name, 0);
        return -1;
    }
    return fd_take(&fd);
}

int fs_tmp_directory(struct driver_fs *fs, char name[FS_TMP_NAME_MAX],
                     struct err *err)
{
    int result, tries = 0;

    do {
        if (choose_name(FS_TMP "/", name, err) < 0)
            return -1;
        result = mkdirat(fs->root, name, FS_DIRECTORY_MODE & 0777);
    } while (result < 0 && try_again(fs, errno, &tries, err));
    if (result == 0 && set_directory_mode(fs->root, name) < 0) {
        err_set_errno(err, errno, "chmod %s", name);
        unlinkat(fs->root, name, AT_REMOVEDIR);
        return -1;
    }
    return result;
}

/*
 * Deletion is how a full disk gets room again, so it must not need any; nor a
 * way into FS_TMP, when what was begun in vain has to go.
 */
static int take_aside(struct driver_fs *fs, int directory, const char *from,
                      char name[FS_TMP_NAME_MAX], struct err *err)
{
    err_clear(err);
    if (choose_name(FS_ASIDE, name, err) < 0)
        return -1;
    if (renameat(directory, from, fs->root, name) < 0)
        return err_set_errno(err, errno, "rename to %s", name);
    return 0;
}

int fs_tmp_take(struct driver_fs *fs, int directory, const char *from,
                char name[FS_TMP_NAME_MAX], struct err *err)
{
    struct stat st;
    int result, tries = 0;

    do {
        if (choose_name(FS_TMP "/", name, err) < 0)
            return -1;
        if (fstatat(directory, from, &st, AT_SYMLINK_NOFOLLOW) < 0)
            return err_set_errno(err, errno, "stat %s", from);
        result = renameat(directory, from, fs->root, name);
    } while (result < 0 && try_again(fs, errno, &tries, err));
    if (result < 0 && (err->code == ERR_NO_SPACE || err->sys_errno == EACCES))
        result = take_aside(fs, directory, from, name, err);
    return result;
}

int fs_tmp_link(struct driver_fs *fs, int at, const char *from,
                char name[FS_TMP_NAME_MAX], struct err *err)
{
    int result, tries = 0;

    do {
        struct stat st;

        if (choose_name(FS_TMP "/", name, err) < 0)
            return -1;
        if (fstatat(at, from, &st, AT_SYMLINK_NOFOLLOW) < 0)
            return err_set_errno(err, errno, "stat %s", from);
        result = linkat(at, from, fs->root, name, 0);
    } while (result < 0 && try_again(fs, errno, &tries, err));
    return result;
}

int fs_sync_directories(struct driver_fs *fs, int parent, const char *name,
                        struct err *err)
{
    CLEANUP(dir) DIR *dir = dir_open(parent, name);
    const struct dirent *entry;

    if (dir == NULL)
        return err_set_errno(err, errno, "open directory %s", name);
    while ((entry = dir_next(dir)) != NULL) {
        struct stat st;

        if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            return err_set_errno(err, errno, "stat %s", entry->d_name);
        if (S_ISDIR(st.st_mode) &&
            fs_sync_directories(fs, dirfd(dir), entry->d_name, err) < 0)
            return -1;
    }
    if (errno != 0)
        return err_set_errno(err, errno, "read directory %s", name);
    return fs_sync(fs, dirfd(dir), name, err);
}

int fs_delete_tree(int directory, const char *name, struct err *err)
{
    CLEANUP(dir) DIR *dir = NULL;
    const struct dirent *entry;

    if (unlinkat(directory, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR)
        return err_set_errno(err, errno, "unlink %s", name);
    dir = dir_open(directory, name);
    if (dir == NULL && errno != ENOENT)
        return err_set_errno(err, errno, "open directory %s", name);
    while (dir != NULL && (entry = dir_next(dir)) != NULL)
        if (fs_delete_tree(dirfd(dir), entry->d_name, err) < 0)
            return -1;
    if (unlinkat(directory, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        return err_set_errno(err, errno, "rmdir %s", name);
    return 0;
}

void fs_count_tree(int parent, const char *name, struct driver_swept *count)
{
    CLEANUP(dir) DIR *dir = dir_open(parent, name);
    const struct dirent *entry;

    while (dir != NULL && (entry = dir_next(dir)) != NULL) {
        struct stat st;

        if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        if (S_ISDIR(st.st_mode)) {
            fs_count_tree(dirfd(dir), entry->d_name, count);
            continue;
        }
        count->count++;
        count->bytes += (uint64_t)st.st_size;
    }
}
