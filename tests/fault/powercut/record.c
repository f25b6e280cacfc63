/* SPDX-License-Identifier: MIT */
/*
 * Loaded before a program (LD_PRELOAD), writes down what it does to files, in
 * the order in which it happened, also when several processes do it at once:
 * each call and its line are made under one lock.
 *
 *     POWERCUT_RECORD  the file the lines are appended to
 *     POWERCUT_ROOT    a directory; other file systems than its own are left
 *                      out, other directories are for the reader to leave out
 *     POWERCUT_STOP    before this call of its own, counted from 1, the process
 *                      stops (SIGSTOP), so that another can come in between
 *
 * A line is a letter, the process, and numbers and names divided by blanks.
 * Files and directories go by their inode, names by that of their directory;
 * times are the mtimes that are seen after the call:
 *
 *     C directory name inode time        a new file
 *     M directory name inode time        a new directory
 *     R directory name directory name inode time time   renamed
 *     L directory name inode time        one more name
 *     U directory name time              a name removed, of a file or directory
 *     W inode offset length time         written; the bytes follow the line
 *     T inode length time                cut or extended
 *     t inode time                       mtime set
 *     F inode                            synced
 *     A                                  about to send (a part of) the answer
 *
 * Calls that fail are left out. Whoever reads the record compares what it
 * makes with the real tree, so a call that is not known here is noticed.
 */
#undef _FORTIFY_SOURCE
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

_Static_assert(sizeof(off_t) == 8, "one name serves a call and its 64");

#define LINE_MAX_LENGTH (2 * NAME_MAX + 256)

/* The libc's own function behind the one of the same name here. */
#define NEXT(name) ((__typeof__(&name))(uintptr_t)next(#name))

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct stat root;
static int record = -1;
static pid_t owner; /* of `record`: the child of a fork opens its own */
static long calls, stop_before;

static void fail(const char *what)
{
    fprintf(stderr, "powercut: %s: %m\n", what);
    abort();
}

static void *next(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);

    if (found == NULL)
        fail(name);
    return found;
}

