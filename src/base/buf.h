/* SPDX-License-Identifier: MIT */
/*
 * A growing byte buffer with a ceiling.
 *
 *     CLEANUP(buf) struct buf page = BUF_INIT(64 * 1024);
 *     buf_add(&page, SPAN("{\"tags\":["));
 *
 * Every buffer names its maximum when it is made, so no client can make one
 * grow without end. Adding beyond the maximum adds nothing and marks the
 * buffer `overflowed`; so a chain of additions needs one check at its end. A
 * buffer is always NUL-terminated behind `len`. Memory that runs out below
 * the maximum ends the process: see memory.h.
 */
#ifndef BERTH_BASE_BUF_H
#define BERTH_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/span.h"

struct buf {
    char *ptr; /* NULL while nothing was added */
    size_t len;
    size_t capacity;
    size_t max; /* of len, in bytes */
    bool overflowed;
};

#define BUF_INIT(maximum) ((struct buf){.max = (maximum)})

void buf_cleanup(struct buf *buf);

/* Forgets the bytes and the overflow; keeps the memory. */
void buf_clear(struct buf *buf);

void buf_add(struct buf *buf, struct span bytes);
void buf_add_char(struct buf *buf, char c);
void buf_add_format(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_add_format_args(struct buf *buf, const char *format, va_list args)
    PRINTF_LIKE(2, 0);

/*
 * Room for `len` more bytes, to be written by the caller, who then adds what
 * was used to `buf->len` by buf_grown(). NULL (and `overflowed`) when that
 * would pass the maximum.
 */
char *buf_reserve(struct buf *buf, size_t len);
void buf_grown(struct buf *buf, size_t len);

/* Cuts to `len` bytes, at most the present length. */
void buf_truncate(struct buf *buf, size_t len);

static inline struct span buf_span(const struct buf *buf)
{
    return (struct span){buf->ptr ? buf->ptr : "", buf->len};
}

/* The bytes as a C string; "" while nothing was added. */
static inline const char *buf_text(const struct buf *buf)
{
    return buf->ptr ? buf->ptr : "";
}

#endif
