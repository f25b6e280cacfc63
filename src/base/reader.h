/* SPDX-License-Identifier: MIT */
/*
 * A stream of bytes to be read once: a request body, a part of a blob.
 *
 * Read until 0, then close; closing early is allowed. Implementations embed
 * `struct reader` first and cast back.
 */
#ifndef BERTH_BASE_READER_H
#define BERTH_BASE_READER_H

#include <stddef.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/err.h"

struct reader;

struct reader_ops {
    /*
     * Reads at most `size` bytes (at least 1). Returns the count, 0 at the
     * true end, -1 with `err` filled: ERR_BODY_INCOMPLETE for a request body
     * that broke off, a driver code for a blob.
     */
    ssize_t (*read)(struct reader *reader, void *into, size_t size,
                    struct err *err);
    void (*close)(struct reader *reader);
};

struct reader {
    const struct reader_ops *ops;
};

static inline ssize_t reader_read(struct reader *reader, void *into,
                                  size_t size, struct err *err)
{
    return reader->ops->read(reader, into, size, err);
}

static inline void reader_close(struct reader *reader)
{
    if (reader != NULL)
        reader->ops->close(reader);
}

static inline void reader_cleanup(struct reader **reader)
{
    reader_close(*reader);
}

/* Moves ownership out of a CLEANUP variable. */
static inline struct reader *reader_take(struct reader **reader)
{
    struct reader *taken = *reader;

    *reader = NULL;
    return taken;
}

#endif
