/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "aside.h"
#include "base/files.h"
#include "base/memory.h"
#include "base/span_reader.h"
#include "base/tar.h"
#include "sink_internal.h"

struct tar_sink {
    struct sink sink;
    struct tar_writer *writer;
    struct aside aside; /* unless it goes to standard output */
    int directory;
    bool is_file;
};

static int add_text(struct tar_sink *tar, const char *name, struct span text,
                    struct err *err)
{
    struct span_reader reader;

    span_reader_init(&reader, text);
    return tar_writer_add(tar->writer, name, text.len, &reader.base, err);
}

static int add(struct sink *sink, const struct digest *digest, uint64_t size,
               struct reader *bytes, struct err *err)
{
    char path[IMAGE_LAYOUT_PATH_MAX];

    image_layout_path(digest, path);
    return tar_writer_add(((struct tar_sink *)sink)->writer, path, size, bytes,
                          err);
}

static int end(struct sink *sink, struct span index, struct err *err)
{
    struct tar_sink *tar = (struct tar_sink *)sink;

    if (add_text(tar, IMAGE_LAYOUT_FILE, SPAN(IMAGE_LAYOUT_MARK), err) < 0 ||
        add_text(tar, IMAGE_LAYOUT_INDEX, index, err) < 0 ||
        tar_writer_end(tar->writer, err) < 0)
        return -1;
    return tar->is_file ? aside_finish(&tar->aside, err) : 0;
}

static void free_archive(struct sink *sink)
{
    struct tar_sink *tar = (struct tar_sink *)sink;

    tar_writer_free(tar->writer);
    aside_cleanup(&tar->aside);
    fd_cleanup(&tar->directory);
    free(tar);
}

static int open_file(struct tar_sink *tar, const char *path, struct err *err)
{
    CLEANUP(buf) struct buf parent = BUF_INIT(PATH_MAX);
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;

    buf_add(&parent, (struct span){path, (size_t)(name - path)});
    if (parent.len == 0)
        buf_add_char(&parent, '.');
    tar->directory =
        open(buf_text(&parent), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (tar->directory < 0)
        return err_set_errno(err, errno, "%s", buf_text(&parent));
    return aside_open(tar->directory, name, &tar->aside, err);
}

static int open_output(struct tar_sink *tar, const char *path, struct err *err)
{
    int fd = STDOUT_FILENO;

    tar->is_file = strcmp(path, "-") != 0;
    if (!tar->is_file && isatty(fd))
        return err_set(err, ERR_MISCONFIGURED,
                       "an archive is nothing for a terminal: give a file");
    if (tar->is_file) {
        if (open_file(tar, path, err) < 0)
            return -1;
        fd = tar->aside.fd;
    }
    return tar_writer_open(fd, path, &tar->writer, err);
}

int sink_open_archive(const char *path, struct sink **out, struct err *err)
{
    static const struct sink_ops ops = {add, end, free_archive};
    struct tar_sink *tar = memory_new(sizeof(*tar));

    tar->sink.ops = &ops;
    tar->aside = ASIDE_INIT;
    tar->directory = -1;
    if (open_output(tar, path, err) < 0) {
        sink_free(&tar->sink);
        return -1;
    }
    *out = &tar->sink;
    return 0;
}
