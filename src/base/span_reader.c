/* SPDX-License-Identifier: MIT */
#include "base/span_reader.h"

static ssize_t read_span(struct reader *base, void *into, size_t size,
                         struct err *err)
{
    struct span_reader *reader = (struct span_reader *)base;
    size_t len = reader->rest.len < size ? reader->rest.len : size;

    (void)err;
    if (len > 0)
        memcpy(into, reader->rest.ptr, len);
    reader->rest = span_from(reader->rest, len);
    return (ssize_t)len;
}

static void leave(struct reader *base)
{
    (void)base;
}

void span_reader_init(struct span_reader *reader, struct span bytes)
{
    static const struct reader_ops ops = {read_span, leave};

    *reader = (struct span_reader){{&ops}, bytes};
}
