/* SPDX-License-Identifier: MIT */
#include "base/tar.h"

#include <config.h>
#include <stdlib.h>

#ifdef HAVE_LIBARCHIVE

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "base/num.h"

/* What is read from and written to the file at once. */
#define BLOCK_BYTES (256 * 1024)

struct tar_reader {
    struct reader bytes; /* of the member */
    struct archive *archive;
    const char *label;
    uint64_t left; /* of the member's bytes */
};

struct tar_writer {
    struct archive *archive;
    const char *label;
};

static int set_failure(struct archive *archive, const char *label,
                       enum err_code code, struct err *err)
{
    const char *text = archive_error_string(archive);

    return err_set(err, code, "%s: %s", label,
                   text != NULL ? text : "no archive");
}

/* The storage failed, or the archive is none. */
static enum err_code read_code(struct archive *archive)
{
    int error = archive_errno(archive);

    return error == EIO || error == EACCES ? ERR_IO : ERR_SYNTAX;
}

/* --- reading --- */

static ssize_t read_bytes(struct reader *reader, void *into, size_t size,
                          struct err *err)
{
    struct tar_reader *tar = CONTAINER_OF(reader, struct tar_reader, bytes);
    la_ssize_t got;

    if (tar->left == 0)
        return 0;
    if (size > tar->left)
        size = (size_t)tar->left;
    got = archive_read_data(tar->archive, into, size);
    if (got < 0)
        return set_failure(tar->archive, tar->label, read_code(tar->archive),
                           err);
    if (got == 0)
        return err_set(err, ERR_SYNTAX, "%s: cut off", tar->label);
    tar->left -= (uint64_t)got;
    return got;
}

static void keep_open(struct reader *reader)
{
    (void)reader;
}

static const struct reader_ops bytes_ops = {read_bytes, keep_open};

/*
 * Those the library has in itself. It would run a program for another, so a
 * failure here does no more than refuse such an archive.
 */
static void allow_filters(struct archive *archive)
{
    (void)archive_read_support_filter_gzip(archive);
    (void)archive_read_support_filter_bzip2(archive);
    (void)archive_read_support_filter_xz(archive);
    (void)archive_read_support_filter_zstd(archive);
}

int tar_reader_open(int fd, const char *label, struct tar_reader **out,
                    struct err *err)
{
    struct tar_reader *tar = memory_new(sizeof(*tar));

    tar->bytes.ops = &bytes_ops;
    tar->label = label;
    tar->archive = archive_read_new();
    if (tar->archive == NULL)
        abort();
    allow_filters(tar->archive);
    if (archive_read_support_format_tar(tar->archive) < ARCHIVE_WARN ||
        archive_read_open_fd(tar->archive, fd, BLOCK_BYTES) < ARCHIVE_WARN) {
        set_failure(tar->archive, label, read_code(tar->archive), err);
        tar_reader_free(tar);
        return -1;
    }
    *out = tar;
    return 0;
}

/* A hard link of some forms has bytes of its own, which are the file then. */
static enum tar_kind kind_of(struct archive_entry *entry)
{
    if (archive_entry_hardlink(entry) != NULL)
        return TAR_SAME;
    if (archive_entry_filetype(entry) == AE_IFLNK)
        return TAR_LINK;
    return archive_entry_filetype(entry) == AE_IFREG ? TAR_FILE : TAR_OTHER;
}

static int describe(struct tar_reader *tar, struct archive_entry *entry,
                    struct tar_member *out, struct err *err)
{
    const char *name = archive_entry_pathname(entry);
    int64_t size = archive_entry_size(entry);

    *out = (struct tar_member){.kind = kind_of(entry),
                               .name = name != NULL ? name : ""};
    if (out->kind == TAR_LINK)
        out->target = archive_entry_symlink(entry);
    if (out->kind == TAR_SAME)
        out->target = archive_entry_hardlink(entry);
    if ((out->kind == TAR_LINK || out->kind == TAR_SAME) && out->target == NULL)
        out->kind = TAR_OTHER;
    if (out->kind != TAR_FILE)
        return 1;
    if (size < 0 || archive_entry_sparse_count(entry) > 0)
        return err_set(err, ERR_SYNTAX, "%s: %s has holes", tar->label,
                       out->name);
    out->size = tar->left = (uint64_t)size;
    return 1;
}

int tar_reader_next(struct tar_reader *tar, struct tar_member *out,
                    struct err *err)
{
    struct archive_entry *entry;
    int result;

    tar->left = 0;
    do {
        result = archive_read_next_header(tar->archive, &entry);
    } while (result == ARCHIVE_RETRY);
    if (result == ARCHIVE_EOF)
        return 0;
    if (result < ARCHIVE_WARN)
        return set_failure(tar->archive, tar->label, read_code(tar->archive),
                           err);
    return describe(tar, entry, out, err);
}

