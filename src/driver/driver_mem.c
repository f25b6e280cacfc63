/* SPDX-License-Identifier: MIT */
/*
 * Two sorted maps, the tree and the trash, under one mutex. An entry of the
 * tree is a directory or refers to an object; readers and writers refer to
 * objects, too, so an object outlives its entry as an open file does.
 */
#include "driver/driver_mem_internal.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"

struct driver_mem *mem_lock(struct driver *driver)
{
    struct driver_mem *mem = (struct driver_mem *)driver;

    pthread_mutex_lock(&mem->mutex);
    return mem;
}

void mem_unlock_cleanup(struct driver_mem **mem)
{
    pthread_mutex_unlock(&(*mem)->mutex);
}

/* --- looking and reading --- */

static void fill_stat(struct driver_stat *out, const struct mem_object *object)
{
    *out = (struct driver_stat){.size = object->bytes.len,
                                .mtime_ns = object->mtime_ns};
}

static void fill_stat_of_entry(struct driver_stat *out,
                               const struct mem_entry *entry)
{
    if (entry->object != NULL)
        fill_stat(out, entry->object);
    else
        *out = (struct driver_stat){.is_directory = true,
                                    .version = {.changed_ns = entry->changed}};
}

static int mem_stat(struct driver *driver, const char *path,
                    struct driver_stat *out, struct err *err)
{
    CLEANUP(mem_unlock) struct driver_mem *mem = mem_lock(driver);
    struct mem_entry *entry;

    if (mem_find(&mem->tree, path, &entry, err) < 0)
        return -1;
    fill_stat_of_entry(out, entry);
    return 0;
}

static int mem_get(struct driver *driver, const char *path, struct buf *into,
                   struct driver_stat *out, struct err *err)
{
    CLEANUP(mem_unlock) struct driver_mem *mem = mem_lock(driver);
    struct mem_object *object;

    if (mem_find_object(&mem->tree, path, &object, err) < 0)
        return -1;
    if (object->bytes.len > into->max - into->len)
        return err_set(err, ERR_TOO_LARGE, "%s: object too large", path);
    buf_add(into, buf_span(&object->bytes));
    if (out != NULL)
        fill_stat(out, object);
    return 0;
}

struct mem_reader {
    struct reader base;
    struct driver *driver;
    struct mem_object *object;
    uint64_t offset, left;
};

static ssize_t read_some(struct reader *base, void *into, size_t size,
                         struct err *err)
{
    struct mem_reader *reader = (struct mem_reader *)base;
    CLEANUP(mem_unlock) struct driver_mem *mem = mem_lock(reader->driver);
    size_t here = reader->object->bytes.len;

    (void)mem;
    if (reader->left == 0)
        return 0;
    if (reader->offset >= here)
        return err_set(err, ERR_IO, "object too short");
    if (size > reader->left)
        size = (size_t)reader->left;
    if (size > here - reader->offset)
        size = (size_t)(here - reader->offset);
    memcpy(into, reader->object->bytes.ptr + reader->offset, size);
    reader->offset += size;
    reader->left -= size;
    return (ssize_t)size;
}

static void close_reader(struct reader *base)
{
    struct mem_reader *reader = (struct mem_reader *)base;
    CLEANUP(mem_unlock) struct driver_mem *mem = mem_lock(reader->driver);

    (void)mem;
    mem_object_release(reader->object);
    free(reader);
}

static const struct reader_ops mem_reader_ops = {
    .read = read_some,
    .close = close_reader,
};

static int mem_open_read(struct driver *driver, const char *path,
                         uint64_t offset, uint64_t length, struct reader **out,
                         struct err *err)
{
    CLEANUP(mem_unlock) struct driver_mem *mem = mem_lock(driver);
    struct mem_object *object;
    struct mem_reader *reader;

    if (mem_find_object(&mem->tree, path, &object, err) < 0)
        return -1;
    reader = memory_new(sizeof(*reader));
    *reader =
        (struct mem_reader){{&mem_reader_ops}, driver, object, offset, length};
    object->references++;
    *out = &reader->base;
    return 0;
}

