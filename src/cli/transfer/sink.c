/* SPDX-License-Identifier: MIT */
#include "sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sink_internal.h"

int sink_open(const char *to, struct sink **out, struct err *err)
{
    struct span path = span_of(to);

    return strcmp(to, "-") == 0 || span_ends_with(path, SPAN(".tar"))
               ? sink_open_archive(to, out, err)
               : sink_open_directory(to, out, err);
}

const struct image_layout *sink_layout(const struct sink *sink)
{
    return sink->layout;
}

/* Hashes what passes, and says at its end whether that was right. */
struct checked {
    struct reader base;
    struct reader *bytes;
    const struct digest *digest;
    struct hash hash;
};

static ssize_t read_checked(struct reader *base, void *into, size_t size,
                            struct err *err)
{
    struct checked *checked = (struct checked *)base;
    ssize_t got = reader_read(checked->bytes, into, size, err);
    char text[DIGEST_TEXT_MAX];
    struct digest actual;

    if (got > 0)
        hash_update(&checked->hash, into, (size_t)got);
    if (got != 0)
        return got;
    digest_finish(&checked->hash, &actual);
    if (digest_equals(&actual, checked->digest))
        return 0;
    digest_format(checked->digest, text);
    return err_set(err, ERR_DIGEST_INVALID, "%s is damaged", text);
}

static void keep_open(struct reader *base)
{
    (void)base;
}

int sink_add(struct sink *sink, const struct digest *digest, uint64_t size,
             struct reader *bytes, struct err *err)
{
    static const struct reader_ops ops = {read_checked, keep_open};
    struct checked checked = {{&ops}, bytes, digest, {0}};

    hash_init(&checked.hash, digest->algorithm);
    return sink->ops->add(sink, digest, size, &checked.base, err);
}

int sink_end(struct sink *sink, struct span index, struct err *err)
{
    return sink->ops->end(sink, index, err);
}

void sink_free(struct sink *sink)
{
    struct image_layout *layout;

    if (sink == NULL)
        return;
    layout = sink->layout;
    sink->ops->free(sink);
    image_layout_free(layout);
}

void sink_cleanup(struct sink **sink)
{
    sink_free(*sink);
}
