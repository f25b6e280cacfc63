/* SPDX-License-Identifier: MIT */
/*
 * What the files of driver_fs share, and the hook its tests use. Nobody else
 * includes this.
 *
 *     driver_fs.c          the tree itself: open, stat, get, read, list
 *     driver_fs_tree.c     directories, fsync, temporary files
 *     driver_fs_bulk.c     whole trees: flush, share
 *     driver_fs_put.c      small objects and directories in and out
 *     driver_fs_upload.c   the writer of large objects
 *     driver_fs_if.c       what is done only to what was seen
 *     driver_fs_lease.c    shard locks; protect, retire, restore
 *     driver_fs_record.c   records, and how much room there is
 *     driver_fs_sweep.c    what killed processes left in FS_TMP
 *     driver_fs_trash.c    what was retired: its names, purge
 */
#ifndef BERTH_DRIVER_DRIVER_FS_INTERNAL_H
#define BERTH_DRIVER_DRIVER_FS_INTERNAL_H

#include <signal.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "driver/driver_fs.h"

#define FS_FILE_MODE 0640
#define FS_DIRECTORY_MODE 02750

#define FS_TMP "_berth/tmp"
#define FS_LOCKS "_berth/locks"
#define FS_TRASH "_berth/trash"

/*
 * Where a directory on its way out goes, with 16 hexadecimal digits behind it,
 * when FS_TMP is closed or the disk has no room for it: in the root.
 */
#define FS_ASIDE "_berth-"
#define FS_ASIDE_DIGITS 16

/* "_berth/tmp/" and 16 hexadecimal digits. */
#define FS_TMP_NAME_MAX sizeof(FS_TMP "/0123456789abcdef")

/* How long a request waits for a collector that holds a shard. */
#define FS_LOCK_WAIT_MS 5000

/*
 * File times tick: every few ms, on old file systems every 1 or 2 s. Of two
 * changes within a tick only the first shows. So what changed within this
 * span may have changed again, or may yet, and look the same.
 */
#define FS_SETTLE_NS (2 * CLOCK_NS_PER_SECOND)

/* As far may the clock that gives the times be behind the one of a host that
 * shares the file system; berth check --shared measures it. */
#define FS_SKEW_NS (60 * CLOCK_NS_PER_SECOND)

/*
 * How often to begin again when a directory that was just made or opened has
 * been removed by somebody who clears away empty ones.
 */
#define FS_RETRIES 16

/* The moments at which tests count, fail or interleave operations. */
enum fs_step {
    FS_STEP_SYNC,      /* before an fsync */
    FS_STEP_LOCK_WAIT, /* a lock is taken by somebody else */
    FS_STEP_LOCKED,    /* a shard lock was got */
    FS_STEP_LOOKED,    /* retire or remove_if has looked, under the lock */
    FS_STEP_CHANGED,   /* renewed or renamed, still under the lock */
    FS_STEP_UNLOCKED,
    FS_STEP_TAKEN, /* remove_if has the directory aside, and no lock */
};

/*
 * Returns 0, or for FS_STEP_SYNC an errno with which the fsync then fails
 * without having been called.
 */
typedef int fs_hook(void *context, enum fs_step step);

struct driver_fs {
    struct driver base;
    int root;       /* descriptor of the root directory */
    bool is_shared; /* by several machines */
    int64_t grace_ns;
    bool is_bulk;
    int64_t lock_wait_ms;
    int64_t settle_ns; /* FS_SETTLE_NS except in tests */
    uid_t user;        /* whose files' leases can be renewed in any case */
    fs_hook *hook;     /* NULL except in tests */
    void *hook_context;
};

static inline struct driver_fs *fs_of(struct driver *driver)
{
    return (struct driver_fs *)driver;
}

static inline int fs_step(struct driver_fs *fs, enum fs_step step)
{
    return fs->hook != NULL ? fs->hook(fs->hook_context, step) : 0;
}

