/* SPDX-License-Identifier: MIT */
/* Leases, and what was retired: a tree of its own, see driver_mem.c. */
#include "driver/driver_mem_internal.h"

#include <string.h>

#include "base/clock.h"

int mem_protect(struct driver *driver, const char *const *paths, size_t count,
                size_t *missing, struct err *err)
{
    CLEANUP(mem_unlock) struct driver_mem *mem = mem_lock(driver);
    int64_t now = clock_now_ns();

    for (size_t i = 0; i < count; i++) {
        struct mem_object *object;

        if (mem_find_object(&mem->tree, paths[i], &object, err) < 0) {
            *missing = i;
            return -1;
        }
        if (object->mtime_ns < now - mem->grace_ns / 4)
            object->mtime_ns = now;
    }
    return 0;
}

int mem_retire(struct driver *driver, const char *run, const char *path,
               int64_t cutoff_ns, struct err *err)
{
    CLEANUP(mem_unlock) struct driver_mem *mem = mem_lock(driver);
    CLEANUP(buf) struct buf trash = BUF_INIT(MEM_BYTES_MAX);
    struct mem_object *object;
    size_t i = mem_map_index(&mem->tree, path);

    if (mem_find_object(&mem->tree, path, &object, err) < 0)
        return -1;
    if (object->mtime_ns >= cutoff_ns)
        return err_set(err, ERR_EXISTS, "%s: its lease is younger", path);
    if (run != NULL) {
        buf_add_format(&trash, "%s/%s", run, path);
        object->references++;
        mem_map_set(&mem->trash, buf_text(&trash), object);
    }
    mem_map_erase(&mem->tree, i, i + 1);
    return 0;
}

int mem_restore(struct driver *driver, const char *run, const char *path,
                struct err *err)
{
    CLEANUP(mem_unlock) struct driver_mem *mem = mem_lock(driver);
    CLEANUP(buf) struct buf trash = BUF_INIT(MEM_BYTES_MAX);
    struct mem_object *object;
    size_t i;

    buf_add_format(&trash, "%s/%s", run, path);
    if (mem_find_object(&mem->trash, buf_text(&trash), &object, err) < 0)
        return -1;
    if (mem_map_find(&mem->tree, path) != NULL)
        return 0;
    if (mem_place(&mem->tree, path, object, err) < 0)
        return -1;
    object->references++;
    object->mtime_ns = clock_now_ns();
    i = mem_map_index(&mem->trash, buf_text(&trash));
    mem_map_erase(&mem->trash, i, i + 1);
    return 0;
}

int mem_purge(struct driver *driver, const char *run,
              struct driver_swept *purged, struct err *err)
{
    CLEANUP(mem_unlock) struct driver_mem *mem = mem_lock(driver);

    (void)err;
    for (size_t i = 0; i < mem->trash.count; i++) {
        const struct mem_entry *entry = &mem->trash.entries[i];

        if (!mem_is_below(entry->path, run))
            continue;
        purged->count++;
        purged->bytes += entry->object->bytes.len;
    }
    mem_map_erase_below(&mem->trash, run);
    return 0;
}

/* The next path in the trash behind `last`, or what it begins with. */
static bool next_in_trash(struct driver *driver, const char *run,
                          struct buf *last)
{
    CLEANUP(mem_unlock) struct driver_mem *mem = mem_lock(driver);
    size_t len = run != NULL ? strlen(run) + 1 : 0;

    for (size_t i = 0; i < mem->trash.count; i++) {
        const char *path = mem->trash.entries[i].path;
        struct span name = span_of(path);

        if (run == NULL)
            name = span_cut(&name, '/');
        else if (mem_is_below(path, run))
            name = span_from(name, len);
        else
            continue;
        if (last->ptr != NULL && strncmp(name.ptr, last->ptr, name.len) <= 0)
            continue;
        buf_clear(last);
        buf_add(last, name);
        return true;
    }
    return false;
}

int mem_list_trash(struct driver *driver, const char *run, driver_visit *visit,
                   void *context, struct err *err)
{
    CLEANUP(buf) struct buf name = BUF_INIT(MEM_BYTES_MAX);

    while (next_in_trash(driver, run, &name)) {
        int result = visit(context, buf_text(&name), run == NULL, err);

        if (result != 0)
            return result < 0 ? -1 : 0;
    }
    return 0;
}

/* Nothing is left by a process that takes it all along. */
