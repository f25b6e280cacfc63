/* SPDX-License-Identifier: MIT */
/*
 * The storage interface: paths and bytes, and what keeps objects alive.
 *
 * A driver knows nothing of registries. Paths are relative to its root, made
 * of components joined by '/', never empty, never ".", ".." or absolute; the
 * caller (src/store/layout.c) builds them from checked parts. Objects are
 * small (links, manifests: put and get) or large (blobs: a writer and a
 * reader). A directory comes into being with what is put below it, or by
 * make_directory, and goes by remove; whether it stays when its last child
 * has gone is the driver's affair (in a file system it does).
 *
 * Durability: when put, put_directory, make_directory, remove, suspend,
 * commit or restore has returned 0, the effect survives a power cut, unless
 * the caller asked for DRIVER_RELAXED. After retire the object may be back at
 * its place. A failed call has left no object half-written at a path that can
 * be read.
 *
 * What is relaxed takes its directories along: of those that put RELAXED and
 * open_upload make, the two innermost may be lost in a power cut (they are
 * the upload's own), so nothing durable is to be put into them.
 *
 * Liveness. Collection and requests meet in four operations and nowhere
 * else. An object's lease is its mtime, set to now by commit and put, and by
 * protect when older than a quarter of the grace period. retire takes an
 * object away only when, looked at under the lock that protect also takes,
 * its mtime is older than the cutoff. So after protect has said yes, a
 * collector that computes its cutoff as (start - 5/4 grace) leaves the object
 * alone for at least the grace period. Access times are never used.
 *
 * Errors: ERR_NOT_FOUND, ERR_EXISTS, ERR_BUSY, ERR_NO_SPACE, ERR_EXHAUSTED,
 * ERR_READ_ONLY, ERR_TOO_LARGE, ERR_IO, ERR_INTERNAL. ERR_EXISTS is also the
 * answer where a directory stands at the path of an object to be made, or an
 * object at that of a directory. Every operation may be called from several
 * threads and several processes at once.
 */
#ifndef BERTH_DRIVER_DRIVER_H
#define BERTH_DRIVER_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/reader.h"
#include "base/span.h"
#include "driver/record.h"

struct driver;
struct writer;

/*
 * Which children a directory has: equal only where no child has come or gone
 * in between, also by another program, and never again what it was before.
 * All 0 = not known, as when it has changed just now: to be known, nothing
 * may happen later that leaves the version as it is.
 */
struct driver_version {
    int64_t changed_ns;
    uint64_t directory; /* tells it from another that had or gets its path */
};

struct driver_stat {
    uint64_t size;    /* bytes; 0 for a directory */
    int64_t mtime_ns; /* nanoseconds since 1970 UTC; 0 = not known */
    bool is_directory;
    struct driver_version version; /* of a directory */
    bool is_fixed; /* an object whose lease protect cannot renew */
};

/* Who made an object or a directory, as far as that can be told. */
struct driver_origin {
    bool is_foreign; /* not by a driver of this kind */
    int64_t born_ns; /* when it came into being; 0 = not known */
};

/* A small object to be put. */
struct driver_file {
    const char *path; /* in put_directory relative to the directory */
    struct span bytes;
};

/* What has to be true of a directory when it is removed. */
struct driver_condition {
    const char *member; /* an object in it that has ... */
    struct span bytes;  /* ... just these bytes */
    const char *absent; /* a path where nothing stands; NULL = none */
    int64_t before_ns;  /* the member's mtime is before this; 0 = any */
};

/* Where an object may be put by put_if. */
struct driver_place {
    const char *within; /* a directory above it, which has to be there */
    struct span bytes;  /* of what stands at its path; NULL = nothing does */
};

/* What sweep took away, or would have. */
struct driver_swept {
    uint64_t count; /* of what lay there by itself: files, directories */
    uint64_t bytes; /* in all of it */
};

