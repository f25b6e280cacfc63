/* SPDX-License-Identifier: MIT */
#include "store/upload_purge.h"

#include <string.h>

#include "base/clock.h"
#include "oci/name.h"
#include "store/layout.h"

#define STARTED_BYTES_MAX 64

/* More uploads than this a repository has looked at in another purge. */
#define NAMES_BYTES_MAX (64 * 1024 * 1024)
#define NAME_BYTES (UUID_LENGTH + 1)

/* What an upload shows of itself. */
struct sight {
    bool has_data; /* a file, which can be locked */
    uint64_t bytes;
    int64_t last_seen_ns; /* 0 = nobody knows */
};

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* What is no time, as a crash of registry:2 leaves it, was written once. */
static int look_at_start(const struct store *store, const char *name,
                         const char *uuid, bool *is_there, int64_t *ns,
                         struct err *err)
{
    struct layout_path path = layout_upload_started(name, uuid);
    CLEANUP(buf) struct buf text = BUF_INIT(STARTED_BYTES_MAX);
    struct driver_stat stat;
    int64_t seconds;

    if (driver_stat_if_there(store->driver, path.text, &stat, is_there, err) <
        0)
        return -1;
    if (!*is_there)
        return 0;
    *ns = stat.mtime_ns;
    if (driver_get(store->driver, path.text, &text, NULL, err) < 0) {
        err_clear(err);
        return 0;
    }
    if (clock_parse_rfc3339(buf_span(&text), &seconds) == 0)
        *ns = seconds * CLOCK_NS_PER_SECOND;
    return 0;
}

/* Looks no further than needed to know that it is young. */
static int look(const struct store *store, const char *name, const char *uuid,
                int64_t cutoff_ns, struct sight *out, struct err *err)
{
    struct layout_path path = layout_upload_data(name, uuid);
    struct driver_stat stat = {0};
    int64_t start_ns = 0;
    bool started, is_there;

    *out = (struct sight){0};
    if (driver_stat_if_there(store->driver, path.text, &stat, &is_there, err) <
        0)
        return -1;
    out->has_data = is_there && !stat.is_directory;
    out->bytes = stat.size;
    out->last_seen_ns = stat.mtime_ns;
    if (out->last_seen_ns >= cutoff_ns)
        return 0;
    if (look_at_start(store, name, uuid, &started, &start_ns, err) < 0)
        return -1;
    out->last_seen_ns = later(out->last_seen_ns, start_ns);
    if (out->has_data || started)
        return 0;
    path = layout_upload(name, uuid);
    if (driver_stat_if_there(store->driver, path.text, &stat, &is_there, err) <
        0)
        return -1;
    out->last_seen_ns = stat.mtime_ns;
    return 0;
}

static bool is_old(const struct sight *sight, int64_t cutoff_ns)
{
    return sight->last_seen_ns != 0 && sight->last_seen_ns < cutoff_ns;
}

static int remove_it(const struct store *store, const char *name,
                     const char *uuid, const struct upload_purge *how,
                     const struct sight *sight, struct upload_purged *purged,
                     struct err *err)
{
    struct layout_path path = layout_upload(name, uuid);

    if (!how->dry_run &&
        driver_remove(store->driver, path.text, DRIVER_RELAXED, err) < 0) {
        if (err->code != ERR_NOT_FOUND)
            return -1;
        err_clear(err);
        return 0;
    }
    purged->count++;
    purged->bytes += sight->bytes;
    return 0;
}

/*
 * As the only writer: a request that was faster has written since the first
 * look, and one that is slower finds the upload gone when it gets its turn.
 */
static int remove_locked(const struct store *store, const char *name,
                         const char *uuid, const struct upload_purge *how,
                         struct upload_purged *purged, struct err *err)
{
    struct layout_path path = layout_upload_data(name, uuid);
    struct err ignored = {0};
    struct writer *writer;
    struct sight sight;
    int result;

    if (driver_open_upload(store->driver, path.text, DRIVER_UPLOAD_RESUME, 0,
                           &writer, err) < 0) {
        if (err->code != ERR_BUSY && err->code != ERR_NOT_FOUND)
            return -1;
        err_clear(err);
        return 0;
    }
    result = look(store, name, uuid, how->cutoff_ns, &sight, err);
    if (result == 0 && is_old(&sight, how->cutoff_ns))
        result = remove_it(store, name, uuid, how, &sight, purged, err);
    (void)!writer_suspend(writer, &ignored);
    return result;
}

int upload_purge_one(const struct store *store, const char *name,
                     const char *uuid, const struct upload_purge *how,
                     struct upload_purged *purged, struct err *err)
{
    struct sight sight;

    if (look(store, name, uuid, how->cutoff_ns, &sight, err) < 0)
        return -1;
    if (!is_old(&sight, how->cutoff_ns))
        return 0;
    /* Without bytes there is nothing to lock, and nothing to go on with. */
    return sight.has_data
               ? remove_locked(store, name, uuid, how, purged, err)
               : remove_it(store, name, uuid, how, &sight, purged, err);
}

static int add_name(void *context, const char *name, bool is_directory,
                    struct err *err)
{
    struct buf *names = context;

    (void)err;
    if (is_directory && uuid_is_valid(span_of(name)))
        buf_add(names, (struct span){name, NAME_BYTES});
    return 0;
}

static int list_uploads(const struct store *store, const char *name,
                        struct buf *names, struct err *err)
{
    struct layout_path path = layout_uploads(name);

    return driver_list_if_there(store->driver, path.text, NULL, add_name, names,
                                err);
}

/* The index of the first name behind `behind`, of `count` in order. */
static size_t find_begin(const char *names, size_t count, const char *behind)
{
    size_t i = 0;

    while (behind != NULL && i < count &&
           strcmp(names + i * NAME_BYTES, behind) <= 0)
        i++;
    return i;
}

int upload_purge(const struct store *store, const char *name,
                 const struct upload_purge *how, struct upload_purged *purged,
                 struct err *err)
{
    CLEANUP(buf) struct buf names = BUF_INIT(NAMES_BYTES_MAX);
    uint64_t before = purged->count;
    size_t count, looks, begin;
    int result = 0;

    if (list_uploads(store, name, &names, err) < 0)
        return -1;
    count = names.len / NAME_BYTES;
    if (count == 0)
        return 0;
    purged->listed += count;
    looks = how->looks == 0 || how->looks > count ? count : how->looks;
    begin = find_begin(buf_text(&names), count, how->behind);
    for (size_t i = 0; i < looks; i++) {
        const char *uuid = buf_text(&names) + (begin + i) % count * NAME_BYTES;
        struct err failure = {0};

        if (how->removals != 0 && purged->count - before == how->removals)
            break;
        if (upload_purge_one(store, name, uuid, how, purged, &failure) < 0) {
            *err = failure;
            result = -1;
        }
    }
    return result;
}