/* Copies the name of the first child behind `after`; false at the end. */
static bool next_child(struct driver *driver, const char *path,
                       const char *after, struct buf *name, bool *is_directory)
{
    CLEANUP(mem_unlock) struct driver_mem *mem = mem_lock(driver);
    CLEANUP(buf) struct buf from = BUF_INIT(MEM_BYTES_MAX);
    size_t len = strlen(path) + 1;

    buf_add_format(&from, "%s/%s", path, after);
    for (size_t i = mem_map_index(&mem->tree, buf_text(&from));
         i < mem->tree.count && mem_is_below(mem->tree.entries[i].path, path);
         i++) {
        const struct mem_entry *entry = &mem->tree.entries[i];

        if (strchr(entry->path + len, '/') != NULL ||
            strcmp(entry->path + len, after) <= 0)
            continue;
        buf_add(name, span_of(entry->path + len));
        *is_directory = entry->object == NULL;
        return true;
    }
    return false;
}

/* The visitor may call the driver, so it runs without the mutex. */
static int mem_list(struct driver *driver, const char *path, const char *after,
                    driver_visit *visit, void *context, struct err *err)
{
    CLEANUP(buf) struct buf last = BUF_INIT(MEM_BYTES_MAX);
    struct driver_stat here;
    bool is_directory;

    if (mem_stat(driver, path, &here, err) < 0)
        return -1;
    if (!here.is_directory)
        return err_set(err, ERR_NOT_FOUND, "%s: no directory", path);
    if (after != NULL)
        buf_add(&last, span_of(after));
    for (;;) {
        CLEANUP(buf) struct buf name = BUF_INIT(MEM_BYTES_MAX);
        int result;

        if (!next_child(driver, path, buf_text(&last), &name, &is_directory))
            return 0;
        result = visit(context, buf_text(&name), is_directory, err);
        if (result != 0)
            return result < 0 ? -1 : 0;
        buf_clear(&last);
        buf_add(&last, buf_span(&name));
    }
}

/* --- putting and removing --- */

static int mem_put(struct driver *driver, const char *path, struct span bytes,
                   enum driver_durability durability, struct err *err)
{
    CLEANUP(mem_unlock) struct driver_mem *mem = mem_lock(driver);
    struct mem_object *object = mem_object_new(bytes);

    (void)durability;
    if (mem_place(&mem->tree, path, object, err) == 0)
        return 0;
    mem_object_release(object);
    return -1;
}

/* Whether something other than an empty directory stands at `path`. */
static bool is_taken(const struct mem_map *tree, const char *path)
{
    const struct mem_entry *there = mem_map_find(tree, path);
    CLEANUP(buf) struct buf prefix = BUF_INIT(MEM_BYTES_MAX);
    size_t below;

    if (there == NULL)
        return false;
    buf_add_format(&prefix, "%s/", path);
    below = mem_map_index(tree, buf_text(&prefix));
    return there->object != NULL ||
           (below < tree->count &&
            mem_is_below(tree->entries[below].path, path));
}

static int mem_put_directory(struct driver *driver, const char *directory,
                             const struct driver_file *files, size_t count,
                             struct err *err)
{
    CLEANUP(mem_unlock) struct driver_mem *mem = mem_lock(driver);

    if (is_taken(&mem->tree, directory))
        return err_set(err, ERR_EXISTS, "%s: is there", directory);
    if (mem_make_directories(&mem->tree, directory, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        CLEANUP(buf) struct buf path = BUF_INIT(MEM_BYTES_MAX);
        struct mem_object *object = mem_object_new(files[i].bytes);

        buf_add_format(&path, "%s/%s", directory, files[i].path);
        if (mem_place(&mem->tree, buf_text(&path), object, err) < 0) {
            mem_object_release(object);
            mem_map_erase_below(&mem->tree, directory);
            return -1;
        }
    }
    return 0;
}

static int mem_make_directory(struct driver *driver, const char *path,
                              struct err *err)
{
    CLEANUP(mem_unlock) struct driver_mem *mem = mem_lock(driver);

    return mem_make_directories(&mem->tree, path, err);
}

static int mem_remove(struct driver *driver, const char *path,
                      enum driver_durability durability, struct err *err)
{
    CLEANUP(mem_unlock) struct driver_mem *mem = mem_lock(driver);
    struct mem_entry *entry;
    struct mem_map *map =
        mem_map_find(&mem->records, path) != NULL ? &mem->records : &mem->tree;
    size_t i = mem_map_index(map, path);