/* What the storage has room for. */
struct driver_space {
    uint64_t bytes_total, bytes_free; /* free for who asks */
    uint64_t files_total, files_free; /* both 0 = as many as there is room */
};

enum driver_durability {
    DRIVER_DURABLE, /* survives a power cut */
    DRIVER_RELAXED, /* never half-done, but by a power cut lost or emptied */
};

enum driver_upload_mode {
    DRIVER_UPLOAD_CREATE, /* ERR_EXISTS when the path is taken */
    DRIVER_UPLOAD_RESUME, /* ERR_NOT_FOUND when there is none */
};

/*
 * One child of a listed directory; `name` is borrowed for the call. Returns
 * 0 to go on, 1 to stop (list then returns 0), -1 with `err` filled to fail.
 */
typedef int driver_visit(void *context, const char *name, bool is_directory,
                         struct err *err);

struct driver_ops {
    int (*stat)(struct driver *, const char *path, struct driver_stat *out,
                struct err *err);

    /*
     * Appends the whole of a small object to `into`; ERR_TOO_LARGE when it
     * does not fit under into->max (nothing is appended then). `out` may be
     * NULL; else it tells of the very bytes read.
     */
    int (*get)(struct driver *, const char *path, struct buf *into,
               struct driver_stat *out, struct err *err);

    /*
     * Opens `length` bytes from `offset`; both lie within the object. The
     * reader sees the object as it was when opened, whatever replaces or
     * removes it, and fails with ERR_IO if it turns out shorter.
     */
    int (*open_read)(struct driver *, const char *path, uint64_t offset,
                     uint64_t length, struct reader **out, struct err *err);

    /* Replaces or creates, atomically: readers see old or new, whole. */
    int (*put)(struct driver *, const char *path, struct span bytes,
               enum driver_durability durability, struct err *err);

    /*
     * Creates `directory` with these files in it, all at once: nobody sees
     * it with some of them missing. ERR_EXISTS when the directory is there,
     * unless it is empty.
     */
    int (*put_directory)(struct driver *, const char *directory,
                         const struct driver_file *files, size_t count,
                         struct err *err);

    /* Makes the directory and its parents; fine when it is there. */
    int (*make_directory)(struct driver *, const char *path, struct err *err);

    /*
     * Opens a large object for writing, as its only writer: when another
     * holds it, waits at most `wait_ms`, then ERR_BUSY. `path` is where its
     * bytes gather until commit. A resumed writer stands at its end.
     */
    int (*open_upload)(struct driver *, const char *path,
                       enum driver_upload_mode mode, int64_t wait_ms,
                       struct writer **out, struct err *err);

    /*
     * Visits the children of a directory in ascending strcmp order of their
     * names, beginning behind `after` (NULL or "" = from the first).
     * ERR_NOT_FOUND when there is no such directory. A link that leads
     * nowhere is listed as no directory: what it leads to may come without
     * a change of this one.
     */
    int (*list)(struct driver *, const char *path, const char *after,
                driver_visit *visit, void *context, struct err *err);

    /*
     * Removes an object, or a directory with all below it, so that it is
     * gone for readers at one moment. ERR_NOT_FOUND when it is not there.
     */
    int (*remove)(struct driver *, const char *path,
                  enum driver_durability durability, struct err *err);

    /*
     * Removes a directory, durably, only while the condition holds: else
     * ERR_EXISTS, and it has been there all the time. An object put as the
     * member at the same time is either seen by the condition or in a new
     * directory; with `before_ns`, so is a lease of it that protect renews.
     * ERR_BUSY as in protect.
     */
    int (*remove_if)(struct driver *, const char *directory,
                     const struct driver_condition *condition, struct err *err);

    /*
     * Puts a small object, durably, only where there is still what the caller
     * has seen: else ERR_EXISTS. ERR_NOT_FOUND when `within` is not there: it
     * is never made, and one that goes at the same time takes along what was
     * put. ERR_BUSY as in protect.
     */
    int (*put_if)(struct driver *, const char *path, struct span bytes,
                  const struct driver_place *place, struct err *err);