/* --- driver_fs_tree.c --- */

enum fs_make {
    FS_MAKE_NOTHING,  /* ERR_NOT_FOUND when it is missing */
    FS_MAKE_DURABLE,  /* the parent of each new directory is synced */
    FS_MAKE_RELAXED,  /* the same but for the two innermost ones */
    FS_MAKE_UNSYNCED, /* no fsync: the caller does that later */
};

int fs_sync(struct driver_fs *fs, int fd, const char *path,
            struct err *err) WARN_UNUSED;

/* Returns a descriptor of the directory, or -1. */
int fs_open_directory(struct driver_fs *fs, const char *path, enum fs_make make,
                      struct err *err) WARN_UNUSED;

/* The same for the directory that holds `path`; see fs_name_of. */
int fs_open_parent(struct driver_fs *fs, const char *path, enum fs_make make,
                   struct err *err) WARN_UNUSED;

/* The last component, within `path`. */
const char *fs_name_of(const char *path);

/* Stats `path`; what is neither file nor directory counts as not there. */
int fs_look(struct driver_fs *fs, const char *path, struct stat *out,
            struct err *err) WARN_UNUSED;

int64_t fs_mtime_ns(const struct stat *st);

/* A new empty file with a name of its own in FS_TMP; returns it open. */
int fs_tmp_file(struct driver_fs *fs, char name[FS_TMP_NAME_MAX],
                struct err *err) WARN_UNUSED;

/* A new directory there. */
int fs_tmp_directory(struct driver_fs *fs, char name[FS_TMP_NAME_MAX],
                     struct err *err) WARN_UNUSED;

/* Renames `from` below `directory` to a new name there, or to FS_ASIDE. */
int fs_tmp_take(struct driver_fs *fs, int directory, const char *from,
                char name[FS_TMP_NAME_MAX], struct err *err) WARN_UNUSED;

/* Links the file `from` below the directory `at` to a new name in FS_TMP. */
int fs_tmp_link(struct driver_fs *fs, int at, const char *from,
                char name[FS_TMP_NAME_MAX], struct err *err) WARN_UNUSED;

/* Opens the root directory, which is made when its parent is there. */
int fs_open_root(struct driver_fs *fs, const char *root,
                 struct err *err) WARN_UNUSED;

/* Syncs the directory `name` below `parent` and all directories in it. */
int fs_sync_directories(struct driver_fs *fs, int parent, const char *name,
                        struct err *err) WARN_UNUSED;

/* Deletes `name` below `directory` with all in it; fine when it is gone. */
int fs_delete_tree(int directory, const char *name,
                   struct err *err) WARN_UNUSED;

/*
 * Adds what lies in the directory `name` below `parent`: its files, and their
 * bytes. What cannot be read does not count.
 */
void fs_count_tree(int parent, const char *name, struct driver_swept *count);

/* --- driver_fs.c --- */

int fs_get(struct driver *driver, const char *path, struct buf *into,
           struct driver_stat *out, struct err *err);
void fs_fill_stat(struct driver_stat *out, const struct stat *st);

/* --- driver_fs_if.c --- */

int fs_put_if(struct driver *driver, const char *path, struct span bytes,
              const struct driver_place *place, struct err *err);
int fs_move_if(struct driver *driver, const char *path, const char *to,
               const struct driver_stat *seen, struct err *err);

/* --- driver_fs_put.c --- */

int fs_put(struct driver *driver, const char *path, struct span bytes,
           enum driver_durability durability, struct err *err);
int fs_put_directory(struct driver *driver, const char *directory,
                     const struct driver_file *files, size_t count,
                     struct err *err);
int fs_make_directory(struct driver *driver, const char *path, struct err *err);
int fs_remove(struct driver *driver, const char *path,
              enum driver_durability durability, struct err *err);
int fs_remove_if(struct driver *driver, const char *directory,
                 const struct driver_condition *condition, struct err *err);
