/* SPDX-License-Identifier: MIT */
#include "multipart.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/*
 * The boundary must not occur in the parts. The digest of a blob cannot be
 * written into the blob itself, so it is one that never does.
 */
#define PART_HEAD_MAX 512

struct multipart {
    struct reader reader;
    const struct store *store;
    struct blob blob;
    struct range_set set;
    char boundary[70 + 1]; /* RFC 2046 section 5.1.1 */
    size_t next;           /* range to begin; count = the closing line */
    struct buf head;       /* of the part, or the closing line */
    size_t head_sent;
    struct reader *part; /* NULL while none is open */
};

static void format_head(struct multipart *multipart, size_t index)
{
    const struct range *range = &multipart->set.ranges[index];

    buf_clear(&multipart->head);
    multipart->head_sent = 0;
    if (index == multipart->set.count) {
        buf_add_format(&multipart->head, "\r\n--%s--\r\n", multipart->boundary);
        return;
    }
    buf_add_format(&multipart->head,
                   "\r\n--%s\r\n"
                   "Content-Type: application/octet-stream\r\n"
                   "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64
                   "\r\n\r\n",
                   multipart->boundary, range->offset,
                   range->offset + range->length - 1, multipart->blob.size);
}

static uint64_t measure(struct multipart *multipart)
{
    uint64_t length = 0;

    for (size_t i = 0; i <= multipart->set.count; i++) {
        format_head(multipart, i);
        length += multipart->head.len;
        if (i < multipart->set.count)
            length += multipart->set.ranges[i].length;
    }
    return length;
}

static ssize_t read_head(struct multipart *multipart, void *into, size_t size)
{
    size_t left = multipart->head.len - multipart->head_sent;
    size_t count = left < size ? left : size;

    if (count > 0)
        memcpy(into, multipart->head.ptr + multipart->head_sent, count);
    multipart->head_sent += count;
    return (ssize_t)count;
}

static int begin_part(struct multipart *multipart, struct err *err)
{
    const struct range *range = &multipart->set.ranges[multipart->next];

    format_head(multipart, multipart->next);
    if (multipart->next < multipart->set.count &&
        blob_open(multipart->store, &multipart->blob, range->offset,
                  range->length, &multipart->part, err) < 0)
        return -1;
    multipart->next++;
    return 0;
}

static ssize_t read_parts(struct reader *reader, void *into, size_t size,
                          struct err *err)
{
    struct multipart *multipart =
        CONTAINER_OF(reader, struct multipart, reader);

    for (;;) {
        ssize_t count = read_head(multipart, into, size);

        if (count == 0 && multipart->part != NULL)
            count = reader_read(multipart->part, into, size, err);
        if (count != 0)
            return count;
        reader_close(reader_take(&multipart->part));
        if (multipart->next > multipart->set.count)
            return 0;
        if (begin_part(multipart, err) < 0)
            return -1;
    }
}

static void close_parts(struct reader *reader)
{
    struct multipart *multipart =
        CONTAINER_OF(reader, struct multipart, reader);

    reader_close(multipart->part);
    buf_cleanup(&multipart->head);
    free(multipart);
}

int multipart_respond(struct call *call, const struct blob *blob,
                      const struct range_set *set)
{
    static const struct reader_ops ops = {read_parts, close_parts};
    struct multipart *multipart = memory_new(sizeof(*multipart));
    uint64_t length;

    multipart->reader.ops = &ops;
    multipart->store = call->store;
    multipart->blob = *blob;
    multipart->set = *set;
    multipart->head = BUF_INIT(PART_HEAD_MAX);
    snprintf(multipart->boundary, sizeof(multipart->boundary), "berth%.64s",
             blob->stored.hex);
    length = measure(multipart);
    buf_clear(&multipart->head);
    multipart->head_sent = 0;
    response_stream(call->response, &multipart->reader, length);
    call->response->status = 206;
    response_header(call->response, "Content-Type",
                    "multipart/byteranges; boundary=%s", multipart->boundary);
    return 0;
}
