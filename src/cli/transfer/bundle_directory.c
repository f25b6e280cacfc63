/* SPDX-License-Identifier: MIT */
/*
 * A directory is the administrator's own, and links in it lead where he has
 * led them: build tools make layouts of links. What is read is held against
 * its digest in any case.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/memory.h"
#include "bundle_internal.h"
#include "oci/name.h"

/* Names that were found, for the caller to keep. */
struct known {
    struct known *next;
    char name[];
};

struct directory {
    struct bundle bundle;
    int fd;
    struct known *known;
};

struct file_reader {
    struct reader base;
    int fd;
};

/* No way up: names of an archive's list come from elsewhere. */
static bool is_below(const char *name)
{
    struct span rest = span_of(name);

    do {
        struct span part = span_cut(&rest, '/');

        if (part.len == 0 || span_equals(part, SPAN(".")) ||
            span_equals(part, SPAN("..")))
            return false;
    } while (rest.ptr != NULL);
    return true;
}

static int open_file(struct directory *directory, const char *name,
                     struct stat *st, struct err *err)
{
    CLEANUP(fd) int fd = -1;

    if (!is_below(name))
        return err_set(err, ERR_NOT_FOUND, "%s: no place for %s",
                       directory->bundle.label, name);
    fd = openat(directory->fd, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, st) < 0)
        return err_set_errno(err, errno, "%s/%s", directory->bundle.label,
                             name);
    if (!S_ISREG(st->st_mode))
        return err_set(err, ERR_NOT_FOUND, "%s/%s is no file",
                       directory->bundle.label, name);
    return fd_take(&fd);
}

static const char *keep_name(struct directory *directory, const char *name)
{
    struct known *known = memory_new(sizeof(*known) + strlen(name) + 1);

    memcpy(known->name, name, strlen(name) + 1);
    known->next = directory->known;
    directory->known = known;
    return known->name;
}

static int find(struct bundle *bundle, const char *name,
                struct bundle_file *out, struct err *err)
{
    struct directory *directory = (struct directory *)bundle;
    struct stat st;
    CLEANUP(fd) int fd = open_file(directory, name, &st, err);
    ssize_t got;

    if (fd < 0)
        return -1;
    got = pread(fd, out->first, sizeof(out->first), 0);
    if (got < 0)
        return err_set_errno(err, errno, "%s/%s", bundle->label, name);
    out->first_len = (size_t)got;
    out->size = (uint64_t)st.st_size;
    out->name = keep_name(directory, name);
    return 0;
}

static int get(struct bundle *bundle, const char *name, struct buf *into,
               struct err *err)
{
    struct stat st;
    CLEANUP(fd)
    int fd = open_file((struct directory *)bundle, name, &st, err);

    if (fd < 0)
        return -1;
    if ((uint64_t)st.st_size > BUNDLE_DOCUMENT_MAX)
        return err_set(err, ERR_TOO_LARGE, "%s/%s is too large", bundle->label,
                       name);
    return fd_read_all(fd, into, err);
}

static ssize_t read_file(struct reader *base, void *into, size_t size,
                         struct err *err)
{
    struct file_reader *reader = (struct file_reader *)base;
    ssize_t got;

    do {
        got = read(reader->fd, into, size);
    } while (got < 0 && errno == EINTR);
    return got < 0 ? err_set_errno(err, errno, "read") : got;
}

static void keep_open(struct reader *base)
{
    (void)base;
}

static int read_names(struct bundle *bundle, const char *const *names,
                      size_t count, bundle_visit *visit, void *context,
                      struct err *err)
{
    static const struct reader_ops ops = {read_file, keep_open};

    for (size_t i = 0; i < count; i++) {
        struct stat st;
        CLEANUP(fd)
        int fd = open_file((struct directory *)bundle, names[i], &st, err);
        struct file_reader reader = {{&ops}, fd};

        if (fd < 0 || visit(context, i, &reader.base, err) < 0)
            return -1;
    }
    return 0;
}

static void free_directory(struct bundle *bundle)
{
    struct directory *directory = (struct directory *)bundle;

    while (directory->known != NULL) {
        struct known *known = directory->known;

        directory->known = known->next;
        free(known);
    }
    fd_cleanup(&directory->fd);
    free(directory);
}

int bundle_open_directory(int fd, const char *label, struct bundle **out,
                          struct err *err)
{
    static const struct bundle_ops ops = {find, get, read_names,
                                          free_directory};
    struct directory *directory = memory_new(sizeof(*directory));

    (void)err;
    directory->bundle = (struct bundle){&ops, label};
    directory->fd = fd;
    *out = &directory->bundle;
    return 0;
}