int fs_remove_empty(struct driver *driver, const char *directory,
                    struct err *err);

/*
 * Renames `from` to `path`, both below the root, making the parents of
 * `path`, under the shared lock of its shard, and syncs its directory.
 */
int fs_place_object(struct driver_fs *fs, const char *from, const char *path,
                    struct err *err) WARN_UNUSED;

/* --- driver_fs_upload.c --- */

int fs_open_upload(struct driver *driver, const char *path,
                   enum driver_upload_mode mode, int64_t wait_ms,
                   struct writer **out, struct err *err);

/* --- driver_fs_lease.c --- */

/*
 * Locks an open file, shared (F_RDLCK) or exclusive (F_WRLCK), waiting until
 * the monotonic time `deadline_ns`; then ERR_BUSY. The lock belongs to the
 * descriptor: closing it, and any death of the process, lets it go.
 */
int fs_lock_file(struct driver_fs *fs, int fd, short type, int64_t deadline_ns,
                 struct err *err) WARN_UNUSED;

/* The same for the one byte at `offset`, whether it is there or not. */
int fs_lock_byte(struct driver_fs *fs, int fd, unsigned int offset, short type,
                 int64_t deadline_ns, struct err *err) WARN_UNUSED;

/* Opens a file of locks, which is made when it is not there. */
int fs_open_lock(struct driver_fs *fs, const char *path,
                 struct err *err) WARN_UNUSED;

/* The deadline for shard locks of an operation that begins now. */
int64_t fs_lock_deadline(const struct driver_fs *fs);

/* Sees to it that the lock of the shard of `path` has a file. */
int fs_make_lock(struct driver_fs *fs, const char *path,
                 struct err *err) WARN_UNUSED;

/* Takes the shared lock of the shard of `path`; a descriptor or -1. */
int fs_lock_shared(struct driver_fs *fs, const char *path, int64_t deadline_ns,
                   struct err *err) WARN_UNUSED;
/* The same, exclusive. */
int fs_lock_exclusive(struct driver_fs *fs, const char *path,
                      int64_t deadline_ns, struct err *err) WARN_UNUSED;
void fs_unlock(struct driver_fs *fs, int *lock);

/*
 * A command stopped by the terminal under a lock would make requests wait for
 * it, so the stop has to wait for the end of the lock: until fs_allow_stops.
 */
void fs_block_stops(sigset_t *old);
void fs_allow_stops(const sigset_t *old);

/* renameat2 with RENAME_NOREPLACE, also where that is not known (NFS). */
int fs_rename_unless_there(int from_directory, const char *from,
                           int to_directory, const char *to);

int fs_protect(struct driver *driver, const char *const *paths, size_t count,
               size_t *missing, struct err *err);
int fs_retire(struct driver *driver, const char *run, const char *path,
              int64_t cutoff_ns, struct err *err);
int fs_restore(struct driver *driver, const char *run, const char *path,
               struct err *err);

/*
 * The place of `path` in the trash of `run`: one name, in which "%2f" stands
 * for '/', so that a run needs no directories. A name too long for that goes
 * on in a directory, cut by "%/%", which no encoded name contains.
 */
void fs_trash_path(const char *run, const char *path, struct buf *out);

/* --- driver_fs_trash.c --- */

int fs_purge(struct driver *driver, const char *run,
             struct driver_swept *purged, struct err *err);
int fs_list_trash(struct driver *driver, const char *run, driver_visit *visit,
                  void *context, struct err *err);

/* --- driver_fs_record.c --- */

int fs_space(struct driver *driver, struct driver_space *out, struct err *err);

/* Whether several machines may write to the file system of this file. */
bool fs_is_shared(int fd);

int fs_open_record(struct driver *driver, const char *path, struct record **out,
                   struct err *err);

/* --- driver_fs_sweep.c --- */

int fs_sweep(struct driver *driver, int64_t cutoff_ns, bool dry_run,
             struct driver_swept *swept, struct err *err);

#endif