struct reader *tar_reader_bytes(struct tar_reader *tar)
{
    return &tar->bytes;
}

void tar_reader_free(struct tar_reader *tar)
{
    if (tar == NULL)
        return;
    archive_read_free(tar->archive);
    free(tar);
}

/* --- writing --- */

static int set_write_failure(struct tar_writer *tar, struct err *err)
{
    int error = archive_errno(tar->archive);

    if (error > 0)
        return err_set_errno(err, error, "%s", tar->label);
    return set_failure(tar->archive, tar->label, ERR_IO, err);
}

int tar_writer_open(int fd, const char *label, struct tar_writer **out,
                    struct err *err)
{
    struct tar_writer *tar = memory_new(sizeof(*tar));

    tar->label = label;
    tar->archive = archive_write_new();
    if (tar->archive == NULL)
        abort();
    /* The digests of sha512 are too long for the plain form. */
    if (archive_write_set_format_pax_restricted(tar->archive) != ARCHIVE_OK ||
        archive_write_set_bytes_per_block(tar->archive, BLOCK_BYTES) !=
            ARCHIVE_OK ||
        archive_write_set_bytes_in_last_block(tar->archive, 1) != ARCHIVE_OK ||
        archive_write_open_fd(tar->archive, fd) != ARCHIVE_OK) {
        (void)set_write_failure(tar, err);
        tar_writer_free(tar);
        return -1;
    }
    *out = tar;
    return 0;
}

static int write_header(struct tar_writer *tar, const char *name, uint64_t size,
                        struct err *err)
{
    struct archive_entry *entry = archive_entry_new();
    int result;

    if (entry == NULL)
        abort();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_size(entry, (int64_t)size);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_mtime(entry, 0, 0);
    result = archive_write_header(tar->archive, entry);
    archive_entry_free(entry);
    return result < ARCHIVE_WARN ? set_write_failure(tar, err) : 0;
}

int tar_writer_add(struct tar_writer *tar, const char *name, uint64_t size,
                   struct reader *bytes, struct err *err)
{
    char *piece;
    ssize_t got;

    if (size > INT64_MAX)
        return err_set(err, ERR_TOO_LARGE, "%s: %s", tar->label, name);
    if (write_header(tar, name, size, err) < 0)
        return -1;
    piece = memory_new(BLOCK_BYTES);
    while ((got = reader_read(bytes, piece, BLOCK_BYTES, err)) > 0) {
        if ((uint64_t)got > size) {
            got = err_set(err, ERR_INTERNAL, "%s: more than said", name);
            break;
        }
        if (archive_write_data(tar->archive, piece, (size_t)got) != got) {
            got = set_write_failure(tar, err);
            break;
        }
        size -= (uint64_t)got;
    }
    free(piece);
    if (got == 0 && size > 0)
        return err_set(err, ERR_INTERNAL, "%s: less than said", name);
    return got < 0 ? -1 : 0;
}

int tar_writer_end(struct tar_writer *tar, struct err *err)
{
    if (archive_write_close(tar->archive) != ARCHIVE_OK)
        return set_write_failure(tar, err);
    return 0;
}

/* The library would end the archive by itself, as if it were whole. */
void tar_writer_free(struct tar_writer *tar)
{
    if (tar == NULL)
        return;
    (void)archive_write_fail(tar->archive);
    archive_write_free(tar->archive);
    free(tar);
}

#else /* no libarchive */

static int set_missing(struct err *err)
{
    return err_set(err, ERR_MISCONFIGURED,
                   "this berth was built without tar archives: use a "
                   "directory, or unpack it first");
}

int tar_reader_open(int fd UNUSED, const char *label UNUSED,
                    struct tar_reader **out UNUSED, struct err *err)
{
    return set_missing(err);
}

int tar_reader_next(struct tar_reader *tar UNUSED,
                    struct tar_member *out UNUSED, struct err *err)
{
    return set_missing(err);
}

struct reader *tar_reader_bytes(struct tar_reader *tar UNUSED)
{
    return NULL;
}

void tar_reader_free(struct tar_reader *tar UNUSED)
{
}

int tar_writer_open(int fd UNUSED, const char *label UNUSED,
                    struct tar_writer **out UNUSED, struct err *err)
{
    return set_missing(err);
}

int tar_writer_add(struct tar_writer *tar UNUSED, const char *name UNUSED,
                   uint64_t size UNUSED, struct reader *bytes UNUSED,
                   struct err *err)
{
    return set_missing(err);
}

int tar_writer_end(struct tar_writer *tar UNUSED, struct err *err)
{
    return set_missing(err);
}

void tar_writer_free(struct tar_writer *tar UNUSED)
{
}

#endif

void tar_reader_cleanup(struct tar_reader **tar)
{
    tar_reader_free(*tar);
}

void tar_writer_cleanup(struct tar_writer **tar)
{
    tar_writer_free(*tar);
}
