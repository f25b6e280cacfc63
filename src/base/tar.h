/* SPDX-License-Identifier: MIT */
/*
 * Tar archives, read and written as streams. The only user of libarchive;
 * berth(1) alone links it, and where it was built without, each function
 * fails and says so.
 *
 *     tar_reader_open; tar_reader_next ... tar_reader_read ...; _free
 *     tar_writer_open; tar_writer_add ...; tar_writer_end
 *
 * Read are the forms tar(1) writes, compressed with gzip, bzip2, xz or zstd
 * or not at all. What an archive holds is never put into files by its own
 * names here, so a hostile name is a name and nothing else.
 */
#ifndef BERTH_BASE_TAR_H
#define BERTH_BASE_TAR_H

#include <stdint.h>

#include "base/compiler.h"
#include "base/err.h"
#include "base/reader.h"
#include "base/span.h"

struct tar_reader;
struct tar_writer;

enum tar_kind {
    TAR_FILE,
    TAR_LINK, /* symbolic; `target` is as written */
    TAR_SAME, /* a hard link: `target` is a name in the archive */
    TAR_OTHER,
};

/* Texts live until the next call of tar_reader_next. */
struct tar_member {
    enum tar_kind kind;
    const char *name;
    const char *target; /* of links, else NULL */
    uint64_t size;      /* bytes of a file */
};

/*
 * Reads from where `fd` stands; it is borrowed, and `label` names it in
 * errors. ERR_SYNTAX for what is no archive.
 */
int tar_reader_open(int fd, const char *label, struct tar_reader **out,
                    struct err *err) WARN_UNUSED;

/*
 * The next member: 1, or 0 at the end, or -1. ERR_SYNTAX for an archive that
 * is broken or cut off, or has a file with holes, whose size is free to say.
 */
int tar_reader_next(struct tar_reader *tar, struct tar_member *out,
                    struct err *err) WARN_UNUSED;

/* Bytes of the member, read once, until the next one. Free with the tar. */
struct reader *tar_reader_bytes(struct tar_reader *tar);

void tar_reader_free(struct tar_reader *tar);
void tar_reader_cleanup(struct tar_reader **tar);

/* Writes to `fd`, which is borrowed. */
int tar_writer_open(int fd, const char *label, struct tar_writer **out,
                    struct err *err) WARN_UNUSED;

/* A file of exactly `size` bytes, all of which come from `bytes`. */
int tar_writer_add(struct tar_writer *tar, const char *name, uint64_t size,
                   struct reader *bytes, struct err *err) WARN_UNUSED;

/* Ends the archive; without it, it is cut off. */
int tar_writer_end(struct tar_writer *tar, struct err *err) WARN_UNUSED;

void tar_writer_free(struct tar_writer *tar);
void tar_writer_cleanup(struct tar_writer **tar);

#endif