    (void)durability;
    if (mem_find(map, path, &entry, err) < 0)
        return -1;
    mem_map_erase_below(map, path);
    mem_map_erase(map, i, i + 1);
    return 0;
}

static int mem_remove_if(struct driver *driver, const char *directory,
                         const struct driver_condition *condition,
                         struct err *err)
{
    CLEANUP(mem_unlock) struct driver_mem *mem = mem_lock(driver);
    CLEANUP(buf) struct buf path = BUF_INIT(MEM_BYTES_MAX);
    struct mem_entry *entry;
    struct mem_object *member;
    size_t i = mem_map_index(&mem->tree, directory);

    if (mem_find(&mem->tree, directory, &entry, err) < 0)
        return -1;
    buf_add_format(&path, "%s/%s", directory, condition->member);
    if (mem_find_object(&mem->tree, buf_text(&path), &member, err) < 0)
        return err_recode(err, ERR_EXISTS);
    if (!span_equals(buf_span(&member->bytes), condition->bytes))
        return err_set(err, ERR_EXISTS, "%s is another", condition->member);
    if (condition->before_ns != 0 && member->mtime_ns >= condition->before_ns)
        return err_set(err, ERR_EXISTS, "%s is younger", condition->member);
    if (condition->absent != NULL &&
        mem_map_find(&mem->tree, condition->absent) != NULL)
        return err_set(err, ERR_EXISTS, "%s is there", condition->absent);
    mem_map_erase_below(&mem->tree, directory);
    mem_map_erase(&mem->tree, i, i + 1);
    return 0;
}

/* Whether the tree has `bytes` at `path`, or, when those are NULL, nothing. */
static bool has_just(const struct mem_map *tree, const char *path,
                     struct span bytes)
{
    const struct mem_entry *there = mem_map_find(tree, path);

    if (there == NULL || bytes.ptr == NULL)
        return there == NULL && bytes.ptr == NULL;
    return there->object != NULL &&
           span_equals(buf_span(&there->object->bytes), bytes);
}

static int mem_put_if(struct driver *driver, const char *path,
                      struct span bytes, const struct driver_place *place,
                      struct err *err)
{
    CLEANUP(mem_unlock) struct driver_mem *mem = mem_lock(driver);
    const struct mem_entry *within = mem_map_find(&mem->tree, place->within);
    struct mem_object *object;

    if (within == NULL || within->object != NULL)
        return err_set(err, ERR_NOT_FOUND, "%s: not found", place->within);
    if (!has_just(&mem->tree, path, place->bytes))
        return err_set(err, ERR_EXISTS, "%s is another", path);
    object = mem_object_new(bytes);
    if (mem_place(&mem->tree, path, object, err) == 0)
        return 0;
    mem_object_release(object);
    return -1;
}

/* Gives the entry at `i` another path, which begins with `to`. */
static void move_entry(struct mem_map *tree, size_t i, size_t from_len,
                       const char *to)
{
    CLEANUP(buf) struct buf path = BUF_INIT(MEM_BYTES_MAX);
    struct mem_object *object = tree->entries[i].object;

    buf_add_format(&path, "%s%s", to, tree->entries[i].path + from_len);
    if (object != NULL)
        object->references++;
    mem_map_erase(tree, i, i + 1);
    mem_map_set(tree, buf_text(&path), object);
}

static void move_all(struct mem_map *tree, const char *path, const char *to)
{
    CLEANUP(buf) struct buf below = BUF_INIT(MEM_BYTES_MAX);
    size_t len = strlen(path), i;

    buf_add_format(&below, "%s/", path);
    while (i = mem_map_index(tree, buf_text(&below)),
           i < tree->count && mem_is_below(tree->entries[i].path, path))
        move_entry(tree, i, len, to);
    move_entry(tree, mem_map_index(tree, path), len, to);
}

static int mem_move_if(struct driver *driver, const char *path, const char *to,
                       const struct driver_stat *seen, struct err *err)
{
    CLEANUP(mem_unlock) struct driver_mem *mem = mem_lock(driver);
    struct mem_entry *entry;
    struct driver_stat stat;

    if (mem_find(&mem->tree, path, &entry, err) < 0)
        return -1;
    fill_stat_of_entry(&stat, entry);
    if (!driver_stat_equals(&stat, seen))
        return err_set(err, ERR_EXISTS, "%s is another", path);
    if (mem_map_find(&mem->tree, to) != NULL)
        return err_set(err, ERR_EXISTS, "%s: is there", to);
    if (mem_make_parents(&mem->tree, to, err) < 0)
        return -1;
    move_all(&mem->tree, path, to);
    return 0;
}

static int mem_remove_empty(struct driver *driver, const char *directory,
                            struct err *err)
{
    CLEANUP(mem_unlock) struct driver_mem *mem = mem_lock(driver);
    size_t i = mem_map_index(&mem->tree, directory);
    struct mem_entry *entry;

