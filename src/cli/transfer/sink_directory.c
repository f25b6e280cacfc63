/* SPDX-License-Identifier: MIT */
/*
 * Each blob is written aside and renamed into place; oci-layout and index.json
 * come last. The blobs are copies: a hard link would hand the registry's own
 * bytes to whoever may write to the export.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aside.h"
#include "base/files.h"
#include "base/memory.h"
#include "sink_internal.h"

#define PIECE_BYTES (256 * 1024)

struct directory {
    struct sink sink;
    const char *path;
    int fd;
    int blobs[HASH_COUNT]; /* of each algorithm; -1 = not made yet */
};

/* Makes it unless it is there, and opens it. */
static int open_below(int at, const char *name, struct err *err)
{
    int fd;

    if (mkdirat(at, name, 0777) < 0 && errno != EEXIST)
        return err_set_errno(err, errno, "mkdir %s", name);
    fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 ? fd : err_set_errno(err, errno, "%s", name);
}

static int open_blobs(struct directory *directory,
                      enum hash_algorithm algorithm, struct err *err)
{
    CLEANUP(fd) int blobs = -1;
    int *fd = &directory->blobs[algorithm];

    if (*fd >= 0)
        return *fd;
    blobs = open_below(directory->fd, "blobs", err);
    if (blobs < 0)
        return -1;
    *fd = open_below(blobs, digest_algorithm_name(algorithm), err);
    if (*fd >= 0 && (fsync(blobs) < 0 || fsync(directory->fd) < 0))
        return err_set_errno(err, errno, "fsync %s", directory->path);
    return *fd;
}

static int copy_all(int fd, struct reader *bytes, struct err *err)
{
    char *piece = memory_new(PIECE_BYTES);
    uint64_t offset = 0;
    ssize_t got;

    while ((got = reader_read(bytes, piece, PIECE_BYTES, err)) > 0) {
        if (fd_write_at(fd, offset, (struct span){piece, (size_t)got}, err) <
            0) {
            got = -1;
            break;
        }
        offset += (uint64_t)got;
    }
    free(piece);
    return got < 0 ? -1 : 0;
}

static int add(struct sink *sink, const struct digest *digest, uint64_t size,
               struct reader *bytes, struct err *err)
{
    struct directory *directory = (struct directory *)sink;
    CLEANUP(aside) struct aside aside = ASIDE_INIT;
    int blobs = open_blobs(directory, digest->algorithm, err);

    (void)size;
    if (blobs < 0 || aside_open(blobs, digest->hex, &aside, err) < 0 ||
        copy_all(aside.fd, bytes, err) < 0 || aside_finish(&aside, err) < 0)
        return err_wrap(err, "%s", directory->path);
    return 0;
}

static int end(struct sink *sink, struct span index, struct err *err)
{
    struct directory *directory = (struct directory *)sink;

    if (aside_put(directory->fd, IMAGE_LAYOUT_FILE, SPAN(IMAGE_LAYOUT_MARK),
                  err) < 0 ||
        aside_put(directory->fd, IMAGE_LAYOUT_INDEX, index, err) < 0)
        return err_wrap(err, "%s", directory->path);
    return 0;
}

static void free_directory(struct sink *sink)
{
    struct directory *directory = (struct directory *)sink;

    for (int i = 0; i < HASH_COUNT; i++)
        fd_cleanup(&directory->blobs[i]);
    fd_cleanup(&directory->fd);
    free(directory);
}

static int read_file(int at, const char *name, struct buf *into,
                     struct err *err)
{
    CLEANUP(fd) int fd = openat(at, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return err_set_errno(err, errno, "%s", name);
    return fd_read_all(fd, into, err);
}

static int check_empty(int at, struct err *err)
{
    CLEANUP(dir) DIR *dir = dir_open(at, ".");
    const struct dirent *entry;

    if (dir == NULL)
        return err_set_errno(err, errno, "read directory");
    while ((entry = dir_next(dir)) != NULL)
        if (strcmp(entry->d_name, "blobs") != 0 &&
            strcmp(entry->d_name, IMAGE_LAYOUT_FILE) != 0)
            return err_set(err, ERR_EXISTS,
                           "it has other things in it, such as %s",
                           entry->d_name);
    return 0;
}

/* A layout, the beginning of one, or nothing. */
static int read_layout(struct directory *directory, struct err *err)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(IMAGE_LAYOUT_BYTES_MAX);

    if (read_file(directory->fd, IMAGE_LAYOUT_INDEX, &bytes, err) < 0) {
        if (err->code != ERR_NOT_FOUND)
            return -1;
        err_clear(err);
        return check_empty(directory->fd, err);
    }
    if (image_layout_parse(buf_span(&bytes), &directory->sink.layout, err) < 0)
        return -1;
    buf_clear(&bytes);
    if (read_file(directory->fd, IMAGE_LAYOUT_FILE, &bytes, err) < 0)
        return -1;
    return image_layout_check(buf_span(&bytes), err);
}

int sink_open_directory(const char *path, struct sink **out, struct err *err)
{
    static const struct sink_ops ops = {add, end, free_directory};
    struct directory *directory = memory_new(sizeof(*directory));

    directory->sink.ops = &ops;
    directory->path = path;
    for (int i = 0; i < HASH_COUNT; i++)
        directory->blobs[i] = -1;
    directory->fd = open_below(AT_FDCWD, path, err);
    if (directory->fd >= 0 && read_layout(directory, err) == 0) {
        *out = &directory->sink;
        return 0;
    }
    if (directory->fd >= 0)
        err_wrap(err, "%s", path);
    sink_free(&directory->sink);
    return -1;
}
