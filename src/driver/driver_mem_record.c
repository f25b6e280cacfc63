/* SPDX-License-Identifier: MIT */
/* Records stand beside the tree, as no other operation is for them. */
#include "driver/driver_mem_internal.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"

#define POLL_MS 1

struct mem_record {
    struct record base;
    struct driver *driver;
    struct mem_object *object;
    bool has[RECORD_SLOTS]; /* locks */
};

static struct mem_record *record_of(struct record *record)
{
    return (struct mem_record *)record;
}

static int read_record(struct record *base, void *into, size_t size,
                       struct err *err)
{
    struct mem_record *record = record_of(base);
    CLEANUP(mem_unlock) struct driver_mem *mem = mem_lock(record->driver);
    struct span bytes = buf_span(&record->object->bytes);

    (void)mem;
    (void)err;
    memset(into, 0, size);
    if (bytes.len > 0)
        memcpy(into, bytes.ptr, bytes.len < size ? bytes.len : size);
    return 0;
}

static int write_record(struct record *base, struct span bytes, struct err *err)
{
    struct mem_record *record = record_of(base);
    CLEANUP(mem_unlock) struct driver_mem *mem = mem_lock(record->driver);

    (void)mem;
    (void)err;
    buf_clear(&record->object->bytes);
    buf_add(&record->object->bytes, bytes);
    return 0;
}

/* False when another's lock does not admit it. */
static bool take(struct mem_record *record, unsigned int slot,
                 enum record_lock how)
{
    CLEANUP(mem_unlock) struct driver_mem *mem = mem_lock(record->driver);
    int *holders = &record->object->holders[slot];

    (void)mem;
    if (*holders < 0 || (how == RECORD_EXCLUSIVE && *holders > 0))
        return false;
    *holders = how == RECORD_EXCLUSIVE ? -1 : *holders + 1;
    record->has[slot] = true;
    return true;
}

static int lock_record(struct record *base, unsigned int slot,
                       enum record_lock how, int64_t wait_ms, struct err *err)
{
    int64_t deadline_ns = clock_monotonic_ns() + wait_ms * 1000000;

    while (!take(record_of(base), slot, how)) {
        if (clock_monotonic_ns() >= deadline_ns)
            return err_set(err, ERR_BUSY, "locked by another");
        clock_sleep_ms(POLL_MS);
    }
    return 0;
}

static void unlock_record(struct record *base, unsigned int slot)
{
    struct mem_record *record = record_of(base);
    CLEANUP(mem_unlock) struct driver_mem *mem = mem_lock(record->driver);
    int *holders = &record->object->holders[slot];

    (void)mem;
    if (record->has[slot])
        *holders = *holders < 0 ? 0 : *holders - 1;
    record->has[slot] = false;
}

static void close_record(struct record *base)
{
    struct mem_record *record = record_of(base);

    for (unsigned int slot = 0; slot < RECORD_SLOTS; slot++)
        unlock_record(base, slot);
    {
        CLEANUP(mem_unlock) struct driver_mem *mem = mem_lock(record->driver);

        (void)mem;
        mem_object_release(record->object);
    }
    free(record);
}

static const struct record_ops mem_record_ops = {
    .read = read_record,
    .write = write_record,
    .lock = lock_record,
    .unlock = unlock_record,
    .close = close_record,
};

int mem_open_record(struct driver *driver, const char *path,
                    struct record **out, struct err *err)
{
    CLEANUP(mem_unlock) struct driver_mem *mem = mem_lock(driver);
    struct mem_entry *entry = mem_map_find(&mem->records, path);
    struct mem_record *record = memory_new(sizeof(*record));

    (void)err;
    if (entry == NULL) {
        mem_map_set(&mem->records, path, mem_object_new(SPAN("")));
        entry = mem_map_find(&mem->records, path);
    }
    record->base.ops = &mem_record_ops;
    record->driver = driver;
    record->object = entry->object;
    record->object->references++;
    *out = &record->base;
    return 0;
}