    if (mem_find(&mem->tree, directory, &entry, err) < 0)
        return -1;
    if (is_taken(&mem->tree, directory))
        return err_set(err, ERR_EXISTS, "%s: not empty", directory);
    mem_map_erase(&mem->tree, i, i + 1);
    return 0;
}

static int mem_origin(struct driver *driver, const char *path,
                      struct driver_origin *out, struct err *err)
{
    CLEANUP(mem_unlock) struct driver_mem *mem = mem_lock(driver);
    struct mem_entry *entry;

    if (mem_find(&mem->tree, path, &entry, err) < 0)
        return -1;
    *out = (struct driver_origin){0};
    return 0;
}

static int mem_sweep(struct driver *driver, int64_t cutoff_ns, bool dry_run,
                     struct driver_swept *swept, struct err *err)
{
    (void)driver;
    (void)cutoff_ns;
    (void)dry_run;
    (void)swept;
    (void)err;
    return 0;
}

static int mem_space(struct driver *driver, struct driver_space *out,
                     struct err *err)
{
    CLEANUP(mem_unlock) struct driver_mem *mem = mem_lock(driver);

    (void)err;
    *out = mem->space;
    return 0;
}

void driver_mem_set_space(struct driver *driver,
                          const struct driver_space *space)
{
    CLEANUP(mem_unlock) struct driver_mem *mem = mem_lock(driver);

    mem->space = *space;
}

/* --- new and free --- */

static void mem_free(struct driver *driver)
{
    struct driver_mem *mem = (struct driver_mem *)driver;

    mem_map_erase(&mem->tree, 0, mem->tree.count);
    mem_map_erase(&mem->trash, 0, mem->trash.count);
    mem_map_erase(&mem->records, 0, mem->records.count);
    free(mem->tree.entries);
    free(mem->trash.entries);
    free(mem->records.entries);
    pthread_mutex_destroy(&mem->mutex);
    free(mem);
}

static const struct driver_ops driver_mem_ops = {
    .stat = mem_stat,
    .get = mem_get,
    .open_read = mem_open_read,
    .put = mem_put,
    .put_directory = mem_put_directory,
    .make_directory = mem_make_directory,
    .open_upload = mem_open_upload,
    .list = mem_list,
    .remove = mem_remove,
    .remove_if = mem_remove_if,
    .put_if = mem_put_if,
    .move_if = mem_move_if,
    .remove_empty = mem_remove_empty,
    .origin = mem_origin,
    .protect = mem_protect,
    .retire = mem_retire,
    .restore = mem_restore,
    .purge = mem_purge,
    .list_trash = mem_list_trash,
    .sweep = mem_sweep,
    .space = mem_space,
    .open_record = mem_open_record,
    .free = mem_free,
};

struct driver *driver_mem_new(uint64_t grace_seconds)
{
    struct driver_mem *mem = memory_new(sizeof(*mem));

    mem->base.ops = &driver_mem_ops;
    mem->grace_ns = (int64_t)grace_seconds * CLOCK_NS_PER_SECOND;
    mem->space.bytes_total = mem->space.bytes_free = SIZE_MAX;
    pthread_mutex_init(&mem->mutex, NULL);
    return &mem->base;
}

int driver_mem_age(struct driver *driver, const char *path, int64_t seconds,
                   struct err *err)
{
    CLEANUP(mem_unlock) struct driver_mem *mem = mem_lock(driver);
    struct mem_object *object;

    if (mem_find_object(&mem->tree, path, &object, err) < 0)
        return -1;
    object->mtime_ns += seconds * CLOCK_NS_PER_SECOND;
    return 0;
}