    /*
     * Moves an object, or a directory with all below it, to where nothing
     * stands, durably, as long as its kind, size and mtime are those `seen`:
     * else ERR_EXISTS, as when something stands there. An object that is put
     * or renewed at the same time stays. ERR_BUSY as in protect.
     */
    int (*move_if)(struct driver *, const char *path, const char *to,
                   const struct driver_stat *seen, struct err *err);

    /*
     * Removes a directory with nothing in it; ERR_EXISTS when there is
     * something. Not durable. An object put there at the same time is either
     * in the way or makes the directory anew.
     */
    int (*remove_empty)(struct driver *, const char *directory,
                        struct err *err);

    int (*origin)(struct driver *, const char *path, struct driver_origin *out,
                  struct err *err);

    /*
     * Verifies that all paths exist and renews the lease of each, atomically
     * against retire: either all are there and stay for the grace period, or
     * ERR_NOT_FOUND with `*missing` the index of one that is not. Objects
     * whose lease is younger than a quarter of the grace period cost one
     * look and no lock. ERR_BUSY after 5 s of waiting for a collector,
     * ERR_READ_ONLY when a lease cannot be renewed.
     */
    int (*protect)(struct driver *, const char *const *paths, size_t count,
                   size_t *missing, struct err *err);

    /*
     * Moves an object whose mtime is older than `cutoff_ns` into the trash
     * of `run` (a name of [a-z0-9-]). Returns 0 when moved; ERR_EXISTS when
     * its lease is younger, ERR_BUSY at once when a request holds the lock
     * (skip and try later), ERR_NOT_FOUND when it is gone. With `run` NULL
     * it goes for good, which a disk without room for the trash admits.
     */
    int (*retire)(struct driver *, const char *run, const char *path,
                  int64_t cutoff_ns, struct err *err);

    /*
     * Moves a retired object back with a fresh lease, unless something new
     * stands at its path (that one wins; returns 0). ERR_NOT_FOUND when the
     * run did not retire it.
     */
    int (*restore)(struct driver *, const char *run, const char *path,
                   struct err *err);

    /*
     * Deletes the trash of `run` for good; fine when there is none. Adds to
     * `*purged`, also when it fails.
     */
    int (*purge)(struct driver *, const char *run, struct driver_swept *purged,
                 struct err *err);

    /*
     * Visits the runs that have trash, in ascending order, as directories; or
     * with `run` the paths it has retired, in any order. Fine when there is
     * none. The visitor may restore what it is shown.
     */
    int (*list_trash)(struct driver *, const char *run, driver_visit *visit,
                      void *context, struct err *err);

    /*
     * Deletes what processes that were killed in the middle of an operation
     * left where no path leads, if it lay there before `cutoff_ns`; with
     * `dry_run` only looks. Whoever calls it sees to it that no operation
     * lasts that long: an hour is plenty. Adds to `*swept`, also when it
     * fails; goes on past what cannot be deleted and fails at its end.
     */
    int (*sweep)(struct driver *, int64_t cutoff_ns, bool dry_run,
                 struct driver_swept *swept, struct err *err);

    /* How much room there is now; costs next to nothing. */
    int (*space)(struct driver *, struct driver_space *out, struct err *err);

    /*
     * Opens the record at `path`, which is made, with its directories, when
     * it is not there. No other operation is for this path, but for remove.
     */
    int (*open_record)(struct driver *, const char *path, struct record **out,
                       struct err *err);

    void (*free)(struct driver *);
};

struct driver {
    const struct driver_ops *ops;
};

struct writer_ops {
    /*
     * All bytes, or -1 and, where the storage still obeys, none of them. The
     * mtime of what gathers is then now.
     */
    int (*append)(struct writer *, struct span bytes, struct err *err);

