/* SPDX-License-Identifier: MIT */
#include "store/syscalls.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

static struct syscalls_plan plan;
static bool is_counting;
static uint64_t calls;
static struct buf log_text = BUF_INIT(64 * 1024);

void syscalls_begin(const struct syscalls_plan *ordered)
{
    plan = *ordered;
    calls = 0;
    buf_clear(&log_text);
    is_counting = true;
}

uint64_t syscalls_end(void)
{
    is_counting = false;
    return calls;
}

const char *syscalls_log(void)
{
    return buf_text(&log_text);
}

enum effect {
    LOOKS,
    CHANGES,
    READS, /* bytes */
    WRITES,
};

/* A call that only looks fails the same before and after. */
static bool is_counted(enum effect effect)
{
    if (!is_counting)
        return false;
    if (plan.sys_errno == 0)
        return effect == READS || effect == WRITES;
    return !plan.is_after || effect == CHANGES || effect == WRITES;
}

/* Counts a call; whether it is the one. */
static bool is_struck(enum effect effect, const char *name, const char *path)
{
    if (!is_counted(effect))
        return false;
    buf_add_format(&log_text, "%" PRIu64 " %s %s\n", ++calls, name, path);
    return calls == plan.call;
}

static bool fails_before(bool struck)
{
    if (!struck || plan.sys_errno == 0 || plan.is_after)
        return false;
    errno = plan.sys_errno;
    return true;
}

/* The result of a call that was made. */
static int end(bool struck, int result)
{
    if (!struck || plan.sys_errno == 0 || result < 0)
        return result;
    errno = plan.sys_errno;
    return -1;
}

#define WRAP(effect, name, path, parameters, ...)                              \
    int __real_##name parameters;                                              \
    int __wrap_##name parameters;                                              \
    int __wrap_##name parameters                                               \
    {                                                                          \
        bool struck = is_struck(effect, #name, path);                          \
                                                                               \
        return fails_before(struck) ? -1                                       \
                                    : end(struck, __real_##name(__VA_ARGS__)); \
    }

WRAP(CHANGES, unlinkat, path, (int at, const char *path, int flags), at, path,
     flags)
WRAP(CHANGES, mkdirat, path, (int at, const char *path, mode_t mode), at, path,
     mode)
WRAP(LOOKS, fstatat, path,
     (int at, const char *path, struct stat *out, int flags), at, path, out,
     flags)
WRAP(LOOKS, fstat, "", (int fd, struct stat *out), fd, out)
WRAP(CHANGES, fchmod, "", (int fd, mode_t mode), fd, mode)
WRAP(CHANGES, fchmodat, path,
     (int at, const char *path, mode_t mode, int flags), at, path, mode, flags)
WRAP(CHANGES, renameat, to,
     (int at, const char *path, int into, const char *to), at, path, into, to)
WRAP(CHANGES, renameat2, to,
     (int at, const char *path, int into, const char *to, unsigned int flags),
     at, path, into, to, flags)
WRAP(CHANGES, linkat, to,
     (int at, const char *path, int into, const char *to, int flags), at, path,
     into, to, flags)
WRAP(CHANGES, futimens, "", (int fd, const struct timespec times[2]), fd, times)
WRAP(CHANGES, utimensat, path,
     (int at, const char *path, const struct timespec times[2], int flags), at,
     path, times, flags)
WRAP(CHANGES, ftruncate, "", (int fd, off_t size), fd, size)

static bool skips_syncs;

void syscalls_skip_syncs(void)
{
    skips_syncs = true;
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    bool struck = is_struck(CHANGES, "fsync", "");

    if (fails_before(struck))
        return -1;
    return end(struck, skips_syncs ? 0 : __real_fsync(fd));
}

/* --- with three or four arguments --- */

int __real_openat(int at, const char *path, int flags, ...);
int __wrap_openat(int at, const char *path, int flags, ...);
int __wrap_openat(int at, const char *path, int flags, ...)
{
    bool struck = is_struck(flags & O_CREAT ? CHANGES : LOOKS, "openat", path);
    mode_t mode = 0;
    va_list args;
    int fd;

    if (flags & O_CREAT) {
        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
    }
    if (fails_before(struck))
        return -1;
    fd = __real_openat(at, path, flags, mode);
    if (fd >= 0 && end(struck, 0) < 0) {
        close(fd);
        errno = plan.sys_errno;
        return -1;
    }
    return fd;
}

/* Of locks, whose third argument is a pointer. */
int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...)
{
    bool struck = is_struck(CHANGES, "fcntl", "");
    va_list args;
    void *argument;

    va_start(args, command);
    argument = va_arg(args, void *);
    va_end(args);
    return fails_before(struck)
               ? -1
               : end(struck, __real_fcntl(fd, command, argument));
}

/* --- of bytes --- */

/* Half of the bytes, at least one, where that is ordered. */
static size_t size_of(bool struck, size_t size)
{
    return struck && plan.sys_errno == 0 ? size / 2 + size % 2 : size;
}

#define WRAP_BYTES(effect, name, pointer, parameters, last)                    \
    ssize_t __real_##name parameters;                                          \
    ssize_t __wrap_##name parameters;                                          \
    ssize_t __wrap_##name parameters                                           \
    {                                                                          \
        bool struck = is_struck(effect, #name, "");                            \
        ssize_t count;                                                         \
                                                                               \
        if (fails_before(struck))                                              \
            return -1;                                                         \
        count = __real_##name(fd, pointer, size_of(struck, size) last);        \
        return end(struck, count < 0 ? -1 : 0) < 0 ? -1 : count;               \
    }
#define NOTHING
#define COMMA_OFFSET , offset

WRAP_BYTES(READS, read, into, (int fd, void *into, size_t size), NOTHING)
WRAP_BYTES(WRITES, write, from, (int fd, const void *from, size_t size),
           NOTHING)
WRAP_BYTES(READS, pread, into, (int fd, void *into, size_t size, off_t offset),
           COMMA_OFFSET)
WRAP_BYTES(WRITES, pwrite, from,
           (int fd, const void *from, size_t size, off_t offset), COMMA_OFFSET)

/* --- of directories --- */

struct dirent *__real_readdir(DIR *dir);
struct dirent *__wrap_readdir(DIR *dir);
struct dirent *__wrap_readdir(DIR *dir)
{
    if (!fails_before(is_struck(LOOKS, "readdir", "")))
        return __real_readdir(dir);
    return NULL;
}
