/* SPDX-License-Identifier: MIT */
/*
 * What the files of driver_mem share. Nobody else includes this.
 *
 *     driver_mem.c         the operations
 *     driver_mem_upload.c  the writer
 *     driver_mem_map.c     the sorted map of paths
 *     driver_mem_record.c  records
 */
#ifndef BERTH_DRIVER_DRIVER_MEM_INTERNAL_H
#define BERTH_DRIVER_DRIVER_MEM_INTERNAL_H

#include <pthread.h>

#include "driver/driver_mem.h"

/* Nothing bounds what a test puts in. */
#define MEM_BYTES_MAX (SIZE_MAX / 2)

struct mem_object {
    unsigned int references;
    bool is_locked;            /* by a writer */
    int holders[RECORD_SLOTS]; /* of a record; -1 = one, exclusive */
    int64_t mtime_ns;
    struct buf bytes;
};

struct mem_entry {
    char *path;
    struct mem_object *object; /* NULL for a directory */
    int64_t changed; /* of a directory: the map's count at its last change */
};

struct mem_map {
    struct mem_entry *entries; /* in strcmp order of their paths */
    size_t count, room;
    int64_t changes; /* so far */
};

struct driver_mem {
    struct driver base;
    pthread_mutex_t mutex;
    int64_t grace_ns;
    struct mem_map tree;
    struct mem_map trash; /* paths begin with "<run>/" */
    struct mem_map records;
    struct driver_space space;
};

/* Locks until the end of the scope: CLEANUP(mem_unlock) ... = mem_lock(d). */
struct driver_mem *mem_lock(struct driver *driver);
void mem_unlock_cleanup(struct driver_mem **mem);

int mem_open_upload(struct driver *driver, const char *path,
                    enum driver_upload_mode mode, int64_t wait_ms,
                    struct writer **out, struct err *err);

int mem_open_record(struct driver *driver, const char *path,
                    struct record **out, struct err *err);

/* --- driver_mem_lease.c --- */

int mem_protect(struct driver *driver, const char *const *paths, size_t count,
                size_t *missing, struct err *err);
int mem_retire(struct driver *driver, const char *run, const char *path,
               int64_t cutoff_ns, struct err *err);
int mem_restore(struct driver *driver, const char *run, const char *path,
                struct err *err);
int mem_purge(struct driver *driver, const char *run,
              struct driver_swept *purged, struct err *err);
int mem_list_trash(struct driver *driver, const char *run, driver_visit *visit,
                   void *context, struct err *err);

/* --- driver_mem_map.c; the caller holds the mutex --- */

/* One reference, the caller's; its mtime is now. */
struct mem_object *mem_object_new(struct span bytes);
void mem_object_release(struct mem_object *object);

/* The index of the first entry that is not before `path`. */
size_t mem_map_index(const struct mem_map *map, const char *path);
struct mem_entry *mem_map_find(const struct mem_map *map, const char *path);

/* Takes over the reference to `object`; replaces what was there. */
void mem_map_set(struct mem_map *map, const char *path,
                 struct mem_object *object);
void mem_map_erase(struct mem_map *map, size_t first, size_t end);

/* Erases what lies below `directory`, which need not be an entry itself. */
void mem_map_erase_below(struct mem_map *map, const char *directory);
bool mem_is_below(const char *path, const char *directory);

int mem_find(const struct mem_map *map, const char *path,
             struct mem_entry **out, struct err *err) WARN_UNUSED;
int mem_find_object(const struct mem_map *map, const char *path,
                    struct mem_object **out, struct err *err) WARN_UNUSED;

/* Makes `path` a directory, and every prefix of it that ends at a '/'. */
int mem_make_directories(struct mem_map *tree, const char *path,
                         struct err *err) WARN_UNUSED;

/* The same for the directories above `path`. */
int mem_make_parents(struct mem_map *tree, const char *path,
                     struct err *err) WARN_UNUSED;

/* Puts the object at `path`; takes over the reference on success. */
int mem_place(struct mem_map *tree, const char *path, struct mem_object *object,
              struct err *err) WARN_UNUSED;

#endif