    /*
     * Cuts back to `size`, at most the present size. The mtime is then now,
     * also when nothing was cut.
     */
    int (*truncate)(struct writer *, uint64_t size, struct err *err);

    /*
     * Makes what was appended durable and keeps the writer, so that others
     * still wait while the caller notes how far it came. Bytes of a failed
     * fsync are gone.
     */
    int (*sync)(struct writer *, struct err *err);

    /* The three ends; each frees the writer, also on failure. */

    /*
     * Keeps the bytes for another writer, in this process or another, durable
     * as after sync: what a client was told to have sent must not be lost,
     * and a saved hash state must not vouch for bytes that a power cut takes
     * away.
     */
    int (*suspend)(struct writer *, struct err *err);

    /*
     * Makes the bytes the object at `path`, durable, with a fresh lease,
     * replacing what stood there. On failure the bytes stay as after
     * suspend, except that after a failed fsync they may be gone: pages
     * of a failed fsync are not to be trusted again.
     */
    int (*commit)(struct writer *, const char *path, struct err *err);

    /* Removes the bytes. */
    void (*abort)(struct writer *);
};

struct writer {
    const struct writer_ops *ops;
    uint64_t size; /* bytes appended so far; kept by the implementation */
};

static inline int driver_stat(struct driver *d, const char *path,
                              struct driver_stat *out, struct err *err)
{
    return d->ops->stat(d, path, out, err);
}

/* ERR_NOT_FOUND is no failure: it leaves `out` alone, and `*is_there` tells. */
static inline int driver_stat_if_there(struct driver *d, const char *path,
                                       struct driver_stat *out, bool *is_there,
                                       struct err *err)
{
    *is_there = driver_stat(d, path, out, err) == 0;
    if (*is_there)
        return 0;
    if (err->code != ERR_NOT_FOUND)
        return -1;
    err_clear(err);
    return 0;
}

static inline bool driver_version_is_known(const struct driver_version *v)
{
    return v->changed_ns != 0;
}

static inline bool driver_version_equals(const struct driver_version *a,
                                         const struct driver_version *b)
{
    return a->changed_ns == b->changed_ns && a->directory == b->directory;
}

static inline int driver_get(struct driver *d, const char *path,
                             struct buf *into, struct driver_stat *out,
                             struct err *err)
{
    return d->ops->get(d, path, into, out, err);
}

static inline int driver_open_read(struct driver *d, const char *path,
                                   uint64_t offset, uint64_t length,
                                   struct reader **out, struct err *err)
{
    return d->ops->open_read(d, path, offset, length, out, err);
}

static inline int driver_put(struct driver *d, const char *path,
                             struct span bytes,
                             enum driver_durability durability, struct err *err)
{
    return d->ops->put(d, path, bytes, durability, err);
}

static inline int driver_put_directory(struct driver *d, const char *directory,
                                       const struct driver_file *files,
                                       size_t count, struct err *err)
{
    return d->ops->put_directory(d, directory, files, count, err);
}

static inline int driver_make_directory(struct driver *d, const char *path,
                                        struct err *err)
{
    return d->ops->make_directory(d, path, err);
}

static inline int driver_open_upload(struct driver *d, const char *path,
                                     enum driver_upload_mode mode,
                                     int64_t wait_ms, struct writer **out,
                                     struct err *err)
{
    return d->ops->open_upload(d, path, mode, wait_ms, out, err);
}

static inline int driver_list(struct driver *d, const char *path,
                              const char *after, driver_visit *visit,
                              void *context, struct err *err)
{
    return d->ops->list(d, path, after, visit, context, err);
}

/* A directory that is not there has nothing in it. */
static inline int driver_list_if_there(struct driver *d, const char *path,
                                       const char *after, driver_visit *visit,
                                       void *context, struct err *err)
{
    if (driver_list(d, path, after, visit, context, err) == 0)
        return 0;
    if (err->code != ERR_NOT_FOUND)
        return -1;
    err_clear(err);
    return 0;
}

