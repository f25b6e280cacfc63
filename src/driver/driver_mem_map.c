/* SPDX-License-Identifier: MIT */
#include "driver/driver_mem_internal.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"

struct mem_object *mem_object_new(struct span bytes)
{
    struct mem_object *object = memory_new(sizeof(*object));

    object->references = 1;
    object->mtime_ns = clock_now_ns();
    object->bytes = BUF_INIT(MEM_BYTES_MAX);
    buf_add(&object->bytes, bytes);
    return object;
}

void mem_object_release(struct mem_object *object)
{
    if (object == NULL || --object->references > 0)
        return;
    buf_cleanup(&object->bytes);
    free(object);
}

size_t mem_map_index(const struct mem_map *map, const char *path)
{
    size_t low = 0, high = map->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(map->entries[middle].path, path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct mem_entry *mem_map_find(const struct mem_map *map, const char *path)
{
    size_t i = mem_map_index(map, path);

    if (i == map->count || strcmp(map->entries[i].path, path) != 0)
        return NULL;
    return &map->entries[i];
}

/* A child of the directory that holds `path` comes or goes. */
static void note_change(struct mem_map *map, const char *path)
{
    CLEANUP(buf) struct buf parent = BUF_INIT(MEM_BYTES_MAX);
    const char *slash = strrchr(path, '/');
    struct mem_entry *entry;

    if (slash == NULL)
        return;
    buf_add(&parent, (struct span){path, (size_t)(slash - path)});
    entry = mem_map_find(map, buf_text(&parent));
    if (entry != NULL)
        entry->changed = ++map->changes;
}

void mem_map_set(struct mem_map *map, const char *path,
                 struct mem_object *object)
{
    struct mem_entry *there = mem_map_find(map, path);
    size_t i = mem_map_index(map, path);

    if (there != NULL) {
        mem_object_release(there->object);
        there->object = object;
        return;
    }
    if (map->count == map->room) {
        map->room = map->room ? 2 * map->room : 64;
        map->entries =
            memory_resize(map->entries, map->room * sizeof(*map->entries));
    }
    memmove(&map->entries[i + 1], &map->entries[i],
            (map->count - i) * sizeof(*map->entries));
    map->entries[i] =
        (struct mem_entry){memory_copy_text(path), object, ++map->changes};
    map->count++;
    note_change(map, path);
}

void mem_map_erase(struct mem_map *map, size_t first, size_t end)
{
    if (first == end)
        return;
    for (size_t i = first; i < end; i++)
        note_change(map, map->entries[i].path);
    for (size_t i = first; i < end; i++) {
        mem_object_release(map->entries[i].object);
        free(map->entries[i].path);
    }
    memmove(&map->entries[first], &map->entries[end],
            (map->count - end) * sizeof(*map->entries));
    map->count -= end - first;
}

bool mem_is_below(const char *path, const char *directory)
{
    size_t len = strlen(directory);

    return strncmp(path, directory, len) == 0 && path[len] == '/';
}

void mem_map_erase_below(struct mem_map *map, const char *directory)
{
    CLEANUP(buf) struct buf prefix = BUF_INIT(MEM_BYTES_MAX);
    size_t first, end;

    buf_add_format(&prefix, "%s/", directory);
    first = end = mem_map_index(map, buf_text(&prefix));
    while (end < map->count && mem_is_below(map->entries[end].path, directory))
        end++;
    mem_map_erase(map, first, end);
}

int mem_find(const struct mem_map *map, const char *path,
             struct mem_entry **out, struct err *err)
{
    *out = mem_map_find(map, path);
    if (*out == NULL)
        return err_set(err, ERR_NOT_FOUND, "%s: not found", path);
    return 0;
}

int mem_find_object(const struct mem_map *map, const char *path,
                    struct mem_object **out, struct err *err)
{
    struct mem_entry *entry;

    if (mem_find(map, path, &entry, err) < 0)
        return -1;
    if (entry->object == NULL)
        return err_set(err, ERR_NOT_FOUND, "%s: a directory", path);
    *out = entry->object;
    return 0;
}

int mem_make_directories(struct mem_map *tree, const char *path,
                         struct err *err)
{
    CLEANUP(buf) struct buf prefix = BUF_INIT(MEM_BYTES_MAX);
    struct span rest = span_of(path);

    while (rest.ptr != NULL) {
        const struct mem_entry *there;

        if (prefix.len > 0)
            buf_add_char(&prefix, '/');
        buf_add(&prefix, span_cut(&rest, '/'));
        there = mem_map_find(tree, buf_text(&prefix));
        if (there != NULL && there->object != NULL)
            return err_set(err, ERR_EXISTS, "%s: in the way",
                           buf_text(&prefix));
        if (there == NULL)
            mem_map_set(tree, buf_text(&prefix), NULL);
    }
    return 0;
}

int mem_make_parents(struct mem_map *tree, const char *path, struct err *err)
{
    CLEANUP(buf) struct buf parent = BUF_INIT(MEM_BYTES_MAX);
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        return 0;
    buf_add(&parent, (struct span){path, (size_t)(slash - path)});
    return mem_make_directories(tree, buf_text(&parent), err);
}

int mem_place(struct mem_map *tree, const char *path, struct mem_object *object,
              struct err *err)
{
    const struct mem_entry *there = mem_map_find(tree, path);

    if (there != NULL && there->object == NULL)
        return err_set(err, ERR_EXISTS, "%s: a directory", path);
    if (mem_make_parents(tree, path, err) < 0)
        return -1;
    mem_map_set(tree, path, object);
    return 0;
}
