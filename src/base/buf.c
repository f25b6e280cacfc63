/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"

void buf_cleanup(struct buf *buf)
{
    free(buf->ptr);
    *buf = BUF_INIT(buf->max);
}

void buf_clear(struct buf *buf)
{
    buf_truncate(buf, 0);
    buf->overflowed = false;
}

char *buf_reserve(struct buf *buf, size_t len)
{
    size_t needed;

    if (buf->overflowed || len > buf->max - buf->len) {
        buf->overflowed = true;
        return NULL;
    }
    needed = buf->len + len + 1;
    if (needed > buf->capacity) {
        size_t capacity = buf->capacity ? buf->capacity : 64;

        while (capacity < needed)
            capacity += capacity / 2;
        if (capacity > buf->max + 1)
            capacity = buf->max + 1;
        buf->ptr = memory_resize(buf->ptr, capacity);
        buf->capacity = capacity;
    }
    return buf->ptr + buf->len;
}

void buf_grown(struct buf *buf, size_t len)
{
    buf->len += len;
    buf->ptr[buf->len] = '\0';
}

void buf_add(struct buf *buf, struct span bytes)
{
    char *room = buf_reserve(buf, bytes.len);

    if (room == NULL)
        return;
    if (bytes.len > 0)
        memcpy(room, bytes.ptr, bytes.len);
    buf_grown(buf, bytes.len);
}

void buf_add_char(struct buf *buf, char c)
{
    buf_add(buf, (struct span){&c, 1});
}

void buf_add_format(struct buf *buf, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    buf_add_format_args(buf, format, args);
    va_end(args);
}

void buf_add_format_args(struct buf *buf, const char *format, va_list args)
{
    va_list again;
    int len;
    char *room;

    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (len < 0) {
        buf->overflowed = true;
        return;
    }
    room = buf_reserve(buf, (size_t)len);
    if (room == NULL)
        return;
    vsnprintf(room, (size_t)len + 1, format, args);
    buf_grown(buf, (size_t)len);
}

void buf_truncate(struct buf *buf, size_t len)
{
    buf->len = len;
    if (buf->ptr != NULL)
        buf->ptr[len] = '\0';
}