static inline int driver_remove(struct driver *d, const char *path,
                                enum driver_durability durability,
                                struct err *err)
{
    return d->ops->remove(d, path, durability, err);
}

static inline int driver_remove_if(struct driver *d, const char *directory,
                                   const struct driver_condition *condition,
                                   struct err *err)
{
    return d->ops->remove_if(d, directory, condition, err);
}

static inline int driver_put_if(struct driver *d, const char *path,
                                struct span bytes,
                                const struct driver_place *place,
                                struct err *err)
{
    return d->ops->put_if(d, path, bytes, place, err);
}

static inline int driver_move_if(struct driver *d, const char *path,
                                 const char *to, const struct driver_stat *seen,
                                 struct err *err)
{
    return d->ops->move_if(d, path, to, seen, err);
}

static inline int driver_remove_empty(struct driver *d, const char *directory,
                                      struct err *err)
{
    return d->ops->remove_empty(d, directory, err);
}

static inline int driver_origin(struct driver *d, const char *path,
                                struct driver_origin *out, struct err *err)
{
    return d->ops->origin(d, path, out, err);
}

static inline int driver_protect(struct driver *d, const char *const *paths,
                                 size_t count, size_t *missing, struct err *err)
{
    return d->ops->protect(d, paths, count, missing, err);
}

static inline int driver_retire(struct driver *d, const char *run,
                                const char *path, int64_t cutoff_ns,
                                struct err *err)
{
    return d->ops->retire(d, run, path, cutoff_ns, err);
}

static inline int driver_restore(struct driver *d, const char *run,
                                 const char *path, struct err *err)
{
    return d->ops->restore(d, run, path, err);
}

static inline int driver_purge(struct driver *d, const char *run,
                               struct driver_swept *purged, struct err *err)
{
    return d->ops->purge(d, run, purged, err);
}

static inline int driver_list_trash(struct driver *d, const char *run,
                                    driver_visit *visit, void *context,
                                    struct err *err)
{
    return d->ops->list_trash(d, run, visit, context, err);
}

static inline int driver_sweep(struct driver *d, int64_t cutoff_ns,
                               bool dry_run, struct driver_swept *swept,
                               struct err *err)
{
    return d->ops->sweep(d, cutoff_ns, dry_run, swept, err);
}

static inline bool driver_stat_equals(const struct driver_stat *a,
                                      const struct driver_stat *b)
{
    return a->is_directory == b->is_directory && a->size == b->size &&
           a->mtime_ns == b->mtime_ns;
}

static inline int driver_space(struct driver *d, struct driver_space *out,
                               struct err *err)
{
    return d->ops->space(d, out, err);
}

static inline int driver_open_record(struct driver *d, const char *path,
                                     struct record **out, struct err *err)
{
    return d->ops->open_record(d, path, out, err);
}

static inline void driver_free(struct driver *d)
{
    if (d != NULL)
        d->ops->free(d);
}

static inline void driver_cleanup(struct driver **d)
{
    driver_free(*d);
}

static inline int writer_append(struct writer *w, struct span bytes,
                                struct err *err)
{
    return w->ops->append(w, bytes, err);
}

static inline int writer_truncate(struct writer *w, uint64_t size,
                                  struct err *err)
{
    return w->ops->truncate(w, size, err);
}

static inline int writer_sync(struct writer *w, struct err *err)
{
    return w->ops->sync(w, err);
}

static inline int writer_suspend(struct writer *w, struct err *err)
{
    return w->ops->suspend(w, err);
}

static inline int writer_commit(struct writer *w, const char *path,
                                struct err *err)
{
    return w->ops->commit(w, path, err);
}

static inline void writer_abort(struct writer *w)
{
    if (w != NULL)
        w->ops->abort(w);
}

#endif
