/* SPDX-License-Identifier: MIT */
#include "store/tree_check_internal.h"

#include <stdio.h>

#include "base/clock.h"

/* So often may the same place have had something moved from it. */
#define ASIDES_MAX 1000

/*
 * Bytes that are hashed to be wrong must not be in the middle of being
 * written, as registry:2 writes manifests; and their mtime must tell them
 * from others that come later.
 */
#define SETTLED_NS (60 * CLOCK_NS_PER_SECOND)

/* Somebody else was faster: whatever stands there now, it is not ours. */
enum tree_outcome tree_outcome_of(int result, struct err *err)
{
    if (result == 0)
        return TREE_MENDED;
    if (err->code != ERR_EXISTS && err->code != ERR_NOT_FOUND &&
        err->code != ERR_BUSY)
        return TREE_FAILED;
    err_clear(err);
    return TREE_YOUNG;
}

const char *tree_reason(const struct err *err)
{
    return err->code != ERR_NONE ? err->text : NULL;
}

/*
 * By the operation that looks at the age under the lock: what is put or
 * renewed at the same time stays.
 */
enum tree_outcome tree_take_away(struct tree_run *run, const char *path,
                                 struct err *err)
{
    if (!run->how->repair)
        return TREE_MENDABLE;
    run->has_trash = true;
    return tree_outcome_of(driver_retire(run->store->driver, run->trash, path,
                                         run->how->cutoff_ns, err),
                           err);
}

/* The first number that is free; false when there is none. */
static bool find_free(struct tree_run *run,
                      struct layout_path (*place)(const void *of,
                                                  unsigned int number),
                      const void *of, unsigned int *number)
{
    for (*number = 0; *number < ASIDES_MAX; ++*number) {
        struct layout_path path = place(of, *number);

        if (!tree_is_there(run, path.text))
            return true;
    }
    return false;
}

static struct layout_path odd_place(const void *of, unsigned int number)
{
    return layout_quarantine_odd(of, number);
}

/* The note first: what lies there can always be brought back. */
enum tree_outcome tree_set_aside(struct tree_run *run, const char *path,
                                 struct err *err)
{
    struct driver *driver = run->store->driver;
    struct layout_path to, note;
    struct driver_stat seen;
    unsigned int number;

    if (!run->how->repair)
        return TREE_MENDABLE;
    if (driver_stat(driver, path, &seen, err) < 0)
        return tree_outcome_of(-1, err);
    if (seen.mtime_ns >= run->how->cutoff_ns ||
        !find_free(run, odd_place, path, &number))
        return TREE_YOUNG;
    to = layout_quarantine_odd(path, number);
    note = layout_quarantine_note(path, number);
    if (driver_put(driver, note.text, span_of(path), DRIVER_DURABLE, err) < 0)
        return TREE_FAILED;
    return tree_outcome_of(driver_move_if(driver, path, to.text, &seen, err),
                           err);
}

static struct layout_path bytes_place(const void *of, unsigned int number)
{
    return layout_quarantine(of, number);
}

enum tree_outcome tree_quarantine(struct tree_run *run,
                                  const struct digest *digest,
                                  const struct driver_stat *seen,
                                  struct err *err)
{
    struct layout_path from = layout_blob(digest);
    struct layout_path to;
    unsigned int number;

    if (!run->how->repair)
        return TREE_MENDABLE;
    if (seen->mtime_ns >= clock_now_ns() - SETTLED_NS ||
        !find_free(run, bytes_place, digest, &number))
        return TREE_YOUNG;
    to = layout_quarantine(digest, number);
    return tree_outcome_of(
        driver_move_if(run->store->driver, from.text, to.text, seen, err), err);
}

enum tree_outcome tree_mend_link(struct tree_run *run,
                                 const struct layout_path *path,
                                 const char *within,
                                 const struct tree_link_look *look,
                                 const struct digest *digest, struct err *err)
{
    struct driver_place place = {.within = within};
    enum tree_outcome outcome;
    char text[DIGEST_TEXT_MAX];

    if (!run->how->repair)
        return TREE_MENDABLE;
    if (look->state == TREE_LINK_BROKEN) {
        if (look->stat.mtime_ns >= run->how->cutoff_ns)
            return TREE_YOUNG;
        if (!look->is_long)
            place.bytes = buf_span(&look->bytes);
        else if ((outcome = tree_set_aside(run, path->text, err)) !=
                 TREE_MENDED)
            return outcome;
    }
    digest_format(digest, text);
    return tree_outcome_of(driver_put_if(run->store->driver, path->text,
                                         span_of(text), &place, err),
                           err);
}

enum tree_outcome tree_mend_directory(struct tree_run *run,
                                      const struct layout_path *path,
                                      struct err *err)
{
    if (!run->how->repair)
        return TREE_MENDABLE;
    return tree_outcome_of(
        driver_make_directory(run->store->driver, path->text, err), err);
}
