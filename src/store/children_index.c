/* SPDX-License-Identifier: MIT */
#include "store/children_index.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/reader.h"

#define HEAD_FORMAT                                                            \
    "berth-children-1 %016" PRIx64 " %016" PRIx64 " %08" PRIx32 " %08" PRIx32  \
    " %016" PRIx64 "\n"
#define HEAD_SIZE (sizeof("berth-children-1") + 17 + 17 + 9 + 9 + 17)
#define FILE_BYTES_MAX (UINT32_C(2) << 30)

_Static_assert(CHILDREN_NAME_MAX < CHILDREN_BLOCK - HEAD_SIZE,
               "every name fits into a block");

static uint64_t checksum(struct span bytes)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < bytes.len; i++)
        sum = (sum ^ (unsigned char)bytes.ptr[i]) * UINT64_C(0x100000001b3);
    return sum;
}

/* The line that a block has to begin with, and a NUL. */
static void print_head(const struct driver_version *version, uint32_t number,
                       uint32_t count, const char *block,
                       char out[HEAD_SIZE + 1])
{
    struct span names = {block + HEAD_SIZE, CHILDREN_BLOCK - HEAD_SIZE};

    snprintf(out, HEAD_SIZE + 1, HEAD_FORMAT, (uint64_t)version->changed_ns,
             version->directory, number, count, checksum(names));
}

/* --- reading --- */

static int read_bytes(const struct children_index *index, uint32_t number,
                      char *into, struct err *err)
{
    CLEANUP(reader) struct reader *reader = NULL;
    size_t len = 0;

    if (driver_open_read(index->driver, index->path,
                         (uint64_t)number * CHILDREN_BLOCK, CHILDREN_BLOCK,
                         &reader, err) < 0)
        return -1;
    while (len < CHILDREN_BLOCK) {
        ssize_t got =
            reader_read(reader, into + len, CHILDREN_BLOCK - len, err);

        if (got <= 0)
            return -1;
        len += (size_t)got;
    }
    return 0;
}

/* Reads a block and stands before its first name. */
static bool load(struct children_index *index, uint32_t number)
{
    char head[HEAD_SIZE + 1];
    struct err ignored = {0};

    if (read_bytes(index, number, index->block, &ignored) < 0)
        return false;
    print_head(&index->version, number, index->count, index->block, head);
    index->number = number;
    index->at = HEAD_SIZE;
    return memcmp(index->block, head, HEAD_SIZE) == 0;
}

/* The name where it stands; "" behind the last one of the block. */
static const char *here(const struct children_index *index)
{
    return index->block + index->at;
}

/* The block that `after` is in, or would be, is the last that begins so. */
static bool seek(struct children_index *index, const char *after)
{
    uint32_t low = 0, high = index->count;

    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        if (!load(index, middle))
            return false;
        if (strcmp(here(index), after) <= 0)
            low = middle;
        else
            high = middle;
    }
    if (!load(index, low))
        return false;
    while (*here(index) != '\0' && strcmp(here(index), after) <= 0)
        index->at += strlen(here(index)) + 1;
    return true;
}

enum children_index_state
children_index_open(struct driver *driver, const char *path,
                    const struct driver_version *version, const char *after,
                    struct children_index *out)
{
    struct err err = {0};
    struct driver_stat stat;

    out->driver = driver;
    out->path = path;
    out->version = *version;
    out->block[CHILDREN_BLOCK] = '\0';
    if (driver_stat(driver, path, &stat, &err) < 0)
        return err.code == ERR_NOT_FOUND ? CHILDREN_INDEX_NONE
                                         : CHILDREN_INDEX_USELESS;
    out->count = (uint32_t)(stat.size / CHILDREN_BLOCK);
    if (stat.size == 0 || stat.size % CHILDREN_BLOCK != 0 ||
        stat.size > FILE_BYTES_MAX || !seek(out, after))
        return CHILDREN_INDEX_USELESS;
    return CHILDREN_INDEX_GOOD;
}

int children_index_next(struct children_index *index, const char **name)
{
    while (*here(index) == '\0') {
        if (index->number + 1 == index->count)
            return 0;
        if (!load(index, index->number + 1))
            return -1;
    }
    *name = here(index);
    index->at += strlen(*name) + 1;
    return 1;
}

/* --- writing --- */

/* The names that fit into one block are taken off the beginning. */
static struct span cut_block(struct span *names)
{
    struct span all = *names;
    size_t len = 0;

    while (names->len > 0) {
        size_t next = strlen(names->ptr) + 1;

        if (len + next > CHILDREN_BLOCK - HEAD_SIZE)
            break;
        len += next;
        *names = span_from(*names, next);
    }
    return (struct span){all.ptr, len};
}

static void add_block(struct buf *file, struct span names)
{
    char *block = buf_reserve(file, CHILDREN_BLOCK);

    if (block == NULL)
        return;
    memset(block, 0, CHILDREN_BLOCK);
    memcpy(block + HEAD_SIZE, names.ptr, names.len);
    buf_grown(file, CHILDREN_BLOCK);
}

int children_index_write(struct driver *driver, const char *path,
                         const struct driver_version *version,
                         struct span names, struct err *err)
{
    CLEANUP(buf) struct buf file = BUF_INIT(FILE_BYTES_MAX);
    char head[HEAD_SIZE + 1];
    uint32_t count;

    while (names.len > 0)
        add_block(&file, cut_block(&names));
    if (file.overflowed)
        return err_set(err, ERR_TOO_LARGE, "%s: too many names", path);
    count = (uint32_t)(file.len / CHILDREN_BLOCK);
    for (uint32_t i = 0; i < count; i++) {
        char *block = file.ptr + (size_t)i * CHILDREN_BLOCK;

        print_head(version, i, count, block, head);
        memcpy(block, head, HEAD_SIZE);
    }
    return driver_put(driver, path, buf_span(&file), DRIVER_RELAXED, err);
}
