/* SPDX-License-Identifier: MIT */
#include "driver/driver_mem_internal.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"

#define POLL_MS 1

struct mem_writer {
    struct writer base;
    struct driver *driver;
    struct mem_object *object;
    char path[];
};

static struct mem_writer *writer_of(struct writer *writer)
{
    return (struct mem_writer *)writer;
}

/* The caller holds the mutex. */
static void free_writer(struct mem_writer *writer)
{
    writer->object->is_locked = false;
    mem_object_release(writer->object);
    free(writer);
}

/* Whether the path still names what this writer holds. */
static bool is_in_place(const struct mem_map *tree,
                        const struct mem_writer *writer)
{
    const struct mem_entry *entry = mem_map_find(tree, writer->path);

    return entry != NULL && entry->object == writer->object;
}

static int append(struct writer *base, struct span bytes, struct err *err)
{
    struct mem_writer *writer = writer_of(base);
    CLEANUP(mem_unlock) struct driver_mem *mem = mem_lock(writer->driver);

    (void)mem;
    (void)err;
    buf_add(&writer->object->bytes, bytes);
    writer->object->mtime_ns = clock_now_ns();
    base->size = writer->object->bytes.len;
    return 0;
}

static int truncate_to(struct writer *base, uint64_t size, struct err *err)
{
    struct mem_writer *writer = writer_of(base);
    CLEANUP(mem_unlock) struct driver_mem *mem = mem_lock(writer->driver);

    (void)mem;
    (void)err;
    buf_truncate(&writer->object->bytes, (size_t)size);
    writer->object->mtime_ns = clock_now_ns();
    base->size = size;
    return 0;
}

static int sync_appended(struct writer *base, struct err *err)
{
    (void)base;
    (void)err;
    return 0;
}

static int suspend(struct writer *base, struct err *err)
{
    struct mem_writer *writer = writer_of(base);
    CLEANUP(mem_unlock) struct driver_mem *mem = mem_lock(writer->driver);

    (void)mem;
    (void)err;
    free_writer(writer);
    return 0;
}

static int move_object(struct mem_map *tree, struct mem_writer *writer,
                       const char *path, struct err *err)
{
    size_t i;

    if (!is_in_place(tree, writer))
        return err_set(err, ERR_NOT_FOUND, "%s: gone", writer->path);
    if (mem_place(tree, path, writer->object, err) < 0)
        return -1;
    writer->object->mtime_ns = clock_now_ns();
    writer->object->references++;
    i = mem_map_index(tree, writer->path);
    mem_map_erase(tree, i, i + 1);
    return 0;
}

static int commit(struct writer *base, const char *path, struct err *err)
{
    struct mem_writer *writer = writer_of(base);
    CLEANUP(mem_unlock) struct driver_mem *mem = mem_lock(writer->driver);
    int result = move_object(&mem->tree, writer, path, err);

    free_writer(writer);
    return result;
}

static void abort_upload(struct writer *base)
{
    struct mem_writer *writer = writer_of(base);
    CLEANUP(mem_unlock) struct driver_mem *mem = mem_lock(writer->driver);
    size_t i = mem_map_index(&mem->tree, writer->path);

    if (is_in_place(&mem->tree, writer))
        mem_map_erase(&mem->tree, i, i + 1);
    free_writer(writer);
}

static const struct writer_ops mem_writer_ops = {
    .append = append,
    .truncate = truncate_to,
    .sync = sync_appended,
    .suspend = suspend,
    .commit = commit,
    .abort = abort_upload,
};

static struct mem_object *create_object(struct mem_map *tree, const char *path,
                                        struct err *err)
{
    struct mem_object *object;

    if (mem_map_find(tree, path) != NULL) {
        err_set(err, ERR_EXISTS, "%s: is there", path);
        return NULL;
    }
    object = mem_object_new(SPAN(""));
    if (mem_place(tree, path, object, err) < 0) {
        mem_object_release(object);
        return NULL;
    }
    return object;
}

/* Finds or creates the object and locks it; ERR_BUSY when it is locked. */
static int take_object(struct driver *driver, const char *path,
                       enum driver_upload_mode mode, struct writer **out,
                       struct err *err)
{
    CLEANUP(mem_unlock) struct driver_mem *mem = mem_lock(driver);
    struct mem_object *object = NULL;
    struct mem_writer *writer;

    if (mode == DRIVER_UPLOAD_CREATE)
        object = create_object(&mem->tree, path, err);
    else if (mem_find_object(&mem->tree, path, &object, err) < 0)
        return -1;
    if (object == NULL)
        return -1;
    if (object->is_locked)
        return err_set(err, ERR_BUSY, "%s: locked by another", path);
    object->is_locked = true;
    object->references++;
    writer = memory_new(sizeof(*writer) + strlen(path) + 1);
    writer->base = (struct writer){&mem_writer_ops, object->bytes.len};
    writer->driver = driver;
    writer->object = object;
    memcpy(writer->path, path, strlen(path) + 1);
    *out = &writer->base;
    return 0;
}

int mem_open_upload(struct driver *driver, const char *path,
                    enum driver_upload_mode mode, int64_t wait_ms,
                    struct writer **out, struct err *err)
{
    int64_t deadline_ns = clock_monotonic_ns() + wait_ms * 1000000;

    for (;;) {
        struct err failure = {0};

        if (take_object(driver, path, mode, out, &failure) == 0)
            return 0;
        if (failure.code != ERR_BUSY || clock_monotonic_ns() >= deadline_ns) {
            *err = failure;
            return -1;
        }
        clock_sleep_ms(POLL_MS);
    }
}
