/* SPDX-License-Identifier: MIT */
#include "driver/driver_fault_internal.h"

#include <stdlib.h>

#include "base/memory.h"

/* --- the reader --- */

struct fault_reader {
    struct reader base;
    struct driver_fault *fault;
    struct reader *inner;
    bool is_spent; /* the object turned out shorter */
    char path[];
};

static ssize_t read_some(struct reader *base, void *into, size_t size,
                         struct err *err)
{
    struct fault_reader *reader = (struct fault_reader *)base;
    struct fault_call call = fault_begin(reader->fault, "read", reader->path);
    ssize_t count;

    if (reader->is_spent)
        return err_set(err, ERR_IO, "%s: object too short", reader->path);
    if (call.kind == DRIVER_FAULT_SHORT) {
        reader->is_spent = true;
        size = size / 2 + size % 2;
    } else if (fault_comes_before(&call)) {
        return fault_fail(&call, err);
    }
    count = reader_read(reader->inner, into, size, err);
    return fault_end(&call, 0, err) < 0 ? -1 : count;
}

static void close_reader(struct reader *base)
{
    struct fault_reader *reader = (struct fault_reader *)base;

    reader_close(reader->inner);
    free(reader);
}

static const struct reader_ops fault_reader_ops = {
    .read = read_some,
    .close = close_reader,
};

int fault_open_read(struct driver *driver, const char *path, uint64_t offset,
                    uint64_t length, struct reader **out, struct err *err)
{
    struct driver_fault *fault = (struct driver_fault *)driver;
    struct fault_call call = fault_begin(fault, "open_read", path);
    CLEANUP(reader) struct reader *inner = NULL;
    struct fault_reader *reader;

    if (fault_comes_before(&call))
        return fault_fail(&call, err);
    if (fault_end(
            &call,
            driver_open_read(fault->inner, path, offset, length, &inner, err),
            err) < 0)
        return -1;
    reader = memory_new(sizeof(*reader) + strlen(path) + 1);
    reader->base.ops = &fault_reader_ops;
    reader->fault = fault;
    reader->inner = reader_take(&inner);
    memcpy(reader->path, path, strlen(path) + 1);
    *out = &reader->base;
    return 0;
}

/* --- the writer --- */

struct fault_writer {
    struct writer base;
    struct driver_fault *fault;
    struct writer *inner;
    bool is_dirty; /* appended to since it was opened or synced */
    char path[];
};

static struct fault_writer *writer_of(struct writer *writer)
{
    return (struct fault_writer *)writer;
}

/* Passes on what the writer within did. */
static int follow(struct fault_writer *writer, int result)
{
    writer->base.size = writer->inner->size;
    return result;
}

static int append_half(const struct fault_call *call,
                       struct fault_writer *writer, struct span bytes,
                       struct err *err)
{
    bytes.len /= 2;
    if (follow(writer, writer_append(writer->inner, bytes, err)) < 0)
        return -1;
    return fault_fail(call, err);
}

static int append(struct writer *base, struct span bytes, struct err *err)
{
    struct fault_writer *writer = writer_of(base);
    struct fault_call call = fault_begin(writer->fault, "append", writer->path);

    writer->is_dirty = true;
    if (call.kind == DRIVER_FAULT_SHORT)
        return append_half(&call, writer, bytes, err);
    if (fault_comes_before(&call))
        return fault_fail(&call, err);
    return fault_end(
        &call, follow(writer, writer_append(writer->inner, bytes, err)), err);
}

static int truncate_to(struct writer *base, uint64_t size, struct err *err)
{
    struct fault_writer *writer = writer_of(base);
    struct fault_call call =
        fault_begin(writer->fault, "truncate", writer->path);

    if (fault_comes_before(&call))
        return fault_fail(&call, err);
    return fault_end(
        &call, follow(writer, writer_truncate(writer->inner, size, err)), err);
}

/* After an fsync that failed. */
static void lose_bytes(struct fault_writer *writer)
{
    struct err ignored = {0};

    (void)!driver_remove(writer->fault->inner, writer->path, DRIVER_RELAXED,
                         &ignored);
}

static int sync_appended(struct writer *base, struct err *err)
{
    struct fault_writer *writer = writer_of(base);
    struct fault_call call = fault_begin(writer->fault, "sync", writer->path);
    int result;

    if (call.kind == DRIVER_FAULT_SHORT && writer->is_dirty)
        lose_bytes(writer);
    if (fault_comes_before(&call))
        return fault_fail(&call, err);
    result = writer_sync(writer->inner, err);
    if (result == 0)
        writer->is_dirty = false;
    return fault_end(&call, result, err);
}

/* An end that fails before it was made. */
static int end_badly(const struct fault_call *call, struct fault_writer *writer,
                     struct err *err)
{
    struct err ignored = {0};

    (void)!writer_suspend(writer->inner, &ignored);
    free(writer);
    return fault_fail(call, err);
}

static int suspend(struct writer *base, struct err *err)
{
    struct fault_writer *writer = writer_of(base);
    struct fault_call call =
        fault_begin(writer->fault, "suspend", writer->path);
    int result;

    if (call.kind == DRIVER_FAULT_SHORT && writer->is_dirty)
        lose_bytes(writer);
    if (fault_comes_before(&call))
        return end_badly(&call, writer, err);
    result = fault_end(&call, writer_suspend(writer->inner, err), err);
    free(writer);
    return result;
}

static int commit(struct writer *base, const char *path, struct err *err)
{
    struct fault_writer *writer = writer_of(base);
    struct fault_call call = fault_begin(writer->fault, "commit", path);
    int result;

    if (call.kind == DRIVER_FAULT_SHORT)
        lose_bytes(writer);
    if (fault_comes_before(&call))
        return end_badly(&call, writer, err);
    result = fault_end(&call, writer_commit(writer->inner, path, err), err);
    free(writer);
    return result;
}

static void abort_upload(struct writer *base)
{
    struct fault_writer *writer = writer_of(base);
    struct fault_call call = fault_begin(writer->fault, "abort", writer->path);
    struct err ignored = {0};

    if (fault_comes_before(&call))
        (void)!writer_suspend(writer->inner, &ignored);
    else
        writer_abort(writer->inner);
    free(writer);
}

static const struct writer_ops fault_writer_ops = {
    .append = append,
    .truncate = truncate_to,
    .sync = sync_appended,
    .suspend = suspend,
    .commit = commit,
    .abort = abort_upload,
};

int fault_open_upload(struct driver *driver, const char *path,
                      enum driver_upload_mode mode, int64_t wait_ms,
                      struct writer **out, struct err *err)
{
    struct driver_fault *fault = (struct driver_fault *)driver;
    struct fault_call call = fault_begin(fault, "open_upload", path);
    struct fault_writer *writer;
    struct writer *inner;
    struct err ignored = {0};

    if (fault_comes_before(&call))
        return fault_fail(&call, err);
    if (driver_open_upload(fault->inner, path, mode, wait_ms, &inner, err) < 0)
        return -1;
    if (fault_end(&call, 0, err) < 0) {
        (void)!writer_suspend(inner, &ignored);
        return -1;
    }
    writer = memory_new(sizeof(*writer) + strlen(path) + 1);
    writer->base = (struct writer){&fault_writer_ops, inner->size};
    writer->fault = fault;
    writer->inner = inner;
    memcpy(writer->path, path, strlen(path) + 1);
    *out = &writer->base;
    return 0;
}