static void open_record(void)
{
    const char *path = getenv("POWERCUT_RECORD");
    const char *top = getenv("POWERCUT_ROOT");
    const char *stop = getenv("POWERCUT_STOP");

    if (path == NULL || top == NULL || stat(top, &root) < 0)
        fail("POWERCUT_ROOT");
    stop_before = stop != NULL ? strtol(stop, NULL, 10) : 0;
    record = NEXT(open)(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (record < 0)
        fail(path);
    owner = getpid();
}

static void begin(void)
{
    pthread_mutex_lock(&mutex);
    if (owner != getpid())
        open_record();
    if (++calls == stop_before)
        raise(SIGSTOP);
    if (flock(record, LOCK_EX) < 0)
        fail("lock the record");
}

/* Keeps errno, as the caller may want it. */
static void end(void)
{
    int saved = errno;

    if (flock(record, LOCK_UN) < 0)
        fail("unlock the record");
    pthread_mutex_unlock(&mutex);
    errno = saved;
}

static void put(const void *bytes, size_t size)
{
    if (NEXT(write)(record, bytes, size) != (ssize_t)size)
        fail("write the record");
}

static void put_line(char letter, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void put_line(char letter, const char *format, ...)
{
    char line[LINE_MAX_LENGTH];
    int len = snprintf(line, sizeof(line), "%c %d", letter, (int)getpid());
    va_list args;

    va_start(args, format);
    len += vsnprintf(line + len, sizeof(line) - (size_t)len - 1, format, args);
    va_end(args);
    line[len++] = '\n';
    put(line, (size_t)len);
}

static unsigned long long number(ino_t inode)
{
    return inode;
}

static long long time_of(const struct stat *st)
{
    return st->st_mtim.tv_sec * 1000000000LL + st->st_mtim.tv_nsec;
}

/* A name, by the directory it is in. */
struct place {
    struct stat directory;
    const char *name;
};

/* False when it lies on another file system, or nowhere. */
static bool find_place(int at, const char *path, struct place *place)
{
    const char *slash = strrchr(path, '/');
    char parent[PATH_MAX] = ".";

    if (slash != NULL)
        snprintf(parent, sizeof(parent), "%.*s",
                 slash == path ? 1 : (int)(slash - path), path);
    place->name = slash != NULL ? slash + 1 : path;
    if (fstatat(at, parent, &place->directory, 0) < 0 ||
        place->directory.st_dev != root.st_dev)
        return false;
    if (strpbrk(place->name, " \n") != NULL)
        fail("a name with a blank");
    return true;
}

static bool look(int at, const char *path, struct stat *st)
{
    return fstatat(at, path, st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void note_new(char letter, int at, const char *path)
{
    struct place place;
    struct stat st;

    if (!find_place(at, path, &place))
        return;
    if (!look(at, path, &st))
        fail(path);
    put_line(letter, " %llu %s %llu %lld", number(place.directory.st_ino),
             place.name, number(st.st_ino), time_of(&place.directory));
}

/* --- open --- */

/* The file behind `fd`; false when it is none, or on another file system. */
static bool find_file(int fd, struct stat *st)
{
    return fstat(fd, st) == 0 && S_ISREG(st->st_mode) &&
           st->st_dev == root.st_dev;
}

static int open_and_note(int at, const char *path, int flags, mode_t mode)
{
    struct stat before, after;
    struct place place;
    bool was_there;
    int fd;

    if ((flags & O_TMPFILE) == O_TMPFILE)
        fail("O_TMPFILE");
    if ((flags & (O_CREAT | O_TRUNC)) == 0)
        return NEXT(openat)(at, path, flags, mode);
    begin();
    was_there = !find_place(at, path, &place) || look(at, path, &before);
    fd = NEXT(openat)(at, path, flags, mode);
    if (fd >= 0 && !was_there)
        note_new('C', at, path);
    else if (fd >= 0 && (flags & O_TRUNC) != 0 && find_file(fd, &after))
        put_line('T', " %llu 0 %lld", number(after.st_ino), time_of(&after));
    end();
    return fd;
}

static mode_t mode_of(int flags, va_list args)
{
    return (flags & O_CREAT) != 0 ? (mode_t)va_arg(args, unsigned int) : 0;
}

int openat(int at, const char *path, int flags, ...)
{
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = mode_of(flags, args);
    va_end(args);
    return open_and_note(at, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = mode_of(flags, args);
    va_end(args);
    return open_and_note(AT_FDCWD, path, flags, mode);
}

int openat64(int at, const char *path, int flags, ...)
    __attribute__((alias("openat")));
int open64(const char *path, int flags, ...) __attribute__((alias("open")));

/* What <fcntl.h> makes of calls without a mode when it checks them. */
int __openat_2(int at, const char *path, int flags);
int __openat64_2(int at, const char *path, int flags)
    __attribute__((alias("__openat_2")));
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags) __attribute__((alias("__open_2")));

int __openat_2(int at, const char *path, int flags)
{
    return open_and_note(at, path, flags, 0);
}

int __open_2(const char *path, int flags)
{
    return open_and_note(AT_FDCWD, path, flags, 0);
}

/* --- bytes --- */

static void note_write(int fd, const void *bytes, ssize_t size, off_t offset)
{
    struct stat st;

    if (size <= 0 || !find_file(fd, &st))
        return;
    put_line('W', " %llu %lld %zd %lld", number(st.st_ino), (long long)offset,
             size, time_of(&st));
    put(bytes, (size_t)size);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    ssize_t done;

    begin();
    done = NEXT(pwrite)(fd, bytes, size, offset);
    note_write(fd, bytes, done, offset);
    end();
    return done;
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off_t offset)
    __attribute__((alias("pwrite")));

ssize_t write(int fd, const void *bytes, size_t size)
{
    struct stat st;
    ssize_t done;

    begin();
    if (find_file(fd, &st)) {
        done = NEXT(write)(fd, bytes, size);
        note_write(fd, bytes, done, lseek(fd, 0, SEEK_CUR) - done);
        end();
        return done;
    }
    if (fd == STDOUT_FILENO)
        put_line('A', "%s", "");
    end();
    return NEXT(write)(fd, bytes, size);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    struct stat st;

    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        fail("writev to a file");
    begin();
    if (fd == STDOUT_FILENO)
        put_line('A', "%s", "");
    end();
    return NEXT(writev)(fd, parts, count);
}

int ftruncate(int fd, off_t size)
{
    struct stat st;
    int result;

    begin();
    result = NEXT(ftruncate)(fd, size);
    if (result == 0 && find_file(fd, &st))
        put_line('T', " %llu %lld %lld", number(st.st_ino), (long long)size,
                 time_of(&st));
    end();
    return result;
}

int ftruncate64(int fd, off_t size) __attribute__((alias("ftruncate")));

static int sync_and_note(int fd, int (*sync)(int))
{
    struct stat st;
    int result;

    begin();
    result = sync(fd);
    if (result == 0 && fstat(fd, &st) == 0 && st.st_dev == root.st_dev)
        put_line('F', " %llu", number(st.st_ino));
    end();
    return result;
}

int fsync(int fd)
{
    return sync_and_note(fd, NEXT(fsync));
}

int fdatasync(int fd)
{
    return sync_and_note(fd, NEXT(fdatasync));
}

/* --- times --- */

static void note_time(const struct stat *st)
{
    if (st->st_dev == root.st_dev)
        put_line('t', " %llu %lld", number(st->st_ino), time_of(st));
}

int futimens(int fd, const struct timespec times[2])
{
    struct stat st;
    int result;

    begin();
    result = NEXT(futimens)(fd, times);
    if (result == 0 && fstat(fd, &st) == 0)
        note_time(&st);
    end();
    return result;
}

int utimensat(int at, const char *path, const struct timespec times[2],
              int flags)
{
    struct stat st;
    int result;

    begin();
    result = NEXT(utimensat)(at, path, times, flags);
    if (result == 0 && fstatat(at, path, &st, flags) == 0)
        note_time(&st);
    end();
    return result;
}

/* --- names --- */

int mkdirat(int at, const char *path, mode_t mode)
{
    int result;

    begin();
    result = NEXT(mkdirat)(at, path, mode);
    if (result == 0)
        note_new('M', at, path);
    end();
    return result;
}

int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

static void note_rename(int from_at, const char *from, int to_at,
                        const char *to)
{
    struct place source, target;
    struct stat st;

    if (!find_place(to_at, to, &target) || !look(to_at, to, &st))
        return;
    if (!find_place(from_at, from, &source))
        fail("a rename from elsewhere");
    put_line('R', " %llu %s %llu %s %llu %lld %lld",
             number(source.directory.st_ino), source.name,
             number(target.directory.st_ino), target.name, number(st.st_ino),
             time_of(&source.directory), time_of(&target.directory));
}

int renameat2(int from_at, const char *from, int to_at, const char *to,
              unsigned int flags)
{
    int result;

    begin();
    result = NEXT(renameat2)(from_at, from, to_at, to, flags);
    if (result == 0)
        note_rename(from_at, from, to_at, to);
    end();
    return result;
}

int renameat(int from_at, const char *from, int to_at, const char *to)
{
    return renameat2(from_at, from, to_at, to, 0);
}

int rename(const char *from, const char *to)
{
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int linkat(int from_at, const char *from, int to_at, const char *to, int flags)
{
    int result;

    begin();
    result = NEXT(linkat)(from_at, from, to_at, to, flags);
    if (result == 0)
        note_new('L', to_at, to);
    end();
    return result;
}

int unlinkat(int at, const char *path, int flags)
{
    struct place place;
    int result;

    begin();
    result = NEXT(unlinkat)(at, path, flags);
    if (result == 0 && find_place(at, path, &place))
        put_line('U', " %llu %s %lld", number(place.directory.st_ino),
                 place.name, time_of(&place.directory));
    end();
    return result;
}

int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
    return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}
